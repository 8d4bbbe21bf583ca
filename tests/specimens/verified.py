"""Run `kernelproof verify` in this process and read what it said."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from synth.cli import main

HERE: Final = Path(__file__).resolve().parent


@frozen
class Verified:
    """The exit code, the facts of the RESULT line, and everything printed."""

    code: int
    facts: Mapping[str, str]
    output: str

    def gates(self, fact: str) -> tuple[str, ...]:
        """The gates that the RESULT line lists under `fact`."""
        listed = self.facts[fact]
        return () if listed == "-" else tuple(listed.split(","))


def specimens(folder: str) -> tuple[str, ...]:
    """The names of the specimens in `admitted`, `refuted` or `unknown`."""
    return tuple(sorted(path.stem for path in (HERE / folder).glob("*.py")))


def gate_of(specimen: str) -> str:
    """`bounds` of `bounds__softmax_store_without_mask`."""
    return specimen.partition("__")[0]


def line_of(specimen: str, word: str) -> int:
    """The first line of an unknown specimen's code that mentions `word`."""
    lines = (HERE / "unknown" / f"{specimen}.py").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if word in line)


def verify(folder: str, specimen: str, *options: str) -> Verified:
    """`kernelproof verify --profile quick` on one specimen."""
    return verify_named(str(HERE / folder / f"{specimen}.py"), "--profile", "quick", *options)


def verify_named(candidate: str, *options: str) -> Verified:
    """`kernelproof verify` on what a file name or `package.module:function` names."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(["verify", candidate, *options])
    word, *facts = shlex.split(said.getvalue().splitlines()[-1])
    assert word == "RESULT", said.getvalue()
    return Verified(code, dict(fact.split("=", 1) for fact in facts), said.getvalue())
