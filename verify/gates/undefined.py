"""Nothing undefined reaches a result, an address, a mask or a branch, for all shapes."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.symbolic import obligations
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def undefined(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Nothing undefined reaches a result, an address, a mask or a branch, for all shapes."""
    return settle(case, budget, "undefined", obligations.undefined, "nothing undefined reaches a result")
