"""How a command ends: exit codes, the troubles that stop it, and the RESULT line that closes its output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

if TYPE_CHECKING:  # a command that only prints help must not pay for torch
    from verify.dossier import Dossier


class Exit(IntEnum):
    """The exit codes of every command and format."""

    PASSED = 0  # all required gates passed
    REFUTED = 1  # refuted, or otherwise than before
    ERROR = 2  # usage, configuration, or an error of ours
    NOTHING = 3  # nothing to check
    INCONCLUSIVE = 4  # unknown, vacuous, or a required gate did not run
    WAIVER = 5  # a waiver or baseline is wrong


class Trouble(Exception):
    """Stops a command with a message for people, what to do about it, and an exit code."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class Interrupted(BaseException):
    """Ctrl-C or a request to terminate; not an Exception, so that no boundary takes it for a bug."""


@frozen
class Ending:
    """How a command ended: its exit code, its verdict in one word, and what else the RESULT line says."""

    code: Exit
    verdict: str
    facts: Mapping[str, str] = field(factory=dict)

    def __str__(self) -> str:
        parts = {"verdict": self.verdict, **self.facts}
        return "RESULT " + " ".join(f"{key}={_quoted(value)}" for key, value in parts.items())


_EMPTY: Final = "-"


def of_dossier(dossier: Dossier, spec: str, candidate: str, report: str = "") -> Ending:
    """The ending that a dossier asks for. A crashed gate is an error of ours, unless another one refuted."""
    from verify.verdict import Outcome

    found = {verdict.gate: dossier.outcome(verdict.gate) for verdict in dossier.verdicts}
    groups = {
        "refuted": [gate for gate, outcome in found.items() if outcome is Outcome.REFUTED],
        "unknown": [
            gate
            for gate, outcome in found.items()
            if outcome is Outcome.UNKNOWN or (gate in dossier.missing and outcome is Outcome.HELD)
        ],
        "crashed": [gate for gate, outcome in found.items() if outcome is Outcome.CRASHED],
        "not_run": [gate for gate in dossier.missing if gate not in found],
    }
    if groups["refuted"]:
        code = Exit.REFUTED
    elif groups["crashed"]:
        code = Exit.ERROR
    else:
        code = Exit.PASSED if dossier.passed else Exit.INCONCLUSIVE
    facts = {"spec": spec, "candidate": candidate}
    facts |= {key: ",".join(gates) for key, gates in groups.items() if gates or key in ("refuted", "unknown")}
    if dossier.contract:
        facts["numbers"] = "not looked at"
    return Ending(code, dossier.word, {**facts, "report": report})


def unknown_word(kind: str, word: str, known: Iterable[str]) -> Trouble:
    """The trouble of a misspelt name, with the nearest known one."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    between = "; " if any("," in name for name in names) else ", "
    return Trouble(f"unknown {kind} {word!r}", f"{hint}known: {between.join(names)}")


def _quoted(value: str) -> str:
    if not value:
        return _EMPTY
    if any(sign.isspace() or sign in "\"'" or not sign.isprintable() for sign in value):
        import json

        return json.dumps(value)
    return value
