"""The example records, and a browser that runs no scripts."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Browse = Callable[..., "subprocess.CompletedProcess[str]"]
# Documented switches only: no sandbox, since containers lack what it needs; nothing that calls out.
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NO_SCRIPTS = '{"profile":{"default_content_setting_values":{"javascript":2}}}'


@pytest.fixture(scope="session")
def examples() -> ModuleType:
    """tests/reports/examples.py, by path: `tests` is no package."""
    path = Path(__file__).with_name("examples.py")
    spec = importlib.util.spec_from_file_location("report_examples", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_examples"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Run Chromium with JavaScript switched off: `browse(page, "--dump-dom")`."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed, so the pages were not opened in a browser")

    def run(page: Path, *switches: str) -> subprocess.CompletedProcess[str]:
        profile = tmp_path / "profile"
        (profile / "Default").mkdir(parents=True, exist_ok=True)
        (profile / "Default" / "Preferences").write_text(_NO_SCRIPTS)
        command = [chromium, *_SWITCHES, f"--user-data-dir={profile}", *switches, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return run
