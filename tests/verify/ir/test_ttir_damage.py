"""Damaged text gives a ParseError with line and column, or reads; nothing else, whatever the damage."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.ir.parse import ParseError, parse

FOLDER = Path(__file__).parent / "ttir"
SMALL = ("early_37", "loops_raw_38", "rms_norm_39", "foreign_37", "asserts_37", "host_descriptor_36")
TEXTS = [(FOLDER / f"{name}.ttir").read_text() for name in SMALL]
WORDS = re.compile(r"\s+|[%#@^!]?[\w.$]+|.")


def attempt(text: str) -> None:
    try:
        parse.__wrapped__(text)
    except ParseError as error:
        place = re.match(r"TTIR (\d+):(\d+): \S", str(error))
        assert place is not None
        assert 1 <= int(place[1]) <= text.count("\n") + 2


@pytest.mark.parametrize("name", SMALL)
def test_a_text_cut_after_any_line(name: str) -> None:
    text = TEXTS[SMALL.index(name)]
    lines = text.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line.startswith("}"))
    for number in range(len(lines)):
        cut = "".join(lines[:number])
        attempt(cut)
        if number <= end:
            with pytest.raises(ParseError):
                parse.__wrapped__(cut)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(TEXTS), st.data())
def test_a_text_with_words_dropped_doubled_or_swapped(text: str, data: st.DataObject) -> None:
    words = WORDS.findall(text)
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(words) - 1))
        second = data.draw(st.integers(0, len(words) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "swap", "copy"]))
        if kind == "drop":
            words[first] = ""
        elif kind == "double":
            words[first] *= 2
        elif kind == "swap":
            words[first], words[second] = words[second], words[first]
        else:
            words[first] = words[second]
    attempt("".join(words))


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    attempt(text)
    attempt("module {\n  tt.func public @k(%n: i32) {\n    " + text + "\n    tt.return\n  }\n}\n")
