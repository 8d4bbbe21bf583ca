"""From a solver's model to a witness: the counterexample is run in the executor, or it is no counterexample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, pairwise
from math import prod
from typing import Any, Final, TypeAlias

from attrs import evolve

from specs.sizes import all_of
from specs.spec import ELEMENT, FloatParam, SizeParam, Spec, TensorParam, Values
from verify.executor.faults import Fault
from verify.executor.modes import Fill, Mode, Unmodelled
from verify.executor.plan import Execution, run_plan
from verify.executor.replay import STEPS, NotReplayed, replay
from verify.numerics.inputs import told
from verify.plan import Plan
from verify.symbolic.control import WHILE
from verify.symbolic.evaluate import OPERATIONS, evaluate
from verify.symbolic.memory import Loaded
from verify.symbolic.obligations import GRID_LIMITS, Obligation
from verify.symbolic.origins import pointer
from verify.symbolic.reading import Reading
from verify.symbolic.terms import Atom, closure
from verify.verdict import Held, Run, Witness

LARGEST: Final = 1 << 22  # elements of a tensor that a replay makes
ROUNDS: Final = 1 << 13  # iterations of loops in a run of the whole plan: a gate ends, whatever a kernel does
MOST_LANES: Final = 1 << 22  # lanes times iterations that a loop's replay runs


def witness(obligation: Obligation, model: Mapping[Atom, int]) -> Witness | str:
    """The replayed witness, or why the model is none."""
    reading = obligation.reading
    known = {each.label: value for each, value in model.items() if each.kind == "name"}
    names = [dim.name for dim in reading.spec.dims]
    names += sorted(reading.spec.names() - set(names))
    sizes = {name: known.get(name, 1) for name in names} | known
    found = _shown_at(obligation, model, sizes)
    if isinstance(found, str) and obligation.read:  # where something is empty, what was left out may not be read
        more = sizes | {dim.name: max(sizes[dim.name], 1) for dim in reading.spec.dims}
        where = all_of(reading.spec.domain(), reading.plan.cell, reading.variant.condition)
        if where.names() <= more.keys() and where.holds(more):
            again = _shown_at(obligation, model, more)
            return found if isinstance(again, str) else again
    return found


def _shown_at(obligation: Obligation, model: Mapping[Atom, int], sizes: Mapping[str, int]) -> Witness | str:
    reading = obligation.reading
    try:
        found = _replayed(obligation, model, sizes)
    except (NotReplayed, Unmodelled, ValueError) as error:
        return f"a candidate counterexample at {_shown(reading.spec, sizes)} could not be replayed: {error}"
    if isinstance(found, str):
        return found
    run = Run(reading.plan.dtype, reading.plan.chosen, reading.variant.config)
    shown = tuple((name, sizes[name]) for name in sorted(reading.spec.names()))
    held = (*(found.held or _inputs(reading, sizes)), *_results(reading, sizes))
    return evolve(found, sizes=shown, run=run, held=held)


def _replayed(obligation: Obligation, model: Mapping[Atom, int], sizes: Mapping[str, int]) -> Witness | str:
    if "grid" in obligation.faults:
        return _grid(obligation, sizes)
    if {"descriptor", "view", "threads", "hint"} & set(obligation.faults):
        return _by_arithmetic(obligation, sizes, model) or "a candidate counterexample that no arithmetic bears out"
    shown = _by_arithmetic(obligation, sizes, model) if "denied" in obligation.faults else None
    if shown or "denied" in obligation.faults[-1:]:  # no run shows that a number is not as it should be
        return shown or "a candidate counterexample that no arithmetic bears out"
    if {"unwritten", "undefined"} & set(obligation.faults):
        return _whole(obligation, sizes)
    try:
        return _programs(obligation, sizes, model)
    except NotReplayed:
        shown = _by_arithmetic(obligation, sizes, model) if "wrapped-index" in obligation.faults else None
        if shown is None:
            raise
        return shown


def _inputs(reading: Reading, sizes: Mapping[str, int]) -> Iterator[Held]:
    """The inputs of a run whose values do not matter."""
    for param in reading.spec.tensors:
        strides = tuple(sizes[param.stride(axis)] for axis in range(len(param.dims)))
        dtype = reading.plan.dtype if param.dtype == ELEMENT else param.dtype
        yield Held(param.name, dtype, tuple(sizes[dim] for dim in param.dims), strides)


def _results(reading: Reading, sizes: Mapping[str, int]) -> Iterator[Held]:
    for view in reading.plan.outputs:
        buffer = reading.plan.buffer(view.buffer)
        told = frozenset[str]().union(*(each.names() for each in (*view.sizes, *view.strides)))
        if buffer.param is None and told <= sizes.keys():
            extents, strides = ([each.evaluate(sizes) for each in own] for own in (view.sizes, view.strides))
            yield Held(view.buffer, buffer.dtype, tuple(extents), tuple(strides))


def _programs(obligation: Obligation, sizes: Mapping[str, int], model: Mapping[Atom, int]) -> Witness | str:
    """Run the programs that the model names; the whole plan, where what they do depends on what they load.

    A replay on memory that is not there gives every load the same value, which an earlier launch may never store.
    """
    reading = obligation.reading
    truths = [*obligation.assumptions, *(way.goal for way in obligation.ways)]
    held: tuple[Held, ...] = ()
    if any(each.kind in ("load", "opaque") for each in closure(truths)):
        inputs = example(reading.spec, reading.plan, sizes, elements(obligation, model))
        held = told(reading.spec, inputs)
        faults = run_plan(
            reading.plan, inputs, Mode.FAITHFUL, config=reading.variant.config, sizes=sizes, steps=ROUNDS
        ).faults
    else:
        programs = [_program(model, mark) for mark in ("", "'")[: obligation.copies]]
        addresses = {f"{param.name}.address": 0 for param in reading.spec.tensors}
        distinct = list(dict.fromkeys(programs))
        tile = max([prod(access.shape) for access in reading.trace.accesses], default=1)
        steps = min(STEPS, max(1, MOST_LANES // tile))
        faults = replay(reading.plan, reading.launch, reading.variant, addresses | dict(sizes), distinct, steps=steps)
    for fault in faults:
        if fault.kind in obligation.faults and _concerns(fault, obligation):
            return Witness(fault.sentence, "executor", (), fault.accesses, fault.place, held=held)
    return f"a candidate counterexample at {_shown(reading.spec, sizes)} did not replay"


def _by_arithmetic(obligation: Obligation, sizes: Mapping[str, int], model: Mapping[Atom, int]) -> Witness | None:
    """What no run shows, worked out with exact integers: a wrap too many iterations into a loop, a descriptor.

    That is as good only where every unknown is a size, a program or a counter of a counting loop: its earlier
    iterations are then sure to happen. None otherwise, or where the arithmetic does not bear the model out.
    """
    reading, claim = obligation.reading, obligation.ways[-1]
    truths = (*(claim.assumptions or obligation.assumptions), claim.goal)
    leaves = {each: model.get(each, 0) for each in closure(truths) if each.kind not in OPERATIONS}
    counters = [each for each in leaves if each.kind == "iter"]
    known = all(each.kind in ("name", "pid", "lane", "iter") for each in leaves)
    if claim.sufficient or not known or any(WHILE in each.label for each in counters):
        return None
    try:
        *assumed, goal = (evaluate(truth, leaves) for truth in truths)
    except ZeroDivisionError:  # something else is divided by zero there
        return None
    if not all(assumed) or goal:
        return None
    rounds = "".join(f", iteration {leaves[each]}" for each in counters if "element" not in each.label)
    told = obligation.claim
    for claimed, denied in DENIED:
        told = told.replace(claimed, denied)
    where = [_shown(reading.spec, sizes), *_strides(reading.spec, sizes, leaves)]
    who = f", program {_program(model, '')[0]}" if any(each.kind == "pid" for each in leaves) else ""
    text = f"{', '.join(where)}{who}{rounds}: {told} ({obligation.place})"
    return Witness(text, "arithmetic", place=obligation.place)


DENIED: Final = (
    (" does not wrap in ", " leaves "),
    (" has at most ", " has more than "),
    (" lies inside ", " does not lie inside "),
    (" is defined and true", " is not true"),
    (" is defined and not zero", " is zero"),
    (" is defined and positive", " is not positive"),
    (" is defined and inside its tensor", " is not inside its tensor"),
    (" is 1 ", " is not 1 "),
    (" are multiples ", " are no multiples "),
    (" starts at ", " does not start at "),
)


def _strides(spec: Spec, sizes: Mapping[str, int], leaves: Mapping[Atom, int]) -> list[str]:
    """The strides that a claim speaks of, for people."""
    spoken = {each.label for each in leaves if each.kind == "name"} - {dim.name for dim in spec.dims}
    return [f"{name}={sizes[name]}" for name in sorted(spoken & sizes.keys())]


def _concerns(fault: Fault, obligation: Obligation) -> bool:
    """Whether the fault is about the obligation's operation: there, where a wrapped value was computed, or where what
    the operation did not write is read."""
    here = str(obligation.place)
    places = {str(fault.place), *(str(access.place) for access in fault.accesses)}
    read = obligation.read in {access.buffer for access in fault.accesses}
    return here in places or read or f"wraps at {here} " in fault.sentence


def _program(model: Mapping[Atom, int], mark: str) -> tuple[int, int, int]:
    values = {each.label: value for each, value in model.items() if each.kind == "pid"}
    x, y, z = (values.get(axis + mark, values.get(axis, 0)) for axis in "xyz")
    return x, y, z


def _grid(obligation: Obligation, sizes: Mapping[str, int]) -> Witness | str:
    reading = obligation.reading
    for axis, (extent, limit) in enumerate(zip(reading.variant.grid, GRID_LIMITS, strict=True)):
        programs = extent.evaluate(sizes)
        if not 0 <= programs <= limit:
            text = (
                f"{_shown(reading.spec, sizes)}: grid axis {'xyz'[axis]} of {reading.launch.kernel} has {programs} "
                f"programs, at most {limit} can start ({reading.launch.place})"
            )
            return Witness(text, "host", place=reading.launch.place)
    return "the grid is within its limits there"


def _whole(obligation: Obligation, sizes: Mapping[str, int]) -> Witness | str:
    """Run the plan at these sizes: every element must be written, and none may depend on what nobody wrote."""
    reading = obligation.reading
    inputs = example(reading.spec, reading.plan, sizes)

    def run(fill: Fill) -> Execution:
        config = reading.variant.config
        return run_plan(reading.plan, inputs, Mode.FAITHFUL, config=config, fill=fill, sizes=sizes, steps=ROUNDS)

    where = _shown(reading.spec, sizes)
    held, first = told(reading.spec, inputs), run(Fill.ZERO)
    names = [spec.name for spec in reading.spec.outputs] or [view.buffer for view in reading.plan.outputs]
    if "unwritten" in obligation.faults:
        for name, written in zip(names, first.written, strict=True):
            if not bool(written.all()):
                text = f"{where}: no program writes {name}{_first(~written)} ({obligation.place})"
                return Witness(text, "executor", place=obligation.place, held=held)
        return f"a candidate counterexample at {where} did not replay"
    for fault in first.faults:
        if fault.kind in obligation.faults and _concerns(fault, obligation):
            return Witness(fault.sentence, "executor", (), fault.accesses, fault.place, held=held)
    for other in () if obligation.read else (run(Fill.HUGE), run(Fill.NAN)):
        for at, name in enumerate(names):
            same = _same(first, other, at)
            if not bool(same.all()):
                text = f"{where}: {name}{_first(~same)} depends on what masked-off lanes hold"
                return Witness(f"{text} ({obligation.place})", "executor", place=obligation.place, held=held)
    return f"a candidate counterexample at {where} did not replay"


def _same(one: Execution, two: Execution, at: int) -> Any:
    """Where an output is the same in both runs: what neither wrote is what memory held, and tells of no lane."""
    left, right, wrote = one.outputs[at], two.outputs[at], one.written[at]
    return (wrote == two.written[at]) & (~wrote | (left == right) | ((left != left) & (right != right)))


def _first(mask: Any) -> str:
    index = mask.nonzero()[0].tolist()
    return f"[{', '.join(map(str, index))}]" if index else ""


Elements: TypeAlias = Mapping[tuple[int, ...], int]  # the index of an element, and its value


def elements(obligation: Obligation, model: Mapping[Atom, int]) -> Mapping[str, Elements]:
    """The elements that integer inputs hold in the model, by parameter."""
    reading, found = obligation.reading, dict[str, dict[tuple[int, ...], int]]()
    leaves = {each: value for each, value in model.items() if each.kind not in OPERATIONS}
    for each in model:
        if each.kind == "load" and pointer(each) in reading.inputs:
            loaded = Loaded.read(reading, each, {})
            split = loaded.split
            if split is None:
                split = (loaded.at,)
            index = tuple(int(evaluate(at, leaves)) for at in split)
            found.setdefault(loaded.source, {})[index] = model[each]
    return found


def example(
    spec: Spec, plan: Plan, sizes: Mapping[str, int], held: Mapping[str, Elements] | None = None
) -> dict[str, Any]:
    """Plain inputs of these sizes and strides: floats in 0.5..1.5, integers at the low end of their domain.

    `held` gives elements of integer inputs other values. Raises NotReplayed where these are none of the domain.
    """
    import torch

    inputs: dict[str, Any] = dict(plan.choices)
    for param in spec.params:
        if isinstance(param, FloatParam):
            inputs[param.name] = param.samples[0]
        elif isinstance(param, SizeParam):
            inputs[param.name] = sizes[param.name]
        if not isinstance(param, TensorParam):
            continue
        shape = [sizes[dim] for dim in param.dims]
        strides = [sizes[param.stride(axis)] for axis in range(len(shape))]
        extent = 1 + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
        if max(extent, 1) > LARGEST or (0 not in shape and _count(shape) > LARGEST):
            raise NotReplayed(f"{param.name} would have {extent} elements")
        dtype = getattr(torch, plan.dtype if param.dtype == ELEMENT else param.dtype)
        if dtype.is_floating_point:
            storage = (torch.rand(max(extent, 0), generator=torch.Generator().manual_seed(0)) + 0.5).to(dtype)
        else:
            storage = torch.zeros((max(extent, 0),), dtype=dtype)
            if 0 not in shape:
                _place(storage.as_strided(shape, strides), param, sizes, (held or {}).get(param.name, {}))
        inputs[param.name] = storage.as_strided(shape, strides) if 0 not in shape else storage.new_empty(shape)
    return inputs


def _place(view: Any, param: TensorParam, sizes: Mapping[str, int], held: Elements) -> None:
    """Fill an integer input: the least values of its domain, but what is held where it is held."""
    import torch

    values = param.values
    low, high = (None if end is None else end.evaluate(sizes) for end in (values.low, values.high))
    start = low if low is not None else 0 if high is None else min(0, high - 1)
    if values.also and high is not None and start >= high:
        start = values.also[0]
    view.fill_(start)
    if values.unique:
        view.copy_(start + torch.arange(view.shape[-1]))
    rows: dict[tuple[int, ...], dict[int, int]] = {}
    for index, value in held.items():
        if len(index) == view.dim() and all(0 <= at < length for at, length in zip(index, view.shape, strict=True)):
            rows.setdefault(index[:-1], {})[index[-1]] = value
    for row, known in rows.items():
        filled = list(_row(start, values, known, view.shape[-1]))
        if (
            not all(_allowed(value, low, high) or value in values.also for value in filled)
            or (values.unique and len(set(filled)) < len(filled))
            or (values.sorted and any(one > other for one, other in pairwise(filled)))
        ):
            raise NotReplayed(f"the values of {param.name} that it needs are not in its domain")
        view[row] = torch.tensor(filled, dtype=view.dtype)


def _allowed(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value < high)


def _row(start: int, values: Values, known: Mapping[int, int], length: int) -> Iterator[int]:
    """A row that holds what is known, and otherwise the least values that may stand there."""
    taken, last = set(known.values()), start - values.unique
    fresh = (value for value in count(start) if value not in taken)
    for at in range(length):
        if at in known:
            last = known[at]
        elif values.sorted:
            last += values.unique
        else:
            last = next(fresh) if values.unique else start
        yield last


def _count(shape: list[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


def _shown(spec: Spec, sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{dim.name}={sizes[dim.name]}" for dim in spec.dims)
