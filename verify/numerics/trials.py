"""The fixed trials of a gate: sizes at and around what matters, each value class, each layout, each plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from specs.sizes import Condition, all_of, name
from specs.spec import Dim, Spec
from verify.case import Budget, Case
from verify.numerics.inputs import Trial
from verify.numerics.judge import configs
from verify.numerics.layouts import KEEPS_PACKED, LAYOUTS
from verify.numerics.values import CLASSES, SPECIAL
from verify.plan import Plan
from verify.symbolic.sizes import Undecided, point_outside

WORK: Final = 64  # how many times `Budget.elements` the product of all dims may be
LANES: Final = 8  # how many times `Budget.elements` the rows of a tensor may be, each as long as a tile
SMALL: Final = 96  # elements of a dim while another one is explored


def classes(spec: Spec) -> tuple[str, ...]:
    """The value classes that the spec's domain admits."""
    special = any(param.values.special for param in spec.tensors)
    return tuple(kind for kind in CLASSES if kind != SPECIAL or special)


def fits(spec: Spec, sizes: Mapping[str, int], budget: Budget, tiles: Sequence[int] = ()) -> bool:
    """Whether every tensor, and the work in lanes, stay within the budget.

    A row of one element still costs a block of lanes, so many short rows count as rows of the largest tile.
    """
    dims = [param.dims for param in spec.tensors] + [output.dims for output in spec.outputs]
    largest = max(math.prod([sizes[dim] for dim in each]) for each in dims)
    tile = max(tiles, default=1)
    lanes = max(
        math.prod([sizes[dim] for dim in each[:-1]]) * max(sizes[each[-1]], tile) for each in dims if each
    )
    room = lanes <= LANES * budget.elements or math.prod(sizes.values()) == 0
    return largest <= budget.elements and room and math.prod(sizes.values()) <= WORK * budget.elements


def blocks(plans: Sequence[Plan]) -> tuple[int, ...]:
    """Compile-time integers of the plans that look like block sizes."""
    texts = {text for plan in plans for launch in plan.launches for each in launch.variants
             for text in each.constants.values()}  # fmt: skip
    numbers = {int(text) for text in texts if text.isdigit()}
    return tuple(sorted(number for number in numbers if 4 <= number <= 1 << 14))


def interesting(dim: Dim, tiles: Sequence[int]) -> tuple[int, ...]:
    """Sizes of a dim that tests should not miss: its own samples, and each block's, one less and one more."""
    around = {near for tile in tiles for near in (tile - 1, tile, tile + 1, 2 * tile + 1)}
    return tuple(sorted(size for size in {*dim.samples, *around} if dim.low <= size <= dim.high))


def shapes(spec: Spec, plans: Sequence[Plan], budget: Budget) -> tuple[dict[str, int], ...]:
    """Sizes within the budget, small ones first. Each interesting size of each dim occurs beside others."""
    found: dict[tuple[int, ...], dict[str, int]] = {}
    tiles = blocks(plans)
    options = {dim.name: interesting(dim, tiles) or (dim.low,) for dim in spec.dims}
    for number, dim in enumerate(spec.dims):
        for step, size in enumerate(options[dim.name]):
            sizes = {dim.name: size}
            for other in spec.dims:
                if other is dim:
                    continue
                small = [each for each in options[other.name] if 0 < each <= SMALL] or options[other.name][:1]
                sizes[other.name] = small[(step * (number + 2) + number) % len(small)]
            if fits(spec, sizes, budget, tiles):
                found[tuple(sizes[each.name] for each in spec.dims)] = {
                    d.name: sizes[d.name] for d in spec.dims
                }
    return tuple(sorted(found.values(), key=lambda sizes: (math.prod(sizes.values()), *sizes.values())))


def fixed(case: Case, dtype: str, budget: Budget, at_least: int = 0) -> Iterator[Trial]:
    """The trials of one dtype: every shape, class, layout and configuration at least once, rotating."""
    plans = [plan for plan in case.capture.plans if plan.dtype == dtype]
    sizes = shapes(case.spec, plans, budget)
    usable = [each for each in sizes if 0 not in each.values()] or list(sizes)
    kinds = classes(case.spec)
    rounds = max(len(sizes), len(kinds), len(LAYOUTS), at_least)
    for step in range(rounds):
        chosen = sizes[step] if step < len(sizes) else usable[(step * 7 + 3) % len(usable)]
        yield from _of(case, plans, dtype, chosen, kinds[step % len(kinds)], step, budget)


def of_plan(case: Case, plan: Plan, budget: Budget) -> Trial | None:
    """A trial within the budget that `plan` covers, or None when none is found that is small enough."""
    spec = case.spec
    dims = [name(dim.name) for dim in spec.dims]
    packed = [name(param.stride(len(param.dims) - 1)).equals(1) for param in spec.tensors if param.dims]
    wishes: list[Condition] = [*packed, *(dim > 0 for dim in dims), *(dim <= 8 for dim in dims)]
    try:
        point = point_outside(all_of(spec.domain(), plan.cell), (), wishes)
    except Undecided:
        return None
    if point is None:
        return None
    sizes = {dim.name: max(dim.low, point.get(dim.name, 1)) for dim in spec.dims}
    if not fits(spec, sizes, budget):
        return None
    return Trial(plan.dtype, tuple(sizes.items()), choices=tuple(sorted(plan.choices.items())))


def _of(
    case: Case,
    plans: Sequence[Plan],
    dtype: str,
    sizes: Mapping[str, int],
    kind: str,
    step: int,
    budget: Budget,
) -> Iterator[Trial]:
    names = list(LAYOUTS)
    layouts = tuple(
        (param.name, KEEPS_PACKED[0] if param.contiguous else names[(step + place) % len(names)])
        for place, param in enumerate(case.spec.tensors)
    )
    tuned = sorted({config for plan in plans for config in configs(plan)}) or [""]
    ways = sorted({tuple(sorted(plan.choices.items())) for plan in plans}) or [()]
    for way in ways:
        yield Trial(
            dtype,
            tuple(sizes.items()),
            kind,
            layouts,
            budget.seed * 1000 + step,
            way,
            tuned[step % len(tuned)],
        )
