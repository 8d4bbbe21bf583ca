"""Gate `fuzz`: Hypothesis looks for shapes, layouts, dtypes, configurations and values that break it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from specs.spec import Dim, Spec
from verify.case import Budget, Case
from verify.executor.modes import Mode
from verify.numerics.inputs import Trial
from verify.numerics.judge import Judgement, Uncovered, configs, judge
from verify.numerics.layouts import KEEPS_PACKED, LAYOUTS
from verify.numerics.shapes import blocks, fits, interesting
from verify.numerics.tally import UNDECIDED, Tally, refutation, undecided
from verify.numerics.trials import classes
from verify.verdict import Outcome, Verdict

CLAIM: Final = "no shape, layout, dtype, configuration or values were found that break it"
MODES: Final = (Mode.EXACT64, Mode.FAITHFUL)
LOOSE: Final = 256  # sizes up to this are drawn freely, larger ones only where they are interesting
_BLOB: Final = re.compile(r"@reproduce_failure\((.*)\)")


class Failing(Exception):
    """A trial that is not accepted: what Hypothesis shrinks."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__(str(judgement.trial))
        self.judgement = judgement


def fuzz(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict: `budget.samples` cases through the checks of `algorithm` and `numerics`, repeatable.

    A failure is shrunk to small sizes, a contiguous layout and plain values where those fail too.
    """
    if not case.capture.plans:
        return (Verdict("fuzz", Outcome.UNKNOWN, CLAIM, "", detail="no plan was captured"),)
    tally = Tally()

    def check(trial: Trial) -> None:
        try:
            for mode in MODES:
                judgement = judge(case, trial, mode)
                if not judgement.accepted:
                    raise Failing(judgement)
            tally.add(judgement)
        except Uncovered as error:
            tally.miss(trial, error)

    seen: list[Trial] = []
    try:
        _search(case, budget, check, seen)
    except Failing as failing:
        blob = _BLOB.search("\n".join(getattr(failing, "__notes__", ())))
        again = f"{failing.judgement.trial}; hypothesis {blob.group(1)}" if blob else ""
        return (refutation("fuzz", CLAIM, case.spec, failing.judgement, "fuzz", again),)
    except UNDECIDED as error:
        return (undecided("fuzz", CLAIM, error, seen[-1] if seen else None),)
    return (tally.answer("fuzz", CLAIM, len(case.capture.plans)),)


def _search(case: Case, budget: Budget, check: Callable[[Trial], None], seen: list[Trial]) -> None:
    @settings(
        max_examples=budget.samples,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @seed(budget.seed)
    @given(trials(case, budget))
    def run(trial: Trial) -> None:
        seen.append(trial)
        check(trial)

    try:
        run()
    except HypothesisException as error:
        raise RuntimeError(f"Hypothesis gave up: {error}") from error


@st.composite
def trials(draw: st.DrawFn, case: Case, budget: Budget) -> Trial:
    """Trials of the spec's domain within the budget. What stands first in a choice is the simplest."""
    spec = case.spec
    plans = case.capture.plans
    dtype = draw(st.sampled_from([each for each in spec.dtypes if any(plan.dtype == each for plan in plans)]))
    own = [plan for plan in plans if plan.dtype == dtype]
    tiles = blocks(own)
    sizes: dict[str, int] = {}
    for dim in spec.dims:
        room = max(dim.low, _room(spec, budget, tuple(sizes.items()), dim, tiles))
        sizes[dim.name] = draw(_size(dim, room, interesting(dim, own)))
    near = spec.nearest(sizes)
    assume(near is not None)
    assert near is not None
    layouts = tuple(
        (param.name, draw(st.sampled_from(KEEPS_PACKED if param.contiguous else tuple(LAYOUTS))))
        for param in spec.tensors
    )
    ways = sorted({plan.chosen for plan in own}, key=str)
    tuned = sorted({config for plan in own for config in configs(plan)}) or [""]
    return Trial(
        dtype,
        tuple(near.items()),
        draw(st.sampled_from(classes(spec))),
        layouts,
        draw(st.integers(0, 255)),
        draw(st.sampled_from(ways)),
        draw(st.sampled_from(tuned)),
    )


@lru_cache(maxsize=4096)
def _room(spec: Spec, budget: Budget, drawn: tuple[tuple[str, int], ...], dim: Dim, tiles: tuple[int, ...]) -> int:
    """The largest size of `dim` beside the sizes drawn so far, others at their least."""
    others = {each.name: max(1, each.low) for each in spec.dims} | dict(drawn)
    low, high = dim.low, dim.high
    while low < high:
        middle = (low + high + 1) // 2
        fit = fits(spec, {**others, dim.name: middle}, budget, tiles)
        low, high = (middle, high) if fit else (low, middle - 1)
    return low


def _size(dim: Dim, room: int, wanted: tuple[int, ...]) -> st.SearchStrategy[int]:
    small = st.integers(dim.low, min(room, dim.low + 40))
    within = [size for size in wanted if size <= room]
    special = [st.sampled_from(within)] if within else []
    return st.one_of(small, *special, st.integers(dim.low, min(room, dim.low + LOOSE)))
