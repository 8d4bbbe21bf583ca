"""`specs.find`: our own by name, a user's own by file, and a clear ValueError for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

import specs

GOOD = """
from attrs import evolve
from specs.softmax import SPEC
MINE = evolve(SPEC, name="mine")
NUMBER = 3
"""


def test_finds_by_name() -> None:
    assert specs.find("matmul") is specs.ALL["matmul"]


def test_finds_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    assert specs.find(f"{tmp_path}/mine.py:MINE").name == "mine"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("softmx", "unknown spec 'softmx'; did you mean softmax?"),
        ("zzz", "Known: softmax, rms_norm, matmul"),
        ("", "unknown spec ''"),
        ("{}/mine.py", "say which spec in it, as"),
        ("{}/none.py:SPEC", "there is no file"),
        ("{}:SPEC", "is a directory"),
        ("{}/mine.py:", "'' after the colon is not a Python name"),
        ("{}/mine.py:A-B", "'A-B' after the colon is not a Python name"),
        ("{}/mine.py:OTHER", "defines no OTHER; the specs in it are SPEC, MINE"),
        ("{}/mine.py:NUMBER", "NUMBER is a int, not a Spec"),
        ("{}/text.txt:SPEC", "does not end in .py"),
        ("{}/syntax.py:SPEC", "syntax.py:2: "),
        ("{}/raises.py:SPEC", "raises.py:3 raised ZeroDivisionError: division by zero"),
        ("{}/leaves.py:SPEC", "leaves.py:2 raised SystemExit: 0"),
        ("{}/wrong.py:SPEC", "raised ValueError: spec name '3' is not an identifier"),
        ("{}/empty.py:SPEC", "there is no Spec in it"),
        ("{}/bytes.py:SPEC", "raised"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "text.txt").write_text(GOOD)
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "syntax.py").write_text("x = 1\ndef :\n")
    (tmp_path / "raises.py").write_text("x = 1\n\nx / 0\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "wrong.py").write_text(GOOD + "evolve(SPEC, name='3')\n")
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff\xfe'\n")
    with pytest.raises(ValueError, match="spec") as error:
        specs.find(text.format(tmp_path))
    if text != "{}/bytes.py:SPEC":
        assert says in str(error.value)
