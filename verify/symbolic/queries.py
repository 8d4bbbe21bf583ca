"""What z3 was asked, kept as SMT-LIB files, so that whoever doubts an answer can ask another solver.

One file a question, which several claims may share. Lines that begin with `;;`, `(reset` or `(set-logic` are ours: the
SHA-256 of the others is the question's, and a verdict's trail holds that of its questions' digests, one a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import z3
from attrs import define, field

from verify.symbolic.solver import Answer
from verify.verdict import Verdict

EXPECTED: Final[Mapping[str, str]] = {
    "proved": "unsat: nothing breaks the claim",
    "refuted": "sat: the values break the claim, and count where a run shows it too",
    "unknown": "nothing: z3 gave up, so any answer is news",
}

LOGIC: Final = "(set-logic ALL)\n"


@define
class Queries:
    """The questions so far by their digest, each with what it is asked for."""

    answers: dict[str, Answer] = field(factory=dict)
    claims: dict[str, dict[str, None]] = field(factory=dict)
    names: dict[str, str] = field(factory=dict)

    def add(self, verdict: Verdict, label: str, answer: Answer) -> None:
        """One question that was asked for a verdict; `label` names the kernel variant and its cell."""
        digest = answer.query
        if not digest:  # ranges decided it
            return
        line = verdict.place.line if verdict.place else 0
        self.answers.setdefault(digest, answer)
        self.names.setdefault(digest, f"{verdict.gate}-line{line}-{digest[:12]}.smt2")
        told = f"{verdict.gate}, {verdict.place or verdict.kernel}, {label}: {verdict.claim} ({verdict.outcome.word})"
        trail = f"; its trail is {verdict.trail.digest}" if verdict.trail else ""
        self.claims.setdefault(digest, {})[told + trail] = None

    @property
    def files(self) -> dict[str, str]:
        """Every file's text by its name."""
        return {self.names[digest]: self._text(digest, answer) for digest, answer in self.answers.items()}

    def _text(self, digest: str, answer: Answer) -> str:
        head = [
            f"expected {EXPECTED[answer.status]}",
            f"answered by z3 {z3.get_version_string()}, rung `{answer.rung}`, {len(answer.asked)} check-sat",
            f"sha256 {digest} without the lines that begin with ;; or (reset or (set-logic",
            *(f"asked for {claim}" for claim in self.claims[digest]),
        ]
        comments = "".join(f";; {' '.join(line.split())}\n" for line in head)
        return f"{comments}{LOGIC}" + f"\n(reset)\n{LOGIC}".join(answer.asked)


_KEPT: Final[ContextVar[Queries | None]] = ContextVar("kept", default=None)


@contextmanager
def kept() -> Iterator[Queries]:
    """Keep what is asked for obligations while the body runs."""
    found = Queries()
    token = _KEPT.set(found)
    try:
        yield found
    finally:
        _KEPT.reset(token)


def keep(verdict: Verdict, label: str, answers: tuple[Answer, ...]) -> None:
    """Keep what was asked for a verdict, if anybody wants it."""
    if (found := _KEPT.get()) is not None:
        for answer in answers:
            found.add(verdict, label, answer)
