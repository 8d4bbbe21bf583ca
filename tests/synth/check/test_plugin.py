"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from repositories import UNMASKED, edit, write

from reports.findings import Finding
from synth.check.plugin import _told

TESTS = """\
import pytest


@pytest.mark.kernelproof("ops.double:double")
def test_good(kernelproof_record):
    assert kernelproof_record.admitted


@pytest.mark.kernelproof("ops.double:triple", spec="contracts.py:DOUBLE")
def test_not_there():
    raise AssertionError("its body must not run")


def test_unmarked():
    pass
"""


def pytest_in(root):
    clean = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "synth.check.plugin",
        "-q",
        "-rN",
        "--strict-markers",
        "test_ops.py",
    ]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=clean, timeout=120, check=False)


def test_an_admitted_function_passes_and_a_missing_one_is_named(root):
    write(root, {"test_ops.py": TESTS})
    done = pytest_in(root)
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "ops/double.py defines no triple: was it renamed?" in done.stdout
    assert done.stdout.count("was it renamed?") == 1 and "another exception" not in done.stdout
    assert "its body must not run" not in done.stdout.replace(TESTS, "")


def test_a_refuted_function_fails_with_its_witness(root):
    write(root, {"test_ops.py": TESTS})
    edit(root, "ops/double.py", *UNMASKED)
    done = pytest_in(root)
    assert "ops.double:double is refuted" in done.stdout and "stores out[" in done.stdout, done.stdout
    assert done.returncode == 1


def test_a_fault_that_every_dtype_meets_is_told_once_and_counted():
    said = "M=1: stores out[2], out has 2 elements"
    messages = [f"{said} [float32]", f"{said} [float16]", "M=1: out[0] is 3 [float16]"]
    found = [Finding("laws", "a law", "refuted", True, message, str(at)) for at, message in enumerate(messages)]
    held = Finding("laws", "a law", "held", True, f"{said} [float64]", "4")
    assert list(_told([*found, held])) == [
        f"refuted laws: {said} [float32] (and 1 more like it)", "refuted laws: M=1: out[0] is 3 [float16]",
    ]  # fmt: skip
