"""The scripts that are shipped for other runners, run as they are, and the action's own step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import FILES, KERNEL, edit, write

HERE = Path(__file__).resolve().parents[3]
EXAMPLES = HERE / "examples/premerge"


@pytest.fixture
def path(tmp_path):
    """The environment with our command in front of the path."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/kernelproof"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m synth "$@"\n')
    command.chmod(0o755)
    return os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}"}


def sh(script, *arguments, cwd, env):
    return subprocess.run(
        ["bash", "-e", script, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_the_script_for_lintrunner_gives_objects_only_and_fails_where_nothing_could_be_checked(tmp_path, path):
    root = write(tmp_path / "repo", FILES | {"ops/new.py": KERNEL.replace("double_rows", "new_rows")})
    done = subprocess.run(
        ["sh", EXAMPLES / "lintrunner.sh"], cwd=root, env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.count("\n") == 1 and '"ops/new.py"' in done.stdout, done
    edit(root, "pyproject.toml", "profile", "porfile")
    assert sh(EXAMPLES / "lintrunner.sh", cwd=root, env=path).returncode != 0


def test_the_plain_script_passes_where_there_is_nothing_to_check(root, tmp_path, path):
    assert sh(EXAMPLES / "check.sh", "main", cwd=root, env=path).returncode == 0
    assert sh(EXAMPLES / "check.sh", "nowhere", cwd=root, env=path).returncode == 2
    assert sh(EXAMPLES / "check.sh", cwd=root, env=path).returncode == 2


def test_the_step_of_the_action_keeps_the_code_and_writes_the_summary(root, tmp_path, path):
    text = (HERE / "action.yml").read_text()
    step = tmp_path / "step.sh"
    step.write_text("\n".join(line[8:] for line in text[text.index("        set -u") :].splitlines()))
    (root / "ops/double.py").unlink()
    written = {"GITHUB_STEP_SUMMARY": "summary", "GITHUB_OUTPUT": "out", "SARIF": "found.sarif"}
    given = {"PYTHON": sys.executable, "BASE": "main", "ARGS": "--jobs 1", "RUNNER_TEMP": str(tmp_path)}
    env = path | given | {key: str(tmp_path / name) for key, name in written.items()}
    done = sh(step, cwd=root, env=env)
    assert done.returncode == 2 and "::error file=pyproject.toml,line=" in done.stdout, done
    assert (tmp_path / "out").read_text() == "code=2\n"
    assert "was its file moved or deleted?" in (tmp_path / "summary").read_text()
    assert (tmp_path / "found.sarif").is_file()
