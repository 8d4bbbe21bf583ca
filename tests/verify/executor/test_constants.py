"""Which numbers constants stand for in exact arithmetic: those cut to float32 are mended, wrong ones are not."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plans import dense, inputs, launched, planned, strided, text_of

from specs.sizes import name
from specs.spec import Dim, OutputSpec, Spec, TensorParam
from verify.case import Budget, Candidate, Case
from verify.executor.constants import handed, intended
from verify.gates.algorithm import algorithm
from verify.ir.program import Scalar
from verify.plan import Buffer, Capture, FloatArgument, Plan, Variant
from verify.verdict import Outcome

INF, NAN = math.inf, math.nan
F32 = Scalar("f32")
BUDGET = Budget("test", rlimit=1, seconds=1, samples=20, elements=1 << 10, cells=1)
SCALE = math.log2(math.e) / math.sqrt(128)


@pytest.mark.parametrize(
    ("written", "type", "meant"),
    [
        (0.1, "f32", 0.1),
        (1e-6, "f32", 1e-6),
        (1.44269504, "f32", math.log2(math.e)),
        (-2 * 1.44269504, "f32", -2 * math.log2(math.e)),
        (0.7071067811865476, "f32", math.sqrt(0.5)),
        (0.1, "bf16", 0.1),
        (0.5, "f16", 0.5),
        (0.1, "f64", 0.1),
        (INF, "f32", INF),
        (0.044715, "f32", 0.044715),
    ],
)
def test_constants_stand_for_what_was_meant(written: float, type: str, meant: float) -> None:
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16, "f64": torch.float64}[type]
    kept = float(torch.tensor(written, dtype=torch.float64).to(dtype))
    assert intended(kept, Scalar(type)) == meant


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32, allow_nan=False))
def test_constants_never_mean_another_constant(value: float) -> None:
    meant = intended(value, F32)
    spelled = torch.tensor([meant, float(f"{meant:.8e}")], dtype=torch.float64).float()
    assert value in spelled.tolist()


@pytest.mark.parametrize("width", [3, 40, 64, 80, 96, 112, 128, 192, 256, 576, 768, 1000])
def test_factors_of_a_width_are_read_exactly(width: int) -> None:
    for meant in (math.log2(math.e) / math.sqrt(width), 1 / math.sqrt(width), -1 / width):
        kept = float(torch.tensor(meant, dtype=torch.float64).float())
        assert intended(kept, F32) == pytest.approx(meant, rel=1e-15)
        assert handed(float(f"{meant:.8e}"), F32) == pytest.approx(meant, rel=1e-15)
        assert handed(meant, F32) == meant


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_number_that_the_host_worked_out_is_itself(value: float) -> None:
    read = handed(value, F32)
    assert read == value or len(repr(value).strip("-0.").split("e")[0].replace(".", "")) <= 9


def times_and_one() -> Spec:
    def function(x: Any) -> Any:
        return x * SCALE + 1

    params, outputs = (TensorParam("x", ("N",), contiguous=True),), (OutputSpec("out", ("N",)),)
    dims, operations = (Dim("N", 0, 4096, samples=(1, 129)),), name("N")
    return Spec("scaled", "x times a scale, plus one", dims, params, outputs, function, function, operations)


def plan_with(factor: str, handed_in: float | None = None) -> Plan:
    """scaled.ttir with another factor: a constant as the compiler prints it, or what the host hands in."""
    launch = launched("scaled", [(name("N") + 127) // 128], x_ptr=strided("x", "N"), y_ptr=dense("y", "N"), N="N")
    text, (variant,) = text_of("scaled"), launch.variants
    if handed_in is None:
        text = text.replace("dense<2.000000e+00>", f"dense<{factor}>")
        variants, arguments = (evolve(variant, ttir=text),), launch.arguments
    else:
        text = text.replace('%N: i32 loc("N"(#loc))', '%N: i32 loc("N"(#loc)), %s: f32 loc("s"(#loc))', 1)
        constant = "%cst_0 = arith.constant dense<2.000000e+00> : tensor<128xf32>"
        text = text.replace(constant, "%cst_0 = tt.splat %s : f32 -> tensor<128xf32>")
        variants = (Variant(text, (*variant.parameters, "s"), variant.grid),)
        arguments = (*launch.arguments, FloatArgument("s", handed_in, "fp32"))
    buffers = [*inputs(("x", "float32")), Buffer("y", "float32", name("N"))]
    return planned([evolve(launch, variants=variants, arguments=arguments)], buffers, [dense("y", "N")])


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (plan_with("0.127517432"), Outcome.HELD),  # nine digits, float32 keeps them
        (plan_with("0.12751743"), Outcome.HELD),  # eight, of the same float32
        (plan_with("0.12751756"), Outcome.REFUTED),  # off by 1e-6 of it
        (plan_with("0.127517447"), Outcome.REFUTED),  # the next float32
        (plan_with("", SCALE), Outcome.HELD),
        (plan_with("", 0.127517431), Outcome.HELD),
        (plan_with("", 0.127517432), Outcome.HELD),
        (plan_with("", SCALE * (1 + 1e-6)), Outcome.REFUTED),
        (plan_with("", 0.12751756), Outcome.REFUTED),
        (plan_with("", 0.1275), Outcome.REFUTED),
    ],
)
def test_a_scale_of_nine_digits_is_right_and_its_neighbour_is_not(plan: Plan, outcome: Outcome) -> None:
    spec = evolve(times_and_one(), dtypes=("float32",))
    case = Case(spec, Candidate("", "scaled", "kernel.py"), Capture((plan,), (), "none"))
    (verdict,) = algorithm(case, BUDGET)
    assert verdict.outcome is outcome, verdict
