"""Time one workload: kernel, kernel again and rivals in random order, each round on the same fresh inputs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import torch
from attrs import define, frozen

from specs.spec import Spec, Workload
from synth.bench.baselines import Rival, Running
from synth.bench.clock import Sample
from synth.bench.device import state
from synth.bench.floor import Ceilings, Limit, floor, impossible, limit, work_of
from synth.bench.results import AGAIN, KERNEL, Rejected, Run, Wrong
from synth.bench.statistics import FEWEST
from verify.native.accept import objection
from verify.native.inputs import blank, refill
from verify.native.launch import Compile, Prepared, configurations, names_of, plan_for, prepare
from verify.native.memory import same_bits
from verify.native.parts import Part, parts
from verify.plan import Launch, Plan

SETS: Final = 3  # of input buffers, taken in turn
MOST_DROPPED: Final = 0.25  # of the rounds; beyond it the machine is too restless to say anything
WARM_UP_SECONDS: Final = 0.4
TUNING_SAMPLES: Final = 7
BEFORE: Final = "before timing"
CHECK_SECONDS: Final = 5.0  # for timed outputs against the float64 reference, a workload
FEWEST_CHECKED: Final = 3  # rounds, whatever they take
# A large work is compared in parts, drawn anew for each check, as many as fit into so many seconds but at least one.
FIRST_SECONDS: Final = 10.0
OTHER_SECONDS: Final = 1.0


class Timer(Protocol):
    """What a contest asks of a clock (`synth.bench.clock.Clock`)."""

    def sample(self, work: Callable[[], object]) -> Sample: ...

    def warm_up(self, works: list[Callable[[], object]], seconds: float) -> None: ...


@frozen(eq=False)
class Bench:
    """The means of a run: where tensors live, how kernels are compiled and started, who keeps the time."""

    timer: Timer
    ceilings: Ceilings
    compile: Compile
    start: Callable[[Callable[[], object]], tuple[Callable[[], object], str]]
    generator: torch.Generator
    shuffle: random.Random
    device: str = "cuda"
    rounds: int = 60


@define(eq=False)
class Lane:
    """One contestant on one set of inputs."""

    work: Callable[[], object]
    bound: Prepared | Running


@define(eq=False)
class Contestant:
    name: str
    lanes: list[Lane]
    started: str
    kernel: bool


def contest(bench: Bench, spec: Spec, plans: tuple[Plan, ...], load: Workload, rivals: tuple[Rival, ...]) -> Run:
    """Times of one workload. Raises Rejected when they must not count, LaunchError when no plan fits."""
    sets = [blank(spec, load.sizes, load.dtype, bench.device, choices=load.choices) for _ in range(SETS)]
    for inputs in sets:
        refill(spec, inputs, load.sizes, bench.generator)
    plan = plan_for(plans, spec, sets[0], names_of(spec, sets[0]))
    configs = _tune(bench, spec, plan, sets[0])
    notes: list[str] = []
    if (every := len(parts(spec, load.sizes))) > 1:
        notes.append(f"each check of outputs compares some of {every} parts of the work, drawn at random")
    field = [_kernel(bench, spec, plan, sets, configs, name) for name in (KERNEL, AGAIN)]
    field += _rivals(bench, spec, rivals, sets, notes)
    least = floor(work_of(spec, load), load.dtype, bench.ceilings)

    _check_kernels(bench, spec, load, field, sets, BEFORE)
    bench.timer.warm_up([contestant.lanes[0].work for contestant in field], WARM_UP_SECONDS)
    before = state()
    tally = _rounds(bench, spec, load, field, sets, least)
    after = state()
    _check_kernels(bench, spec, load, field, sets, "after timing")

    work = work_of(spec, load)
    return Run(
        load.name,
        load.dtype,
        dict(load.sizes),
        {str(number): config for number, config in configs.items() if config},
        {name: tuple(times) for name, times in tally.seconds.items()},
        {contestant.name: contestant.started for contestant in field},
        tally.checked,
        tuple(tally.dropped),
        tally.bitwise,
        work,
        least,
        limit(work, load.dtype, bench.ceilings),
        before,
        after,
        tuple(notes),
    )


def _kernel(
    bench: Bench, spec: Spec, plan: Plan, sets: list[dict[str, Any]], configs: Mapping[int, str], name: str
) -> Contestant:
    lanes, started = [], ""
    for inputs in sets:
        bound = prepare(plan, inputs, names_of(spec, inputs), bench.compile, configs)
        work, started = bench.start(bound.run)
        lanes.append(Lane(work, bound))
    return Contestant(name, lanes, started, kernel=True)


def _rivals(
    bench: Bench, spec: Spec, rivals: tuple[Rival, ...], sets: list[dict[str, Any]], notes: list[str]
) -> list[Contestant]:
    """The baselines that run here. One that fails is left out and noted; the kernel is timed all the same."""
    found = []
    for rival in rivals:
        lanes, started = [], ""
        try:
            for inputs in sets:
                bound = Running(rival.call, inputs, [])
                work, started = bench.start(bound.run)
                lanes.append(Lane(work, bound))
            lanes[0].work()
            complaint = objection(spec, sets[0], lanes[0].bound.outputs, _drawn(bench, spec, sets[0]))
        except Exception as failure:  # noqa: BLE001  anything: compilers, missing libraries, memory
            notes.append(f"{rival.name} did not run: {_first_line(failure)}")
            continue
        if complaint:
            notes.append(f"{rival.name} is outside the derived bound: {complaint}")
        found.append(Contestant(rival.name, lanes, started, kernel=False))
    return found


def _tune(bench: Bench, spec: Spec, plan: Plan, inputs: dict[str, Any]) -> dict[int, str]:
    """The fastest autotune configuration of each launch, tried with the others at their best so far."""
    best = {number: configurations(step)[0] for number, step in enumerate(plan.steps) if isinstance(step, Launch)}
    for number in best:
        step = plan.steps[number]
        assert isinstance(step, Launch)
        choices = configurations(step)
        if len(choices) > 1:
            times = {one: _tuning_time(bench, spec, plan, inputs, {**best, number: one}) for one in choices}
            best[number] = min(choices, key=lambda one: times[one])
    return best


def _tuning_time(bench: Bench, spec: Spec, plan: Plan, inputs: dict[str, Any], configs: Mapping[int, str]) -> float:
    bound = prepare(plan, inputs, names_of(spec, inputs), bench.compile, configs)
    work, _ = bench.start(bound.run)
    work()
    return min(bench.timer.sample(work).work for _ in range(TUNING_SAMPLES))


@define(eq=False)
class Tally:
    """What the rounds gave so far."""

    seconds: dict[str, list[float]]
    dropped: list[str]
    bitwise: bool = True
    checked: int = 0


def _rounds(
    bench: Bench,
    spec: Spec,
    load: Workload,
    field: list[Contestant],
    sets: list[dict[str, Any]],
    least: Limit,
) -> Tally:
    tally = Tally({contestant.name: [] for contestant in field}, [])
    # Which rounds are checked in full is drawn beforehand; the budget may leave out the last of the draw.
    order = bench.shuffle.sample(range(bench.rounds), bench.rounds)
    price = _price(bench, spec, field, sets)
    full = set(order[: max(FEWEST_CHECKED, int(CHECK_SECONDS / max(price, 1e-9)))])
    for number in range(bench.rounds):
        turn = number % SETS
        refill(spec, sets[turn], load.sizes, bench.generator)
        samples = _round(bench, spec, field, sets[turn], turn, number in full, tally)
        if flaw := _flaw(samples, least):
            tally.dropped.append(flaw)
            continue
        for name, sample in samples.items():
            tally.seconds[name].append(sample.work)
    if len(tally.dropped) > MOST_DROPPED * bench.rounds or len(tally.seconds[KERNEL]) < FEWEST:
        raise Rejected(f"{len(tally.dropped)} of {bench.rounds} rounds were dropped: {''.join(tally.dropped[:1])}")
    return tally


def _price(bench: Bench, spec: Spec, field: list[Contestant], sets: list[dict[str, Any]]) -> float:
    """Seconds of one full check."""
    began = time.monotonic()
    objection(spec, sets[0], field[0].lanes[0].bound.outputs, _drawn(bench, spec, sets[0]))
    return time.monotonic() - began


def _round(
    bench: Bench,
    spec: Spec,
    field: list[Contestant],
    inputs: dict[str, Any],
    turn: int,
    full: bool,
    tally: Tally,
) -> dict[str, Sample]:
    """One sample of everybody on the same inputs, in a new order.

    The kernel's timed outputs are held against the reference in a `full` round, against each other in all.
    """
    pristine = {name: value.clone() for name, value in inputs.items() if isinstance(value, torch.Tensor)}
    samples: dict[str, Sample] = {}
    for contestant in bench.shuffle.sample(field, len(field)):
        lane = contestant.lanes[turn]
        if isinstance(lane.bound, Prepared):
            lane.bound.poison()
        samples[contestant.name] = bench.timer.sample(lane.work)
        if contestant.kernel:
            _unchanged(inputs, pristine)
    same = _twins(field, turn)
    tally.bitwise &= same
    if full or not same:
        _judge(bench, spec, inputs, field, turn, same, "a timed output is wrong")
        tally.checked += 2
    return samples


def _flaw(samples: Mapping[str, Sample], least: Limit) -> str | None:
    for name, sample in samples.items():
        if sample.flaw:
            return f"{name}: {sample.flaw}"
        if name in (KERNEL, AGAIN) and (why := impossible(sample.work, least)):
            return f"{name}: {why}"
    return None


def _check_kernels(
    bench: Bench, spec: Spec, load: Workload, field: list[Contestant], sets: list[dict[str, Any]], when: str
) -> None:
    """Fresh values through the very work that is timed, on every set of buffers, red zones included."""
    for turn, inputs in enumerate(sets):
        refill(spec, inputs, load.sizes, bench.generator)
        pristine = {name: value.clone() for name, value in inputs.items() if isinstance(value, torch.Tensor)}
        for contestant in field[:2]:
            lane = contestant.lanes[turn]
            assert isinstance(lane.bound, Prepared)
            lane.bound.poison()
            lane.work()
            _unchanged(inputs, pristine)
            if damage := lane.bound.damage():
                raise Wrong(f"{when}: {damage[0]}")
        seconds = FIRST_SECONDS if turn == 0 and when == BEFORE else OTHER_SECONDS
        _judge(bench, spec, inputs, field, turn, _twins(field, turn), f"{when} an output is wrong", seconds)


def _twins(field: list[Contestant], turn: int) -> bool:
    """Whether the kernel and its second self gave equal bits."""
    kernel, again = (contestant.lanes[turn].bound.outputs for contestant in field[:2])
    return all(same_bits(one, two) for one, two in zip(kernel, again, strict=True))


def _judge(
    bench: Bench,
    spec: Spec,
    inputs: dict[str, Any],
    field: list[Contestant],
    turn: int,
    same: bool,
    what: str,
    seconds: float = OTHER_SECONDS,
) -> None:
    """Hold the kernel's outputs against the reference; its second self's too where bits differ."""
    for contestant in field[: 1 if same else 2]:
        looked_at = _drawn(bench, spec, inputs, seconds)
        if complaint := objection(spec, inputs, contestant.lanes[turn].bound.outputs, looked_at):
            raise Wrong(f"{what}: {complaint}")


def _drawn(bench: Bench, spec: Spec, inputs: Mapping[str, Any], seconds: float = OTHER_SECONDS) -> Iterator[Part]:
    """The parts that one check compares, which nobody knows before: until the time is up, at least one."""
    every = parts(spec, names_of(spec, inputs))
    until = time.monotonic() + seconds
    for number, part in enumerate(bench.shuffle.sample(every, len(every))):
        if number and time.monotonic() > until:
            return
        yield part


def _unchanged(inputs: Mapping[str, Any], pristine: Mapping[str, torch.Tensor]) -> None:
    for name, value in pristine.items():
        if not same_bits(inputs[name], value):
            raise Wrong(f"the kernel changed its input {name}")


def _first_line(failure: Exception) -> str:
    text = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {text[0] if text else ''}"[:200]
