"""`algorithm`: right kernels hold, wrong ones are refuted with sizes and element, the rest is unknown."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve

import specs
from specs.sizes import name
from tests.verify.gates.stand_in import BUDGET, HERE, answer, case, refusal, softmax
from verify.executor.faults import Fault
from verify.executor.modes import Unmodelled
from verify.gates.algorithm import algorithm
from verify.verdict import Access, Outcome

SOFTMAX = specs.ALL["softmax"]


def test_a_right_kernel_holds_and_says_how_much_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    verdicts = algorithm(case(SOFTMAX), BUDGET)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.HELD] * 3
    for verdict, dtype in zip(verdicts, SOFTMAX.dtypes, strict=True):
        assert verdict.gate == "algorithm"
        assert dtype in verdict.claim
        assert "M 0..65" in verdict.scope
        assert "1 of 1 plans were run" in verdict.detail
        assert verdict.ledger[0].dtype == dtype
        assert verdict.ledger[0].ratio <= 1


def test_the_same_question_has_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    assert algorithm(case(SOFTMAX), BUDGET) == algorithm(case(SOFTMAX), BUDGET)


def test_a_different_formula_that_is_right_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        x = inputs["x"].to(work)
        return (x - x.logsumexp(-1, keepdim=True)).exp()

    answer(monkeypatch, shifted)
    assert {verdict.outcome for verdict in algorithm(case(SOFTMAX), BUDGET)} == {Outcome.HELD}


def test_a_wrong_kernel_is_refuted_at_the_smallest_shape_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        result = softmax(inputs, work)
        return result * (1 + 1e-6) if result.shape[-1] > 100 else result

    answer(monkeypatch, wrong)
    verdict = algorithm(case(SOFTMAX), BUDGET)[0]
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.witness is not None
    assert 100 < dict(verdict.witness.sizes)["N"] <= 129
    assert verdict.witness.replayed == "executor"
    assert "out[" in verdict.witness.sentence
    assert "should be" in verdict.witness.sentence
    assert verdict.ledger[0].ratio > 1
    assert verdict.ledger[0].inputs[0][0] == "x"


def test_a_fault_refutes_with_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access("load", "x", 5, 5, (0, 0, 0), (5,), HERE)

    def fault(sizes: dict[str, int]) -> Fault | None:
        return Fault("out-of-bounds", "loads x[5]", (access,), HERE) if sizes["N"] == 129 else None

    answer(monkeypatch, softmax, fault)
    verdict = algorithm(case(SOFTMAX), BUDGET)[0]
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.sentence.startswith("loads x[5]; a run with such a fault")
    assert (verdict.witness.replayed, verdict.witness.place) == ("executor", HERE)
    assert verdict.witness.accesses == (access,)


@pytest.mark.parametrize("error", [Unmodelled("tt.mystery", HERE), MemoryError("no room")])
def test_what_cannot_be_run_is_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def raises(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        if inputs["x"].shape[1] == 17:
            raise error
        return softmax(inputs, work)

    answer(monkeypatch, raises)
    verdict = algorithm(case(SOFTMAX), BUDGET)[0]
    assert verdict.outcome is Outcome.UNKNOWN
    assert str(error) in verdict.detail
    if isinstance(error, Unmodelled):
        assert verdict.place == HERE


def test_a_failure_elsewhere_is_not_hidden_by_what_cannot_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        if inputs["x"].shape[1] == 17:
            raise Unmodelled("tt.mystery", HERE)
        return softmax(inputs, work) * (0.5 if inputs["x"].shape[1] == 1000 else 1.0)

    answer(monkeypatch, both)
    assert algorithm(case(SOFTMAX), BUDGET)[0].outcome is Outcome.REFUTED


def test_nothing_is_concluded_where_nothing_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    nowhere = name("N") > 100_000
    verdict = algorithm(case(SOFTMAX, cell=nowhere), BUDGET)[0]
    assert (verdict.outcome, verdict.witness) == (Outcome.UNKNOWN, None)
    assert "nothing was run" in verdict.detail
    declines = case(SOFTMAX, refusal("float32", nowhere), *case(SOFTMAX, cell=nowhere).capture.plans)
    assert algorithm(declines, BUDGET)[0].outcome is Outcome.UNKNOWN
    verdicts = algorithm(case(SOFTMAX, dtypes=("float16",)), BUDGET)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.UNKNOWN, Outcome.HELD, Outcome.UNKNOWN]
    assert "no plan was captured for float32" in verdicts[0].detail


def test_shapes_that_no_plan_covers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    few = case(SOFTMAX, *case(SOFTMAX, cell=name("N") <= 20).capture.plans, refusal("float32", name("N") > 20))
    verdict = algorithm(few, BUDGET)[0]
    assert verdict.outcome is Outcome.HELD
    assert "shapes that no plan covers" in verdict.detail
    assert "ValueError: too wide" in verdict.detail


def test_runs_that_accept_trivial_outputs_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, lambda inputs, work, **_: torch.zeros_like(inputs["x"], dtype=work))
    # Zero, but known to 1e20 only: a copy of the input would pass as well.
    vague = evolve(SOFTMAX, reference=lambda x: ((x + 2e4) / 3.0 - (x + 2e4) / 3.0) * 1e30)
    verdict = algorithm(case(vague), BUDGET)[0]
    assert verdict.outcome is Outcome.UNKNOWN
    assert "every run would accept a trivial output" in verdict.detail
    assert "trivial outputs accepted" in verdict.detail
    clear = evolve(SOFTMAX, reference=lambda x: x * 0.0)
    assert algorithm(case(clear), BUDGET)[0].outcome is Outcome.HELD


def test_a_reference_without_error_bounds_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax)
    gamma = evolve(SOFTMAX, reference=lambda x: x.lgamma())
    verdict = algorithm(case(gamma), BUDGET)[0]
    assert verdict.outcome is Outcome.UNKNOWN
    assert ".lgamma, which has no error bound" in verdict.detail
