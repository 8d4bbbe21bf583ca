"""Of an access that no program makes every claim is true: such a proof is told apart from one about something."""

from __future__ import annotations

import pytest
from questions import BUDGET, Asked, asked, kernel, question
from store_plans import SPECIMENS, stored

from verify.symbolic.reach import Reach
from verify.verdict import Outcome

F32 = "!tt.ptr<f32>"


def storing_where(*condition: str) -> Asked:
    """`y[p] = 1` in those of N programs where %when holds."""
    lines = (
        "%one = arith.constant 1.0 : f32",
        "%c0 = arith.constant 0 : i32",
        "%p = tt.get_program_id x : i32",
        f"%a = tt.addptr %y, %p : {F32}, i32",
        *condition,
        f"tt.store %a, %one, %when : {F32}",
    )
    return question(kernel(f"%y: {F32}, %N: i32", *lines), dims={"N": (1, 4000)})


def reached(whole: Asked, gate: str) -> list[bool | None]:
    return [each.reached for each in whole.verdicts(gate) if "store" in each.claim or "written" in each.claim]


@pytest.mark.parametrize("label", SPECIMENS)
def test_admitted_kernels_make_their_accesses(label: str) -> None:
    for gate in ("bounds", "overflow", "undefined"):
        for verdict in asked(*stored(label)).verdicts(gate, BUDGET):
            assert verdict.outcome is Outcome.PROVED and verdict.reached, verdict.claim


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("%when = arith.cmpi sge, %p, %c0 : i32", True),
        ("%when = arith.cmpi slt, %p, %c0 : i32", False),
        ("%when = arith.cmpi sge, %p, %N : i32", False),
    ],
)
def test_a_store_that_no_program_makes(when: str, wanted: bool) -> None:
    assert reached(storing_where(when), "bounds") == [wanted]
    assert storing_where(when).outcome("bounds") is (Outcome.PROVED if wanted else Outcome.UNKNOWN)


def test_a_store_far_from_the_first_program() -> None:
    large = ("%c3000 = arith.constant 3000 : i32", "%when = arith.cmpi sgt, %p, %c3000 : i32")
    assert reached(storing_where(*large), "bounds") == [True]
    larger = ("%c5000 = arith.constant 5000 : i32", "%when = arith.cmpi sgt, %p, %c5000 : i32")
    assert reached(storing_where(*larger), "bounds") == [False]


def test_one_program_alone_leaves_nothing_for_two_to_collide_on() -> None:
    lines = ("%one = arith.constant 1.0 : f32", f"tt.store %y, %one : {F32}")
    alone = question(kernel(f"%y: {F32}", *lines), grid=(1,), dims={"N": (1, 1)})
    between, _ = alone.verdicts("races")
    assert between.outcome is Outcome.PROVED and between.vacuous
    assert not any(each.vacuous for each in alone.verdicts("bounds"))


def test_nothing_but_what_no_program_makes_is_not_in_bounds() -> None:
    (shown, open_) = storing_where("%when = arith.cmpi slt, %p, %c0 : i32").verdicts("bounds")
    assert shown.vacuous and open_.outcome is Outcome.UNKNOWN and "no kernel makes an access" in open_.detail


def test_steps_spent_are_not_called_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.symbolic.reach.reachable", lambda *_: None)
    assert reached(storing_where("%when = arith.cmpi slt, %p, %c0 : i32"), "bounds") == [None]
    assert Reach(BUDGET).any([]) is None
