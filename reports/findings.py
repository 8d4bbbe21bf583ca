"""A record as findings: one for each claim, and one for each required gate that gave no answer.

SARIF and JUnit are spellings of these. What was not shown is a finding too: a gate that did not run has not passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from attrs import frozen

from reports.record import Record
from reports.tally import NOT_RUN, bucket
from verify.verdict import Verdict

SHOWN: Final = ("proved", "held")


@frozen
class Finding:
    """One claim and what came of it. `bucket` is a column of the gate table, `required` the gate's standing.

    `blocks` says that the candidate is not admitted because of it. `key` stays the same when lines move.
    """

    gate: str
    claim: str
    bucket: str
    required: bool
    message: str
    key: str
    verdict: Verdict | None = None

    @property
    def blocks(self) -> bool:
        return self.bucket == "refuted" or (self.required and self.bucket not in SHOWN)


def findings(record: Record) -> tuple[Finding, ...]:
    """Every finding, in the order of the verdicts; gates that were never asked come last."""
    return (*_answered(record), *_unanswered(record))


def _answered(record: Record) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    for verdict in record.verdicts:
        # Two claims in the same words are told apart by their order, so that no finding hides another.
        number = seen[verdict.gate, verdict.claim] = seen.get((verdict.gate, verdict.claim), -1) + 1
        yield Finding(
            verdict.gate,
            verdict.claim,
            bucket(verdict),
            verdict.gate in record.required,
            _message(verdict),
            _key(record, verdict.gate, verdict.claim, number),
            verdict,
        )


def _unanswered(record: Record) -> Iterator[Finding]:
    for gate in record.dossier.missing:
        if record.dossier.outcome(gate) is None:
            claim = f"the {gate} gate answers"
            told = f"the {gate} gate is required and did not run"
            yield Finding(gate, claim, NOT_RUN, True, told, _key(record, gate, claim, 0))


def _message(verdict: Verdict) -> str:
    if verdict.witness is not None:
        return verdict.witness.sentence
    return "; ".join(part for part in (verdict.claim, verdict.scope, verdict.detail) if part)


def _key(record: Record, gate: str, claim: str, number: int) -> str:
    named = "\0".join((gate, record.candidate.path, record.candidate.entry, claim, str(number)))
    return sha256(named.encode(errors="replace")).hexdigest()[:32]
