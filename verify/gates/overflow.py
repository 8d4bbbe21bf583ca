"""No integer behind an address, a mask or a branch wraps, and every grid can start, for all shapes."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.symbolic import obligations
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def overflow(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """No integer behind an address, a mask or a branch wraps, and every grid can start, for all shapes."""
    return settle(case, budget, "overflow", obligations.overflow, "no index computation wraps")
