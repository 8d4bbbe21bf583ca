"""What a package's host code computes with torch: shapes are torch's own, values unknown; only in policy `repo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from specs.spec import Dim, Spec, TensorParam
from verify.capture.capture import capture
from verify.case import PROFILES, Candidate, Case
from verify.executor.modes import Mode, Unmodelled
from verify.executor.plan import run_plan
from verify.gates.policy import policy
from verify.plan import Capture, FloatArgument, Glue, Launch, Plan, Unsupported, Violation
from verify.verdict import Outcome

PACKAGE = """
import torch
import triton
import triton.language as tl
from typing import List

@triton.jit
def kernel(x, n, BLOCK: tl.constexpr):
    tl.store(x + tl.arange(0, BLOCK), 1.0, tl.arange(0, BLOCK) < n)

def schema(x: torch.Tensor, sizes: List[int]) -> torch.Tensor:
    return x

def entry(x, w):
    kernel[(1,)](torch.empty(4, device=x.device), 4, BLOCK=4)
    BODY
"""
SPEC = Spec(
    "entry", "", (Dim("M", 1, 99), Dim("N", 1, 99)),
    (TensorParam("x", ("M", "N"), contiguous=True), TensorParam("w", ("N",), contiguous=True)), dtypes=("bfloat16",),
)  # fmt: skip
WORK = {
    "x * w + 1": lambda x, w: x * w + 1,
    "x.sum(0).float() / 3": lambda x, w: x.sum(0).float() / 3,
    "(x > w).sum(dim=1, keepdim=True)": lambda x, w: (x > w).sum(dim=1, keepdim=True),
    "x.amax(-1)": lambda x, w: x.amax(-1),
    "x.max()": lambda x, w: x.max(),
    "x.max(1).indices": lambda x, w: x.max(1).indices,
    "torch.sort(x, dim=0).values": lambda x, w: torch.sort(x, dim=0).values,
    "x @ x.t()": lambda x, w: x @ x.t(),
    "torch.where(x > 0, x, w)": lambda x, w: torch.where(x > 0, x, w),
    "torch.arange(0, x.shape[0], 2, device=x.device)": lambda x, w: torch.arange(0, x.shape[0], 2),
    "x.mean(dtype=torch.float32)": lambda x, w: x.mean(dtype=torch.float32),
    "w.unsqueeze(0).expand(3, -1) - w": lambda x, w: w.unsqueeze(0).expand(3, -1) - w,
}

CLONED = f"for each in [{', '.join(WORK)}]:\n        each.clone()"


def _captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, policy: Any = "repo") -> Capture:
    source = PACKAGE.replace("BODY", body)
    (tmp_path / "worker.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    return capture(
        SPEC, Candidate(source, "entry", "worker" if policy == "repo" else "worker.py", policy), PROFILES["quick"]
    )


def test_shapes_and_dtypes_are_those_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _captured(tmp_path, monkeypatch, f"torch.library.infer_schema(schema, mutates_args=())\n    {CLONED}")
    told = policy(Case(SPEC, Candidate("", "entry", "worker", "repo"), found), PROFILES["quick"])[0]
    assert told.outcome is Outcome.PROVED and "computes with torch: mul; add" in told.claim
    plans = [answer for answer in found.answers if isinstance(answer, Plan)]
    assert plans, found.answers
    sizes = {"M": 5, "N": 7}
    x, w = torch.ones(5, 7, dtype=torch.bfloat16), torch.ones(7, dtype=torch.bfloat16)
    for plan in plans:
        if not plan.cell.holds({**sizes, "x.stride0": 7, "x.stride1": 1, "w.stride0": 1}):
            continue
        copies = [step.source for step in plan.steps if not isinstance(step, Launch | Glue)]
        told = [(tuple(size.evaluate(sizes) for size in each.sizes), each.dtype) for each in copies]
        results = [work(x, w) for work in WORK.values()]
        wanted = [(tuple(each.shape), str(each.dtype).removeprefix("torch.")) for each in results]
        assert [each for each in told if each in wanted][-len(wanted) :] == wanted
        return
    raise AssertionError("no plan is for these sizes")


FLOATS = """
@triton.jit
def scaled(x, n, scale, BLOCK: tl.constexpr):
    tl.store(x + tl.arange(0, BLOCK), scale, tl.arange(0, BLOCK) < n)

def entry(x, w):
    y = torch.empty(4, device=x.device)
    scale = 1.0 / (float(x.shape[0]) * x.shape[1])
    scaled[(1,)](y, 4, scale, BLOCK=4)
    BODY
"""


def test_a_float_that_is_computed_may_go_into_a_kernel_and_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", PACKAGE.partition("@triton")[0] + FLOATS)
    (plan,) = _captured(tmp_path, monkeypatch, "return y").answers
    assert isinstance(plan, Plan)
    assert plan.launches[0].argument("scale") == FloatArgument("scale", 0.0, "fp32", known=False)
    inputs = {"x": torch.ones(2, 3, dtype=torch.bfloat16), "w": torch.ones(3, dtype=torch.bfloat16)}
    with pytest.raises(Unmodelled, match="the float scale that the host code computes"):
        run_plan(plan, inputs, Mode.EXACT64)
    (answer,) = dict.fromkeys(_captured(tmp_path, monkeypatch, "return y if scale > 1 else x").answers)
    assert isinstance(answer, Unsupported) and "a decision on a float" in answer.what


def test_a_proposal_may_not_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = _captured(tmp_path, monkeypatch, "return x + w", "strict").answers
    assert isinstance(answer, Violation) and answer.rule == "host-compute"


def test_an_input_is_not_written_by_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = _captured(tmp_path, monkeypatch, "x.mul_(2)").answers
    assert isinstance(answer, Violation) and "writes to its input 'x'" in answer.what
