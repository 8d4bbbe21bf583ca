"""Every element of every output is written, and by no program twice, for all shapes."""

from __future__ import annotations

from collections.abc import Iterator

from verify.case import Budget, Case
from verify.plan import Copy, Glue, Launch, Plan
from verify.symbolic.coverage import coverage as obligations
from verify.symbolic.obligations import Obligation
from verify.symbolic.reading import Reading
from verify.symbolic.settle import empty, settle
from verify.verdict import Outcome, Verdict

CLAIM = "every element of every output is written, exactly once"


def coverage(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Every element of every output is written, and by no program twice, for all shapes."""

    def asked(reading: Reading) -> Iterator[Obligation]:
        for buffer in dict.fromkeys(view.buffer for view in reading.plan.outputs):
            if writers(reading.plan, buffer)[-1:] == (reading.launch,):
                yield from obligations(reading, buffer)

    verdicts = settle(case, budget, "coverage", asked, CLAIM)
    nobody = dict.fromkeys(
        (view.buffer, str(plan.cell))
        for plan in case.capture.plans
        for view in plan.outputs
        if not writers(plan, view.buffer) and plan.buffer(view.buffer).fill is None and not empty(case, plan, view)
    )
    return verdicts + tuple(
        Verdict("coverage", Outcome.UNKNOWN, CLAIM, "", f"no step of the plan writes {buffer} where {cell}")
        for buffer, cell in nobody
    )


def writers(plan: Plan, buffer: str) -> tuple[Launch | Copy | Glue, ...]:
    """The steps that may write the buffer, in order: launches that are given it, copies and host operations into it."""
    found: list[Launch | Copy | Glue] = []
    for step in plan.steps:
        if isinstance(step, Launch):
            views = [argument.view for argument in step.arguments if hasattr(argument, "view")]
        else:
            views = [step.target]
        if any(view.buffer == buffer for view in views):
            found.append(step)
    return tuple(found)
