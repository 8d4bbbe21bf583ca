"""Every element of every output is written, and by no program twice, for all shapes."""

from __future__ import annotations

from collections.abc import Iterator

from verify.case import Budget, Case
from verify.plan import Launch, Plan, Step, View
from verify.symbolic.coverage import coverage as obligations
from verify.symbolic.obligations import Obligation
from verify.symbolic.origins import written_by
from verify.symbolic.reading import Reading
from verify.symbolic.settle import empty, settle
from verify.verdict import Outcome, Verdict

CLAIM = "every element of every output is written, exactly once"


def coverage(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Every element of every output is written, and by no program twice, for all shapes."""

    def asked(reading: Reading) -> Iterator[Obligation]:
        for buffer in dict.fromkeys(view.buffer for view in reading.plan.outputs):
            if writers(reading.plan, buffer)[-1:] == (reading.launch,):
                views = tuple(reading.view(view) for view in reading.plan.outputs if view.buffer == buffer)
                yield from obligations(reading, buffer, views)

    verdicts = settle(case, budget, "coverage", asked, CLAIM)
    nobody = dict.fromkeys(
        (view.buffer, str(plan.cell))
        for plan in case.capture.plans
        for view in plan.outputs
        if not writers(plan, view.buffer) and not _held(plan, view) and not empty(case, plan, view)
    )
    partly = dict.fromkeys(
        (step.place, view.buffer, str(plan.cell))
        for plan in case.capture.plans
        for view in plan.outputs
        for step in writers(plan, view.buffer)[-1:]
        if plan.buffer(view.buffer).param is None
        and not isinstance(step, Launch)
        and _elements(step.target) != _elements(view)
    )
    left = [f"no step of the plan writes {buffer} where {cell}" for buffer, cell in nobody]
    left += [f"the last to write {buffer} writes a part of it ({place}) where {cell}" for place, buffer, cell in partly]
    return verdicts + tuple(Verdict("coverage", Outcome.UNKNOWN, CLAIM, "", reason) for reason in left)


def _held(plan: Plan, view: View) -> bool:
    """Whether the view's buffer holds something before any step: the caller's values, or a fill."""
    buffer = plan.buffer(view.buffer)
    return buffer.param is not None or buffer.fill is not None


def _elements(view: View) -> tuple[object, ...]:
    return view.sizes, view.strides, view.offset


def writers(plan: Plan, buffer: str) -> tuple[Step, ...]:
    """The steps that may write the buffer, in order."""
    return tuple(step for step in plan.steps if buffer in written_by(step))
