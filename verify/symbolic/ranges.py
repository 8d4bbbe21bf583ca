"""Cheap interval bounds of symbolic terms, from bounds on their atoms. None is infinity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Final, TypeAlias

from verify.symbolic.terms import Atom, Poly, Term, Truth, closure, truncated

Range: TypeAlias = tuple[float, float]  # ints, or an infinity
EVERYTHING: Range = (-inf, inf)
HUGE: Final = 2**512


class Ranges:
    """Interval arithmetic over polynomials. Atoms without a bound of their own get one by their kind."""

    def __init__(self, bounds: Mapping[Atom, Range]) -> None:
        self.bounds = bounds
        self._known: dict[Atom, Range] = {}

    def overlaid(self, bounds: Mapping[Atom, Range]) -> Ranges:
        """These ranges with some atoms bounded otherwise."""
        return Ranges({**self.bounds, **bounds})

    def about(self, terms: Iterable[Term]) -> frozenset[tuple[Atom, Range]]:
        """The bounds of what the terms speak of."""
        return frozenset((each, self.bounds[each]) for each in closure(terms) if each in self.bounds)

    def of(self, term: Poly) -> Range:
        low: float = 0  # ints: a float would round what lies beyond 2^53
        high: float = 0
        for monomial, coefficient in term.terms:
            product: Range = (coefficient, coefficient)
            for each in monomial:
                product = _times(product, self.atom(each))
            low, high = low + product[0], high + product[1]
        return _tamed((low, high))

    def nonnegative(self, term: Poly) -> bool:
        return self.of(term)[0] >= 0

    def positive(self, term: Poly) -> bool:
        return self.of(term)[0] > 0

    def atom(self, each: Atom) -> Range:
        if each in self.bounds:
            return self.bounds[each]
        if each not in self._known:
            self._known[each] = self._operation(each)
        return self._known[each]

    def _operation(self, each: Atom) -> Range:
        if each.kind in ("pid", "lane", "iter"):
            return 0, inf
        inner = [self.of(arg) for arg in each.args if isinstance(arg, Poly)]
        if each.kind in ("min", "max"):
            pick = min if each.kind == "min" else max
            return pick(inner[0][0], inner[1][0]), pick(inner[0][1], inner[1][1])
        if each.kind == "ite":
            return min(inner[0][0], inner[1][0]), max(inner[0][1], inner[1][1])
        if each.kind == "mul":
            return _times(*inner)
        if each.kind == "wrap":
            bits = int(each.label)
            return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if each.kind in ("div", "floordiv"):
            return _quotient(*inner)
        if each.kind in ("rem", "floormod") and inner[0][0] >= 0 and inner[1][0] > 0:
            return 0, min(inner[0][1], inner[1][1] - 1)
        if each.kind == "opaque" and each.label.startswith("int:"):
            width = each.label.rsplit(":", 1)[1]
            if ".." in width:  # a range of its own
                start, _, end = width.partition("..")
                return int(start), int(end)
            return -(2 ** (int(width) - 1)), 2 ** (int(width) - 1) - 1
        if each.kind == "load":
            low, high = each.label.split(":")[1:]
            return int(low), int(high)
        return EVERYTHING

    def decides(self, claim: Truth) -> bool:
        """Whether intervals alone show the claim."""
        if claim.kind == "true":
            return True
        if claim.kind == "le" and claim.poly is not None:
            return self.of(claim.poly)[1] <= 0
        return claim.kind == "and" and all(self.decides(part) for part in claim.parts)


def _times(left: Range, right: Range) -> Range:
    corners = [0 if 0 in (a, b) else a * b for a in left for b in right]
    return _tamed((min(corners), max(corners)))


def _tamed(bounds: Range) -> Range:
    """A range at least as wide, without ints too long to multiply with an infinity."""
    low, high = bounds
    return (-inf if low < -HUGE else min(low, HUGE)), (inf if high > HUGE else max(high, -HUGE))


def _quotient(left: Range, right: Range) -> Range:
    if left[0] < 0 or right[0] <= 0:
        return EVERYTHING
    low = 0 if right[1] == inf or left[0] == inf else truncated(int(left[0]), int(right[1])) or 0
    return low, inf if left[1] == inf else left[1] // right[0]
