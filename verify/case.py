"""What is examined: a candidate against a spec, and how much work may be spent on it."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Final, Literal

from attrs import define, evolve, field, frozen

from specs.spec import Spec
from verify.plan import Capture


@frozen
class Provenance:
    """Where a candidate comes from. Shown to reviewers; no gate looks at it."""

    origin: str  # "file", "package", "recorded", "openai", ...
    author: str = ""
    prompt_digest: str = ""
    parent: str = ""
    note: str = ""


@frozen
class Candidate:
    """Source text, the entry function's name, and where it came from. Equal text and entry is equal identity."""

    source: str
    entry: str
    path: str  # shown to people; for policy `repo` the dotted module name
    policy: Literal["strict", "repo"] = "strict"
    provenance: Provenance = field(default=Provenance("file"))

    @property
    def digest(self) -> str:
        return sha256(f"{self.entry}\n{self.policy}\n{self.source}".encode()).hexdigest()


@frozen
class Budget:
    """How much work a gate may do. Solver steps and sample counts repeat exactly; seconds are a backstop."""

    profile: str
    rlimit: int  # z3 resource steps per obligation
    seconds: float  # wall-clock backstop per obligation
    samples: int  # fuzz cases
    elements: int  # the largest tensor a numeric run makes
    cells: int  # the most cells that capture opens
    trails: bool = True  # whether proofs say what they rest on, which costs up to half as much again as they do
    seed: int = 0
    admitting: bool = True  # whether admission may still come of it; otherwise a few variants and trials will do

    def after_refutation(self) -> Budget:
        """For the gates after one has refuted: they tell what else is wrong, and admit nothing any more.

        Proofs keep all that they have; runs get no more than `quick` gives them, and few variants are compiled.
        """
        quick = PROFILES["quick"]
        samples, elements = min(self.samples, quick.samples), min(self.elements, quick.elements)
        return evolve(self, samples=samples, elements=elements, admitting=False)


PROFILES: Final = {
    "quick": Budget("quick", rlimit=3_000_000, seconds=5, samples=20, elements=1 << 14, cells=40, trails=False),
    "ci": Budget("ci", rlimit=6_000_000, seconds=10, samples=100, elements=1 << 16, cells=128),
    "deep": Budget("deep", rlimit=200_000_000, seconds=120, samples=2000, elements=1 << 20, cells=200),
}


@define(eq=False)
class Case:
    """One candidate, captured, against one spec. Gates read it and never change it."""

    spec: Spec
    candidate: Candidate
    capture: Capture

    @cached_property
    def digest(self) -> str:
        return sha256(f"{self.spec.name}:{self.spec.version}:{self.candidate.digest}".encode()).hexdigest()
