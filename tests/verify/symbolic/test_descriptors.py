"""Tensor descriptors: tiles are clipped, so what counts is that the descriptor lies in its tensor and is aligned."""

from __future__ import annotations

from typing import Any

import pytest
from questions import Asked, kernel, question, sized, tensor
from test_gaps import F32, I32, proved

from specs.sizes import name
from verify.verdict import Outcome

M, N = name("M"), name("N")
ROWS_OF_16_BYTES = ((N % 4).equals(0),)
DESC, TILE = "!tt.tensordesc<tensor<4x8xf32>>", "tensor<4x8xf32>"
START = (
    "%c4 = arith.constant 4 : i32",
    "%c8 = arith.constant 8 : i32",
    "%one = arith.constant 1 : i64",
    "%p = tt.get_program_id x : i32",
    "%q = tt.get_program_id y : i32",
    "%row = arith.muli %p, %c4 : i32",
    "%col = arith.muli %q, %c8 : i32",
    "%step = arith.extsi %S : i32 to i64",
)


def made(which: str, rows: str = "%M", columns: str = "%N") -> str:
    return f"%d{which} = tt.make_tensor_descriptor %{which}, [{rows}, {columns}], [%step, %one] : <f32>, <{TILE}>"


def copied(
    *, rows: Any = M, step: Any = N, column: str = "%col", requires: Any = ROWS_OF_16_BYTES, store: str = "store"
) -> Asked:
    """y = x, tile by tile."""
    put = {
        "store": f"tt.descriptor_store %dy[%row, {column}], %t : {DESC}, {TILE}",
        "reduce": f"tt.descriptor_reduce add, %dy[%row, {column}], %t : {DESC}, {TILE}",
    }[store]
    take = f"%t = tt.descriptor_load %dx[%row, %col] : {DESC} -> {TILE}"
    lines = (*START, made("x", rows="%R"), made("y"), take, put)
    text = kernel(f"%x: {F32}, %y: {F32}, %M: i32, %N: i32, %R: i32, %S: i32", *lines)
    grid = [(M + 3) // 4, (N + 7) // 8]
    dims = {"M": (0, 20_000), "N": (0, 20_000)}
    x = tensor("x", "M", "N")
    return question(
        text, grid, dims=dims, inputs=[x], outputs={"y": ("M", "N")}, requires=requires, R=sized(rows), S=sized(step)
    )


def test_a_copy_through_descriptors_is_safe_and_complete() -> None:
    whole = copied()
    for gate in ("bounds", "races", "overflow", "coverage", "undefined"):
        proved(whole, gate)


@pytest.mark.parametrize(
    ("change", "gate", "words"),
    [
        ({"rows": M + 1}, "bounds", "the descriptor does not lie inside x"),
        ({"step": N + 4}, "bounds", "the descriptor does not lie inside"),
        ({"requires": ()}, "bounds", "are no multiples of 16 bytes"),
        ({"column": "%c8"}, "races", "y["),
        ({"column": "%c8"}, "coverage", "y["),
    ],
)
def test_the_nearest_wrong_descriptors_are_refuted(change: dict[str, Any], gate: str, words: str) -> None:
    whole = copied(**change)
    assert whole.outcome(gate) is Outcome.REFUTED
    assert words in whole.witness(gate)


def test_tiles_that_are_added_are_atomic() -> None:
    assert copied(store="reduce", column="%c8").outcome("races") is Outcome.PROVED
    assert copied(store="reduce", column="%c8").outcome("bounds") is Outcome.PROVED


def test_rows_that_are_picked_are_clipped_like_tiles() -> None:
    """Indices beyond the rows read zeros; scattered rows race unless the indices differ."""
    rows = "tensor<4xi32>"
    one = "!tt.tensordesc<tensor<1x8xf32>>"
    lines = (
        *START,
        "%dx = tt.make_tensor_descriptor %x, [%M, %N], [%step, %one] : <f32>, <tensor<1x8xf32>>",
        "%dy = tt.make_tensor_descriptor %y, [%M, %N], [%step, %one] : <f32>, <tensor<1x8xf32>>",
        f"%l = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {rows}",
        f"%ip = tt.splat %i : {I32} -> tensor<4x!tt.ptr<i32>>",
        f"%ia = tt.addptr %ip, %l : tensor<4x!tt.ptr<i32>>, {rows}",
        "%j = tt.load %ia : tensor<4x!tt.ptr<i32>>",
        f"%t = tt.descriptor_gather %dx[%j, %col] : ({one}, {rows}, i32) -> {TILE}",
        f"tt.descriptor_scatter %dy[%j, %col], %t : {one}, {rows}, i32, {TILE}",
    )
    text = kernel(f"%i: {I32}, %x: {F32}, %y: {F32}, %M: i32, %N: i32, %S: i32", *lines)
    for unique, outcome in ((True, Outcome.PROVED), (False, Outcome.REFUTED)):
        index = tensor("i", "K", dtype="int32", low=-5, high=1 << 20, unique=unique)
        dims = {"M": (0, 20_000), "N": (0, 20_000), "K": (4, 4)}
        whole = question(
            text, [1, (N + 7) // 8], dims=dims, inputs=[index, tensor("x", "M", "N")], outputs={"y": ("M", "N")},
            requires=ROWS_OF_16_BYTES, S=N,
        )  # fmt: skip
        assert whole.outcome("bounds") is Outcome.PROVED
        assert whole.outcome("races") is outcome
