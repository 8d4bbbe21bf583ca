"""What must not change a bit of the result, for any operator: order of programs, undefined memory, padding, strides,
other rows. Which of them make sense for a spec is read off its dims, tensors and reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from attrs import evolve

from specs.spec import Dim, Inputs, Spec
from verify.case import Budget, Case
from verify.executor.modes import Fill
from verify.numerics.bounded import Unruled
from verify.numerics.independence import independent, resized
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.judge import Uncovered, plan_for
from verify.numerics.runs import Outputs, Runs, same
from verify.numerics.shapes import fits, interesting

Check: TypeAlias = Callable[[Runs, Trial], None]
POISONS: Final = (6e4, 0.0)  # against the NaN that stands there usually
ORDERS: Final = (1, 2)  # seeds by which programs are shuffled, and with them their atomics
COUNTS: Final = 2  # numbers of rows that one trial is run with, besides one row; other trials have others
TURN: Final = 5  # how many of the numbers of rows each trial goes on by
ROUNDED: Final = "normal"  # values whose sums are rounded, so that their order shows
SHARE: Final = 4  # runs with other numbers of rows stay below this part of the budget


def invariances(case: Case, budget: Budget) -> list[tuple[str, Check]]:
    """The checks that apply to the case's spec, each with what it claims."""
    checks: list[tuple[str, Check]] = [
        ("determinism: the order of programs, and so of atomics, does not matter", _order),
        ("irrelevance: undefined lanes and unwritten memory do not matter", _fill),
    ]
    if any(not param.contiguous for param in case.spec.tensors):
        checks += [
            ("irrelevance: memory around the inputs' views does not matter", _around),
            ("strides: a contiguous copy of the inputs gives the same", _strides),
        ]
    for dim in case.spec.dims:
        if _told_apart(case.spec, dim.name):
            claim = f"batch {dim.name}: what stands at one {dim.name} is the same whatever the others are and how many"
            checks.append((claim, partial(_batch, dim, budget)))
    return checks


def _told_apart(spec: Spec, dim: str) -> bool:
    try:
        return independent(spec, dim)
    except Unruled:  # a reference that cannot be bounded tells nothing here; the gates that need it say why
        return False


def _order(runs: Runs, trial: Trial) -> None:
    inputs = runs.inputs(trial)
    for order in ORDERS:
        again = runs.run(trial, inputs, order=order)
        same(runs.case.spec, trial, again, runs.plain(trial), "as when programs run in another order")


def _fill(runs: Runs, trial: Trial) -> None:
    inputs = runs.inputs(trial)
    for fill in (each for each in Fill if each is not Fill.NAN):
        why = f"as when undefined lanes hold nan instead of {fill.value}"
        same(runs.case.spec, trial, runs.run(trial, inputs, fill=fill), runs.plain(trial), why)


def _around(runs: Runs, trial: Trial) -> None:
    if all(layout in ("contiguous", "transposed", "expanded") for _, layout in trial.layouts):
        free = (param.name for param in runs.case.spec.tensors if not param.contiguous)
        trial = evolve(trial, layouts=tuple((name, "padded") for name in free))  # nothing stands around the others
    for poison in POISONS:
        again = runs.run(trial, make_inputs(runs.case.spec, trial, poison))
        why = f"as when nan instead of {poison:g} stands around inputs"
        same(runs.case.spec, trial, again, runs.plain(trial), why)


def _packed(inputs: Mapping[str, Any]) -> set[str]:
    """The inputs that a contiguous copy would leave as they are."""
    return {name for name, each in inputs.items() if not isinstance(each, torch.Tensor) or each.is_contiguous()}


def _strides(runs: Runs, trial: Trial) -> None:
    inputs = runs.inputs(trial)
    if inputs.keys() == _packed(inputs):  # the trial's layouts change nothing: of one row, say
        free = (param.name for param in runs.case.spec.tensors if not param.contiguous)
        trial = evolve(trial, layouts=tuple((name, "stepped") for name in free))
        inputs = runs.inputs(trial)
    if inputs.keys() == _packed(inputs):
        raise Uncovered("the inputs are contiguous")
    packed = {name: each.contiguous() if isinstance(each, torch.Tensor) else each for name, each in inputs.items()}
    same(runs.case.spec, trial, runs.run(trial, packed), runs.plain(trial), "as for inputs at other strides")


