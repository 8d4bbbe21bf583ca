"""What a kernel tells the compiler of alignment and contiguity is shown, refuted or not known; never just believed."""

from __future__ import annotations

import pytest
from questions import PROOFS, kernel, question, tensor

from verify.verdict import Outcome

F32, I32, LANES = "!tt.ptr<f32>", "!tt.ptr<i32>", "tensor<16xi32>"
ONE = ("%one = arith.constant 1.0 : f32", "%c3 = arith.constant 3 : i32", "%c16 = arith.constant 16 : i32",
       "%p = tt.get_program_id x : i32")  # fmt: skip
LINES = ("%r = tt.make_range {end = 16 : i32, start = 0 : i32} : " + LANES,)
STORE = (f"%a = tt.addptr %y, %p : {F32}, i32", f"tt.store %a, %one : {F32}")


def hinted(operation: str, type: str, number: int, hint: str = "divisibility") -> str:
    """The operation with a hint on its result."""
    return f"%h = {operation} {{tt.{hint} = dense<{number}> : tensor<1xi32>}} : {type}"


def undefined(*lines: str, given: str = "", inputs=()) -> list[Outcome]:
    """The outcomes of what gate `undefined` asks of hints; the other proofs hold of these kernels."""
    asked = question(kernel(f"%y: {F32}, %N: i32{given}", *ONE, *lines, *STORE), inputs=inputs)
    for gate in set(PROOFS) - {"undefined"}:
        assert asked.outcome(gate) in (Outcome.PROVED, Outcome.UNKNOWN)
    return [each.outcome for each in asked.verdicts("undefined") if "hint" in each.claim]


def over_lanes(start: str) -> tuple[str, ...]:
    return (*LINES, f"%s = {start}", f"%w = tt.splat %s : i32 -> {LANES}")


def test_a_multiple_is_one_by_its_factors() -> None:
    assert undefined(hinted("arith.muli %p, %c16", "i32", 16)) == []  # so plain that nothing is asked
    (verdict,) = question(
        kernel(f"%y: {F32}, %N: i32", *ONE, hinted("arith.muli %p, %c3", "i32", 16), *STORE)
    ).verdicts("undefined")[-1:]
    assert verdict.outcome is Outcome.REFUTED and verdict.witness is not None
    assert "the hint is not true (kernel.py:5)" in verdict.witness.sentence and "program" in verdict.witness.sentence


@pytest.mark.parametrize(("extent", "outcome"), [("%c16", []), ("%N", [Outcome.UNKNOWN])])
def test_lanes_start_at_a_multiple(extent: str, outcome: list[Outcome]) -> None:
    start = over_lanes(f"arith.muli %p, {extent} : i32")
    assert undefined(*start, hinted("arith.addi %w, %r", LANES, 16)) == outcome


@pytest.mark.parametrize("hint", ["contiguity", "divisibility"])
def test_a_remainder_does_not_keep_lanes_together(hint: str) -> None:
    lines = (*over_lanes("arith.muli %p, %c16 : i32"), f"%i = arith.addi %w, %r : {LANES}")
    assert undefined(*lines, hinted("arith.addi %w, %r", LANES, 16, hint)) == []
    lines = (*lines, f"%n = tt.splat %N : i32 -> {LANES}")
    assert undefined(*lines, hinted("arith.remsi %i, %n", LANES, 16, hint)) == [Outcome.UNKNOWN]


@pytest.mark.parametrize(("operation", "outcome"), [("%w, %w", []), ("%w, %r", [Outcome.UNKNOWN])])
def test_lanes_that_are_said_to_be_one_value_are_one(operation: str, outcome: list[Outcome]) -> None:
    lines = over_lanes("arith.muli %p, %c16 : i32")
    assert undefined(*lines, hinted(f"arith.addi {operation}", LANES, 16, "constancy")) == outcome


def test_what_is_loaded_is_no_multiple_until_somebody_says_so() -> None:
    load = (f"%q = tt.addptr %x, %p : {I32}, i32", hinted("tt.load %q", I32, 16))
    found = undefined(*load, given=f", %x: {I32}", inputs=[tensor("x", "N", dtype="int32", low=0, high=100)])
    assert found == [Outcome.UNKNOWN]


def test_a_hint_where_control_never_comes_is_true() -> None:
    lines = ("%never = arith.cmpi slt, %p, %c0 : i32", "scf.if %never {", hinted("arith.muli %p, %c3", "i32", 16), "}")
    assert set(undefined("%c0 = arith.constant 0 : i32", *lines)) <= {Outcome.PROVED}
    always = ("%ever = arith.cmpi sge, %p, %c0 : i32", "scf.if %ever {", hinted("arith.muli %p, %c3", "i32", 16), "}")
    assert undefined("%c0 = arith.constant 0 : i32", *always) == [Outcome.REFUTED]


def test_a_hint_that_nobody_understands_is_not_believed() -> None:
    odd = "%h = arith.muli %p, %c16 {tt.divisibility = dense<[16, 16]> : tensor<2xi32>} : i32"
    assert undefined(odd) == [Outcome.UNKNOWN]
    address = f"%h = tt.addptr %y, %p {{tt.divisibility = dense<16> : tensor<1xi32>}} : {F32}, i32"
    assert undefined(address) == [Outcome.UNKNOWN]


def test_what_else_is_undefined_says_nothing_of_a_hint() -> None:
    """A run in which a result depends on masked-off lanes is a witness for the store alone."""
    start = (*over_lanes("arith.muli %p, %N : i32"), hinted("arith.addi %w, %r", LANES, 16))
    lost = (
        "%no = arith.constant false",
        f"%b = tt.addptr %y, %p : {F32}, i32",
        f"%v = tt.load %b, %no : {F32}",
        f"tt.store %b, %v : {F32}",
    )
    verdicts = question(kernel(f"%y: {F32}, %N: i32", *ONE, *start, *lost)).verdicts("undefined")
    of_hint, others = ([each.outcome for each in verdicts if ("hint" in each.claim) is hint] for hint in (True, False))
    assert of_hint == [Outcome.UNKNOWN] and Outcome.REFUTED in others
