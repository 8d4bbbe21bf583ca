"""What the host code must see to when it starts a kernel: views inside their tensors, a variant, arguments that fit."""

from __future__ import annotations

from collections.abc import Iterator

from specs.sizes import all_of
from verify.plan import IntegerArgument
from verify.symbolic.layout import coordinates, elements, inside, packed
from verify.symbolic.obligations import Obligation, Way
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading
from verify.symbolic.terms import TRUE, atom, disj, from_condition, from_size, of, poly, within


def views(reading: Reading) -> Iterator[Obligation]:
    """The host code makes no view that reaches beyond its tensor."""
    for name in dict.fromkeys(access.pointer for access in reading.trace.accesses):
        window = reading.windows[name]
        buffer = reading.plan.buffer(window.buffer)
        whole = reading.whole(window.buffer)
        if window == whole or (packed(window) and packed(whole) and window.origin == whole.origin == poly(0)
                               and elements(window) == elements(whole)):  # fmt: skip
            continue
        at = [of(atom("iter", f"element{axis}")) for axis in range(len(window.sizes))]
        offset = window.origin
        for each, stride in zip(at, window.strides, strict=True):
            offset = offset + each * stride
        ways = []
        if (split := coordinates(offset, whole)) is not None:
            ways.append(Way(inside(split, whole), "per coordinate", sufficient=True))
        if packed(whole):
            ways.append(Way(within(0, offset, elements(whole)), "flat"))
        yield Obligation(
            reading,
            f"the view of {buffer.name} that {reading.launch.kernel} gets as {name} lies inside it",
            reading.launch.place,
            (reading.facts, *(within(0, each, size) for each, size in zip(at, window.sizes, strict=True))),
            tuple(ways),
            reading.ranges,
            ("view",),
        )


def chosen(reading: Reading) -> Iterator[Obligation]:
    """For all sizes of the cell there is a variant: what holds of each then holds of whichever runs."""
    group = [each for each in reading.launch.variants if each.config == reading.variant.config]
    some = disj(*(from_condition(each.condition) for each in group))
    if reading.variant is group[-1] and some != TRUE:
        yield Obligation(
            reading,
            f"every size has a variant of {reading.launch.kernel}",
            reading.launch.place,
            (from_condition(all_of(reading.spec.domain(), reading.plan.cell)),),
            (Way(some, "direct"),),
            Ranges({}),
            ("variant",),
        )


def arguments(reading: Reading) -> Iterator[Obligation]:
    """The sizes that the host code passes fit the types that the kernel was compiled for."""
    for argument in reading.launch.arguments:
        if isinstance(argument, IntegerArgument) and argument.name in reading.variant.parameters:
            value = reading.known.poly(from_size(argument.value))
            half = 2 ** (int(argument.type.lstrip("iu")) - 1)
            goal = within(0, value, 2) if argument.type == "i1" else within(-half, value, half)
            if not reading.ranges.decides(goal):
                yield Obligation(
                    reading,
                    f"the argument {argument.name} fits {argument.type}",
                    reading.launch.place,
                    (reading.facts,),
                    (Way(goal, "direct"),),
                    reading.ranges,
                    ("argument",),
                )
