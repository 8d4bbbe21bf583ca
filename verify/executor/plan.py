"""Runs a whole plan on real tensors: allocations, launches over all programs, copies and glue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import torch
from attrs import frozen

from verify.executor import own
from verify.executor.binding import Inputs, bind, choose, dims, evaluated, shown
from verify.executor.faults import Fault, Log
from verify.executor.glue import glue
from verify.executor.launch import arguments, batches, grid_of, parsed, reached, run_batch, windows_of
from verify.executor.memory import FLOATING, Guarded, Storage
from verify.executor.modes import WIDE, Exhausted, Fill, Mode, Unbounded, Unmodelled, poison
from verify.executor.traffic import traffic
from verify.executor.windows import Window, window
from verify.ir.program import Scalar
from verify.plan import Buffer, Copy, Glue, Launch, Plan, View
from verify.verdict import Access, Place

STEPS: Final = 1 << 16  # iterations of a kernel's loops before they are called endless
_SCALARS: Final = {
    "float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "float8_e4m3fn": "f8E4M3FN",
    "float8_e5m2": "f8E5M2", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8", "uint8": "i8",
    "bool": "i1",
}  # fmt: skip


@frozen(eq=False)
class Execution:
    """What a run gave. `outputs` and `written` (which elements of them somebody wrote) have the output views'
    shapes; in EXACT64 floating outputs are float64, in BOUNDED pairs. No faults means that the run was clean."""

    outputs: tuple[torch.Tensor, ...]
    written: tuple[torch.Tensor, ...]
    faults: tuple[Fault, ...]
    sizes: Mapping[str, int]


def run_plan(
    plan: Plan,
    inputs: Inputs,
    mode: Mode,
    *,
    config: str = "",
    fill: Fill = Fill.NAN,
    order: int = 0,
    sizes: Mapping[str, int] | None = None,
    steps: int = STEPS,
) -> Execution:
    """Runs `plan` on CPU tensors and scalars by parameter name; the inputs themselves are not changed.

    `config` names an autotune configuration, `order` shuffles the programs (0: as they come), `sizes` adds
    names that no input's view tells. Raises Unmodelled for an operation without a meaning and for loops of more
    than `steps` iterations together, and ValueError for inputs that the plan is not for.
    """
    values = bind(plan, inputs) | dict(sizes or {})
    if not evaluated(plan.cell.holds, values, "the plan's conditions"):
        raise ValueError(f"the plan is not for {shown(values)}: it needs {plan.cell}")
    log, changed = Log(dims(plan, values)), _changed(plan, values, config)
    memory = Guarded(
        {
            number: _storage(number, buffer, inputs, values, mode, fill, buffer.name in changed)
            for number, buffer in enumerate(plan.buffers, start=1)
        },
        mode,
        log,
    )
    try:
        for step in plan.steps:
            if isinstance(step, Launch):
                _launch(plan, step, values, inputs, memory, mode, fill, config, order, steps)
            else:
                _host(plan, step, values, memory)
    except Exhausted as error:
        raise Unmodelled(f"loops of more than {error.steps} iterations", error.place) from None
    storages = {storage.name: storage for storage in memory.storages.values()}
    windows = [_window(view, storages[view.buffer], values) for view in plan.outputs]
    outputs, written = [], []
    for view, part in zip(plan.outputs, windows, strict=True):
        storage = storages[view.buffer]
        mine = plan.buffer(view.buffer).param is None  # else the cells may be the caller's
        outputs.append(part.on(storage.cells) if mine else part.on(storage.cells).clone())
        marks = torch.ones_like(storage.cells, dtype=torch.bool) if storage.written is None else storage.written
        written.append(part.on(marks))
    return Execution(tuple(outputs), tuple(written), tuple(log.found), values)


def _changed(plan: Plan, values: Mapping[str, int], config: str) -> frozenset[str]:
    """The buffers that a step may write to."""
    found: set[str] = set()
    for step in plan.steps:
        if isinstance(step, Launch):
            variant = choose(step, values, config)
            stored = reached(plan, step, variant, traffic(parsed(variant)).stored)
            found |= {
                buffer.name for number, buffer in enumerate(plan.buffers, 1) if stored is None or number in stored
            }
        else:
            found.add(step.target.buffer)
    return frozenset(found)


def _storage(
    number: int, buffer: Buffer, inputs: Inputs, values: Mapping[str, int], mode: Mode, fill: Fill, changed: bool
) -> Storage:
    dtype = kept(buffer.dtype, mode)
    if buffer.param is not None:
        tensor = inputs[buffer.param]
        assert isinstance(tensor, torch.Tensor)
        whole = Window(0, tuple(tensor.shape), tuple(tensor.stride()))
        flat = tensor.as_strided((whole.end,), (1,)) if whole.end else tensor.reshape(-1)
        # Views of a storage count from its first element, so cells that start elsewhere in memory are copied.
        return Storage(number, buffer.name, buffer.dtype, flat.to(dtype, copy=changed or flat.storage_offset() != 0))
    length = evaluated(buffer.elements.evaluate, values, f"the elements of {buffer.name}")
    if length < 0:
        raise ValueError(f"{buffer.name} has {length} elements for {shown(values)}")
    if buffer.fill is not None:
        return Storage(number, buffer.name, buffer.dtype, torch.full((length,), buffer.fill, dtype=dtype))
    scalar = Scalar(_SCALARS[buffer.dtype])
    held = poison(fill, scalar, Place(buffer.name, 0))
    wide = torch.float64 if scalar.floating else torch.int64
    cells = torch.tensor(held, dtype=wide).to(dtype).expand(length).clone()
    return Storage(number, buffer.name, buffer.dtype, cells, torch.zeros(length, dtype=torch.bool))


def kept(dtype: str, mode: Mode) -> torch.dtype:
    """The dtype of a buffer's cells."""
    if mode is not Mode.FAITHFUL and dtype in FLOATING:
        return WIDE[mode]
    found: torch.dtype = getattr(torch, dtype)
    return found


