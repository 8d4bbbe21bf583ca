"""What changed from one record to another: nothing weaker passes as the same."""

from __future__ import annotations

import pytest
from attrs import evolve

from reports.comparison import Change, compare, regressed
from reports.measurement import Timing
from verify.verdict import Outcome


def kinds(old, new):
    return {change.kind for change in compare(old, new)}


def test_a_record_does_not_differ_from_itself(examples):
    for name in ("admitted", "refuted", "inconclusive"):
        assert compare(getattr(examples, name)(), getattr(examples, name)()) == ()


def test_what_is_worse_one_way_is_better_the_other(examples):
    good, bad = examples.admitted(), examples.refuted()

    assert Change("worse", "bounds: proved -> refuted") in compare(good, bad)
    assert Change("worse", "the verdict: admitted -> refuted") in compare(good, bad)
    assert Change("better", "bounds: refuted -> proved") in compare(bad, good)
    assert regressed(compare(good, bad)) and not regressed(compare(bad, good))


def test_the_worst_comes_first(examples):
    order = ("worse", "weaker", "better", "changed")
    found = [order.index(change.kind) for change in compare(examples.refuted(), examples.inconclusive())]
    assert found == sorted(found)


def dropped_claim(record):
    return evolve(record, verdicts=record.verdicts[:3] + record.verdicts[4:])


def dropped_dtype(record):
    return evolve(record, spec=evolve(record.spec, dtypes=record.spec.dtypes[:1]))


def smaller_domain(record):
    return evolve(record, spec=evolve(record.spec, domain=f"({record.spec.domain}) and N <= 16"))


def another_law(record):
    return evolve(record, spec=evolve(record.spec, digest="0" * 64))


def lower_profile(record):
    return evolve(record, profile="quick")


def new_assumption(record):
    first, *rest = record.verdicts
    return evolve(record, verdicts=(evolve(first, assumptions=("x is contiguous",)), *rest))


def new_gap(record):
    return evolve(record, uncovered=("N beyond 4096",))


def unrequired_gate(record):
    required = {gate: least for gate, least in record.required.items() if gate != "races"}
    return evolve(record, required=required)


def lesser_requirement(record):
    return evolve(record, required={**record.required, "races": Outcome.UNKNOWN})


@pytest.mark.parametrize(
    "weaken",
    [
        dropped_claim, dropped_dtype, smaller_domain, another_law, lower_profile, new_assumption, new_gap,
        unrequired_gate, lesser_requirement,
    ],
)  # fmt: skip
def test_the_same_words_said_of_less_are_weaker(examples, weaken):
    record = examples.admitted()
    changes = compare(record, weaken(record))

    assert {change.kind for change in changes} == {"weaker"}, changes
    assert regressed(changes)


def test_times_count_only_where_their_intervals_are_apart(examples):
    record = examples.admitted(examples.measured())
    (timed,) = record.bench.workloads

    def with_kernel(factor):
        kernel = Timing.of("kernel", [factor * sample for sample in timed.kernel.samples])
        return evolve(record, bench=evolve(record.bench, workloads=(evolve(timed, kernel=kernel, against=()),)))

    assert kinds(record, with_kernel(1.0001)) == set()
    assert kinds(record, with_kernel(1.5)) == {"worse"}
    assert kinds(record, with_kernel(0.5)) == {"better"}


def test_a_proof_that_is_now_about_nothing_is_weaker(examples):
    old = examples.admitted()
    (first, *rest) = old.verdicts
    new = evolve(old, verdicts=(evolve(first, reached=False), *rest))

    assert Change("weaker", f"{first.gate} is now vacuous: {first.claim}") in compare(old, new)
    assert compare(new, new) == ()


def with_trail(record, rests, sizes=("M", "N")):
    """The example's one proof with a trail, resting on something else."""
    proofs = (
        evolve(each, trail=each.trail and evolve(each.trail, rests=rests, sizes=sizes)) for each in record.verdicts
    )
    return evolve(record, verdicts=tuple(proofs))


def test_another_condition_that_a_proof_rests_on_is_a_change_to_look_at(examples):
    old = examples.admitted()
    (proof,) = [verdict for verdict in old.verdicts if verdict.trail]
    mask, said = proof.trail.rests
    new = with_trail(old, (mask, "`N % 16 == 0` (spec)"), ("N",))

    assert compare(old, new) == (
        Change("changed", f"races now also rests on `N % 16 == 0` (spec): {proof.claim}"),
        Change("changed", f"races no longer rests on {said}, the range of M: {proof.claim}"),
    )


def test_a_mask_that_only_moved_is_the_same_and_a_trail_that_was_not_kept_says_nothing(examples):
    old = examples.admitted()
    (proof,) = [verdict for verdict in old.verdicts if verdict.trail]
    moved = tuple(text.replace(":14", ":99") for text in proof.trail.rests)
    silent = evolve(old, verdicts=tuple(evolve(each, trail=None) for each in old.verdicts))

    assert moved != proof.trail.rests and compare(old, with_trail(old, moved)) == ()
    assert compare(old, silent) == compare(silent, old) == ()
