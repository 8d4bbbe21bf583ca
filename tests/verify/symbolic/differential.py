"""Prover and executor about the same kernel: what a run does, the prover's reading must have.

Some of the accesses of each run are looked for in the reading, at their sizes, program, lane and element. At the
sizes of a run that went wrong, each claim about the place is asked again with these sizes put in: if it follows even
so, the prover reads the kernel otherwise than the executor does, whether or not z3 would have managed the claim for
all sizes. One claim in `ASKED_IN_FULL` is also asked for all sizes, as the gates do, which questions what z3 is told
of products. `unfounded` asks the gates themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import ClassVar, Final
from unittest import mock

import torch
import z3
from attrs import evolve, frozen
from generated import LAYOUTS, Trial
from questions import BUDGET

from verify.executor import plan as executor
from verify.executor.layout import base, region
from verify.executor.machine import Request
from verify.executor.memory import Guarded
from verify.executor.modes import Fill, Mode, Unmodelled
from verify.executor.plan import run_plan
from verify.plan import Plan
from verify.symbolic import obligations
from verify.symbolic.coverage import coverage
from verify.symbolic.described import described
from verify.symbolic.encode import encode
from verify.symbolic.initial import initial
from verify.symbolic.memory import told
from verify.symbolic.obligations import IN_BOUNDS, Obligation, Way, lanes_of
from verify.symbolic.origins import written_by
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading, readings
from verify.symbolic.terms import FALSE, Renaming, Truth, atom, conj, equal, lane, negate, pid, poly
from verify.symbolic.witness import example
from verify.verdict import Outcome

STEPS: Final = 60_000  # of z3 for one question: nearly all are about what is false
ASKED_IN_FULL: Final = 6
ROUNDS: Final = 1 << 9  # iterations of all loops of a run; generated sizes are below 10, so more are endless ones
REPLAYED: Final = 1 << 12  # the same, at the sizes of a witness
KEPT: Final = 3  # accesses of a run that are looked for
MODEL: Final = evolve(BUDGET, rlimit=300_000, seconds=3)
FILLS: Final = (Fill.ZERO, Fill.HUGE, Fill.NAN)
GATES: Final = {
    "out-of-bounds": "bounds",
    "write-conflict": "races",
    "read-write-conflict": "races",
    "unwritten-read": "undefined",
}


@frozen
class Seen:
    """An access that a run made: where in the kernel, which element of which buffer, by whom, at which sizes."""

    place: str
    buffer: int
    element: int
    program: tuple[int, ...]
    lane: tuple[int, ...]
    sizes: tuple[tuple[str, int], ...]


@frozen
class Violation:
    """Something that went wrong in a run: the gate that must not vouch, for which places (all: none named)."""

    gate: str
    places: frozenset[str]
    sentence: str
    sizes: tuple[tuple[str, int], ...]


def has(trial: Trial, seen: Seen) -> bool:
    """Whether the prover's reading has the access, as far as z3 can tell."""
    for reading in readings(trial.asked.case):
        if reading.trace.unmodelled:
            return True
        numbers = [buffer.name for buffer in reading.plan.buffers]
        pinned = {atom("name", each): poly(value) for each, value in seen.sizes}
        pinned |= {pid(axis): poly(value) for axis, value in enumerate(seen.program)}
        pinned |= {lane(axis): poly(value) for axis, value in enumerate(seen.lane)}
        for access in reading.trace.accesses:
            window = reading.window(access)
            if str(access.place) != seen.place or numbers[seen.buffer - 1] != window.buffer:
                continue
            here = equal(access.offset + window.origin, seen.element)
            terms = (reading.facts, reading.instance(access), access.active, here)
            question = Renaming(pinned).truth(conj(*terms, *told(reading, terms)))
            if not _follows((question,), FALSE, lanes_of(reading, access), {}):
                return True
    return False


def disagreements(trial: Trial, observed: Iterable[Violation | Seen]) -> Iterator[str]:
    """What runs show to be false although the prover excludes it, or does not even ask about it."""
    seen: set[tuple[str, frozenset[str]]] = set()
    asked = cache(partial(obligated, trial))  # reading a kernel takes longer than most questions
    for found in observed:
        if isinstance(found, Seen):
            if not has(trial, found):
                yield f"the reading has no such access: {found}"
            continue
        if (found.gate, found.places) not in seen:
            seen.add((found.gate, found.places))
            if excludes(asked(found.gate), found, dict(found.sizes)) and _stands(asked, found):
                yield f"{found.gate} excludes it at these sizes, but {found.sentence}"
            elif len(found.sentence) % ASKED_IN_FULL == 0 and excludes(asked(found.gate), found, None):
                yield f"{found.gate} proved, but {found.sentence}"


def _stands(asked: Callable[[str], tuple[Obligation, ...] | None], found: Violation) -> bool:
    """Whether what the gate's claims rely on holds in that run, too: that accesses stay inside their views."""
    if not any(IN_BOUNDS in each.under for each in asked(found.gate) or ()):
        return True
    return excludes(asked("bounds"), evolve(found, places=frozenset()), dict(found.sizes))


