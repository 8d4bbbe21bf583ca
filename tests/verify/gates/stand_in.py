"""Cases whose runs are answered by a Python function: gates can be asked about any behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from specs.sizes import TRUE, Condition
from specs.spec import Spec
from verify.case import Budget, Candidate, Case
from verify.executor.faults import Fault
from verify.executor.modes import Fill, Mode
from verify.executor.plan import Execution
from verify.numerics import judge
from verify.plan import Answer, Capture, Plan, Refusal
from verify.verdict import Place

BUDGET = Budget("test", rlimit=1_000_000, seconds=5, samples=20, elements=1 << 12, cells=4)
HERE = Place("kernel.py", 7)
# inputs, working dtype, and whatever else a run is told -> the output before it is rounded
Kernel = Callable[..., torch.Tensor]


def case(spec: Spec, *answers: Answer, dtypes: tuple[str, ...] = (), cell: Condition = TRUE) -> Case:
    plans = tuple(Plan(dtype, {}, cell, (), (), ()) for dtype in dtypes or spec.dtypes)
    return Case(spec, Candidate("", spec.name, "kernel.py"), Capture(answers or plans, (), "none"))


def refusal(dtype: str, cell: Condition) -> Refusal:
    return Refusal(dtype, {}, cell, "ValueError: too wide", HERE)


def answer(
    monkeypatch: pytest.MonkeyPatch,
    kernel: Kernel,
    fault: Callable[[dict[str, int]], Fault | None] | None = None,
) -> None:
    """Let `kernel(inputs, work, fill=, order=, mode=)` answer every run from now on."""

    def run_plan(
        plan: Plan,
        inputs: dict[str, Any],
        mode: Mode,
        *,
        config: str = "",
        fill: Fill = Fill.NAN,
        order: int = 0,
        sizes: dict[str, int],
    ) -> Execution:
        found = fault(sizes) if fault else None
        work = torch.float64 if mode is Mode.EXACT64 else torch.float32
        output = kernel(inputs, work, fill=fill, order=order, mode=mode)
        rounded = output if mode is Mode.EXACT64 else output.to(getattr(torch, plan.dtype))
        written = torch.ones_like(rounded, dtype=torch.bool)
        return Execution((rounded,), (written,), (found,) if found else (), sizes)

    monkeypatch.setattr(judge, "run_plan", run_plan)


def softmax(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    x = inputs["x"].to(work).contiguous()
    if x.shape[-1] == 0:
        return x
    weights = (x - x.amax(-1, keepdim=True)).exp()
    # One after the other: torch's own sum takes an order that depends on strides and on the other rows.
    return weights / weights.cumsum(-1)[..., -1:]


def matmul(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    # In float64, whose last bits depend on the shape and do not outlive the rounding.
    return (inputs["a"].double() @ inputs["b"].double()).to(work)
