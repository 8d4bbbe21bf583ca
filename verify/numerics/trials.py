"""The fixed trials of a gate: sizes at and around what matters, each value class, each layout, each plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from specs.sizes import Condition, all_of, name
from specs.spec import Spec
from verify.case import Budget, Case
from verify.numerics.inputs import Trial
from verify.numerics.judge import configs
from verify.numerics.layouts import KEEPS_PACKED, LAYOUTS
from verify.numerics.shapes import fits, shapes
from verify.numerics.values import CLASSES, OPPOSED, RISING, SPECIAL
from verify.plan import Plan
from verify.symbolic.sizes import Undecided, point_outside


def classes(spec: Spec) -> tuple[str, ...]:
    """The value classes that the spec's domain admits."""
    asked = {
        SPECIAL: any(param.values.special for param in spec.tensors),
        OPPOSED: any(param.derived for param in spec.tensors),
    }
    return tuple(kind for kind in CLASSES if asked.get(kind, True))


def fixed(case: Case, dtype: str, budget: Budget) -> Iterator[Trial]:
    """The trials of one dtype: every shape, class, layout, choice and configuration at least once, rotating."""
    plans = [plan for plan in case.capture.plans if plan.dtype == dtype]
    sizes = shapes(case.spec, plans, budget)
    usable = [each for each in sizes if 0 not in each.values()] or list(sizes)
    kinds = classes(case.spec)
    for step in range(max(len(sizes), len(kinds), len(LAYOUTS))):
        chosen = sizes[step] if step < len(sizes) else usable[(step * 7 + 3) % len(usable)]
        kind, turn = kinds[step % len(kinds)], step + step // len(kinds)
        ways = list(_trials(case.spec, plans, dtype, chosen, kind, step, budget))
        yield from ways if len(sizes) < len(kinds) else ways[turn % len(ways) :][:1]
    # What a loop over blocks carries must be seen to change in a later one, whichever class that size got above.
    yield from list(_trials(case.spec, plans, dtype, _longest(case.spec, usable), RISING, 0, budget))[:1]


def _longest(spec: Spec, sizes: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    """The sizes with the longest rows of the first tensor, and of those the largest."""
    (row, *_) = [param.dims[-1] for param in spec.tensors if param.dims] or [spec.dims[-1].name]
    return max(sizes, key=lambda each: (each[row], *each.values()))


def spread(case: Case, dtype: str, budget: Budget, count: int, kinds: Sequence[str]) -> Iterator[Trial]:
    """About `count` trials of one dtype: the largest shapes and some between, values of `kinds`.

    Where there are enough of them they take turns through the spec's choices.
    """
    plans = [plan for plan in case.capture.plans if plan.dtype == dtype]
    sizes = [each for each in shapes(case.spec, plans, budget) if 0 not in each.values()]
    large = sizes[-len(case.spec.dims) :]
    some = sizes[: -len(large)][:: max(1, len(sizes) // count)]
    for step, chosen in enumerate(tried := (*some, *large)):
        ways = list(_trials(case.spec, plans, dtype, chosen, kinds[step % len(kinds)], step, budget))
        yield from ways if len(tried) < 2 * len(ways) else ways[step % len(ways) :][:1]


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
    return Trial(plan.dtype, tuple(sizes.items()), choices=plan.chosen)


def _trials(
    spec: Spec,
    plans: Sequence[Plan],
    dtype: str,
    sizes: Mapping[str, int],
    kind: str,
    step: int,
    budget: Budget,
) -> Iterator[Trial]:
    """One trial for each way of choosing, at the step's layouts, configuration and seed."""
    names = list(LAYOUTS)
    layouts = tuple(
        (param.name, KEEPS_PACKED[0] if param.contiguous else names[(step + place) % len(names)])
        for place, param in enumerate(spec.tensors)
    )
    tuned = sorted({config for plan in plans for config in configs(plan)}) or [""]
    seed = budget.seed * 1000 + step
    for way in sorted({plan.chosen for plan in plans}, key=str) or [()]:
        yield Trial(dtype, tuple(sizes.items()), kind, layouts, seed, way, tuned[step % len(tuned)])
