"""Float operations: NaN, infinities, signed zeros, rounding, casts, and what constants stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plans import apply

from verify.executor.floats import library_name
from verify.executor.modes import Mode, Unmodelled
from verify.executor.products import to_tf32
from verify.ir.program import Scalar, Symbol, Tensor

NAN, INF = math.nan, math.inf
EDGES = [0.0, -0.0, 1.0, -1.5, INF, -INF, NAN, 1e-40, 3.4e38]


def kind(name: str, length: int) -> Tensor:
    return Tensor((length,), Scalar(name))


def run(
    operation: str, *operands: list[float], type: str = "f32", mode: Mode = Mode.FAITHFUL, **attributes: object
) -> torch.Tensor:
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}[type]
    dtype = torch.float64 if mode is Mode.EXACT64 else dtype
    given_ = [(torch.tensor(operand, dtype=dtype), kind(type, len(operand))) for operand in operands]
    return apply(operation, given_, kind(type, len(operands[0])), mode=mode, **attributes).data[0]


def same(found: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(
        found.double(), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=0, equal_nan=True
    )


def test_two_kinds_of_maximum_differ_on_nan() -> None:
    left, right = [1.0, NAN, NAN, -1.0], [2.0, 5.0, NAN, NAN]
    same(run("arith.maxnumf", left, right), [2.0, 5.0, NAN, -1.0])
    same(run("arith.maximumf", left, right), [2.0, NAN, NAN, NAN])
    same(run("arith.minnumf", left, right), [1.0, 5.0, NAN, -1.0])
    same(run("arith.minimumf", left, right), [1.0, NAN, NAN, NAN])


RELATIONS = {
    "eq": lambda a, b: a == b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "ne": lambda a, b: a != b,
}  # fmt: skip


@pytest.mark.parametrize(
    "predicate",
    ["false", "oeq", "ogt", "oge", "olt", "ole", "one", "ord", "ueq", "ugt", "uge", "ult", "ule", "une", "uno", "true"],
)
def test_sixteen_comparisons(predicate: str) -> None:
    left = [a for a in EDGES for _ in EDGES]
    right = EDGES * len(EDGES)
    operands = [(torch.tensor(side), kind("f32", len(left))) for side in (left, right)]
    found = apply("arith.cmpf", operands, kind("i1", len(left)), predicate=Symbol(predicate)).data[0].tolist()
    for a, b, answer in zip(np.float32(left), np.float32(right), found, strict=True):
        unordered = bool(np.isnan(a) or np.isnan(b))
        if predicate in ("true", "false"):
            expected = predicate == "true"
        elif predicate in ("ord", "uno"):
            expected = unordered == (predicate == "uno")
        else:
            expected = (predicate[0] == "u") if unordered else bool(RELATIONS[predicate[1:]](a, b))
        assert answer == expected, (a, b)


@pytest.mark.parametrize("type", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("operation", ["arith.addf", "arith.subf", "arith.mulf", "arith.divf"])
def test_every_operation_rounds_once_to_its_type(operation: str, type: str) -> None:
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[type]
    a, b = torch.randn(500).to(dtype), torch.randn(500).to(dtype)
    function = {"addf": torch.add, "subf": torch.sub, "mulf": torch.mul, "divf": torch.div}[operation[6:]]
    found = run(operation, a.tolist(), b.tolist(), type=type)
    assert found.dtype == dtype and torch.equal(found, function(a.double(), b.double()).to(dtype))


def test_exact_arithmetic_rounds_nowhere() -> None:
    assert run("arith.addf", [1.0], [2.0**-30], type="bf16", mode=Mode.EXACT64).item() == 1 + 2.0**-30
    source, target = kind("f32", 1), kind("bf16", 1)
    value = torch.tensor([1 + 2.0**-20], dtype=torch.float64)
    assert apply("arith.truncf", [(value, source)], target, mode=Mode.EXACT64).data.item() == value.item()
    assert apply("arith.truncf", [(value.float(), source)], target).data.item() == 1.0


def test_functions_agree_with_torch() -> None:
    x = torch.rand(100) + 0.1
    for name in ("exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "erf", "tanh", "floor", "ceil"):
        expected = getattr(torch, name)(x.double())
        torch.testing.assert_close(run(f"math.{name}", x.tolist(), mode=Mode.EXACT64), expected)
        torch.testing.assert_close(run(f"math.{name}", x.tolist()), expected.float(), rtol=1e-5, atol=1e-6)
    same(run("math.absf", EDGES), [abs(float(np.float32(value))) for value in EDGES])
    same(run("math.round", [0.5, -0.5, 1.5, 2.5, 0.49999997]), [1, -1, 2, 3, 0])
    same(run("math.roundeven", [0.5, 1.5, 2.5]), [0, 2, 2])
    same(run("math.fma", [1 + 2.0**-12], [1 + 2.0**-12], [-1.0]), [2.0**-11 + 2.0**-24])


def test_library_functions() -> None:
    assert [library_name(symbol) for symbol in ("__nv_tanhf", "__nv_tanh", "__nv_fast_expf", "__nv_rsqrtf")] == [
        "tanh", "tanh", "fast_exp", "rsqrt",
    ]  # fmt: skip
    assert library_name("__ocml_erf_f32") == "erf" and library_name("__nv_fsqrt_rn") == "sqrt_rn"
    same(run("tt.extern_elementwise", [0.0, 1.0], symbol="__nv_tanhf"), [0.0, float(torch.tensor(1.0).tanh())])
    with pytest.raises(Unmodelled, match="__nv_j0f"):
        run("tt.extern_elementwise", [0.0], symbol="__nv_j0f")


def test_casts_between_floats_and_integers() -> None:
    values = [1.9, -1.9, 3e9, -3e9, NAN, INF, -INF, 0.0]
    operand = [(torch.tensor(values), kind("f32", 8))]
    found = apply("arith.fptosi", operand, kind("i32", 8)).data[0].tolist()
    assert found == [1, -1, 2**31 - 1, -(2**31), 0, 2**31 - 1, -(2**31), 0]
    assert apply("arith.fptoui", operand, kind("i32", 8)).data[0].tolist() == [1, 0, 3 * 10**9 - 2**32, 0, 0, -1, 0, 0]
    assert apply("arith.fptosi", operand, kind("i64", 8)).data[0].tolist()[2] == 3 * 10**9
    integers = [(torch.tensor([-1, 7, 2**24 + 1]), kind("i32", 3))]
    same(apply("arith.sitofp", integers, kind("f32", 3)).data[0], [-1, 7, 2**24])
    same(apply("arith.sitofp", integers, kind("f32", 3), mode=Mode.EXACT64).data[0], [-1, 7, 2**24 + 1])
    same(apply("arith.uitofp", integers, kind("f32", 3)).data[0], [2**32, 7, 2**24])
    truth = [(torch.tensor([True, False]), kind("i1", 2))]
    same(apply("arith.uitofp", truth, kind("f32", 2)).data[0], [1, 0])


def test_rounding_towards_zero() -> None:
    values = torch.tensor([1 + 2.0**-8 + 2.0**-9, -1 - 2.0**-8 - 2.0**-9, 3.4e38, 1.0])
    operand = [(values, kind("f32", 4))]
    found = apply("tt.fp_to_fp", operand, kind("bf16", 4), rounding=Symbol("rtz")).data[0]
    assert found.tolist()[:2] == [1.0, -1.0] and math.isfinite(found[2]) and found[3] == 1.0
    assert apply("tt.fp_to_fp", operand, kind("bf16", 4), rounding=Symbol("rtne")).data[0][0] == 1 + 2.0**-7


@pytest.mark.parametrize("mode", [Mode.FAITHFUL, Mode.EXACT64])
def test_a_rounding_that_is_not_followed_is_named(mode: Mode) -> None:
    for way in ("upward", "downward", "to_nearest_away", "rs"):
        with pytest.raises(Unmodelled, match="this rounding"):
            apply(
                "arith.truncf", [(torch.ones(4), kind("f32", 4))], kind("f16", 4), mode=mode, roundingmode=Symbol(way)
            )


def test_bit_patterns() -> None:
    operand = [(torch.tensor([1.0, -0.0]), kind("f32", 2))]
    bits = apply("tt.bitcast", operand, kind("i32", 2)).data
    assert bits[0].tolist() == [0x3F800000, -(2**31)]
    back = apply("tt.bitcast", [(bits[0], kind("i32", 2))], kind("f32", 2)).data[0]
    assert back.tolist() == [1.0, 0.0] and math.copysign(1, back[1]) == -1
    with pytest.raises(Unmodelled):
        apply("tt.bitcast", operand, kind("i32", 2), mode=Mode.EXACT64)


@settings(max_examples=200, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_tf32_drops_all_but_ten_bits(value: float) -> None:
    found = float(to_tf32(torch.tensor([value]))[0])
    if abs(value) >= 2.0**-126:
        step = 2.0 ** (math.frexp(value)[1] - 11)
        assert found == math.trunc(value / step) * step


@pytest.mark.parametrize(("name", "largest"), [("f8E4M3FN", 448.0), ("f8E5M2", 57344.0)])
def test_bytes_saturate(name: str, largest: float) -> None:
    values = [INF, -INF, NAN, 1e9, -1e9, largest, largest * 1.01, 0.3]
    found = apply("tt.fp_to_fp", [(torch.tensor(values), kind("f32", 8))], kind(name, 8)).data[0]
    same(found[:7], [largest, -largest, NAN, largest, -largest, largest, largest])
    assert abs(float(found[7]) - 0.3) <= 0.3 / 8


def test_tf32_keeps_what_is_no_number() -> None:
    same(to_tf32(torch.tensor([INF, -INF, NAN])), [INF, -INF, NAN])
