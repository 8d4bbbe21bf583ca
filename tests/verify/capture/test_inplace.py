"""Inputs that the entry may write: captured, allowed, proved, and run on copies; all others stay the caller's."""

from __future__ import annotations

import torch
from attrs import evolve

from specs.sizes import name
from specs.spec import Spec, TensorParam
from tests.verify.capture.small import candidate, captured, double
from verify.case import PROFILES, Case
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.gates.bounds import bounds
from verify.gates.coverage import coverage
from verify.gates.policy import policy
from verify.gates.races import races
from verify.gates.undefined import undefined
from verify.plan import Violation
from verify.verdict import Outcome, worst


def spec(*, contiguous: bool) -> Spec:
    return evolve(double(64, 300), params=(TensorParam("x", ("M", "N"), contiguous=contiguous, inplace=True),))


def outcome(gate: object, case: Case) -> Outcome:
    return worst(each.outcome for each in gate(case, PROFILES["quick"]))  # type: ignore[operator]


def test_what_may_be_written_comes_back() -> None:
    case = Case(spec(contiguous=True), candidate("returns_input"), captured("returns_input", spec(contiguous=True)))
    assert {plan.outputs[0].buffer for plan in case.capture.plans} == {"x"}
    for gate in (policy, bounds, races, coverage, undefined):
        assert outcome(gate, case) is Outcome.PROVED, [each.detail for each in gate(case, PROFILES["quick"])]
    assert any(
        "element in common with x" in text for each in races(case, PROFILES["quick"]) for text in each.assumptions
    )
    x = torch.arange(10.0).reshape(2, 5)
    run = run_plan(case.capture.plans[0], {"x": x}, Mode.FAITHFUL)
    assert torch.equal(run.outputs[0], 2 * torch.arange(10.0).reshape(2, 5)) and not run.faults
    assert torch.equal(x, torch.arange(10.0).reshape(2, 5))


def test_rows_that_overlap_are_written_twice() -> None:
    free = spec(contiguous=False)
    found = captured("returns_input", free)
    verdicts = races(Case(free, candidate("returns_input"), found), PROFILES["quick"])
    assert worst(each.outcome for each in verdicts) is Outcome.REFUTED
    strides = [{size for name, size in each.witness.sizes if "stride" in name} for each in verdicts if each.witness]
    assert strides and all(0 in each for each in strides)
    assert "stores x[0], which program" in " ".join(each.witness.sentence for each in verdicts if each.witness)
    apart = evolve(free, requires=(name("x.stride0") >= name("N"), name("x.stride1").equals(1)))
    good = Case(apart, candidate("returns_input"), captured("returns_input", apart))
    assert outcome(races, good) is Outcome.PROVED


def test_other_inputs_are_not_to_be_written() -> None:
    (answer,) = captured("returns_input").answers
    assert isinstance(answer, Violation) and "returns its input 'x'" in answer.what
