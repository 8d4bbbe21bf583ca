"""One trial: choose the plan that covers it, run it in the executor, compare it with the reference."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import torch
from attrs import evolve, frozen

from specs.spec import ELEMENT, Inputs, Spec
from verify.case import Case
from verify.executor.faults import Fault
from verify.executor.modes import Fill, Mode
from verify.executor.plan import Execution, run_plan
from verify.numerics.compare import Comparison, compare
from verify.numerics.controls import Controls, controls
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.numerics.precision import IMAGINED, declared
from verify.numerics.reference import bounded_outputs, exact_outputs
from verify.plan import Plan, Refusal
from verify.verdict import LedgerEntry

KEPT: Final = 128  # trials of which inputs are kept, some 100 MiB at `ci`
SHOWN: Final = 4  # input values of a ledger entry, per tensor


class Uncovered(Exception):
    """No captured plan covers the shape. `declined` is what the host code raised there, if anything."""

    def __init__(self, what: str, declined: str = "") -> None:
        super().__init__(what)
        self.declined = declined


@frozen
class Judgement:
    """What came of a trial: faults of the run, or a comparison and controls for every output."""

    trial: Trial
    faults: tuple[Fault, ...]
    comparisons: tuple[Comparison, ...]
    controls: tuple[Controls, ...]
    entry: LedgerEntry | None = None
    plan: Plan | None = None
    output: int = 0  # the number of the output that `entry` is about

    @property
    def accepted(self) -> bool:
        return not self.faults and all(comparison.accepted for comparison in self.comparisons)

    @property
    def evidence(self) -> bool:
        return bool(self.controls) and all(each.evidence for each in self.controls)


def plan_for(case: Case, trial: Trial, inputs: Inputs) -> Plan:
    """The plan whose cell holds the inputs. Raises Uncovered when there is none."""
    sizes, choices = bindings(case.spec, inputs), dict(trial.choices)
    declined = ""
    for answer in case.capture.answers:
        if not isinstance(answer, Plan | Refusal) or answer.dtype != trial.dtype:
            continue
        if any(answer.choices.get(name, value) != value for name, value in choices.items()):
            continue
        if answer.cell.holds(sizes):
            if isinstance(answer, Plan):
                return answer
            declined = answer.error
    raise Uncovered(f"no captured plan covers {trial}", declined)


def execute(
    case: Case, trial: Trial, inputs: dict[str, Any], mode: Mode, fill: Fill = Fill.NAN, order: int = 0
) -> tuple[Plan, Execution]:
    """Run the covering plan. Raises Uncovered, and what the executor raises (Unmodelled, Exhausted)."""
    plan = plan_for(case, trial, inputs)
    config = trial.config if trial.config in configs(plan) else ""
    # A plan that never looks at an input does not tell its dims.
    bound = bindings(case.spec, inputs)
    sizes = {dim.name: bound[dim.name] for dim in case.spec.dims}
    return plan, run_plan(plan, inputs, mode, config=config, fill=fill, order=order, sizes=sizes)


def configs(plan: Plan) -> tuple[str, ...]:
    """The autotune configurations of a plan, in order; none where nothing is tuned."""
    found = {variant.config: None for launch in plan.launches for variant in launch.variants if variant.config}
    return tuple(found)


def judge(case: Case, trial: Trial, mode: Mode) -> Judgement:
    """Run and compare: against the imagined precision in EXACT64, against the declared one in FAITHFUL.

    Raises Uncovered, Unruled, and what the executor raises.
    """
    inputs = _given(case.spec, trial)
    plan, run = execute(case, trial, inputs, mode)
    if run.faults:
        return Judgement(trial, run.faults, (), (), plan=plan)
    exact = mode is Mode.EXACT64
    references = bounded_outputs(case.spec, inputs, IMAGINED if exact else declared(case.spec, trial.dtype))
    dtypes = [_dtype(output.dtype, trial, exact) for output in case.spec.outputs]
    judged = list(zip(run.outputs, references, dtypes, strict=True))
    comparisons = tuple(compare(output, reference, dtype) for output, reference, dtype in judged)
    controlled = tuple(
        controls(reference, inputs, dtype, previous)
        for (_, reference, dtype), previous in zip(judged, _previous(case.spec, trial), strict=True)
    )
    worst = max(range(len(judged)), key=lambda at: (not comparisons[at].accepted, comparisons[at].ratio))
    entry = _entry(case.spec, trial, comparisons[worst], inputs, worst) if comparisons[worst].elements else None
    return Judgement(trial, (), comparisons, controlled, entry, plan, worst)


# Every trial is judged in both modes, by two gates one after the other: what does not depend on the mode is kept.
@lru_cache(maxsize=KEPT)
def _given(spec: Spec, trial: Trial) -> dict[str, Any]:
    """The trial's inputs, which nobody changes."""
    return make_inputs(spec, trial)


@lru_cache(maxsize=KEPT)
def _previous(spec: Spec, trial: Trial) -> tuple[torch.Tensor, ...]:
    """The right result for other inputs of the same shapes."""
    return exact_outputs(spec, make_inputs(spec, evolve(trial, seed=trial.seed + 1)))


def _dtype(declared_dtype: str, trial: Trial, exact: bool) -> str:
    dtype = trial.dtype if declared_dtype == ELEMENT else declared_dtype
    return "float64" if exact and dtype.startswith(("float", "bfloat")) else dtype


def _entry(spec: Spec, trial: Trial, found: Comparison, inputs: dict[str, Any], output: int) -> LedgerEntry:
    at = dict(zip(spec.outputs[output].dims, found.index, strict=True))
    shown = []
    for param in spec.tensors:
        met = inputs[param.name][tuple(at.get(dim, slice(None)) for dim in param.dims)].reshape(-1)
        values = " ".join(float(value).hex() for value in met[:SHOWN])
        more = f" and {met.numel() - SHOWN} more" if met.numel() > SHOWN else ""
        shown.append((param.name, values + more))
    return LedgerEntry(
        dtype=trial.dtype,
        case=str(trial),
        ratio=found.ratio,
        index=found.index,
        value=found.value,
        reference=found.reference,
        bound=found.bound,
        allowed=found.allowed,
        inputs=tuple(shown),
    )
