"""`numerics`: roundings of the declared precision are accepted, coarser ones refuted, with a ledger."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

import specs
from tests.verify.gates.stand_in import BUDGET, answer, case, matmul, softmax
from verify.gates.algorithm import algorithm
from verify.gates.numerics import numerics
from verify.verdict import Outcome

ROOT = Path(specs.__file__).parents[1]


def test_right_roundings_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec, kernel in ((specs.ALL["softmax"], softmax), (specs.ALL["matmul"], matmul)):
        answer(monkeypatch, kernel)
        for verdict in numerics(case(spec), BUDGET):
            assert verdict.outcome is Outcome.HELD, verdict
            assert verdict.ledger[0].ratio <= 1
            assert verdict.ledger[0].case in verdict.detail


def test_a_sum_in_the_inputs_dtype_is_refuted_here_and_not_by_algorithm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def coarse(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        if work == torch.float64:
            return softmax(inputs, work)
        x = inputs["x"].float()
        weights = (x - x.amax(-1, keepdim=True)).exp().to(inputs["x"].dtype) if x.numel() else x
        return weights.float() / weights.float().sum(-1, keepdim=True)

    answer(monkeypatch, coarse)
    asked = case(specs.ALL["softmax"])
    outcomes = {verdict.claim.split(", ")[-1]: verdict.outcome for verdict in numerics(asked, BUDGET)}
    assert outcomes["float16"] is outcomes["bfloat16"] is Outcome.REFUTED
    assert outcomes["float32"] is Outcome.HELD
    assert {verdict.outcome for verdict in algorithm(asked, BUDGET)} == {Outcome.HELD}


def test_the_ledger_lets_the_element_be_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, lambda inputs, work, **_: matmul(inputs, work) * 1.01)
    entry = numerics(case(specs.ALL["matmul"]), BUDGET)[0].ledger[0]
    (_, a), (_, b) = entry.inputs
    left = [float.fromhex(part) for part in a.split(" and ")[0].split()]
    right = [float.fromhex(part) for part in b.split(" and ")[0].split()]
    if "more" not in a:
        assert sum(x * y for x, y in zip(left, right, strict=True)) == pytest.approx(entry.reference)
    assert abs(entry.value - entry.reference) == pytest.approx(entry.ratio * entry.allowed)
    assert entry.allowed > entry.bound


def test_no_tolerance_is_set_by_hand() -> None:
    """Bounds are derived: nothing in the specs or gates names an absolute or relative tolerance."""
    named = re.compile(r"\b[ar]tol\b|(allclose|isclose|assert_close)\(")
    sources = [*ROOT.glob("specs/**/*.py"), *ROOT.glob("verify/**/*.py")]
    assert len(sources) > 20
    found = [f"{path.name}: {line}" for path in sources for line in path.read_text().splitlines() if named.search(line)]
    assert found == []


def test_a_weighted_mean_kept_in_16_bits_is_refuted_by_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_blocks(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        q, k, v = (inputs[name].to(torch.float32) for name in "qkv")
        narrow = inputs["q"].dtype
        scores = q @ k.mT / q.shape[-1] ** 0.5
        if inputs["causal"]:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
        weights = (scores - scores.amax(-1, keepdim=True)).exp() if scores.numel() else scores
        result = torch.zeros_like(q)
        for part, values in zip(weights.split(16, -1), v.split(16, -2), strict=True):
            result = (result + part @ values).to(narrow).float()
        return (result / weights.sum(-1, keepdim=True)).to(narrow)

    answer(monkeypatch, in_blocks)
    refuted = [each for each in numerics(case(specs.ALL["attention"]), BUDGET) if each.outcome is Outcome.REFUTED]
    told = [verdict.witness.sentence for verdict in refuted if verdict.witness is not None]
    assert any("given the rest of its row, may" in sentence for sentence in told), told
