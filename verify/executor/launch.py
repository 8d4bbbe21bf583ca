"""Starting one kernel: its arguments as values, and its grid cut into batches that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import torch

from verify.executor.binding import Inputs, argument, evaluated
from verify.executor.constants import handed
from verify.executor.control import invoke
from verify.executor.faults import Log
from verify.executor.lanes import Held, Lanes, TensorDescriptor, Wrap
from verify.executor.layout import base
from verify.executor.machine import Batch, Machine, Memory
from verify.executor.meanings import BOUNDED, MEANINGS
from verify.executor.modes import Fill, Mode, Unmodelled, apart, lane_type
from verify.executor.traffic import Traffic, traffic
from verify.executor.widths import fit
from verify.executor.windows import Window, window
from verify.ir.parse import parse
from verify.ir.program import Program, Scalar, Value, element_of
from verify.plan import FloatArgument, IntegerArgument, Launch, Plan, PointerArgument, Variant

LANES = 1 << 19  # of one value in one batch: 4 MiB of float64, which caches still help with
ALL_LANES = 1 << 25  # of all values in one batch: 256 MiB
PROGRAMS = 1 << 27  # of one grid: their numbers alone take a gigabyte


def grid_of(variant: Variant, values: Mapping[str, int]) -> tuple[int, int, int]:
    x, y, z = (evaluated(part.evaluate, values, "the grid's sizes") for part in variant.grid)
    return x, y, z


def batches(grid: tuple[int, int, int], flow: Traffic, order: int) -> Iterator[Batch]:
    """All programs of a grid in batches. Order 0 counts along x first; another number seeds a shuffle.

    Raises ValueError for a grid of more than PROGRAMS: a counterexample may have one.
    """
    total = max(0, grid[0]) * max(0, grid[1]) * max(0, grid[2])
    if total > PROGRAMS:
        raise ValueError(f"a grid of {total} programs is too large to be run")
    numbers = torch.arange(total)
    if order:
        numbers = numbers[torch.randperm(total, generator=torch.Generator().manual_seed(order))]
    together = max(1, min(LANES // flow.widest, ALL_LANES // flow.lanes))
    for part in torch.split(numbers, together) if total else ():
        yield batch(grid, part)


def batch(grid: tuple[int, int, int], numbers: torch.Tensor) -> Batch:
    x, y, _ = grid
    ids = torch.stack([numbers % x, numbers // x % y, numbers // (x * y)], dim=1)
    return Batch(grid, ids, numbers)


def windows_of(plan: Plan, launch: Launch, values: Mapping[str, int]) -> dict[int, tuple[Window, ...]]:
    """For each buffer that the launch is given, by number, the windows that it is given of it."""
    numbers = {buffer.name: number for number, buffer in enumerate(plan.buffers, start=1)}
    found: dict[int, tuple[Window, ...]] = {}
    for item in launch.arguments:
        if isinstance(item, PointerArgument):
            number = numbers[item.view.buffer]
            seen = evaluated(partial(window, item.view), values, "the views' sizes")
            if seen not in found.get(number, ()):
                found[number] = (*found.get(number, ()), seen)
    return found


def reached(plan: Plan, launch: Launch, variant: Variant, positions: frozenset[int] | None) -> frozenset[int] | None:
    """The numbers of the buffers behind the kernel's arguments at `positions`; None stays None."""
    if positions is None:
        return None
    numbers = {buffer.name: number for number, buffer in enumerate(plan.buffers, start=1)}
    items = [launch.argument(variant.parameters[position]) for position in sorted(positions)]
    return frozenset(numbers[item.view.buffer] for item in items if isinstance(item, PointerArgument))


def arguments(
    plan: Plan, launch: Launch, variant: Variant, program: Program, values: Mapping[str, int], inputs: Inputs,
    mode: Mode,
) -> list[Held]:  # fmt: skip
    """The values of the kernel's parameters, the same for all programs."""
    parameters = program.kernel.arguments
    if len(parameters) != len(variant.parameters):
        raise ValueError(f"{launch.kernel} takes {len(parameters)} arguments, the plan gives {len(variant.parameters)}")
    numbers = {buffer.name: number for number, buffer in enumerate(plan.buffers, start=1)}
    held: list[Held] = []
    for parameter, name in zip(parameters, variant.parameters, strict=True):
        item = launch.argument(name)
        if isinstance(item, PointerArgument):
            buffer = plan.buffer(item.view.buffer)
            dtype: torch.dtype = getattr(torch, buffer.dtype)
            offset = evaluated(item.view.offset.evaluate, values, "the views' offsets") * dtype.itemsize
            start = Lanes(torch.tensor([base(numbers[buffer.name]) + offset]))
            held.append(_descriptor(item, start, values) if item.block else start)
        elif isinstance(item, IntegerArgument):
            held.append(_integer(launch, item, parameter, evaluated(item.value.evaluate, values, name)))
        else:
            held.append(_float(launch, item, parameter, inputs, mode))
    return held


def _descriptor(item: PointerArgument, start: Lanes, values: Mapping[str, int]) -> TensorDescriptor:
    seen = evaluated(partial(window, item.view), values, "the views' sizes")
    sizes, strides = (tuple(Lanes(torch.tensor([each])) for each in part) for part in (seen.sizes, seen.strides))
    return TensorDescriptor(start, sizes, strides, item.padding == "nan")


def _integer(launch: Launch, item: IntegerArgument, parameter: Value, number: int) -> Lanes:
    scalar = element_of(parameter.type)
    if not isinstance(scalar, Scalar) or not scalar.integer:
        raise Unmodelled(f"the integer {item.name} as {parameter.type}", launch.place)
    data, wrapped = fit(torch.tensor([number]), scalar.bits)
    if wrapped is None:
        return Lanes(data)
    return Lanes(data, Wrap(wrapped, launch.place, f"the argument {item.name} = {number} as {scalar}"))


def _float(launch: Launch, item: FloatArgument, parameter: Value, inputs: Inputs, mode: Mode) -> Lanes:
    if not item.known:
        raise Unmodelled(f"the float {item.name} that the host code computes", launch.place)
    scalar = element_of(parameter.type)
    if not isinstance(scalar, Scalar) or not scalar.floating:
        raise Unmodelled(f"the float {item.name} as {parameter.type}", launch.place)
    told = torch.tensor([argument(item, inputs)], dtype=torch.float64)
    rounded = told.to(lane_type(scalar, Mode.FAITHFUL, launch.place))
    if mode is Mode.FAITHFUL:
        return Lanes(rounded)
    # A parameter of the spec is what the caller gives, to the last digit.
    exact = told if item.param else torch.tensor([handed(float(told), scalar)], dtype=torch.float64)
    return Lanes(exact if mode is Mode.EXACT64 else apart(exact, rounded))


def run_batch(
    program: Program, held: list[Held], batch: Batch, memory: Memory, log: Log, mode: Mode, fill: Fill,
    steps: int,
) -> None:  # fmt: skip
    """Runs the kernel for the programs of one batch."""
    unused = traffic(program).unused
    meanings = BOUNDED if mode is Mode.BOUNDED else MEANINGS
    machine = Machine(program, meanings, mode, fill, memory, log, batch, steps, unused)
    invoke(machine, program.kernel, held)


def parsed(variant: Variant) -> Program:
    return parse(variant.ttir)
