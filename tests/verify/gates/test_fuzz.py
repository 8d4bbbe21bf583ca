"""`fuzz`: finds what hides at odd places, shrinks it, repeats exactly, and counts what it tried."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import specs
from tests.verify.gates.stand_in import BUDGET, HERE, answer, case, matmul, softmax
from verify.executor.modes import Unmodelled
from verify.gates.fuzz import fuzz, trials
from verify.numerics.inputs import Trial
from verify.numerics.shapes import fits
from verify.verdict import Outcome

SOFTMAX = specs.ALL["softmax"]


def test_a_right_kernel_holds_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    (verdict,) = fuzz(case(SOFTMAX), BUDGET)
    assert verdict.outcome is Outcome.HELD
    assert f"{BUDGET.samples} runs" in verdict.scope
    for counted in ("uneven shapes", "layout", "values"):
        assert counted in verdict.detail


def test_what_is_found_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        result = softmax(inputs, work).clone()
        result[:, 9:] *= 0.5
        return result

    answer(monkeypatch, wrong)
    (verdict,) = fuzz(case(SOFTMAX), evolve(BUDGET, samples=60))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.sizes == (("M", 1), ("N", 10))
    assert verdict.witness.replayed == "fuzz"
    assert verdict.witness.sentence.startswith("M=1, N=10, float32, normal values, seed 0: out[0, 9] is ")
    assert "hypothesis" in verdict.witness.reproduce
    assert verdict.ledger[0].ratio > 1


def test_a_bug_of_one_layout_shrinks_to_that_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        result = softmax(inputs, work)
        return result * 0.5 if inputs["x"].stride(1) == 2 else result

    answer(monkeypatch, wrong)
    (verdict,) = fuzz(case(SOFTMAX), evolve(BUDGET, samples=60))
    assert verdict.witness is not None
    assert verdict.witness.sentence.split(":")[0] in (
        "M=1, N=1, float32, normal values, x stepped, seed 0",
        "M=2, N=1, float32, normal values, x transposed, seed 0",
    )


def test_a_bug_of_one_dtype_in_low_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        right = matmul(inputs, work)
        half = inputs["a"].dtype == torch.bfloat16 and work == torch.float32
        return (right.bfloat16() * 0.98) if half else right

    answer(monkeypatch, wrong)
    (verdict,) = fuzz(case(specs.ALL["matmul"]), evolve(BUDGET, samples=60))
    assert verdict.witness is not None
    assert dict(verdict.witness.sizes) == {"M": 1, "N": 1, "K": 1}
    assert "bfloat16" in verdict.witness.sentence


def test_the_same_question_has_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    assert fuzz(case(SOFTMAX), BUDGET) == fuzz(case(SOFTMAX), BUDGET)
    other = fuzz(case(SOFTMAX), evolve(BUDGET, seed=1))
    assert other[0].detail != fuzz(case(SOFTMAX), BUDGET)[0].detail


def test_what_cannot_be_run_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        raise Unmodelled("tt.mystery", HERE)

    answer(monkeypatch, raises)
    (verdict,) = fuzz(case(SOFTMAX), BUDGET)
    assert (verdict.outcome, verdict.place) == (Outcome.UNKNOWN, HERE)
    assert "tt.mystery at kernel.py:7" in verdict.detail
    empty = case(SOFTMAX, dtypes=("float64",))
    empty.capture = evolve(empty.capture, answers=())
    assert fuzz(empty, BUDGET)[0].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("spec", specs.ALL.values(), ids=lambda spec: spec.name)
def test_trials_stay_within_the_domain_and_the_budget(spec: Any) -> None:
    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(trials(case(spec), BUDGET))
    def check(trial: Trial) -> None:
        sizes = dict(trial.sizes)
        assert all(dim.low <= sizes[dim.name] <= dim.high for dim in spec.dims)
        assert fits(spec, sizes, BUDGET)

    check()


def test_trials_reach_the_sizes_that_matter() -> None:
    # Hypothesis also draws constants of whatever modules are loaded: beside other tests a seed gives other sizes.
    seen: set[int] = set()

    @settings(max_examples=1200, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        seen.add(dict(data.draw(trials(case(SOFTMAX), BUDGET)).sizes)["N"])

    collect()
    assert seen >= {0, 1, 2, 127, 128, 129}
