"""Every active access of every kernel stays inside the tensor that it was given, for all shapes."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.symbolic import obligations
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def bounds(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Every active access of every kernel stays inside the tensor that it was given, for all shapes."""
    return settle(case, budget, "bounds", obligations.bounds, "every access stays inside its buffer")
