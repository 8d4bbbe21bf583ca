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


@pytest.mark.parametrize(("extent", "outcome"), [("%c16", []), ("%N", [Outcome.REFUTED])])
def test_lanes_start_at_a_multiple(extent: str, outcome: list[Outcome]) -> None:
    start = over_lanes(f"arith.muli %p, {extent} : i32")
    assert undefined(*start, hinted("arith.addi %w, %r", LANES, 16)) == outcome


@pytest.mark.parametrize("hint", ["contiguity", "divisibility"])
def test_a_remainder_does_not_keep_lanes_together(hint: str) -> None:
    lines = (*over_lanes("arith.muli %p, %c16 : i32"), f"%i = arith.addi %w, %r : {LANES}")
    assert undefined(*lines, hinted("arith.addi %w, %r", LANES, 16, hint)) == []
    lines = (*lines, f"%n = tt.splat %N : i32 -> {LANES}")
    assert undefined(*lines, hinted("arith.remsi %i, %n", LANES, 16, hint)) == [Outcome.REFUTED]


@pytest.mark.parametrize(("operation", "outcome"), [("%w, %w", []), ("%w, %r", [Outcome.REFUTED])])
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


def split(by: int) -> tuple[str, ...]:
    """Lanes divided by a number, said to be one value."""
    lines = over_lanes("arith.muli %p, %N : i32")
    return (*lines, f"%by = arith.constant dense<{by}> : {LANES}", f"%d = arith.divsi %r, %by : {LANES}",
            hinted("arith.addi %w, %d", LANES, 16, "constancy"))  # fmt: skip


@pytest.mark.parametrize(("by", "outcome"), [(16, Outcome.UNKNOWN), (8, Outcome.UNKNOWN), (1, Outcome.REFUTED)])
def test_only_the_first_lanes_count_against_a_hint(by: int, outcome: Outcome) -> None:
    """Of 16 lanes divided by 16 it is true, by 8 it is not, and their first two tell neither."""
    assert undefined(*split(by)) == [outcome]


SQUARE = "tensor<16x16xi32>"


@pytest.mark.parametrize(("rows", "told", "outcome"), [
    ("%c16", "[1, 16]", []), ("%N", "[1, 16]", [Outcome.REFUTED]), ("%N", "[1, 1]", []),
    ("%c16", "[16, 1]", [Outcome.REFUTED]), ("%c16", "[1, 32]", [Outcome.REFUTED]),
])  # fmt: skip
def test_a_hint_of_two_axes(rows: str, told: str, outcome: list[Outcome]) -> None:
    """row * width + column: each row begins at a multiple of the width, and along the rows it steps by it."""
    lines = (*LINES, f"%e = tt.expand_dims %r {{axis = 1 : i32}} : {LANES} -> tensor<16x1xi32>",
             f"%f = tt.expand_dims %r {{axis = 0 : i32}} : {LANES} -> tensor<1x16xi32>",
             f"%s = tt.splat {rows} : i32 -> tensor<16x1xi32>", "%m = arith.muli %e, %s : tensor<16x1xi32>",
             f"%g = tt.broadcast %m : tensor<16x1xi32> -> {SQUARE}",
             f"%h = tt.broadcast %f : tensor<1x16xi32> -> {SQUARE}",
             f"%i = arith.addi %g, %h {{tt.divisibility = dense<{told}> : tensor<2xi32>}} : {SQUARE}")  # fmt: skip
    assert undefined(*lines) == outcome


def test_where_control_never_comes_no_first_lane_counts() -> None:
    wrong = (*LINES, hinted("arith.addi %r, %r", LANES, 16, "constancy"))
    never = ("%c0 = arith.constant 0 : i32", "%never = arith.cmpi slt, %p, %c0 : i32", "scf.if %never {", *wrong, "}")
    assert Outcome.REFUTED not in undefined(*never) and undefined(*wrong) == [Outcome.REFUTED]


def test_what_else_is_undefined_says_nothing_of_a_hint() -> None:
    """A run in which a result depends on masked-off lanes is a witness for the store alone."""
    lost = (
        "%no = arith.constant false",
        f"%b = tt.addptr %y, %p : {F32}, i32",
        f"%v = tt.load %b, %no : {F32}",
        f"tt.store %b, %v : {F32}",
    )
    verdicts = question(kernel(f"%y: {F32}, %N: i32", *ONE, *split(16), *lost)).verdicts("undefined")
    of_hint, others = ([each.outcome for each in verdicts if ("hint" in each.claim) is hint] for hint in (True, False))
    assert of_hint == [Outcome.UNKNOWN] and Outcome.REFUTED in others
