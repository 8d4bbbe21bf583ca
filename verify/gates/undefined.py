"""Nothing undefined reaches a result, an address, a mask or a branch, for all shapes."""

from __future__ import annotations

from collections.abc import Iterator

from verify.case import Budget, Case
from verify.symbolic import obligations
from verify.symbolic.initial import initial
from verify.symbolic.obligations import Obligation
from verify.symbolic.reading import Reading
from verify.symbolic.settle import settle
from verify.verdict import Verdict


def undefined(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Nothing undefined reaches a result, an address, a mask or a branch, for all shapes."""

    def asked(reading: Reading) -> Iterator[Obligation]:
        yield from obligations.undefined(reading)
        yield from initial(reading)

    return settle(case, budget, "undefined", asked, "nothing undefined reaches a result")
