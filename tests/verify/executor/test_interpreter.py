"""Agreement with Triton's own interpreter where that is right: float32, programs one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_plans import dense, inputs, launched, planned, row_plan, strided

from specs.sizes import name
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.plan import Buffer

PROGRAM = """
import sys, torch
sys.path.insert(0, sys.argv[1])
import kernels
given = torch.load(sys.argv[2])
x, y, v, w, d = given["x"], given["y"], given["v"], given["w"], given["d"]
kernels.softmax[(x.shape[0],)](x, y, x.stride(0), y.stride(0), x.shape[1], B=16)
kernels.control[(5,)](v, w, v.shape[0], 0.25, B=8)
kernels.dropout[(4,)](v, d, v.shape[0], 0.5, 3, B=64)
torch.save(given, sys.argv[2])
"""


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Inputs x and v, and what the interpreter made of them: softmax y, control w, dropout d."""
    file = tmp_path_factory.mktemp("interpreter") / "tensors.pt"
    generator = torch.Generator().manual_seed(0)
    x, v = torch.randn(6, 13, generator=generator), torch.randn(37, generator=generator)
    torch.save({"x": x, "y": torch.zeros_like(x), "v": v, "w": torch.zeros_like(v), "d": torch.zeros_like(v)}, file)
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(file)]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, torch.Tensor] = torch.load(file)
    return found


def test_softmax(interpreted: dict[str, torch.Tensor]) -> None:
    ours = run_plan(row_plan("softmax"), {"x": interpreted["x"]}, Mode.FAITHFUL)
    torch.testing.assert_close(ours.outputs[0], interpreted["y"], rtol=1e-6, atol=1e-7)


def test_control(interpreted: dict[str, torch.Tensor]) -> None:
    launch = launched("control", [5], x_ptr=strided("v", "N"), y_ptr=dense("w", "N"), N="N", eps=0.25)
    plan = planned([launch], [*inputs(("v", "float32")), Buffer("w", "float32", name("N"))], [dense("w", "N")])
    ours = run_plan(plan, {"v": interpreted["v"]}, Mode.FAITHFUL)
    torch.testing.assert_close(ours.outputs[0], interpreted["w"], rtol=1e-6, atol=1e-6)


def test_random_bits(interpreted: dict[str, torch.Tensor]) -> None:
    launch = launched("dropout", [4], x_ptr=strided("v", "N"), y_ptr=dense("d", "N"), N="N", p=0.5, seed=3)
    plan = planned([launch], [*inputs(("v", "float32")), Buffer("d", "float32", name("N"))], [dense("d", "N")])
    ours = run_plan(plan, {"v": interpreted["v"]}, Mode.FAITHFUL)
    assert torch.equal(ours.outputs[0], interpreted["d"])
