"""What a kernel tells the compiler of its numbers (`tl.multiple_of`, `tl.max_contiguous`): it must be shown.

TTIR keeps such a hint as an attribute that changes no value, and the compiler below makes wide accesses of it. Where it
is false, what was shown of the TTIR says nothing about the machine code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from verify.ir.program import Attribute, Dense, Operation, shape_of
from verify.symbolic.terms import (
    TRUE,
    Poly,
    Renaming,
    Truth,
    apply,
    conj,
    disj,
    equal,
    lane,
    of,
    opaque_truth,
    poly,
    primed,
)
from verify.symbolic.trace import Tracer

DIVISIBILITY: Final = "tt.divisibility"
CONTIGUITY: Final = "tt.contiguity"
CONSTANCY: Final = "tt.constancy"
HINTS: Final = (DIVISIBILITY, CONTIGUITY, CONSTANCY)


def heed(tracer: Tracer, operation: Operation) -> None:
    """Record the hints on an operation's result as something that must hold wherever it is executed."""
    for hint in HINTS:
        if hint not in operation.attributes:
            continue
        for place, result in enumerate(operation.results):
            value, shape = tracer.environment[result.name], shape_of(result.type)
            unknown = opaque_truth(f"{hint}@{tracer.mark(operation)}#{place}", tracer.context(len(shape)))
            numbers = list(_numbers(operation.attributes[hint], max(1, len(shape))))
            holds, least = unknown, TRUE
            if isinstance(value.content, Poly) and numbers:
                parts = [_holds(hint, value.content, axis, number, shape) for axis, number in enumerate(numbers)]
                holds = conj(*(unknown if part is None else part for part in parts))
                least = conj(*(_least(hint, value.content, *each, shape) for each in enumerate(numbers)))
            tracer.decide("hint", value, operation, shape, holds, least)


def _numbers(attribute: Attribute, axes: int) -> Iterator[int]:
    """One number for each axis; none where the attribute is not understood."""
    if isinstance(attribute, Dense):
        elements = attribute.elements * axes if attribute.splat else attribute.elements
        if len(elements) == axes and all(type(each) is int and each > 0 for each in elements):
            yield from map(int, elements)
    elif type(attribute) is int and attribute > 0:
        yield from (attribute,) * axes


def _holds(hint: str, value: Poly, axis: int, number: int, shape: tuple[int, ...]) -> Truth | None:
    """When the hint is true along an axis; None where that is not told here."""
    steps = _steps(value, axis) if shape and shape[axis] > 1 else None
    if hint == DIVISIBILITY:
        # Of neighbours that follow on one another, the compiler asks only where a group of them begins.
        from_lane = _multiple(value - of(lane(axis)), number) if steps == 1 else None
        return disj(_multiple(value, number), *([] if from_lane is None else [from_lane]))
    if number == 1 or not shape or shape[axis] == 1:
        return TRUE
    return TRUE if steps == (1 if hint == CONTIGUITY else 0) else None


def _least(hint: str, value: Poly, axis: int, number: int, shape: tuple[int, ...]) -> Truth:
    """What the hint says of the first lanes of an axis: they begin a group however the compiler forms groups."""
    first, second = (Renaming({lane(axis): poly(at)}).poly(value) for at in (0, 1))
    if hint == DIVISIBILITY:
        return _multiple(first, number)
    if number == 1 or not shape or shape[axis] == 1:
        return TRUE
    return equal(second - first, 1 if hint == CONTIGUITY else 0)


def _steps(value: Poly, axis: int) -> int | None:
    """By how much the value grows from any lane of an axis to the next, where that is plain."""
    here, there = lane(axis), primed(lane(axis))
    moved = Renaming({here: of(there)}).poly(value) - value
    return next((step for step in (0, 1) if moved == (of(there) - of(here)) * step), None)


def _multiple(value: Poly, number: int) -> Truth:
    if all(coefficient % number == 0 for _, coefficient in value.terms):
        return TRUE
    return equal(apply("floormod", value, poly(number)), 0)
