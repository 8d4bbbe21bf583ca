"""What tensor descriptors ask: that they lie inside their tensor, and that the hardware takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from verify.plan import PointerArgument
from verify.symbolic.layout import coordinates, elements, inside, packed, span
from verify.symbolic.obligations import NO_WRAP, Obligation, Way
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading
from verify.symbolic.terms import TRUE, Poly, Truth, apply, atom, conj, equal, of, poly, within
from verify.symbolic.values import Address, Descriptor
from verify.verdict import Place

ALIGNMENT: Final = 16  # bytes; what the start and all strides but the last must be multiples of


@frozen(eq=False)
class _Made:
    """A descriptor, wherever it was made, and what is known there."""

    descriptor: Descriptor
    item: int  # bytes of an element
    assumptions: tuple[Truth, ...]
    ranges: Ranges
    place: Place


def described(reading: Reading) -> Iterator[Obligation]:
    """Every descriptor lies inside its tensor; starts, strides and the innermost step are as the hardware needs.

    Tiles are clipped to the descriptor, so that no access leaves it.
    """
    for made in _made(reading):
        yield _inside(reading, made)
        yield from _conditions(reading, made)


def _made(reading: Reading) -> Iterator[_Made]:
    for each in reading.trace.described:
        yield _Made(
            each.descriptor, each.item, (reading.facts, reading.instance(), each.path), reading.trace.ranges, each.place
        )
    for argument in reading.launch.arguments:
        if isinstance(argument, PointerArgument) and argument.block:
            window = reading.windows[argument.name]
            made = Descriptor(Address(argument.name, poly(0)), window.sizes, window.strides)
            width = BYTES[argument.view.dtype]
            yield _Made(made, width, (reading.facts,), reading.ranges, reading.launch.place)


BYTES: Final = {
    "float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1, "bool": 1,
}  # fmt: skip


def _inside(reading: Reading, made: _Made) -> Obligation:
    window = reading.windows[made.descriptor.base.pointer]
    at = [of(atom("iter", f"element{axis}")) for axis in range(len(made.descriptor.sizes))]
    offset = made.descriptor.base.offset
    for each, stride in zip(at, made.descriptor.strides, strict=True):
        offset = offset + each * stride
    ways = []
    if (split := coordinates(offset, window)) is not None:
        ways.append(Way(inside(split, window), "per coordinate", sufficient=True))
    if packed(window):
        ways.append(Way(within(0, offset, elements(window)), "flat"))
    else:
        ways.append(Way(within(0, offset, span(window)), "span", necessary=True))
    sizes = zip(at, made.descriptor.sizes, strict=True)
    return Obligation(
        reading,
        f"the descriptor lies inside {window.buffer}",
        made.place,
        (*made.assumptions, *(within(0, each, size) for each, size in sizes)),
        tuple(ways),
        made.ranges,
        ("descriptor",),
        under=(NO_WRAP,),
    )


def _conditions(reading: Reading, made: _Made) -> Iterator[Obligation]:
    window = reading.windows[made.descriptor.base.pointer]
    *outer, last = made.descriptor.strides
    param = reading.plan.buffer(window.buffer).param
    assumed = (f"{param} starts at a multiple of {ALIGNMENT} bytes",) if param else ()
    start = (window.origin + made.descriptor.base.offset) * made.item
    asked = [
        ("the innermost stride of the descriptor is 1", equal(last, 1), ()),
        (
            f"the other strides of the descriptor are multiples of {ALIGNMENT} bytes",
            conj(*(_multiple(stride * made.item) for stride in outer)),
            (),
        ),
        (f"the descriptor starts at a multiple of {ALIGNMENT} bytes", _multiple(start), assumed),
    ]
    for claim, goal, under in asked:
        yield Obligation(
            reading,
            f"{claim} ({window.buffer})",
            made.place,
            made.assumptions,
            (Way(goal, "direct"),),
            made.ranges,
            ("descriptor",),
            under=(NO_WRAP, *under),
        )


def _multiple(value: Poly) -> Truth:
    if all(factor % ALIGNMENT == 0 for _, factor in value.terms):
        return TRUE
    return equal(apply("floormod", value, poly(ALIGNMENT)), 0)
