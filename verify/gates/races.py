"""No two programs or unordered lanes collide on an element, for all shapes."""

from __future__ import annotations

from verify.case import Budget, Case
from verify.gates.tuning import trials
from verify.symbolic import obligations
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def races(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """No two programs or unordered lanes collide on an element, for all shapes, nor an autotuner's trials."""
    found = settle(case, budget, "races", obligations.races, "no two programs or lanes collide")
    return (*found, *trials(case, budget))
