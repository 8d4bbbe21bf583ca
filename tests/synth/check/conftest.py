"""The folder of the tests' own on the path, and records that are made once for all of them."""

from __future__ import annotations

import shutil
import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from repositories import UNMASKED, edit, repository

from synth.check.cache import FOLDER
from synth.check.examining import Request, check


@pytest.fixture(scope="session")
def examined(tmp_path_factory):
    """The stored records of the good function and of one that stores without a mask: examined once for all tests."""
    root = repository(tmp_path_factory.mktemp("examined"))
    for change in (("", ""), UNMASKED):
        edit(root, "ops/double.py", *change)
        asked = Request(root, jobs=1, today=date(2026, 11, 25))
        assert [one.state for one in check(asked).checked] == ["examined"]
    return root / FOLDER


@pytest.fixture
def root(tmp_path, monkeypatch, examined):
    """A repository on `main` with one good function, its record stored, as the working folder."""
    root = repository(tmp_path / "repo")
    shutil.copytree(examined, root / FOLDER)
    monkeypatch.chdir(root)
    return root