def _batch(dim: Dim, budget: Budget, runs: Runs, trial: Trial) -> None:
    """Other numbers of places along `dim`, from one on; and other content at every second place."""
    _other_counts(dim, budget, runs, evolve(trial, values=ROUNDED))
    _other_content(dim, runs, trial)


def _other_counts(dim: Dim, budget: Budget, runs: Runs, trial: Trial) -> None:
    spec, count = runs.case.spec, dict(trial.sizes)[dim.name]
    inputs = runs.inputs(trial)
    plain = runs.plain(trial)
    for number in _counts(dim, budget, runs, trial, inputs):
        resized = evolve(trial, sizes=tuple({**dict(trial.sizes), dim.name: number}.items()))
        shared = torch.arange(min(number, count))
        found = _at(spec, runs.run(resized, _recounted(spec, inputs, dim.name, number)), dim.name, shared)
        same(spec, trial, found, _at(spec, plain, dim.name, shared), f"as with {count} {dim.name} instead of {number}")


def _other_content(dim: Dim, runs: Runs, trial: Trial) -> None:
    spec = runs.case.spec
    inputs, others = runs.inputs(trial), runs.inputs(evolve(trial, seed=trial.seed + 1))
    kept = torch.arange(0, dict(trial.sizes)[dim.name], 2)
    mixed = dict(inputs)
    for param in spec.tensors:
        if dim.name in param.dims:
            axis = param.dims.index(dim.name)
            own = inputs[param.name].index_select(axis, kept)
            mixed[param.name] = others[param.name].clone().index_copy_(axis, kept, own)
    found = _at(spec, runs.run(trial, mixed), dim.name, kept)
    same(spec, trial, found, _at(spec, runs.plain(trial), dim.name, kept), f"as beside other {dim.name}")


def _counts(dim: Dim, budget: Budget, runs: Runs, trial: Trial, inputs: Inputs) -> Iterator[int]:
    """One, and a few of the sizes that the plans make interesting: others in each trial, and first those of plans
    that no other count has. Where the count decides how work is divided, plans differ.
    """
    case, sizes = runs.case, dict(trial.sizes)
    count = sizes[dim.name]
    less = evolve(budget, elements=budget.elements // SHARE)
    plans = [plan for plan in case.capture.plans if plan.dtype == trial.dtype]
    wanted = [each for each in interesting(dim, plans) if each > 1 and each != count]
    usable = [each for each in wanted if fits(case.spec, {**sizes, dim.name: each}, less)]
    turn = trial.seed * TURN % max(1, len(usable))
    met, first, later = {id(plan_for(case, trial, inputs))}, list[int](), list[int]()
    for number in (1, *usable[turn:], *usable[:turn]):
        resized = {**sizes, dim.name: number}
        if case.spec.nearest(resized) != resized:
            continue
        try:
            plan = plan_for(case, trial, _recounted(case.spec, inputs, dim.name, number))
        except Uncovered:
            continue
        (later if id(plan) in met else first).append(number)
        met.add(id(plan))
    chosen = [number for number in (*first, *later) if number > 1][:COUNTS]
    yield from [1, *chosen] if 1 in first + later else chosen


def _recounted(spec: Spec, inputs: Inputs, dim: str, number: int) -> dict[str, Any]:
    """Inputs of `number` places along `dim`: those that there are, over and over."""
    held = next(param for param in spec.tensors if dim in param.dims)
    count = inputs[held.name].shape[held.dims.index(dim)]
    return resized(spec, inputs, dim, torch.arange(number) % count)


def _at(spec: Spec, outputs: Outputs, dim: str, places: torch.Tensor) -> Outputs:
    taken = zip(spec.outputs, outputs, strict=True)
    return tuple(each.index_select(output.dims.index(dim), places) for output, each in taken)
