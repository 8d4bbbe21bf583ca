"""The fixed trials of every dtype in one mode, judged one by one until one fails."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from verify.case import Budget, Case
from verify.executor.modes import Mode
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.judge import Judgement, Uncovered, execute, judge
from verify.numerics.tally import UNDECIDED, Tally, refutation, undecided
from verify.numerics.trials import fixed, of_plan
from verify.verdict import Outcome, Verdict


def sweep(gate: str, claim: str, case: Case, budget: Budget, mode: Mode) -> tuple[Verdict, ...]:
    """One verdict a dtype of the spec. The first trial that fails refutes; trials come small first."""
    return tuple(_one(gate, f"{claim}, {dtype}", case, budget, mode, dtype) for dtype in case.spec.dtypes)


def _one(gate: str, claim: str, case: Case, budget: Budget, mode: Mode, dtype: str) -> Verdict:
    plans = sum(plan.dtype == dtype for plan in case.capture.plans)
    if not plans:
        return Verdict(gate, Outcome.UNKNOWN, claim, "", detail=f"no plan was captured for {dtype}")
    tally, blocked = Tally(), None
    for trial in _trials(case, dtype, budget, tally):
        try:
            judgement = judge(case, trial, mode)
        except Uncovered as error:
            tally.miss(trial, error)
        except UNDECIDED as error:
            blocked = blocked or undecided(gate, claim, error, trial)
        else:
            if not judgement.accepted:
                return refutation(gate, claim, case.spec, owned(case, judgement, mode), "executor")
            tally.add(judgement)
    if blocked:
        return blocked
    tally.worst = {each: owned(case, judgement, mode) for each, judgement in tally.worst.items()}
    return tally.answer(gate, claim, plans)


def owned(case: Case, judgement: Judgement, mode: Mode) -> Judgement:
    """The judgement of a FAITHFUL run whose ledger also says how far the kernel's own roundings may take it."""
    entry, own, lacks = judgement.entry, None, ""
    if entry is None or mode is not Mode.FAITHFUL:
        return judgement
    try:
        _, run = execute(case, judgement.trial, make_inputs(case.spec, judgement.trial), Mode.BOUNDED)
        if run.outputs[judgement.output].is_complex():
            own = float(run.outputs[judgement.output][entry.index].imag)
    except UNDECIDED as error:
        lacks = str(error)
    return evolve(judgement, entry=evolve(entry, own=own, lacks=lacks))


def _trials(case: Case, dtype: str, budget: Budget, tally: Tally) -> Iterator[Trial]:
    """The fixed trials, then one for each plan that none of them ran, as far as the budget reaches."""
    yield from fixed(case, dtype, budget)
    for plan in case.capture.plans:
        if plan.dtype == dtype and id(plan) not in tally.plans and (trial := of_plan(case, plan, budget)):
            yield trial
