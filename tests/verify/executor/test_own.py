"""The kernel's own bound covers what its own roundings do, on whatever Hypothesis makes, and on little more."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_plans import apply, planned, row_plan

import specs
from specs.sizes import name
from verify.capture.capture import capture
from verify.case import PROFILES, Candidate, Case
from verify.executor import own, rows, worst
from verify.executor.meanings import BOUNDED
from verify.executor.modes import Mode, Unbounded
from verify.executor.plan import run_plan
from verify.executor.products import to_tf32
from verify.gates.fuzz import trials
from verify.gates.numerics import numerics
from verify.ir.program import Scalar, Symbol, Tensor
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.judge import Uncovered, execute
from verify.numerics.trials import fixed
from verify.plan import Buffer, Copy, Glue, Plan, View
from verify.verdict import Place

ADMITTED = Path(__file__).parents[2] / "specimens" / "admitted"
KERNELS = {
    "softmax": "softmax__looped",
    "rms_norm": "rms_norm__looped",
    "matmul": "matmul__grid2d",
    "cumsum": "cumsum__blocks",
}
QUICK = PROFILES["quick"]
F16, F32, I1 = (Scalar(each) for each in ("f16", "f32", "i1"))


@cache
def a_case(entry: str) -> Case:
    file = ADMITTED / f"{KERNELS[entry]}.py"
    candidate = Candidate(file.read_text(encoding="utf-8"), entry, file.name)
    return Case(specs.find(entry), candidate, capture(specs.find(entry), candidate, QUICK))


def used(case: Case, trial: Trial) -> float:
    """The largest share of its own bound that a run uses up; infinite where it must be exact and is not."""
    inputs = make_inputs(case.spec, trial)
    runs = [execute(case, trial, inputs, mode)[1] for mode in (Mode.FAITHFUL, Mode.EXACT64, Mode.BOUNDED)]
    most = 0.0
    for faithful, exact, pairs in zip(*(run.outputs for run in runs), strict=True):
        assert torch.isclose(pairs.real, exact, rtol=1e-9, atol=1e-9, equal_nan=True).all()
        alike = (faithful.double() == exact) | (torch.isnan(faithful) & torch.isnan(exact))
        error = torch.where(alike, 0.0, (faithful.double() - exact).abs())
        # float64 rounds too, in another order for each of its runs
        error = (error - 1e-13 * exact.abs().nan_to_num(0.0, 0.0)).clamp(min=0)
        share = torch.where(error > 0, error / pairs.imag, 0.0).nan_to_num(0.0)  # inf / inf: nothing was claimed
        most = max(most, float(share.max()) if share.numel() else 0.0)
    return most


@pytest.mark.parametrize("entry", KERNELS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_run_is_further_off_than_its_own_bound(entry: str, data: st.DataObject) -> None:
    case = a_case(entry)
    trial = data.draw(trials(case, QUICK))
    try:
        share = used(case, trial)
    except Uncovered:
        return
    assert share <= 1, trial


def shares(entry: str, dtype: str) -> list[float]:
    case = a_case(entry)
    return [used(case, trial) for trial in fixed(case, dtype, QUICK) if trial.values in ("normal", "uniform")]


@pytest.mark.parametrize("entry", KERNELS)
def test_it_is_no_larger_than_the_last_rounding_makes_it(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a bound in bfloat16 is the output's half unit: it is nearly used up, and without it exceeded."""
    assert 0.9 < max(shares(entry, "bfloat16")) <= 1
    monkeypatch.setattr(rows, "half_ulp", lambda magnitude, dtype: torch.zeros_like(magnitude))
    assert max(shares(entry, "bfloat16")) > 1


