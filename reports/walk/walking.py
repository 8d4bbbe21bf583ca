"""Which launches and variants to walk through, and the walk of each: what one program covers, then every step."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from attrs import evolve

from reports.text import listed
from reports.walk.accessing import Accesses
from reports.walk.sources import Sources
from reports.walk.spelling import Speller, named
from reports.walk.story import Walk
from reports.walk.telling import Teller, round_of
from reports.walk.tiles import tile
from verify.case import Case
from verify.ir.parse import ParseError, parse
from verify.ir.program import Program
from verify.plan import Copy, Launch, Plan, PointerArgument, Variant
from verify.symbolic.reading import Reading, read
from verify.symbolic.terms import Poly, of, pid, poly
from verify.symbolic.values import Lane

_AXES: Final = "xyz"


def walks(case: Case) -> tuple[Walk, ...]:
    """One walk for each kernel that some plan launches, in the order of the fullest plan.

    Of a kernel's variants it is the longest one, which assumes least; other sizes and dtypes may have other ones.
    A walk that fails says so: it must not cost the record.
    """
    chosen: dict[str, tuple[Plan, Launch]] = {}
    for plan in sorted(case.capture.plans, key=_length, reverse=True):
        for launch in plan.launches:
            chosen.setdefault(launch.kernel, (plan, launch))
    return tuple(_walk(case, plan, launch) for plan, launch in chosen.values())


def _length(plan: Plan) -> int:
    return sum(len(_fullest(launch).ttir) for launch in plan.launches)


def _fullest(launch: Launch) -> Variant:
    own = [variant for variant in launch.variants if variant.config == launch.variants[0].config]
    return max(own, key=lambda variant: len(variant.ttir))


def _walk(case: Case, plan: Plan, launch: Launch) -> Walk:
    variant = _fullest(launch)
    said = _variant(plan, launch, variant)
    try:
        reading = read(case.spec, plan, launch, variant)
        return _told(reading, parse(variant.ttir), said, case.candidate.path)
    except ParseError as error:
        return Walk(launch.kernel, said, unread=f"its IR is not read: {error}")
    except Exception:  # noqa: BLE001  prose that fails is a bug of ours, and no reason to lose what the gates found
        last = traceback.format_exc().strip().splitlines()
        return Walk(launch.kernel, said, unread=f"the walk failed: {last[-1]}")


def _variant(plan: Plan, launch: Launch, variant: Variant) -> str:
    parts = [plan.dtype, *(f"{name}={value}" for name, value in plan.choices.items())]
    parts += [f"{name}={value}" for name, value in variant.constants.items()]
    configs = len({each.config for each in launch.variants})
    parts += [f"the first of {configs} tuned configurations"] if configs > 1 else []
    cell = str(plan.cell)
    return ", ".join(parts) + ("" if cell == "true" or len(cell) > 200 else f"; where {cell}")


def _told(reading: Reading, program: Program, said: str, path: str) -> Walk:
    names = dict(zip((each.name for each in program.kernel.arguments), reading.variant.parameters, strict=True))
    sources = Sources(program, names)
    speller = _speller(reading, sources)
    own = {PurePath(path).name, f"{path.rpartition('.')[2]}.py"}  # of a file, or of a package's module
    teller = Teller(reading, sources, speller, Accesses(reading, sources, speller), own)
    teller.tell(program.kernel.body)
    count = sum(1 for _ in program.operations())
    return Walk(reading.launch.kernel, said, count, tuple(_program(reading, speller)), tuple(teller.steps))


def _speller(reading: Reading, sources: Sources) -> Speller:
    values = reading.trace.values
    labelled = [
        (name, content)
        for operation in sources.program.operations()
        if len(operation.results) == 1 and (name := sources.whole(operation.results[0]))
        for content in [values[operation.results[0].name].content if operation.results[0].name in values else None]
        if isinstance(content, Poly)
    ]
    rounds: dict[str, tuple[str, int]] = {}
    counters: dict[Poly, str] = {}
    for operation in sources.program.operations():
        if operation.name == "scf.for":
            counter = operation.regions[0].blocks[0].arguments[0]
            name = sources.name(counter)
            ends = (operation.operands[0], counter, operation.operands[2])
            low, index, step = (values.get(each.name, Lane()).content for each in ends)
            steps = step.constant if isinstance(step, Poly) else None
            own = bool(name) and low == poly(0) and steps is not None
            rounds[round_of(operation)] = (name, steps or 1) if own else (f"round{len(rounds) + 1}", 1)
            if name and not own and isinstance(index, Poly):
                counters[index] = name
    pointers = {
        argument.name: argument.view.buffer
        for argument in reading.launch.arguments
        if isinstance(argument, PointerArgument)
    }
    return Speller(_programs(reading, labelled), rounds, pointers, named(labelled), counters)


def _programs(reading: Reading, labelled: list[tuple[str, Poly]]) -> tuple[str, str, str]:
    """What the source calls its program ids; `p`, or `px` and so on where it gives them no name of their own."""
    several = sum(extent != poly(1) for extent in reading.trace.grid) > 1
    found = []
    for axis, letter in enumerate(_AXES):
        own = [name for name, value in labelled if value == of(pid(axis))]
        plain = [name for name in own if all(value == of(pid(axis)) for other, value in labelled if other == name)]
        found.append(plain[0] if plain else f"p{letter}" if several else "p")
    return found[0], found[1], found[2]


def _program(reading: Reading, speller: Speller) -> Iterator[str]:
    """How many programs there are, and what one of them writes."""
    axes = [(letter, extent) for letter, extent in zip(_AXES, reading.trace.grid, strict=True) if extent != poly(1)]
    if not axes:
        yield "One program does everything."
    else:
        counts = " × ".join(evolve(speller, variables={}).size(extent) for _, extent in axes)
        ids = [speller.programs[_AXES.index(letter)] for letter, _ in axes]
        yield f"{counts} programs, numbered by {listed(ids)}."
    yield from _memory(reading)
    for access in reading.trace.accesses:
        if access.kind != "load":
            lines = [str(line) for line in _loop_lines(access.loops)]
            loops = f"loop at line {lines[0]}" if len(lines) == 1 else f"loops at lines {listed(lines)}"
            rounds = f", in every round of the {loops}" if lines else ""
            verb = "stores" if access.kind == "store" else "atomically changes"
            yield f"One program {verb} {tile(reading, access, speller).text}{rounds} (line {access.place.line})."


def _memory(reading: Reading) -> Iterator[str]:
    """Which of the buffers are neither inputs nor outputs."""
    outputs = {view.buffer for view in reading.plan.outputs}
    shown = [each.view.buffer for each in reading.launch.arguments if isinstance(each, PointerArgument)]
    for name in dict.fromkeys(shown):
        if name not in outputs and reading.plan.buffer(name).param is None:
            copies = [each for each in reading.plan.steps if isinstance(each, Copy) and each.target.buffer == name]
            copied = listed(list(dict.fromkeys(each.source.buffer for each in copies)))
            yield f"{name} is memory that the host code makes{f' and copies {copied} to' if copied else ''}."


def _loop_lines(loops: tuple[object, ...]) -> list[int]:
    labels = [str(getattr(each, "label", "")).partition(":")[0] for each in loops]
    return [int(label) for label in labels if label.isdigit()]
