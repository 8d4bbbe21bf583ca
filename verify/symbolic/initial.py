"""Memory from `empty` holds anything: whatever reads it, an earlier step must have written all of what is read."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from verify.executor.traffic import traffic
from verify.ir.parse import parse
from verify.plan import Launch, Plan, PointerArgument, Step, View
from verify.symbolic.coverage import everywhere, matches
from verify.symbolic.obligations import IN_BOUNDS, Obligation, Way, lanes_of
from verify.symbolic.origins import written_by
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import FALSE


def initial(reading: Reading) -> Iterator[Obligation]:
    """What this launch leaves for later steps is written, and what it reads itself comes from earlier ones."""
    positions = [at for at, step in enumerate(reading.plan.steps) if step == reading.launch]
    yield from _read_here(reading, min(positions))
    for buffer, windows in _read_later(reading, positions).items():
        for each in everywhere(reading, buffer, tuple(windows)):  # an element that nobody reads is no fault here
            # That readers stay inside the views that are asked about is for another gate.
            under = (*each.under, IN_BOUNDS)
            yield evolve(each, faults=("undefined", "unwritten-read"), under=under, read=buffer)


def _read_here(reading: Reading, position: int) -> Iterator[Obligation]:
    """Loads (and atomics, which read too) from fresh memory that no launch before this one has written."""
    for access in reading.trace.accesses:
        window = reading.window(access)
        if access.kind == "store" or not _fresh(reading.plan, window.buffer):
            continue
        step = _writer(reading.plan, window.buffer, position)
        if isinstance(step, Launch) or (step is not None and matches(window, reading.view(step.target))):
            continue  # a launch is asked where it is read
        yield Obligation(
            reading,
            f"the {access.kind} reads no element of {window.buffer} that nobody has written",
            access.place,
            (reading.facts, reading.instance(access), access.active),
            (Way(FALSE, "never active"),) if step is None else (),
            lanes_of(reading, access),
            ("undefined", "unwritten-read"),
        )


def _read_later(reading: Reading, positions: list[int]) -> dict[str, list[Window]]:
    """Views that later steps read of fresh buffers which this launch is the last to write before them."""
    plan, found = reading.plan, dict[str, list[Window]]()
    for at, step in enumerate(plan.steps):
        for view in _reads(step):
            if _fresh(plan, view.buffer) and _written_last(plan, view.buffer, at, positions):
                windows = found.setdefault(view.buffer, [])
                if (window := reading.view(view)) not in windows:
                    windows.append(window)
    return found


def _written_last(plan: Plan, buffer: str, at: int, positions: list[int]) -> bool:
    writers = [earlier for earlier in range(at) if buffer in written_by(plan.steps[earlier])]
    return bool(writers) and writers[-1] in positions


def _writer(plan: Plan, buffer: str, position: int) -> Step | None:
    """The last step before the position that writes the buffer."""
    return next((step for step in reversed(plan.steps[:position]) if buffer in written_by(step)), None)


def _fresh(plan: Plan, buffer: str) -> bool:
    found = plan.buffer(buffer)
    return found.param is None and found.fill is None


def _reads(step: Step) -> list[View]:
    """The views that a step may read."""
    if not isinstance(step, Launch):
        return [step.source] if hasattr(step, "source") else list(step.inputs)
    views = []
    for variant in step.variants:
        loaded = traffic(parse(variant.ttir)).loaded
        for at, name in enumerate(variant.parameters):
            argument = step.argument(name)
            if isinstance(argument, PointerArgument) and (loaded is None or at in loaded):
                views.append(argument.view)
    return views
