"""The gates in the order in which they are asked, and the least outcome of each that lets a candidate by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from specs.spec import Spec
from verify.dossier import Gate
from verify.gates.algorithm import algorithm
from verify.gates.bounds import bounds
from verify.gates.compile import compile
from verify.gates.coverage import coverage
from verify.gates.fuzz import fuzz
from verify.gates.laws import laws
from verify.gates.native import native
from verify.gates.numerics import numerics
from verify.gates.overflow import overflow
from verify.gates.policy import policy
from verify.gates.races import races
from verify.gates.undefined import undefined
from verify.verdict import Outcome

GATES: Final[tuple[Gate, ...]] = (
    policy,
    bounds,
    races,
    overflow,
    coverage,
    undefined,
    algorithm,
    numerics,
    laws,
    fuzz,
    compile,  # the dearest by far where nothing is remembered, and a refuted candidate needs little of it
    native,
)

# `native` is asked wherever there is a device; a machine without one can admit, and its report says NOT RUN.
REQUIRED: Final[Mapping[str, Outcome]] = {
    "policy": Outcome.PROVED,
    "compile": Outcome.PROVED,
    "bounds": Outcome.PROVED,
    "races": Outcome.PROVED,
    "overflow": Outcome.PROVED,
    "coverage": Outcome.PROVED,
    "undefined": Outcome.PROVED,
    "algorithm": Outcome.HELD,
    "numerics": Outcome.HELD,
    "laws": Outcome.HELD,
    "fuzz": Outcome.HELD,
}

NUMBERS: Final = ("algorithm", "numerics", "laws", "fuzz", "native")  # these hold outputs against a reference


def about(spec: Spec, gate: str) -> bool:
    """Whether the spec says enough for the gate to have something to ask."""
    if gate == "coverage":
        return bool(spec.outputs)
    return not (spec.is_contract and gate in NUMBERS)
