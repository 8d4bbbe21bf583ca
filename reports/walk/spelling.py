"""Symbolic integers and truths in the words of the source: sizes, program ids, rounds of loops, variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd
from typing import Final

from attrs import field, frozen

from verify.symbolic.origins import pointer
from verify.symbolic.terms import Atom, Monomial, Poly, Renaming, Term, Truth, closure, lane, of, poly

SHORT: Final = 28  # letters up to which an expression is spelled out although the source has a name for it
UNKNOWN: Final = "an index without a short name"
LONG: Final = 90  # letters beyond which it is not
_CALLS: Final = {"min": "min", "max": "max"}
_SIGNS: Final = {"div": "//", "floordiv": "//", "rem": "%", "floormod": "%"}


@frozen(eq=False)
class Speller:
    """How atoms are called. `variables` are the source's names of integers that long expressions are told by."""

    programs: tuple[str, str, str]
    rounds: Mapping[str, tuple[str, int]]  # the label of a loop's iteration -> its counter and what that grows by
    pointers: Mapping[str, str]  # pointer argument -> the tensor that it shows
    variables: Mapping[Poly, str] = field(factory=dict)
    counters: Mapping[Poly, str] = field(factory=dict)  # of loops that do not start at 0, told before anything else

    def size(self, term: Poly) -> str:
        """The expression; `UNKNOWN` where it is too long and the source has no name for it."""
        return self.known(term) or UNKNOWN

    def known(self, term: Poly) -> str | None:
        """The expression, by names of the source where that is shorter; None where nothing short says it."""
        if term in self.counters:
            return self.counters[term]
        whole = self._spelled(term)
        if whole is not None and len(whole) <= SHORT:
            return whole
        by_name = self._by_name(term)
        if by_name is not None:
            return by_name
        return whole if whole is not None and len(whole) <= LONG else None

    def place(self, at: Poly, extents: Mapping[int, int]) -> str:
        """A coordinate of a tile as an index or a slice; `extents` are those of the tile's lanes."""
        at = Renaming({lane(axis): poly(0) for axis, extent in extents.items() if extent == 1}).poly(at)
        lanes = {axis: _factor(at, axis) for axis in extents}
        moving = {axis: step for axis, step in lanes.items() if step}
        start = at
        for axis, step in moving.items():
            start = start - of(lane(axis)) * step
        if any(each.kind == "lane" for each in closure([start])) or len(moving) > 1:
            return self.variables.get(alone(at)) or self.known(at) or UNKNOWN
        if not moving:
            return self.size(start)
        ((axis, step),) = moving.items()
        low = self.known(start)
        if low is None:
            return self.variables.get(alone(at)) or UNKNOWN
        if step < 0:
            return f"{low} down to {self.size(start + step * (extents[axis] - 1))}"
        width = extents[axis] * step
        end = f"{int(low) + width}" if low.isdigit() else f"{low} + {width}"
        return f"{'' if low == '0' else low}:{end}" + (f":{step}" if step != 1 else "")

    def truth(self, term: Truth) -> str:
        """A condition; `a condition of its own` where it is not followed."""
        return self._truth(term) or "a computed condition holds"

    def _truth(self, term: Truth) -> str | None:
        if term.kind in ("and", "or"):
            parts = [self._truth(part) for part in term.parts]
            spelled = f" {term.kind} ".join(part for part in parts if part)
            return spelled if all(parts) and len(spelled) <= LONG else None
        if term.kind == "not":
            inner = term.parts[0]
            if inner.kind == "eq" and inner.poly is not None:
                return self._compared(inner.poly, "≠")
            spelled_ = self._truth(inner)
            return None if spelled_ is None else f"not ({spelled_})"
        if term.poly is not None:
            return self._compared(term.poly, "≤" if term.kind == "le" else "=")
        return None if term.atom is not None else term.kind

    def _compared(self, difference: Poly, sign: str) -> str | None:
        """`difference sign 0`, with what is subtracted on the right."""
        left = Poly(tuple(item for item in difference.terms if item[0] and item[1] > 0))
        right = left - difference
        if sign == "≤" and right.constant is None and dict(right.terms).get(()) == -1:
            sign, right = "<", right + 1
        elif left == poly(0) and sign == "≤":  # -a + 3 <= 0
            left, right = right - poly(dict(right.terms).get((), 0)), poly(-dict(right.terms).get((), 0))
            sign = "≥"
        sides = self.known(left), self.known(right)
        return None if None in sides else f"{sides[0]} {sign} {sides[1]}"

    def _by_name(self, term: Poly) -> str | None:
        if (name := self.variables.get(alone(term))) is not None:
            return name
        factor = gcd(*(coefficient for _, coefficient in term.terms)) if term.terms else 1
        if factor > 1:
            part = Poly(tuple((monomial, coefficient // factor) for monomial, coefficient in term.terms))
            if (name := self.variables.get(alone(part))) is not None:
                return f"{factor}·{name}"
        return None

    def _spelled(self, term: Poly) -> str | None:
        words = []
        for monomial, coefficient in sorted(term.terms, key=_plain_last):
            factors, coefficient = self._factors(monomial, coefficient)
            if None in factors:
                return None
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            words += [" - " if coefficient < 0 else " + ", "·".join(part for part in factors if part)]
        if not words:
            return "0"
        first = "-" if words[0] == " - " else ""
        return first + "".join(words[1:])

    def _factors(self, monomial: Monomial, coefficient: int) -> tuple[list[str | None], int]:
        """The factors' names; a counter in steps of 32 takes 32 out of the coefficient."""
        factors: list[str | None] = []
        for each in monomial:
            name, step = self.rounds.get(each.label, ("round", 1)) if each.kind == "iter" else ("", 1)
            if coefficient % step:
                return [None], coefficient
            factors.append(name or self._atom(each))
            coefficient //= step
        return factors, coefficient

    def _atom(self, each: Atom) -> str | None:
        match each.kind:
            case "name":
                return each.label
            case "pid":
                return self.programs["xyz".index(each.label)]
            case "lane":
                return "lane" if each.label == "0" else f"lane{each.label}"
            case "load":
                return self._loaded(each)
            case _ if name := self.variables.get(alone(of(each))):
                return name
            case "div" | "floordiv" if (up := _ceiling(each)) is not None:
                top, below = (self._side(part, tight=True) for part in (up, each.args[1]))
                return None if top is None or below is None else f"⌈{top} / {below}⌉"
            case kind if kind in _SIGNS:
                sides = [self._side(arg, tight=True) for arg in each.args]
                return None if None in sides else f"({sides[0]} {_SIGNS[kind]} {sides[1]})"
            case kind if kind in _CALLS:
                sides = [self._side(arg) for arg in each.args]
                return None if None in sides else f"{_CALLS[kind]}({', '.join(side for side in sides if side)})"
        return None

    def _side(self, term: Poly | Truth, tight: bool = False) -> str | None:
        """An operand, in parentheses where it would fall apart."""
        spelled = self.known(term) if isinstance(term, Poly) else None
        apart = tight and spelled is not None and (" + " in spelled or " - " in spelled or "·" in spelled)
        return f"({spelled})" if apart else spelled

    def _loaded(self, each: Atom) -> str | None:
        name = pointer(each)
        return f"a value of {self.pointers[name]}" if name in self.pointers else None


def plain(terms: Iterable[Term]) -> Renaming:
    """Division without a rest made: `2·F // 2` is F."""
    found: dict[Atom, Poly] = {}
    for each in closure(terms):
        if each.kind in ("div", "floordiv"):
            top, below = each.args
            by = below.constant if isinstance(below, Poly) else None
            if by and isinstance(top, Poly) and all(coefficient % by == 0 for _, coefficient in top.terms):
                found[each] = Poly(tuple((monomial, coefficient // by) for monomial, coefficient in top.terms))
    return Renaming(found)


def alone(term: Poly) -> Poly:
    """The term with its only lane axis called the first: `cols` and `cols[None, :]` are one variable."""
    axes = {each.label for each in closure([term]) if each.kind == "lane"}
    if len(axes) != 1 or axes == {"0"}:
        return term
    return Renaming({lane(int(axes.pop())): of(lane(0))}).poly(term)


def named(values: Iterable[tuple[str, Poly]]) -> Mapping[Poly, str]:
    """The first name of each integer; constants, bare sizes, program ids and lanes keep their own."""
    found: dict[Poly, str] = {}
    for name, term in values:
        term = alone(term)
        if term.constant is None and not _bare(term):
            found.setdefault(term, name)
    return found


def _bare(term: Poly) -> bool:
    ((monomial, coefficient), *more) = term.terms
    return not more and coefficient == 1 and len(monomial) == 1 and monomial[0].kind in ("name", "pid", "lane", "iter")


def _factor(at: Poly, axis: int) -> int:
    return next((coefficient for monomial, coefficient in at.terms if monomial == (lane(axis),)), 0)


def _plain_last(item: tuple[tuple[Atom, ...], int]) -> tuple[bool, bool]:
    monomial, coefficient = item
    return not monomial, coefficient < 0


def _ceiling(each: Atom) -> Poly | None:
    """x, where the atom is (x + d - 1) // d."""
    top, below = each.args
    if isinstance(top, Poly) and isinstance(below, Poly):
        rest = top - (below - 1)
        if below.constant is not None and below.constant > 1:
            given = dict(top.terms).get((), 0)
            return rest if given == below.constant - 1 else None
        shared = set(below.terms) <= set(top.terms) and below != poly(1)
        return rest if shared else None
    return None
