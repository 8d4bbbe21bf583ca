"""From which sizes on an integer wraps, exactly: the greatest value that a computation takes, as a size expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve

from verify.symbolic.layout import elements, tile
from verify.symbolic.needs import Assuming
from verify.symbolic.obligations import Obligation
from verify.symbolic.reading import Reading
from verify.symbolic.terms import Atom, Poly, Renaming, apply, at_most, closure, conj, lane, less, pid, poly
from verify.symbolic.trace import Access


def threshold(obligation: Obligation, ask: Assuming) -> str:
    """`M * N > 2^31`: the sizes where the obligation's computation wraps, no more and no fewer; empty if not shown.

    The value at the last element (or in the last lane of the last program) is taken for the greatest. That is shown
    both ways: while it fits nothing wraps, and where it does not the program and the lane are there.
    """
    if obligation.wrap is None or obligation.access is None:
        return ""
    reading, wrap = obligation.reading, obligation.wrap
    limit = 2 ** (wrap.bits - 1) - 1
    facts, *situation = obligation.assumptions
    for last in _last(reading, obligation.access):
        top = last.poly(wrap.value)
        words = _words(top, limit)
        if not words or any(each.kind in ("pid", "lane", "iter", "load", "opaque") for each in closure([top])):
            continue
        fits = (*obligation.assumptions, at_most(top, limit))
        there = last.truth(conj(*situation))
        outside = evolve(obligation, ranges=reading.ranges)  # no program is known to run
        if (
            ask(fits, obligation.ways[-1].goal, obligation, {}).status == "proved"
            and ask((facts, less(limit, top)), there, outside, {}).status == "proved"
        ):
            return words
    return ""


def _last(reading: Reading, access: Access) -> Iterator[Renaming]:
    """Executions that may take the value furthest: at the last element, or in the last lane of the last program."""
    window, grid = reading.window(access), reading.trace.grid
    free = [*map(pid, range(3)), *access.loops, *(lane(axis) for axis in range(len(access.shape)))]
    start: dict[Atom, Poly] = dict.fromkeys(free, poly(0))
    tilings = tile(access.offset, access.shape, window)
    if tilings is not None and all(each.tile.constant == 0 or each.plain is not None for each in tilings):
        sizes = window.sizes if len(tilings) == len(window.sizes) else (elements(window),)
        chosen = dict(start)
        for tiling, size in zip(tilings, sizes, strict=True):
            rest = size - 1
            for at, step, extent in tiling.lanes:  # remainders in words that cancel out
                inner, outer = (_quotient(rest, each) for each in (step, step * extent))
                chosen[lane(at)] = inner - outer * extent
            if tiling.plain is not None:
                chosen[tiling.plain] = _quotient(rest, tiling.block)
        yield Renaming(chosen)
    ends = {pid(axis): extent - 1 for axis, extent in enumerate(grid)}
    ends |= {lane(axis): poly(extent - 1) for axis, extent in enumerate(access.shape)}
    yield Renaming(start | ends)


def _quotient(value: Poly, by: int) -> Poly:
    return value if by == 1 else apply("floordiv", value, poly(by))


def _words(top: Poly, limit: int) -> str:
    """`top > limit` with the constant on the right; empty for what has no name or is no size."""
    constant = sum(factor for monomial, factor in top.terms if not monomial)
    left = _spelled(top - constant)
    return f"{left} > {_power(limit - constant)}" if left else ""


def _power(number: int) -> str:
    for ahead in (0, 1, 2):
        if (number + ahead).bit_count() == 1 and number > 2:
            return f"2^{(number + ahead).bit_length() - 1}" + (f" - {ahead}" if ahead else "")
    return str(number)


def _spelled(term: Poly) -> str:
    """A polynomial over sizes for people; empty where one of its parts has no spelling."""
    parts: list[str] = []
    for monomial, factor in sorted(term.terms, key=lambda item: (item[1] < 0, -len(item[0]))):
        names = [_named(each) for each in monomial]
        if not all(names):
            return ""
        scale = [str(abs(factor))] if abs(factor) != 1 or not names else []
        sign = ("- " if factor < 0 else "+ ") if parts else ("-" if factor < 0 else "")
        parts.append(sign + " * ".join([*scale, *sorted(names)]))
    return " ".join(parts)


SIGNS: Final[Mapping[str, str]] = {"floordiv": "//", "floormod": "%"}


def _named(each: Atom) -> str:
    if each.kind == "name":
        return each.label
    sides = [_spelled(arg) for arg in each.args if isinstance(arg, Poly)]
    if len(sides) != 2 or not all(sides):
        return ""
    if each.kind in ("min", "max"):
        return f"{each.kind}({', '.join(sides)})"
    return f"(({sides[0]}) {SIGNS[each.kind]} {sides[1]})" if each.kind in SIGNS else ""
