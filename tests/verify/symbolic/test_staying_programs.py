"""Programs that stay and take one tile after another, each worked out from the number of its turn; and the nearest
wrong ones.
"""

from __future__ import annotations

import pytest
from questions import Asked, dense, kernel, question

from verify.verdict import Outcome

BLOCK = "!tt.ptr<f32>"
LANES = f"tensor<8x{BLOCK}>"


def turns(
    programs: int = 5, step: int | None = None, first: int = 0, left_out: int = 0, rows: int = 2, less: int = 0
) -> Asked:
    """Of two rows of L floats, turn t stores tile t // 2 of row t % 2; `programs` take turns by `step`."""
    asked = kernel(
        f"%y: {BLOCK}, %L: i32",
        "%p = tt.get_program_id x : i32",
        f"%first = arith.constant {first} : i32",
        "%two = arith.constant 2 : i32",
        f"%rows = arith.constant {rows} : i32",
        "%seven = arith.constant 7 : i32",
        "%eight = arith.constant 8 : i32",
        f"%less = arith.constant {less} : i32",
        f"%left = arith.constant {left_out} : i32",
        "%step = tt.get_num_programs x : i32" if step is None else f"%step = arith.constant {step} : i32",
        "%ones = arith.constant dense<1.0> : tensor<8xf32>",
        "%more = arith.addi %L, %seven : i32",
        "%n = arith.divsi %more, %eight : i32",
        "%every = arith.muli %n, %two : i32",
        "%end = arith.subi %every, %left : i32",
        "%start = arith.addi %p, %first : i32",
        "scf.for %t = %start to %end step %step  : i32 {",
        "%row = arith.remsi %t, %rows : i32",
        "%number = arith.divsi %t, %two : i32",
        "%tile = arith.subi %number, %less : i32",
        "%above = arith.muli %row, %L : i32",
        "%beside = arith.muli %tile, %eight : i32",
        "%lanes = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>",
        f"%base = tt.splat %y : {BLOCK} -> {LANES}",
        "%ends = tt.splat %L : i32 -> tensor<8xi32>",
        "%starts = tt.splat %beside : i32 -> tensor<8xi32>",
        "%over = tt.splat %above : i32 -> tensor<8xi32>",
        "%cols = arith.addi %starts, %lanes : tensor<8xi32>",
        "%inside = arith.cmpi slt, %cols, %ends : tensor<8xi32>",
        "%at = arith.addi %over, %cols : tensor<8xi32>",
        f"%where = tt.addptr %base, %at : {LANES}, tensor<8xi32>",
        f"tt.store %where, %ones, %inside : {LANES}",
        "}",
    )
    dims = {"R": (2, 2), "L": (0, 1 << 20)}
    return question(asked, [programs], dims=dims, outputs={"y": ("R", "L")}, y=dense("y", 2, "L"))


@pytest.mark.parametrize("asked", [turns(), turns(step=5), turns(programs=1)], ids=["programs", "number", "alone"])
def test_turns_in_all_are_every_tile(asked: Asked) -> None:
    found = {gate: asked.outcome(gate) for gate in ("coverage", "bounds", "races")}
    assert set(found.values()) == {Outcome.PROVED}, found


@pytest.mark.parametrize(
    "asked",
    [turns(step=6), turns(first=1), turns(left_out=1), turns(left_out=2), turns(rows=1), turns(rows=3), turns(less=1)],
    ids=["a turn of nobody", "first left out", "last left out", "last of each row", "one row", "three rows", "too low"],
)
def test_the_nearest_wrong_ones(asked: Asked) -> None:
    assert asked.outcome("coverage") is not Outcome.PROVED


def test_a_turn_that_two_programs_take_is_no_gap_but_a_race() -> None:
    asked = turns(step=4)
    assert asked.outcome("coverage") is Outcome.PROVED
    assert asked.outcome("races") is Outcome.REFUTED
