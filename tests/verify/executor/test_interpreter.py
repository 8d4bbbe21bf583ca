"""Agreement with Triton's own interpreter where that is right: float32, programs one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from agreement import FAMILIES, apart
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
import observed, operations
given["operations"] = observed.ran([each for each in operations.KERNELS if each.__name__ != "library"], "cpu")
torch.save(given, sys.argv[2])
"""


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Inputs x and v, and what the interpreter made of them: softmax y, control w, dropout d; the rows of
    operations.py."""
    file = tmp_path_factory.mktemp("interpreter") / "tensors.pt"
    generator = torch.Generator().manual_seed(0)
    x, v = torch.randn(6, 13, generator=generator), torch.randn(37, generator=generator)
    torch.save({"x": x, "y": torch.zeros_like(x), "v": v, "w": torch.zeros_like(v), "d": torch.zeros_like(v)}, file)
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(file)]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = torch.load(file)
    return found


def test_softmax(interpreted: dict[str, Any]) -> None:
    ours = run_plan(row_plan("softmax"), {"x": interpreted["x"]}, Mode.FAITHFUL)
    torch.testing.assert_close(ours.outputs[0], interpreted["y"], rtol=1e-6, atol=1e-7)


def test_control(interpreted: dict[str, Any]) -> None:
    launch = launched("control", [5], x_ptr=strided("v", "N"), y_ptr=dense("w", "N"), N="N", eps=0.25)
    plan = planned([launch], [*inputs(("v", "float32")), Buffer("w", "float32", name("N"))], [dense("w", "N")])
    ours = run_plan(plan, {"v": interpreted["v"]}, Mode.FAITHFUL)
    torch.testing.assert_close(ours.outputs[0], interpreted["w"], rtol=1e-6, atol=1e-6)


def test_random_bits(interpreted: dict[str, Any]) -> None:
    launch = launched("dropout", [4], x_ptr=strided("v", "N"), y_ptr=dense("d", "N"), N="N", p=0.5, seed=3)
    plan = planned([launch], [*inputs(("v", "float32")), Buffer("d", "float32", name("N"))], [dense("d", "N")])
    ours = run_plan(plan, {"v": interpreted["v"]}, Mode.FAITHFUL)
    assert torch.equal(ours.outputs[0], interpreted["d"])


# Rows in which the interpreter is wrong about the device, which observed.json agrees on with us.
WRONG = {
    "extremes": {"o0", "o1", "o4"},  # numpy's maximum takes NaN, tl.maximum does not unless told to
    "rounding": {"o1", "o2"},  # bfloat16 is cut, not rounded; towards zero, 1e5 becomes NaN
    "bytes_of_floats": {"o0", "o1", "o2", "o3"},  # 8-bit floats wrap where the device saturates
    "whole_numbers": {"p0", "p1", "p2", "p3", "p4", "p5", "p6"},  # out of range is whatever numpy does
    "integers": {"p3"},  # tl.umulhi of negative numbers
    "functions": {"o12"},  # tl.fma rounds twice
    # tf32 is not rounded, tf32x3 is float32, bfloat16 is multiplied as integers
    "products": {f"o{row}" for row in range(4, 16)},
}


@pytest.mark.parametrize("kernel", [each for each in FAMILIES if each != "library"])
def test_operations(kernel: str, interpreted: dict[str, Any]) -> None:
    assert apart(kernel, interpreted["operations"][kernel], WRONG.get(kernel, set())) == {}
