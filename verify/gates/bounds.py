"""Every active access of every kernel stays inside the tensor that it was given, for all shapes."""

from __future__ import annotations

from collections.abc import Iterator

from verify.case import Budget, Case
from verify.symbolic import obligations, starts
from verify.symbolic.described import described
from verify.symbolic.obligations import Obligation
from verify.symbolic.reading import Reading
from verify.symbolic.settle import settle
from verify.verdict import Outcome, Verdict


def bounds(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Every active access of every kernel stays inside the tensor that it was given, for all shapes."""

    def asked(reading: Reading) -> Iterator[Obligation]:
        yield from obligations.bounds(reading)
        yield from described(reading)
        yield from starts.views(reading)
        yield from starts.chosen(reading)

    found = settle(case, budget, "bounds", asked, "every access stays inside its buffer")
    if all(verdict.vacuous for verdict in found):
        why = "vacuous: no kernel makes an access for any size of the domain"
        return (*found, Verdict("bounds", Outcome.UNKNOWN, "some access is made", "", why))
    return found
