"""Gate `numerics`: in its own precisions the kernel rounds no more than the derived bound allows."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.executor.modes import Mode
from verify.numerics.sweep import sweep
from verify.verdict import Verdict


def numerics(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a dtype, with its ledger: |y - y64| <= B + half_ulp(|y64| + B) for every element, and for a weighted
    mean no row that rounding its weights does not explain (`numerics.means`)."""
    claim = f"errors stay within the bound of accumulating in {case.spec.accumulate}"
    return sweep("numerics", claim, case, budget, Mode.FAITHFUL)
