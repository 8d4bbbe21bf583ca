"""What a program does to one element twice: in order only where Triton promises it. Each with its nearest twin."""

from __future__ import annotations

import pytest
from questions import Asked, kernel, question, tensor
from test_gaps import F32, proved, refused

from verify.verdict import Outcome

R, V, P = "tensor<4xi32>", "tensor<4xf32>", "tensor<4x!tt.ptr<f32>>"
BASE = (
    f"%r = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {R}",
    f"%three = arith.constant dense<3> : {R}",
    f"%ones = arith.constant dense<1.0> : {V}",
    "%c0 = arith.constant 0 : i32",
    "%c1 = arith.constant 1 : i32",
    "%c4 = arith.constant 4 : i32",
    f"%back = arith.subi %three, %r : {R}",
    f"%xq = tt.splat %x : !tt.ptr<f32> -> {P}",
    f"%yq = tt.splat %y : !tt.ptr<f32> -> {P}",
    f"%xa = tt.addptr %xq, %r : {P}, {R}",
    f"%xb = tt.addptr %xq, %back : {P}, {R}",
    f"%ya = tt.addptr %yq, %r : {P}, {R}",
)
LOAD, STORE = f"%v = tt.load %xa : {P}", f"tt.store %xa, %ones : {P}"
DOUBLE = f"%d = arith.addf %v, %v : {V}"
FENCE = "gpu.barrier"


def one_program(*lines: str) -> Asked:
    """x and y have four elements; x may be written."""
    text = kernel(f"%x: {F32}, %y: {F32}, %N: i32", *BASE, *lines)
    return question(text, [1], dims={"K": (4, 4), "N": (0, 9)}, inputs=[tensor("x", "K")], outputs={"y": ("K",)})


COPY = f"tt.store %ya, %v : {P}"
SUM = (
    '%s = "tt.reduce"(%v) <{axis = 0 : i32}> ({',
    "^bb0(%a: f32, %b: f32):",
    '%t = arith.addf %a, %b : f32 loc("kernel.py":50:1)',
    'tt.reduce.return %t : f32 loc("kernel.py":50:1)',
    f'}}) : ({V}) -> f32 loc("kernel.py":50:1)',
)
WIDE = "tensor<8xf32>"
EIGHT = (
    "%r8 = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>",
    "%m8 = arith.cmpi slt, %r8, %n8 : tensor<8xi32>",
    "%q8 = tt.splat %y : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>",
    "%a8 = tt.addptr %q8, %r8 : tensor<8x!tt.ptr<f32>>, tensor<8xi32>",
    f"%w8 = tt.splat %s : f32 -> {WIDE}",
    "tt.store %a8, %w8, %m8 : tensor<8x!tt.ptr<f32>>",
)
N8 = "%n8 = arith.constant dense<4> : tensor<8xi32>"
LOOP = "scf.for %k = %c0 to %N step %c1 : i32 {"
MOVED = (
    "%o = arith.muli %k, %c4 : i32",
    f"%os = tt.splat %o : i32 -> {R}",
    f"%xm = tt.addptr %xa, %os : {P}, {R}",
    f"%v = tt.load %xm : {P}",
    DOUBLE,
    f"tt.store %xm, %d : {P}",
)

TWINS = {
    "read back, lane by lane": ((STORE, FENCE, LOAD, COPY), (STORE, LOAD, COPY)),
    "loaded by other lanes before it is overwritten": (
        (f"%v = tt.load %xb : {P}", FENCE, f"tt.store %xa, %v : {P}"),
        (f"%v = tt.load %xb : {P}", f"tt.store %xa, %v : {P}"),
    ),
    "two stores to one place": (
        (STORE, FENCE, f"tt.store %xb, %ones : {P}"),
        (STORE, f"tt.store %xa, %ones : {P}"),
    ),
    "overwritten in place, and then stored in wider tensors": (
        (LOAD, *SUM, FENCE, STORE, N8, *EIGHT),
        (LOAD, *SUM, STORE, N8, *EIGHT),
    ),
    "overwritten in place, then a branch on what was there": (
        (LOAD, *SUM, STORE, COPY),
        (
            LOAD, *SUM, "%z = arith.constant 0.0 : f32", "%c = arith.cmpf ogt, %s, %z : f32", STORE,
            "scf.if %c {", f"tt.store %ya, %ones : {P}", "}",
        ),
    ),
    "in place in every round of a loop": ((LOOP, *MOVED, "}"), (LOOP, LOAD, DOUBLE, f"tt.store %xa, %d : {P}", "}")),
    "the same store in every round": ((LOOP, STORE, "}"), (LOOP, STORE, LOAD, COPY, "}")),
}  # fmt: skip


@pytest.mark.parametrize("what", TWINS)
def test_twins(what: str) -> None:
    good, bad = TWINS[what]
    proved(one_program(*good), "races")
    refused(one_program(*bad), "races")


def test_in_place_lane_by_lane_needs_no_barrier() -> None:
    back = (f"%m = tt.splat %s : f32 -> {V}", f"%e = arith.subf %v, %m : {V}", f"tt.store %xa, %e : {P}")
    proved(one_program(LOAD, DOUBLE, f"tt.store %xa, %d : {P}"), "races")
    proved(one_program(LOAD, *SUM, *back), "races")


def test_a_read_back_is_refuted_by_a_run() -> None:
    bad = one_program(STORE, LOAD, COPY)
    assert bad.outcome("races") is Outcome.REFUTED
    assert "with no barrier between" in bad.witness("races")


@pytest.mark.parametrize("written", [True, False])
def test_elements_that_overlap_may_be_read_but_not_written(written: bool) -> None:
    """Strides are the caller's: 0 among them, by which all elements of x are one."""
    access = f"tt.store %a, %one : {F32}" if written else f"%v = tt.load %a : {F32}"
    text = kernel(
        f"%x: {F32}, %y: {F32}, %s: i32",
        "%one = arith.constant 1.0 : f32",
        "%p = tt.get_program_id x : i32",
        "%i = arith.muli %p, %s : i32",
        f"%a = tt.addptr %x, %i : {F32}, i32",
        access,
        f"%b = tt.addptr %y, %p : {F32}, i32",
        f"tt.store %b, {'%one' if written else '%v'} : {F32}",
    )
    whole = question(text, inputs=[tensor("x", "N", free=True)], s="x.stride0")
    (refused if written else proved)(whole, "races")