def _window(view: View, storage: Storage, values: Mapping[str, int]) -> Window:
    part = evaluated(partial(window, view), values, f"the view of {view.buffer}")
    if part.end > len(storage.cells) and not part.empty:
        raise ValueError(
            f"a view of {view.buffer} reaches element {part.end - 1} of {len(storage.cells)} for {shown(values)}"
        )
    if view.dtype not in ("", storage.dtype):
        raise Unmodelled(f"a view of {view.buffer} ({storage.dtype}) as {view.dtype}", Place(view.buffer, 0))
    return part


def _launch(
    plan: Plan, launch: Launch, values: Mapping[str, int], inputs: Inputs, memory: Guarded, mode: Mode,
    fill: Fill, config: str, order: int, steps: int,
) -> None:  # fmt: skip
    variant = choose(launch, values, config)
    program, grid = parsed(variant), grid_of(variant, values)
    flow = traffic(program)
    windows = windows_of(plan, launch, values)
    for number, parts in windows.items():
        length = len(memory.storages[number].cells)
        if any(part.end > length for part in parts if not part.empty):
            raise ValueError(f"{launch.kernel} is given a view beyond {memory.storages[number].name}")
    memory.begin(
        grid,
        windows,
        reached(plan, launch, variant, flow.stored),
        reached(plan, launch, variant, flow.loaded),
    )
    held = arguments(plan, launch, variant, program, values, inputs, mode)
    for batch in batches(grid, flow, order):
        run_batch(program, held, batch, memory, memory.log, mode, fill, steps)


def _host(plan: Plan, step: Copy | Glue, values: Mapping[str, int], memory: Guarded) -> None:
    """A copy or an allowed host operation."""
    storages = {storage.name: storage for storage in memory.storages.values()}
    views = (step.source,) if isinstance(step, Copy) else step.inputs
    sources = []
    for view in views:
        storage = storages[view.buffer]
        part = _window(view, storage, values)
        sources.append(part.on(storage.cells))
        if storage.written is not None and not bool(part.on(storage.written).all()):
            _unwritten(memory.log, storage, part, step)
    target = storages[step.target.buffer]
    part = _window(step.target, target, values)
    if memory.mode is Mode.BOUNDED:
        if isinstance(step, Glue):
            raise Unbounded("what the host computes", step.place)
        if target.dtype not in ("", storage.dtype):
            sources = [own.copied(sources[0], Scalar(_SCALARS[target.dtype]), step.place)]
    into = part.on(target.cells)
    into.copy_((sources[0] if isinstance(step, Copy) else glue(step, sources)).expand(into.shape))
    if target.written is not None:
        part.on(target.written).fill_(True)


def _unwritten(log: Log, storage: Storage, part: Window, step: Copy | Glue) -> None:
    elements = part.on(torch.arange(len(storage.cells)))
    assert storage.written is not None
    first = int(elements[~part.on(storage.written)].min())
    access = Access("load", storage.name, first, len(storage.cells), (0, 0, 0), (), step.place)
    what = "the copy" if isinstance(step, Copy) else step.operation
    log.add(
        "unwritten-read",
        f"{what} reads {storage.name}[{first}], which nobody has written",
        (access,),
        step.place,
    )
