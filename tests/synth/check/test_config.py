"""The table in pyproject.toml: a slip is an error, never a gate that is off."""

from __future__ import annotations

import pytest

from synth.check.config import Config, parse
from synth.exits import Exit, Trouble

GATES = ("policy", "bounds", "races")


def table(text):
    return parse(f"[tool.kernelproof]\n{text}\n", GATES)


def test_without_a_table_everything_is_as_strict_as_it_can_be():
    for text in (None, "", "[project]\nname = 'x'\n"):
        assert parse(text, GATES) == Config()
    assert Config().required == () and Config().unspecified == "unknown"


def test_a_table_is_read():
    found = table('profile = "deep"\nrequired = ["bounds"]\n[tool.kernelproof.specs]\n"a.b:c" = "softmax"')
    assert (found.profile, found.required, found.specs) == ("deep", ("bounds",), {"a.b:c": "softmax"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('requierd = ["bounds"]', "requierd"),
        ('required = ["bonds"]', "bonds"),
        ('required = "bounds"', "expected a list of strings, got 'bounds'"),
        ("profile = 3", "expected a string, got 3"),
        ('unspecified = "ignore"', "unspecified"),
        ('kept = "yes"', "kept"),
        ("config = 9", "config = 9"),
        ('[tool.kernelproof.specs]\n"softmax" = "softmax"', "'softmax' in tool.kernelproof.specs is no function"),
        ('[tool.kernelproof.specs]\n"a:b" = 1', "expected a string, got 1"),
        ("x = ", "line 2"),
    ],
)
def test_a_slip_is_told_with_its_place(text, said):
    with pytest.raises(Trouble) as raised:
        table(text)
    assert said in f"{raised.value} {raised.value.hint}"
    assert raised.value.code is Exit.ERROR
    assert "pyproject.toml" in str(raised.value)


def test_a_near_miss_gets_the_right_word():
    with pytest.raises(Trouble) as raised:
        table('requierd = ["bounds"]')
    assert "required" in raised.value.hint
