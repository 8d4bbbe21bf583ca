"""A run speaks against a claim only where it shows that very thing: unwritten memory differs from run to run too."""

from __future__ import annotations

import pytest
from attrs import evolve
from questions import Asked, asked, dense, kernel, launch, operator, planned, question, tensor
from test_gaps import F32, I32, ONE, PID, get, put

from specs.sizes import name, size
from verify.executor.modes import Mode, Unmodelled
from verify.executor.plan import run_plan
from verify.verdict import Outcome

NINE = "%nine = arith.constant 9 : i32"


def divided(*lines: str, divisor: str, high: int = 4) -> Asked:
    """y[p] = 1 in programs p < 9 // divisor; the rest of y stays unwritten."""
    table = tensor("i", "N", dtype="int32", low=0, high=high)
    quotient = f"%q = arith.divsi %nine, {divisor} : i32", "%m = arith.cmpi slt, %p, %q : i32"
    text = kernel(f"%i: {I32}, %y: {F32}, %M: i32", *ONE, NINE, PID, *lines, *quotient, *put("%y", "%p", mask="%m"))
    return question(text, dims={"N": (10, 10), "M": (0, 9)}, inputs=[table])


def test_a_divisor_that_is_zero_is_worked_out() -> None:
    whole = divided(divisor="%M")
    assert whole.outcome("undefined") is Outcome.REFUTED
    assert "M=0" in whole.witness("undefined") and "the divisor is zero (kernel.py:6)" in whole.witness("undefined")


def test_unwritten_memory_is_no_evidence_of_a_divisor() -> None:
    assert divided(*get("d", "%i", "%p", I32), divisor="%d").outcome("undefined") is Outcome.UNKNOWN


def test_unwritten_memory_is_no_evidence_of_an_undefined_lane() -> None:
    """What is undefined goes to memory that nobody reads; y is written in part, and in all defined."""
    lines = (
        *ONE, NINE, PID,
        "%m = arith.cmpi slt, %p, %nine : i32",
        f"%a = tt.addptr %x, %p : {F32}, i32",
        f"%v = tt.load %a, %m : {F32}",
        *put("%w", "%p", at="b", value="%v"),
        *put("%y", "%p", at="c", mask="%m"),
    )  # fmt: skip
    text = kernel(f"%x: {F32}, %w: {F32}, %y: {F32}", *lines)
    spec = operator({"N": (10, 10)}, [tensor("x", "N")], {"y": ("N",)})
    views = {each: dense(each, "N") for each in ("x", "w", "y")}
    plan = planned(spec, [launch(text, ["N"], views)], {"w": name("N"), "y": name("N")}, [views["y"]])
    assert asked(spec, plan).outcome("undefined") is Outcome.UNKNOWN
    seen = evolve(plan, outputs=(views["w"],))
    assert asked(spec, seen).outcome("undefined") is Outcome.REFUTED


@pytest.mark.parametrize(("until", "outcome"), [("%nine", Outcome.UNKNOWN), ("%N", Outcome.REFUTED)])
def test_what_nobody_writes_is_no_evidence_unless_it_is_read(until: str, outcome: Outcome) -> None:
    """The first launch leaves t[9] unwritten; the second copies the others to y, which it leaves so too, or all."""
    below = "%m = arith.cmpi slt, %p, "
    first = kernel(f"%t: {F32}", *ONE, NINE, PID, f"{below}%nine : i32", *put("%t", "%p", mask="%m"))
    lines = f"{below}{until} : i32", f"%a = tt.addptr %t, %p : {F32}, i32", f"%v = tt.load %a, %m, %one : {F32}"
    second = kernel(
        f"%t: {F32}, %y: {F32}, %N: i32", *ONE, NINE, PID, *lines, *put("%y", "%p", at="b", value="%v", mask="%m")
    )
    spec = operator({"N": (10, 10)}, [], {"y": ("N",)})
    given = {"t": dense("t", "N"), "y": dense("y", "N"), "N": "N"}
    steps = [launch(each, ["N"], given) for each in (first, second)]
    whole = asked(spec, planned(spec, steps, {"t": name("N"), "y": name("N")}, [given["y"]]))
    assert whole.outcome("undefined") is outcome
    assert ("loads t[9], which nobody has written" in whole.witness("undefined")) == (outcome is Outcome.REFUTED)


def test_iterations_of_nested_loops_count_together() -> None:
    lines = (
        *ONE,
        "%hundred = arith.constant 100 : i32",
        "scf.for %i = %c0 to %hundred step %c1 : i32 {",
        "scf.for %j = %c0 to %hundred step %c1 : i32 {",
        *put("%y", "%c0"),
        "}",
        "}",
    )
    plan = question(kernel(f"%y: {F32}", *lines), [size(1)]).case.capture.plans[0]
    assert run_plan(plan, {}, Mode.FAITHFUL, sizes={"N": 1}, steps=10_100).written
    with pytest.raises(Unmodelled, match="loops of more than 10099 iterations"):
        run_plan(plan, {}, Mode.FAITHFUL, sizes={"N": 1}, steps=10_099)
