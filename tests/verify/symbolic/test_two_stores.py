"""Two stores of a program that make one tile together, counted from the end, and the nearest wrong ones."""

from __future__ import annotations

import pytest
from questions import Asked, dense, kernel, question

from specs.sizes import name
from verify.verdict import Outcome

BLOCK = "!tt.ptr<f32>"


def tiles(second: int = 4, width: int = 8, last: int = 1, halves: int = 2, mask: str = "slt") -> Asked:
    """Of two rows of L floats, program p stores tile number n - 1 - p // 2 of row p % 2, four floats at a time."""
    lines = [
        "%p = tt.get_program_id x : i32",
        "%two = arith.constant 2 : i32",
        "%seven = arith.constant 7 : i32",
        "%eight = arith.constant 8 : i32",
        f"%one = arith.constant {last} : i32",
        f"%width = arith.constant {width} : i32",
        "%more = arith.addi %L, %seven : i32",
        "%n = arith.divsi %more, %eight : i32",
        "%row = arith.remsi %p, %two : i32",
        "%number = arith.divsi %p, %two : i32",
        "%top = arith.subi %n, %one : i32",
        "%tile = arith.subi %top, %number : i32",
        "%above = arith.muli %row, %L : i32",
        "%beside = arith.muli %tile, %width : i32",
        "%lanes = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>",
        f"%base = tt.splat %y : {BLOCK} -> tensor<4x{BLOCK}>",
        "%ends = tt.splat %L : i32 -> tensor<4xi32>",
        "%rows = tt.splat %above : i32 -> tensor<4xi32>",
        "%ones = arith.constant dense<1.0> : tensor<4xf32>",
    ]
    for half, ahead in list(enumerate((0, second)))[:halves]:
        lines += [
            f"%ahead{half} = arith.constant {ahead} : i32",
            f"%from{half} = arith.addi %beside, %ahead{half} : i32",
            f"%starts{half} = tt.splat %from{half} : i32 -> tensor<4xi32>",
            f"%cols{half} = arith.addi %starts{half}, %lanes : tensor<4xi32>",
            f"%inside{half} = arith.cmpi {mask}, %cols{half}, %ends : tensor<4xi32>",
            f"%at{half} = arith.addi %rows, %cols{half} : tensor<4xi32>",
            f"%where{half} = tt.addptr %base, %at{half} : tensor<4x{BLOCK}>, tensor<4xi32>",
            f"tt.store %where{half}, %ones, %inside{half} : tensor<4x{BLOCK}>",
        ]
    dims, tiled = {"R": (2, 2), "L": (0, 1 << 20)}, (name("L") + 7) // 8 * 2
    asked = kernel(f"%y: {BLOCK}, %L: i32", *lines)
    return question(asked, [tiled], dims=dims, outputs={"y": ("R", "L")}, y=dense("y", 2, "L"))


def test_both_together_write_everything() -> None:
    asked = tiles()
    assert {gate: asked.outcome(gate) for gate in ("coverage", "bounds")} == {
        "coverage": Outcome.PROVED,
        "bounds": Outcome.PROVED,
    }


@pytest.mark.parametrize(
    "asked",
    [
        tiles(halves=1),
        tiles(second=0),
        tiles(second=3),
        tiles(second=8),
        tiles(width=12),
        tiles(last=2),
        tiles(last=0),
        tiles(mask="sgt"),
    ],
    ids=["half", "the same half", "overlapping", "the next tile's", "a gap", "a tile too low", "too high", "elsewhere"],
)
def test_the_nearest_wrong_ones(asked: Asked) -> None:
    assert asked.outcome("coverage") is not Outcome.PROVED
