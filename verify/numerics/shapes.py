"""Sizes that trials should not miss: samples, blocks, and the numbers that plans and kernels mention."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from specs.sizes import Condition, Size
from specs.spec import Dim, Spec
from verify.case import Budget
from verify.plan import Plan

WORK: Final = 64  # how many times `Budget.elements` the product of all dims may be
LANES: Final = 1 << 17  # rows of a tensor, each as long as a tile, that any budget allows
ROWS: Final = 64  # a second tile size counts up to this
SMALL: Final = 96  # elements of a dim while another one is explored
NUMBERS: Final = 24  # numbers of a plan's conditions and kernels that are tried as sizes
AROUND: Final = 32  # such sizes beside the samples, shared by all dims
_CONSTANT: Final = re.compile(r"arith\.constant (?:dense<)?(\d+)>? :")


def fits(spec: Spec, sizes: Mapping[str, int], budget: Budget, tiles: Sequence[int] = ()) -> bool:
    """Whether every tensor, and the work in lanes, stay within the budget.

    A row of one element still costs a block of lanes, so many short rows count as rows of the largest tile.
    Sizes that the spec does not admit count as the nearest that it does; where there are none, nothing fits.
    """
    near = spec.nearest(sizes)
    if near is None:
        return False
    sizes = near
    dims = [tensor.dims for tensor in spec.shaped]
    largest = max(math.prod([sizes[dim] for dim in each]) for each in dims)
    tile = max(tiles, default=1)
    rows = min(ROWS, sorted(tiles)[-2]) if len(tiles) > 1 else 1
    lanes = max((_lanes([sizes[dim] for dim in each], tile, rows) for each in dims if each), default=0)
    extents = [sizes[dim] for dim in {dim for each in dims for dim in each}]  # a seed has no elements
    room = lanes <= max(2 * budget.elements, LANES, tile * rows) or 0 in extents
    return largest <= budget.elements and room and math.prod(extents) <= WORK * budget.elements


def _lanes(shape: Sequence[int], tile: int, rows: int) -> int:
    """Lanes that go over a tensor: in tiles of its last axis, and where it has more than two, of the last but one."""
    *others, last = shape
    if len(others) > 1:
        others[-1] = max(others[-1], rows)
    return math.prod(others) * max(last, tile)


def blocks(plans: Sequence[Plan]) -> tuple[int, ...]:
    """Compile-time integers of the plans that look like block sizes."""
    texts = {
        text
        for plan in plans
        for launch in plan.launches
        for variant in launch.variants
        for text in variant.constants.values()
    }
    numbers = {int(text) for text in texts if text.isdigit()}
    return tuple(sorted(number for number in numbers if 4 <= number <= 1 << 14))


def thresholds(plans: Sequence[Plan]) -> tuple[int, ...]:
    """Numbers that conditions and kernels compare sizes with, perhaps; at most NUMBERS, small ones first."""
    conditions = [plan.cell for plan in plans]
    variants = [variant for plan in plans for launch in plan.launches for variant in launch.variants]
    conditions += [variant.condition for variant in variants]
    found = {number for condition in conditions for number in _numbers(condition)}
    for text in {variant.ttir for variant in variants}:
        found.update(int(digits) for digits in _CONSTANT.findall(text))
    return tuple(sorted(number for number in found if number > 2))[:NUMBERS]


def interesting(dim: Dim, plans: Sequence[Plan]) -> tuple[int, ...]:
    """A dim's samples, each block and number of the plans, one less and one more, and two blocks and one."""
    tiles = blocks(plans)
    around = {near for size in {*tiles, *thresholds(plans)} for near in (size - 1, size, size + 1)}
    around |= {2 * tile + 1 for tile in tiles}
    return tuple(sorted(size for size in {*dim.samples, *around} if dim.low <= size <= dim.high))


def shapes(spec: Spec, plans: Sequence[Plan], budget: Budget) -> tuple[dict[str, int], ...]:
    """Sizes within the budget, small ones first: each interesting size of each dim, and corners."""
    tiles = blocks(plans)
    free = [dim for dim in spec.dims if dim.name not in spec.tied]
    most = AROUND // max(1, len(free))
    options = {dim.name: _some(dim, interesting(dim, plans), most) or (dim.low,) for dim in spec.dims}
    found = {}
    for sizes in (*_beside(spec, options, budget, tiles), *_corners(spec, options, budget, tiles)):
        near = spec.nearest(sizes)
        if near is not None and fits(spec, near, budget, tiles):
            found[tuple(near.values())] = near
    return tuple(sorted(found.values(), key=lambda sizes: (math.prod(sizes.values()), *sizes.values())))


def _some(dim: Dim, sizes: Sequence[int], most: int) -> tuple[int, ...]:
    """The samples, and of the other sizes `most`, evenly chosen."""
    others = [size for size in sizes if size not in dim.samples]
    chosen = {others[step * len(others) // most] for step in range(most)} if len(others) > most else others
    return tuple(sorted({*dim.samples, *chosen}))


def _beside(
    spec: Spec, options: Mapping[str, Sequence[int]], budget: Budget, tiles: Sequence[int]
) -> Iterator[dict[str, int]]:
    """Each option of each dim beside small ones of the others, which take turns within the budget."""
    for number, dim in enumerate(spec.dims):
        if dim.name in spec.tied:
            continue
        for step, size in enumerate(options[dim.name]):
            sizes = {each.name: max(1, each.low) for each in spec.dims} | {dim.name: size}
            for other in spec.dims:
                if other is not dim:
                    small = [each for each in options[other.name] if 0 < each <= SMALL] or [sizes[other.name]]
                    turn = (step * (number + 2) + number) % len(small)
                    turns = ({**sizes, other.name: each} for each in small[turn:] + small[:turn])
                    sizes = next((each for each in turns if fits(spec, each, budget, tiles)), sizes)
            yield sizes


def _corners(
    spec: Spec, options: Mapping[str, Sequence[int]], budget: Budget, tiles: Sequence[int]
) -> Iterator[dict[str, int]]:
    """As large as the budget lets all dims be at once, a different dim first each time."""
    for first in range(len(spec.dims)):
        order = spec.dims[first:] + spec.dims[:first]
        sizes = {dim.name: max(1, dim.low) for dim in spec.dims}
        for dim in order:
            for size in options[dim.name]:
                if size and fits(spec, {**sizes, dim.name: size}, budget, tiles):
                    sizes[dim.name] = size
        yield sizes


def _numbers(condition: Condition) -> Iterator[int]:
    for part in condition.parts:
        yield from _numbers(part)
    for side in condition.sides:
        yield from _constants(side)


def _constants(part: Size) -> Iterator[int]:
    if part.kind == "const":
        yield part.value
    for inner in part.parts:
        yield from _constants(inner)
