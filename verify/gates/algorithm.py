"""Gate `algorithm`: in exact arithmetic the kernel computes what the spec's reference computes."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.executor.modes import Mode
from verify.numerics.precision import IMAGINED
from verify.numerics.sweep import sweep
from verify.verdict import Verdict


def algorithm(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a dtype: runs in float64 against the float64 reference.

    What is allowed is the running error bound for an imagined precision of 1e-10, so that cancellation and
    steep functions get their share and nothing else does. A fault during a run refutes: its outputs mean
    nothing.
    """
    claim = f"in float64 it equals the reference to {IMAGINED.unit:g} of its condition"
    return sweep("algorithm", claim, case, budget, Mode.EXACT64)