@pytest.mark.parametrize(("entry", "dtype"), [("matmul", "float32"), ("cumsum", "float32")])
def test_sums_that_round_nothing_are_exceeded(entry: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < max(shares(entry, dtype)) <= 1
    monkeypatch.setattr(worst, "gamma", lambda terms, p: terms * 0.0)
    assert max(shares(entry, dtype)) > 1


def test_each_operation_in_a_narrow_type_costs_its_rounding() -> None:
    half = Tensor((2,), F16)
    found = apply("arith.addf", [(pairs([1.0, 3.0]), half), (pairs([2.0**-11, 4.0]), half)], half, mode=Mode.BOUNDED)
    assert found.data[0].real.tolist() == [1 + 2.0**-11, 7.0]
    assert found.data[0, 0].imag >= 2.0**-11  # 1.00048828125 is halfway between two numbers of float16
    assert found.data[0, 1].imag == 0  # small whole numbers


def pairs(values: list[float], bounds: list[float] | None = None) -> torch.Tensor:
    return torch.complex(torch.tensor(values).double(), torch.tensor(bounds or [0.0] * len(values)).double())


def bounded(operation: str, *operands: torch.Tensor, result: Scalar = F32, **attributes: Any) -> list[complex]:
    kind = Tensor((operands[0].shape[0],), F32)
    given_ = [(each, kind) for each in operands]
    found = apply(operation, given_, Tensor(kind.shape, result), mode=Mode.BOUNDED, **attributes)
    return found.data.reshape(-1).tolist()


def test_what_may_overflow_is_not_known() -> None:
    finite, over = bounded("math.exp", pairs([88.0, 89.0]))
    assert finite.imag < 1e-4 * finite.real and over.imag == math.inf
    assert bounded("arith.truncf", pairs([65519.0, 65520.0]), result=F16)[1].imag == math.inf
    assert bounded("arith.truncf", pairs([65519.0, 65520.0]), result=F16)[0].imag < 32


def test_an_exact_infinity_stays_and_another_does_not() -> None:
    low, rough = pairs([-math.inf] * 2), pairs([3.0, 0.0], [0.5, 0.5])
    assert [each.imag for each in bounded("arith.subf", low, rough)] == [0, 0]
    assert [each.imag for each in bounded("arith.mulf", low, rough)] == [0, math.inf]  # the sign of the second is open
    lost = pairs([-math.inf] * 2, [math.inf] * 2)
    assert [each.imag for each in bounded("arith.subf", lost, rough)] == [math.inf] * 2
    kept = bounded("arith.maxnumf", low, rough)
    assert [each.real for each in kept] == [3, 0] and [each.imag for each in kept] == [0.5, 0.5]


def test_only_what_may_win_a_maximum_counts() -> None:
    surely, maybe = bounded("arith.maxnumf", pairs([1.0, 1.0], [9.0, 9.0]), pairs([20.0, 5.0], [0.5, 0.5]))
    assert (surely, maybe) == (20 + 0.5j, 5 + 9j)
    assert bounded("arith.minimumf", pairs([1.0], [0.25]), pairs([20.0], [7.0])) == [1 + 0.25j]


def test_a_comparison_is_decided_where_bounds_allow_it() -> None:
    less = {"predicate": Symbol("olt")}
    assert bounded("arith.cmpf", pairs([1.0], [0.1]), pairs([2.0], [0.1]), result=I1, **less) == [True]
    with pytest.raises(Unbounded, match=r"closer than their bounds at k.py:7 has no error bound"):
        bounded("arith.cmpf", pairs([1.0], [0.1]), pairs([1.05]), result=I1, **less)
    assert bounded("arith.cmpf", pairs([1.0]), pairs([1.0]), result=I1, **less) == [False]


def test_what_has_no_row_is_named() -> None:
    with pytest.raises(Unbounded, match=r"math.lgamma at k.py:7 has no error bound"):
        bounded("math.lgamma", pairs([1.0]))
    with pytest.raises(Unbounded, match="bits of a float"):
        bounded("arith.bitcast", pairs([1.0]), result=Scalar("i32"))
    with pytest.raises(Unbounded, match="tf64"):
        square = torch.ones(4, 4, dtype=torch.complex128)
        worst.product(square, square, square, "tf64", F32, Place("k.py", 7))


def with_a_last_step(step: str) -> Plan:
    plan = row_plan("softmax")
    source, dims = plan.outputs[0], (name("M"), name("N"))
    target = View("z", dims, source.strides)
    place = Place("host.py", 1)
    last = Copy(source, target, place) if step == "copy" else Glue("add", (source, source), target, {}, place)
    dtype = "float16" if step == "copy" else "float32"
    buffers = [*plan.buffers, Buffer("z", dtype, name("M") * name("N"))]
    return planned([*plan.steps, last], buffers, [target])


def test_what_the_host_computes_is_not_known() -> None:
    with pytest.raises(Unbounded, match=r"host.py:1 has no error bound"):
        run_plan(with_a_last_step("glue"), {"x": torch.randn(2, 5)}, Mode.BOUNDED)


def test_what_the_host_rounds_as_it_copies_is_in_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, x = with_a_last_step("copy"), {"x": torch.randn(64, 8)}
    faithful, exact = (run_plan(plan, x, mode).outputs[0].double() for mode in (Mode.FAITHFUL, Mode.EXACT64))
    error = (faithful - exact).abs()
    bound = run_plan(plan, x, Mode.BOUNDED).outputs[0].imag
    assert (error <= bound).all() and float((error / bound).max()) > 0.9
    monkeypatch.setattr(rows, "half_ulp", lambda magnitude, dtype: torch.zeros_like(magnitude))
    assert (error > run_plan(plan, x, Mode.BOUNDED).outputs[0].imag).any()


def test_the_ledger_holds_it_and_no_verdict_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = evolve(QUICK, elements=256)
    known = numerics(a_case("softmax"), budget)
    for verdict in known:
        (entry,) = verdict.ledger
        assert entry.own is not None and not entry.lacks
        assert abs(entry.value - entry.reference) <= entry.own < math.inf
    monkeypatch.setitem(BOUNDED, "math.exp", own.MEANINGS["math.lgamma"])
    for verdict, before in zip(numerics(a_case("softmax"), budget), known, strict=True):
        (entry,), (other,) = verdict.ledger, before.ledger
        assert entry.own is None and "math.exp at softmax__looped.py" in entry.lacks
        assert evolve(verdict, ledger=(), cost=before.cost) == evolve(before, ledger=())
        assert evolve(entry, own=other.own, lacks="") == other


def test_tf32_costs_what_it_cuts_off() -> None:
    a, b = torch.randn(16, 64), torch.randn(64, 16)
    wide = [torch.complex(each.double(), torch.zeros(each.shape).double()) for each in (a, b, torch.zeros(16, 16))]
    error = (to_tf32(a) @ to_tf32(b) - a.double() @ b.double()).abs()
    whole, cut = (worst.product(*wide, factors, F32, Place("k.py", 7)).imag for factors in ("ieee", "tf32"))
    assert (error <= cut).all() and (error > whole).any()
