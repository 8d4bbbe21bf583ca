"""The gate table: for each gate in order, how many claims ended how, and whether that is enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from reports.record import Record
from verify.verdict import Outcome, Verdict

# What each gate claims, in the order in which gates are asked.
CLAIMS: Final[Mapping[str, str]] = {
    "policy": "the host code only allocates, views, copies and launches its own kernels",
    "compile": "every variant compiles for sm_90 within its resources; what other targets say stands beside it",
    "bounds": "every active access lies inside its buffer",
    "races": "no two programs, lanes or unordered accesses collide",
    "overflow": "no index computation wraps",
    "coverage": "every output element is written, exactly once",
    "undefined": "no undefined lane or unwritten memory reaches a result",
    "algorithm": "run in float64, it computes the reference",
    "numerics": "run in its own precisions, it stays within the derived error bound",
    "laws": "the operator's laws hold on it",
    "fuzz": "random shapes, strides, dtypes and values find no failure",
    "native": "a real device agrees, also under its memory checker",
}
# The same in a few words, for tables.
BRIEFS: Final[Mapping[str, str]] = {
    "policy": "host code only launches",
    "compile": "compiles for sm_90",
    "bounds": "stays inside its buffers",
    "races": "no colliding accesses",
    "overflow": "no index wraps",
    "coverage": "writes every element once",
    "undefined": "nothing undefined gets out",
    "algorithm": "right in exact arithmetic",
    "numerics": "rounds within its bound",
    "laws": "obeys the operator's laws",
    "fuzz": "survives random cases",
    "native": "a real device agrees",
}
NOT_RUN: Final = "not run"
BUCKETS: Final = ("proved", "held", "unknown", "refuted", "crashed", NOT_RUN)
WORST_FIRST: Final = ("refuted", "crashed", "unknown", NOT_RUN, "held", "proved")
LABELS: Final[Mapping[str, str]] = {bucket: bucket for bucket in BUCKETS} | {"held": "tested"}
GLYPHS: Final[Mapping[str, str]] = {
    "proved": "✓", "held": "◐", "unknown": "?", "refuted": "✗", "crashed": "!", NOT_RUN: "–",
    "admitted": "✓", "kept": "✓", "inconclusive": "?", "not reached": "·",
}  # fmt: skip
MEANINGS: Final[Mapping[str, str]] = {
    "proved": "true for every input in the stated scope, under the stated assumptions",
    "held": "no counterexample among the samples that were tried; other inputs may differ",
    "unknown": "not decided: something is not modelled, the budget was spent, or assumptions contradict",
    "refuted": "false: a concrete witness was run again and breaks the claim",
    "crashed": "the gate itself failed, which says nothing about the kernel",
    NOT_RUN: "nobody asked, or the machine could not; it counts as nothing shown",
}


@frozen
class Row:
    """One gate: how many of its claims fell into each bucket, the worst of them, and what was required.

    The buckets sum to `total`. `required` is the least outcome that lets a candidate by, None where the gate
    is not required; `enough` says whether the gate reached it.
    """

    gate: str
    claim: str
    brief: str
    counts: Mapping[str, int]
    worst: str
    required: str | None
    enough: bool
    verdicts: tuple[int, ...]
    vacuous: int = 0  # of the proved

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def bucket(verdict: Verdict) -> str:
    """The column a verdict counts in. A gate that answers `not run: no device` has not run."""
    if verdict.outcome is Outcome.UNKNOWN and verdict.detail.lower().startswith(NOT_RUN):
        return NOT_RUN
    return verdict.outcome.word


def tally(record: Record) -> tuple[Row, ...]:
    """A row for every gate there is, required or asked, in the order of asking."""
    asked = [verdict.gate for verdict in record.verdicts]
    return tuple(_row(record, gate) for gate in dict.fromkeys([*CLAIMS, *sorted(record.required), *asked]))


def totals(rows: tuple[Row, ...]) -> Mapping[str, int]:
    """The buckets summed over all gates."""
    return {name: sum(row.counts[name] for row in rows) for name in BUCKETS}


def _row(record: Record, gate: str) -> Row:
    own = [index for index, verdict in enumerate(record.verdicts) if verdict.gate == gate]
    buckets = [bucket(record.verdicts[index]) for index in own] or [NOT_RUN]
    outcome = record.dossier.outcome(gate)
    least = record.required.get(gate)
    return Row(
        gate=gate,
        claim=CLAIMS.get(gate, ""),
        brief=BRIEFS.get(gate, ""),
        counts={name: buckets.count(name) for name in BUCKETS},
        worst=min(buckets, key=WORST_FIRST.index),
        required=None if least is None else least.word,
        enough=least is None or (outcome is not None and outcome >= least),
        verdicts=tuple(own),
        vacuous=sum(record.verdicts[index].vacuous for index in own),
    )