def obligated(trial: Trial, gate: str) -> tuple[Obligation, ...] | None:
    """All that the gate asks about the trial; None where it cannot read a kernel, and so is UNKNOWN."""
    found = tuple(readings(trial.asked.case))
    if any(reading.trace.unmodelled for reading in found):
        return None
    return tuple(each for reading in found for each in ASKS[gate](reading))


def excludes(asked: tuple[Obligation, ...] | None, found: Violation, sizes: dict[str, int] | None) -> bool:
    """Whether all that the gate asks about the places follows: at these sizes, or (None) for all."""
    if asked is None:
        return False
    about = [each for each in asked if not found.places or str(each.place) in found.places]
    for each in about:
        if not any(_shown(each, way, sizes) for way in each.ways if not way.necessary):
            return False
    return bool(about or found.places)  # a gate that has nothing to ask is UNKNOWN


def _shown(obligation: Obligation, way: Way, sizes: dict[str, int] | None) -> bool:
    questions = [(way.assumptions or obligation.assumptions, way.goal), *way.also]
    for assumptions, goal in questions:
        known = (*assumptions, *told(obligation.reading, (*assumptions, goal)))
        if not _follows(known, goal, obligation.ranges, sizes):
            return False
    return True


def _follows(assumptions: tuple[Truth, ...], goal: Truth, ranges: Ranges, sizes: dict[str, int] | None) -> bool:
    """What `discharge` does, at one try each and in one context: making one takes the most time."""
    if ranges.decides(goal):
        return True
    question = conj(*assumptions, negate(goal))
    if sizes is not None:
        question = Renaming({atom("name", each): poly(value) for each, value in sizes.items()}).truth(question)
    for linear in (False,) if sizes is not None else (True, False):
        tried = z3.Solver()
        tried.set("rlimit", STEPS)
        tried.from_string(encode([question], ranges, linear)[0])
        if tried.check() == z3.unsat:
            return True
    return False


def _bounds(reading: Reading) -> Iterator[Obligation]:
    yield from obligations.bounds(reading)
    yield from described(reading)


def _undefined(reading: Reading) -> Iterator[Obligation]:
    yield from obligations.undefined(reading)
    yield from initial(reading)


def _coverage(reading: Reading) -> Iterator[Obligation]:
    writers = [step for step in reading.plan.steps if "y" in written_by(step)]
    if writers[-1:] == [reading.launch]:
        yield from coverage(reading, "y", (reading.view(reading.plan.outputs[0]),))


ASKS: Final[dict[str, Callable[[Reading], Iterator[Obligation]]]] = {
    "bounds": _bounds,
    "races": obligations.races,
    "overflow": obligations.overflow,
    "undefined": _undefined,
    "coverage": _coverage,
}


def observations(trial: Trial) -> Iterator[Violation | Seen]:
    """What goes wrong at the trial's points, and some accesses of runs in which all addresses are right.

    Nothing is said of a run that the executor does not follow.
    """
    domain = trial.asked.case.spec.domain()
    for n, m, layout in trial.points:
        sizes = {"N": n, "M": m, "x.stride0": 1, "t.stride0": 1}
        sizes |= dict(zip(("m.stride0", "m.stride1"), LAYOUTS[layout](m, n), strict=True))
        if domain.holds(sizes) and (trial.table(n) or not n):
            try:
                yield from _observed(trial.plan, _inputs(trial, sizes), sizes)
            except Unmodelled:
                continue


def _observed(plan: Plan, inputs: dict[str, torch.Tensor], sizes: dict[str, int]) -> Iterator[Violation | Seen]:
    named = tuple(sizes.items())
    with mock.patch.object(executor, "Guarded", Watched):
        Watched.requests.clear()
        first = run_plan(plan, inputs, Mode.FAITHFUL, fill=Fill.ZERO, sizes=sizes, steps=ROUNDS)
    faults = list(first.faults)
    wrapped = [fault for fault in faults if fault.kind == "wrapped-index"]
    if wrapped:  # all other claims are made as long as nothing wraps
        places = frozenset(re.findall(r"(?:kernel|second)\.py:\d+", wrapped[0].sentence))
        yield Violation("overflow", places, wrapped[0].sentence, named)
        return
    for fault in faults:
        places = frozenset(str(access.place) for access in fault.accesses) or frozenset({str(fault.place)})
        if fault.kind == "unwritten-read":  # asked of whoever should have written it
            places = frozenset()
        yield Violation(GATES[fault.kind], places, fault.sentence, named)
    if not any(fault.kind == "out-of-bounds" for fault in first.faults):  # beyond a tensor anything may be loaded
        yield from _seen(named)
    if faults:
        return
    at = ", ".join(f"{name}={value}" for name, value in named)
    if not bool(first.written[0].all()):
        yield Violation("coverage", frozenset(), f"at {at} y is not all written: {first.written[0].tolist()}", named)
    if any("tt.load" in variant.ttir for launch in plan.launches for variant in launch.variants):
        second = run_plan(plan, inputs, Mode.FAITHFUL, fill=Fill.NAN, sizes=sizes, steps=ROUNDS)
        same = (first.outputs[0] == second.outputs[0]) | ~first.written[0]
        if not bool(same.all()):
            text = f"at {at} y depends on what masked lanes hold: {second.outputs[0].tolist()}"
            yield Violation("undefined", frozenset(), text, named)


