"""Addresses over two axes of a tensor at once, or counted from an axis's end, and the nearest ones that go wrong."""

from __future__ import annotations

import pytest
from attrs import evolve
from questions import Asked, dense, kernel, question

from specs.sizes import Size, name
from verify.plan import View
from verify.verdict import Outcome

BLOCK = "!tt.ptr<f32>"


def halves(step: int, grid: Size, view: View) -> Asked:
    """Program p stores four floats at row p // 2 of eight, in its half p % 2 of `step`: rows are batch and head."""
    lines = (
        "%p = tt.get_program_id x : i32",
        "%c2 = arith.constant 2 : i32",
        "%c8 = arith.constant 8 : i32",
        f"%c = arith.constant {step} : i32",
        "%row = arith.divsi %p, %c2 : i32",
        "%half = arith.remsi %p, %c2 : i32",
        "%above = arith.muli %row, %c8 : i32",
        "%beside = arith.muli %half, %c : i32",
        "%start = arith.addi %above, %beside : i32",
        "%starts = tt.splat %start : i32 -> tensor<4xi32>",
        "%lanes = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>",
        "%at = arith.addi %starts, %lanes : tensor<4xi32>",
        f"%base = tt.splat %y : {BLOCK} -> tensor<4x{BLOCK}>",
        f"%where = tt.addptr %base, %at : tensor<4x{BLOCK}>, tensor<4xi32>",
        "%ones = arith.constant dense<1.0> : tensor<4xf32>",
        f"tt.store %where, %ones : tensor<4x{BLOCK}>",
    )
    dims = {"B": (1, 1 << 20), "H": (3, 3), "W": (8, 8)}
    return question(kernel(f"%y: {BLOCK}", *lines), [grid], dims=dims, outputs={"y": ("B", "H", "W")}, y=view)


EVERY, DENSE = name("B") * 6, dense("y", "B", 3, 8)


TURNED = View("y", DENSE.sizes[::-1], DENSE.strides[::-1])


@pytest.mark.parametrize("view", [DENSE, TURNED], ids=["as it lies", "with its axes turned"])
def test_batch_and_head_at_once(view: View) -> None:
    asked = halves(4, EVERY, view)
    assert (asked.outcome("bounds"), asked.outcome("races")) == (Outcome.PROVED, Outcome.PROVED)


@pytest.mark.parametrize(
    ("gate", "asked"),
    [
        ("races", halves(3, EVERY, DENSE)),
        ("bounds", halves(4, EVERY + 1, DENSE)),
        ("bounds", halves(4, EVERY, evolve(DENSE, sizes=(name("B"), *dense("y", 1, 2, 8).sizes[1:])))),
        ("bounds", halves(4, EVERY, View("y", DENSE.sizes, (Size("const", value=32), *DENSE.strides[1:])))),
        ("bounds", halves(4, EVERY, evolve(TURNED, strides=(*TURNED.strides[:2], Size("const", value=32))))),
    ],
    ids=["halves overlap", "one program too many", "a head less", "a gap between batches", "turned, with a gap"],
)
def test_the_nearest_wrong_ones(gate: str, asked: Asked) -> None:
    assert asked.outcome(gate) is not Outcome.PROVED


def backwards(first: int) -> Asked:
    """Program b stores rows T - first - i of its own T rows, i = 0 .. T - 1, four floats each."""
    lines = (
        "%p = tt.get_program_id x : i32",
        "%c0 = arith.constant 0 : i32",
        "%c1 = arith.constant 1 : i32",
        "%c4 = arith.constant 4 : i32",
        f"%first = arith.constant {first} : i32",
        "%above = arith.muli %p, %T : i32",
        "%end = arith.addi %above, %T : i32",
        "%last = arith.subi %end, %first : i32",
        "%lanes = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>",
        f"%base = tt.splat %y : {BLOCK} -> tensor<4x{BLOCK}>",
        "%ones = arith.constant dense<1.0> : tensor<4xf32>",
        "scf.for %i = %c0 to %T step %c1 : i32 {",
        "%row = arith.subi %last, %i : i32",
        "%start = arith.muli %row, %c4 : i32",
        "%starts = tt.splat %start : i32 -> tensor<4xi32>",
        "%at = arith.addi %starts, %lanes : tensor<4xi32>",
        f"%where = tt.addptr %base, %at : tensor<4x{BLOCK}>, tensor<4xi32>",
        f"tt.store %where, %ones : tensor<4x{BLOCK}>",
        '} loc("kernel.py":12:1)',
    )
    dims = {"B": (1, 1 << 10), "T": (1, 1 << 10), "W": (4, 4)}
    text = kernel(f"%y: {BLOCK}, %T: i32", *lines)
    return question(text, ["B"], dims=dims, outputs={"y": ("B", "T", "W")})


def test_rows_from_the_end() -> None:
    assert [backwards(1).outcome(gate) for gate in ("bounds", "races")] == [Outcome.PROVED] * 2
    assert backwards(0).outcome("bounds") is Outcome.REFUTED
    assert backwards(2).outcome("bounds") is Outcome.REFUTED
