"""Replays a counterexample: only the programs it names, at any sizes, on memory that is never allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch

from verify.executor.binding import evaluated, shown
from verify.executor.faults import Fault, Log
from verify.executor.launch import arguments, grid_of, parsed, reached, run_batch, windows_of
from verify.executor.layout import HALF
from verify.executor.machine import Batch
from verify.executor.modes import Exhausted, Fill, Mode
from verify.executor.phantom import Crowded, Ghost, Phantom
from verify.executor.traffic import traffic
from verify.executor.windows import Undecided
from verify.plan import Launch, Plan, Variant

STEPS: Final = 1 << 14  # iterations of loops


class NotReplayed(Exception):
    """The replay could not be carried through; says nothing for or against the counterexample."""


def replay(
    plan: Plan,
    launch: Launch,
    variant: Variant,
    sizes: Mapping[str, int],
    programs: Sequence[tuple[int, int, int]],
    loaded: int = 0,
    *,
    steps: int = STEPS,
) -> tuple[Fault, ...]:
    """The faults of `programs` of one launch under `sizes` (every name that the plan's expressions use).

    Each active access is checked against the elements of the launch's views, index arithmetic for wraps, and
    the programs' accesses against each other. Loads give `loaded`. Raises NotReplayed where a loop takes more
    than `steps` iterations before a fault, or the sizes exceed any memory; Unmodelled for operations without
    a meaning; ValueError for programs outside of the grid or missing sizes.
    """
    program, grid = parsed(variant), grid_of(variant, sizes)
    for ids in programs:
        if not all(0 <= index < length for index, length in zip(ids, grid, strict=True)):
            raise ValueError(f"program {ids} is not in the grid {grid} for {shown(sizes)}")
    if not programs or len(set(programs)) != len(programs):
        raise ValueError("a replay needs at least one program, and each only once")
    log = Log({name: value for name, value in sizes.items() if "." not in name})
    memory = Phantom(_ghosts(plan, launch, variant, sizes), loaded, log)
    batch = Batch(grid, torch.tensor(list(programs)), torch.arange(len(programs)))
    held = arguments(plan, launch, variant, program, sizes, {}, Mode.FAITHFUL)
    reason = ""
    try:
        run_batch(program, held, batch, memory, log, Mode.FAITHFUL, Fill.ZERO, steps)
    except Exhausted as error:
        reason = str(error)
    except Crowded:
        reason = "the programs make too many accesses to compare"
    except Undecided:
        reason = "a view's strides overlap in a way that takes too long to search"
    memory.settle()
    if reason and not log.found:
        raise NotReplayed(reason)
    return tuple(log.found)


def _ghosts(plan: Plan, launch: Launch, variant: Variant, sizes: Mapping[str, int]) -> dict[int, Ghost]:
    flow = traffic(parsed(variant))
    stored = reached(plan, launch, variant, flow.stored)
    loaded = reached(plan, launch, variant, flow.loaded)
    ghosts: dict[int, Ghost] = {}
    for number, windows in windows_of(plan, launch, sizes).items():
        buffer = plan.buffers[number - 1]
        dtype: torch.dtype = getattr(torch, buffer.dtype)
        elements = max((part.end for part in windows if not part.empty), default=0)
        if buffer.param is None:
            elements = evaluated(buffer.elements.evaluate, sizes, f"the elements of {buffer.name}")
        if any(part.end > elements for part in windows if not part.empty):
            raise ValueError(f"{launch.kernel} is given a view beyond {buffer.name} for {shown(sizes)}")
        if elements * dtype.itemsize >= HALF:
            raise NotReplayed(f"{buffer.name} would have {elements} elements, more than any memory")
        ghosts[number] = Ghost(
            buffer.name, dtype.itemsize, elements, windows,
            stored is None or number in stored, loaded is None or number in loaded,
        )  # fmt: skip
    return ghosts
