"""A contest on host memory with a clock of its own: what counts, what is dropped, what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from attrs import evolve
from plans import SPEC, HostKernel, floats, plan

from specs.spec import Inputs, Spec, Workload
from synth.bench import contest as contesting
from synth.bench.baselines import Rival
from synth.bench.clock import Sample
from synth.bench.contest import Bench, contest
from synth.bench.floor import Ceilings
from synth.bench.results import AGAIN, KERNEL, Rejected, Run, Wrong
from verify.native import parts as cutting
from verify.native.accept import objection
from verify.native.parts import Part

LOAD = Workload("small", {"M": 4, "N": 8}, dtype="float32")
CEILINGS = Ceilings(copy=1e12, read=1e12, matrix={"float32": 1e12}, cache=0, start=1e-7)


class Script:
    """A clock that runs the work and tells times from a list, over and over."""

    def __init__(self, *samples: Sample) -> None:
        self.samples, self.turn = samples, 0

    def sample(self, work: Callable[[], object]) -> Sample:
        work()
        self.turn += 1
        return self.samples[self.turn % len(self.samples)]

    def warm_up(self, works: list[Callable[[], object]], seconds: float) -> None:
        for work in works:
            work()


GOOD = Sample(work=1e-5, events=2e-5, wall=3e-5)


def _bench(kernel: Any, *samples: Sample) -> Bench:
    generator = torch.Generator()
    generator.manual_seed(0)
    return Bench(
        Script(*(samples or (GOOD,))),
        CEILINGS,
        lambda variant: kernel,
        lambda run: (run, "calls"),
        generator,
        random.Random(0),
        "cpu",
        rounds=16,
    )


def _contest(kernel: Any, *samples: Sample, rivals: tuple[Rival, ...] | None = None) -> Run:
    field = (Rival("eager", SPEC.framework),) if rivals is None else rivals
    return contest(_bench(kernel, *samples), SPEC, (plan(),), LOAD, field)


def test_a_right_kernel_is_timed_and_every_output_checked() -> None:
    run = _contest(HostKernel())
    assert set(run.seconds) == {KERNEL, AGAIN, "eager"}
    assert all(len(times) == 16 for times in run.seconds.values())
    assert (run.checked, run.dropped, run.bitwise, run.notes) == (32, (), True, ())
    assert (run.work.read, run.work.written) == (128, 128)


def test_a_large_work_is_compared_in_parts_for_as_long_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def objected(spec: Spec, inputs: Inputs, outputs: Any, looked_at: Iterable[Part]) -> str | None:
        drawn = tuple(looked_at)
        seen.append(len(drawn))
        return objection(spec, inputs, outputs, drawn)

    monkeypatch.setattr(cutting, "MOST", 5 * 8)  # one row
    monkeypatch.setattr(contesting, "objection", objected)
    monkeypatch.setattr(contesting, "OTHER_SECONDS", -1.0)
    monkeypatch.setattr(contesting._drawn, "__defaults__", (-1.0,))
    monkeypatch.setattr(contesting._judge, "__defaults__", (-1.0,))
    run = _contest(HostKernel(), rivals=())
    assert seen[0] == 4 and set(seen[1:]) == {1}
    assert run.notes == ("each check of outputs compares some of 4 parts of the work, drawn at random",)

    def spoiled(out: torch.Tensor) -> torch.Tensor:
        return out.index_fill(0, torch.tensor(3), 0.0)

    with pytest.raises(Wrong, match=r"before timing an output is wrong: out\[3, "):
        _contest(HostKernel(spoiled), rivals=())


@pytest.mark.parametrize(
    "change",
    [lambda out: out * 1.001, lambda out: out * 0, lambda out: out.index_fill(1, torch.tensor(7), 0.0)],
)
def test_wrong_outputs_refuse_the_run(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(Wrong, match="output is wrong: out"):
        _contest(HostKernel(change))


def test_an_output_that_goes_wrong_while_it_is_timed_refuses_the_run() -> None:
    calls = iter(range(10_000))
    late = HostKernel(lambda out: out if next(calls) < 20 else out * 1.01)
    with pytest.raises(Wrong, match="a timed output is wrong"):
        _contest(late)


def test_a_store_behind_the_buffer_refuses_the_run() -> None:
    with pytest.raises(Wrong, match="after the buffer overwritten"):
        _contest(HostKernel(reach=2))


def test_a_changed_input_refuses_the_run() -> None:
    class Vandal(HostKernel):
        def __getitem__(self, grid: Any) -> Any:
            honest = super().__getitem__(grid)

            def run(x: int, *others: int) -> None:
                honest(x, *others)
                floats(x, 1)[0] = 5.0

            return run

    with pytest.raises(Wrong, match="changed its input x"):
        _contest(Vandal())


def test_times_below_the_floor_do_not_count() -> None:
    with pytest.raises(Rejected, match=r"below the floor of 0\.10 us"):
        _contest(HostKernel(), evolve(GOOD, work=1e-9))


def test_clocks_that_disagree_do_not_count() -> None:
    with pytest.raises(Rejected, match="events only"):
        _contest(HostKernel(), evolve(GOOD, wall=1.0))


def test_a_few_restless_rounds_are_dropped_whole() -> None:
    # Three samples a round: every 30th sample is bad, so one or two of 16 rounds are.
    run = _contest(HostKernel(), *([GOOD] * 29), evolve(GOOD, events=1.0, wall=1e-5))
    assert 1 <= len(run.dropped) <= 2
    assert {len(times) for times in run.seconds.values()} == {16 - len(run.dropped)}


def test_a_rival_that_fails_is_noted_and_leaves_the_rest() -> None:
    def broken(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no such library")

    run = _contest(HostKernel(), rivals=(Rival("vendor", broken), Rival("eager", SPEC.framework)))
    assert set(run.seconds) == {KERNEL, AGAIN, "eager"}
    assert run.notes == ("vendor did not run: RuntimeError: no such library",)


def test_a_rival_beyond_the_bound_is_timed_and_noted() -> None:
    run = _contest(HostKernel(), rivals=(Rival("sloppy", lambda x: x.softmax(-1) * 1.01),))
    assert "sloppy" in run.seconds
    assert run.notes[0].startswith("sloppy is outside the derived bound: out[")


@pytest.mark.parametrize(
    ("sample", "flaw"),
    [
        (GOOD, None),
        (evolve(GOOD, work=0.0), "events say"),
        (evolve(GOOD, work=3e-5), "events say"),
        (evolve(GOOD, wall=5e-6), "wall clock only"),
        (evolve(GOOD, wall=1e-2), "events only"),
    ],
)
def test_samples_whose_clocks_disagree_name_it(sample: Sample, flaw: str | None) -> None:
    assert (sample.flaw is None) if flaw is None else (flaw in str(sample.flaw))
