"""No integer behind an address, a mask or a branch wraps, and every grid can start, for all shapes."""

from __future__ import annotations

from collections.abc import Iterator

from verify.case import Budget, Case
from verify.symbolic import obligations, starts
from verify.symbolic.obligations import Obligation
from verify.symbolic.reading import Reading
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def overflow(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """No integer behind an address, a mask or a branch wraps, and every grid can start, for all shapes."""

    def asked(reading: Reading) -> Iterator[Obligation]:
        yield from obligations.overflow(reading)
        yield from starts.arguments(reading)

    return settle(case, budget, "overflow", asked, "no index computation wraps")