class Watched(Guarded):
    """Memory that remembers what is asked of it."""

    requests: ClassVar[list[Request]] = []

    def load(self, request: Request, other: torch.Tensor) -> torch.Tensor:
        self.requests.append(request)
        return super().load(request, other)

    def store(self, request: Request, values: torch.Tensor) -> None:
        self.requests.append(request)
        super().store(request, values)


def _seen(sizes: tuple[tuple[str, int], ...]) -> Iterator[Seen]:
    """A few of the accesses, picked evenly, the last one among them."""
    found = []
    for request in Watched.requests:
        shape = (request.batch.count, *request.shape)
        addresses, active = request.addresses.expand(shape), request.active.expand(shape)
        spots = active.nonzero()
        if len(spots):
            found += [(request, addresses, spots[at].tolist()) for at in (0, len(spots) // 2, -1)]
    for request, addresses, spot in found[:: -max(1, len(found) // KEPT)][:KEPT]:
        row, *where = spot
        address = int(addresses[tuple(spot)])
        number = int(region(torch.tensor(address)))
        element = (address - base(number)) // (request.element.bits // 8)
        yield Seen(str(request.place), number, element, tuple(request.batch.ids[row].tolist()), tuple(where), sizes)


def _inputs(trial: Trial, sizes: dict[str, int]) -> dict[str, torch.Tensor]:
    n, m = sizes["N"], sizes["M"]
    generator = torch.Generator().manual_seed(n * 31 + m)
    steps = sizes["m.stride0"], sizes["m.stride1"]
    held = torch.rand(1 + max(m - 1, 0) * steps[0] + max(n - 1, 0) * steps[1], generator=generator)
    return {
        "x": torch.rand(n, generator=generator),
        "m": held.as_strided((m, n), steps) if m * n else torch.empty_strided((m, n), steps),
        "t": torch.randint(0, trial.table(n) or 1, (n,), generator=generator, dtype=torch.int32),
    }


def unfounded(trial: Trial, observed: Iterable[Violation | Seen]) -> Iterator[str]:
    """Gates asked for real: nothing proved is seen to fail, and every witness at sizes that can be run fails again."""
    seen = {found.gate: found.sentence for found in observed if isinstance(found, Violation)}
    for gate in ASKS:
        verdicts = trial.asked.verdicts(gate, MODEL)
        if gate in seen and all(each.outcome is Outcome.PROVED for each in verdicts):
            yield f"{gate} is proved, but {seen[gate]}"
        for each in verdicts:
            if each.outcome is Outcome.REFUTED and (each.witness is None or not each.witness.sentence):
                yield f"{gate}: {each.claim} is refuted without a witness"
            elif each.witness is not None and each.witness.replayed == "executor":
                yield from _refuses(trial, gate, dict(each.witness.sizes), each.claim)


def _refuses(trial: Trial, gate: str, sizes: dict[str, int], claim: str) -> Iterator[str]:
    """A witness whose sizes show nothing in a run of the whole plan."""
    small = sizes["N"] <= 64 and sizes["M"] <= 64 and max(sizes.values()) <= 256
    if not small:
        return
    try:
        found = set(_shown_by(trial.plan, example(trial.asked.case.spec, trial.plan, sizes), sizes))
    except (Unmodelled, ValueError):
        return
    alike = {gate, "overflow", "bounds", *(["races"] if gate == "coverage" else [])}
    if not alike & found:
        yield f"{gate}: {claim} is refuted at {sizes}, where a run shows {sorted(found)}"


def _shown_by(plan: Plan, inputs: dict[str, torch.Tensor], sizes: dict[str, int]) -> Iterator[str]:
    """The gates that runs at these sizes speak against, whatever masked-off lanes hold. A fault hides no other."""
    first, *others = (run_plan(plan, inputs, Mode.FAITHFUL, fill=fill, sizes=sizes, steps=REPLAYED) for fill in FILLS)
    for run in (first, *others):
        yield from (GATES.get(fault.kind, "overflow") for fault in run.faults)
        if not bool(run.written[0].all()):
            yield "coverage"
        both = first.written[0] & run.written[0]
        alike = (first.outputs[0] == run.outputs[0]) | ~both
        if not bool((alike & (first.written[0] == run.written[0])).all()):
            yield "undefined"
