"""Gate strength: bugs that were seeded into one candidate, and what became of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from reports.environment import Environment
from reports.record import Record
from reports.text import listed
from verify.verdict import count

STRENGTH_SCHEMA: Final = "kernelproof-strength/1"
Fate: TypeAlias = Literal["killed", "stopped", "survived", "equivalent", "stillborn", "unexamined"]

FATES: Final[Mapping[Fate, str]] = {
    "killed": "at least one gate refuted it, with a witness",
    "stopped": "no gate refuted it, but a required one did not pass it either, so it is not admitted",
    "survived": "every required gate passed it, and it was seen to differ from the candidate, or could not be compared",
    "equivalent": "every required gate passed it, and it gave what the candidate gives in everything that was tried",
    "stillborn": "nothing was captured that could run; it counts neither for a gate nor against one",
    "unexamined": "its examination came to no end",
}  # fmt: skip


@frozen
class Kind:
    """A kind of bug, what it is, and how many places of the candidate it fits."""

    name: str
    models: str
    sites: int


@frozen
class Seeded:
    """One bug: the lines as they were and as they were made, what became of it, and why.

    `gates` refuted it, or kept it from being admitted; of a fail-fast run only the first is known.
    """

    kind: str
    line: int
    before: str
    after: str
    fate: Fate
    told: str
    gates: tuple[str, ...] = ()


@frozen
class Row:
    """A gate: how many bugs it refuted, and how many of them nobody else did."""

    gate: str
    killed: int
    alone: int


@frozen
class Strength:
    """The bugs seeded into the candidate of that digest, held against the spec of that digest."""

    schema: str
    spec: str
    spec_digest: str
    candidate: str
    path: str
    profile: str
    seed: int
    fail_fast: bool
    gates: tuple[str, ...]
    kinds: tuple[Kind, ...]
    seeded: tuple[Seeded, ...]
    environment: Environment = field()

    def __attrs_post_init__(self) -> None:
        known = {kind.name: kind.sites for kind in self.kinds}
        for name, number in Counter(each.kind for each in self.seeded).items():
            if number > known.get(name, 0):
                raise ValueError(f"{number} bugs of kind {name!r}, which has {known.get(name, 'no')} sites")
        for each in self.seeded:
            if (each.fate in ("killed", "stopped")) != bool(each.gates):
                raise ValueError(f"a bug that {each.fate} with gates {each.gates}")

    def of(self, fate: Fate) -> tuple[Seeded, ...]:
        """The bugs that ended so."""
        return tuple(each for each in self.seeded if each.fate == fate)

    @property
    def counts(self) -> Mapping[Fate, int]:
        """How many bugs ended how."""
        return {fate: len(self.of(fate)) for fate in FATES}

    @property
    def rows(self) -> tuple[Row, ...]:
        """The gates in the order of asking."""
        killed = [each.gates for each in self.of("killed")]
        return tuple(
            Row(gate, sum(gate in by for by in killed), 0 if self.fail_fast else sum(by == (gate,) for by in killed))
            for gate in self.gates
        )

    @property
    def used(self) -> tuple[Kind, ...]:
        """Kinds of which a bug was seeded."""
        names = {each.kind for each in self.seeded}
        return tuple(kind for kind in self.kinds if kind.name in names)

    @property
    def without_site(self) -> tuple[Kind, ...]:
        """Kinds that fit nowhere in this candidate."""
        return tuple(kind for kind in self.kinds if not kind.sites)

    @property
    def sentence(self) -> str:
        """What came of it, in a line."""
        counts = self.counts
        judged = counts["killed"] + counts["stopped"] + counts["survived"]
        told = [f"{counts['killed']} of {count(judged, 'seeded bug')} killed"]
        told += [f"{counts[fate]} {fate}" for fate in FATES if fate != "killed" and counts[fate]]
        return f"{', '.join(told)}, of {count(len(self.used), 'kind')}"


def check(strength: Strength, record: Record) -> None:
    """Raise ValueError unless both are about the same candidate and the same spec."""
    for what, own, others in (
        ("candidate", strength.candidate, record.candidate.digest),
        ("spec", strength.spec_digest, record.spec.digest),
    ):
        if own != others:
            raise ValueError(f"the bugs were seeded for {what} {own[:16]}, and the record is about {others[:16]}")


def doubt(strength: Strength | None) -> str:
    """The answer to whether the gates would catch other bugs."""
    if strength is None:
        return "Not measured for this record: no bugs were seeded into it."
    told = f"{strength.sentence} (profile {strength.profile}); see gate strength."
    blind = [row.gate for row in strength.rows if not row.killed]
    if blind and not strength.fail_fast:
        told += f" None was refuted by {listed(blind)}."
    return told
