"""Who is let onto the device beside whom."""

from __future__ import annotations

import subprocess
import sys

import pytest

from verify.native.turns import turn

OTHER = "from verify.native.turns import turn\nwith turn(alone={}): print('in', flush=True)"


@pytest.mark.parametrize(("mine", "other", "lets"), [(False, False, True), (False, True, False), (True, False, False)])
def test_what_is_timed_runs_alone(mine: bool, other: bool, lets: bool) -> None:
    with turn(alone=mine):
        process = subprocess.Popen([sys.executable, "-c", OTHER.format(other)], stdout=subprocess.PIPE, text=True)
        try:
            said, _ = process.communicate(timeout=10 if lets else 2)
        except subprocess.TimeoutExpired:
            said = ""
        assert said == ("in\n" if lets else "")
    assert process.communicate(timeout=10)[0].endswith("in\n")
