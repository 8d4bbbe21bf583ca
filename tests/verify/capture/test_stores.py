"""Where stores go: read off real kernels, in loops, branches and calls."""

from __future__ import annotations

import pytest

from tests.verify.capture.small import candidate, double, line_of, replies
from verify.capture.stores import writes
from verify.case import PROFILES, Case
from verify.gates.policy import INPUTS, policy
from verify.ir.parse import parse
from verify.plan import Capture, Plan
from verify.verdict import Outcome, Verdict

FILES = ("kernel_writes_input", "walks", "either", "copies")


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    found = {file: reply.answer for file, reply in replies(*FILES).items()}
    assert all(isinstance(plan, Plan) for plan in found.values()), found
    return found  # type: ignore[return-value]


def verdict(plans: dict[str, Plan], file: str) -> Verdict:
    found = policy(Case(double(), candidate(file), Capture((plans[file],), (), "process")), PROFILES["quick"])
    return next(each for each in found if each.claim == INPUTS)


def test_pointers_keep_apart_through_loops(plans: dict[str, Plan]) -> None:
    program = parse(plans["walks"].launches[0].variants[0].ttir)
    found = writes(program)
    assert sorted(write.operation for write in found) == ["tt.atomic_rmw", "tt.store", "tt.store"]
    assert {write.arguments for write in found} == {frozenset({program.kernel.arguments[1].name})}
    assert verdict(plans, "walks").outcome is Outcome.PROVED


def test_a_store_to_an_input_is_refuted(plans: dict[str, Plan]) -> None:
    found = verdict(plans, "kernel_writes_input")
    assert found.outcome is Outcome.REFUTED and found.witness is not None
    line = line_of("kernel_writes_input", "tl.store")
    assert (
        found.witness.sentence == f"kernel_writes_input.py:{line}: kernel store_all writes to its input 'x' (tt.store)"
    )


def test_a_store_that_may_go_to_an_input_is_unknown(plans: dict[str, Plan]) -> None:
    found = verdict(plans, "either")
    assert found.outcome is Outcome.UNKNOWN and f"either.py:{line_of('either', 'tl.store')}" in found.detail


def test_a_plain_copy_is_proved(plans: dict[str, Plan]) -> None:
    assert verdict(plans, "copies").outcome is Outcome.PROVED
