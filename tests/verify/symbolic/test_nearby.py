"""Claims are first asked with the facts nearby: that must prove nothing of one cell by another, and lose no proof."""

from __future__ import annotations

import pytest
from attrs import evolve
from questions import BUDGET, asked
from store_plans import stored

from verify.symbolic.needs import Assuming
from verify.symbolic.obligations import Obligation
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.reading import Reading, nearby, readings
from verify.symbolic.settle import solver
from verify.symbolic.terms import TRUE, Truth, at_most, closure, conj, named
from verify.verdict import Place

A, B, C = named("A"), named("B"), named("C")
CHAIN = (at_most(A, B), at_most(B, C))


@pytest.fixture
def kernel() -> tuple[Reading, Assuming]:
    case = asked(*stored("softmax__looped")).case
    return readings(case)[0], solver(case, BUDGET)


def about(reading: Reading, facts: Truth = TRUE, **bounds: Range) -> Obligation:
    """What a claim is asked with where `facts` hold and sizes lie in the bounds."""
    ranges = Ranges({each: bounds[each.label] for each in closure([A, B, C]) if each.label in bounds})
    return Obligation(evolve(reading, facts=facts), "", Place("kernel.py", 1), (facts,), (), ranges, ())


@pytest.mark.parametrize("facts", [TRUE, conj(*CHAIN)])
@pytest.mark.parametrize("decided", [True, False])
def test_a_proof_where_a_size_is_small_is_none_where_it_is_not(
    kernel: tuple[Reading, Assuming], facts: Truth, decided: bool
) -> None:
    """The same facts and the same claim, by ranges alone or by z3: only what is known of the size differs."""
    reading, ask = kernel
    claim = at_most(A, 5) if decided else at_most(A * A, A * 5)
    small, large = about(reading, facts, A=(0, 5)), about(reading, facts, A=(0, 6))
    assert [ask((facts,), claim, each, {}).status for each in (small, large, small)] == ["proved", "refuted", "proved"]


def test_a_proof_that_needs_a_fact_about_others_is_found(kernel: tuple[Reading, Assuming]) -> None:
    """A <= C follows by way of B, of which the claim does not speak; without the way it does not."""
    reading, ask = kernel
    for facts, status in ((conj(*CHAIN), "proved"), (conj(CHAIN[0], at_most(C, B)), "refuted")):
        assert ask((facts,), at_most(A, C), about(reading, facts), {}).status == status


def test_only_facts_about_what_is_spoken_of_are_near() -> None:
    facts = conj(*CHAIN, at_most(A, 9))
    assert nearby(facts, (at_most(A, C),)) == at_most(A, 9)
    assert nearby(facts, (at_most(A, B),)) == conj(at_most(A, B), at_most(A, 9))
    assert nearby(at_most(A, B), (at_most(A, C),)) == TRUE
