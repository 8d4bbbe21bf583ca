"""Sums, running sums and counts of bounded integers are bounded: an address made of them can be in range."""

from __future__ import annotations

import pytest
from questions import Asked, kernel, question, tensor
from test_gaps import F32, I32, ONE, proved, put, refused

R = "tensor<8xi32>"
LOADED = (
    f"%l = tt.make_range {{end = 8 : i32, start = 0 : i32}} : {R}",
    f"%ip = tt.splat %i : {I32} -> tensor<8x!tt.ptr<i32>>",
    f"%ia = tt.addptr %ip, %l : tensor<8x!tt.ptr<i32>>, {R}",
    "%v = tt.load %ia : tensor<8x!tt.ptr<i32>>",
)


def region(name: str, operation: str, result: str) -> tuple[str, ...]:
    where = 'loc("kernel.py":50:1)'
    extra = ", reverse = false" if name == "scan" else ""
    return (
        f'%s = "tt.{name}"(%v) <{{axis = 0 : i32{extra}}}> ({{',
        "^bb0(%a0: i32, %b0: i32):",
        f"%c0_ = {operation} %a0, %b0 : i32 {where}",
        f"tt.{name}.return %c0_ : i32 {where}",
        f"}}) : ({R}) -> {result} {where}",
    )


def addressed(elements: int, *, name: str = "reduce", operation: str = "arith.addi", high: int = 2) -> Asked:
    """y[s] = 1 for a reduction or all lanes of a scan over eight loaded integers 0 <= v < high."""
    index = tensor("i", "K", dtype="int32", low=0, high=high)
    if name == "reduce":
        lines = (*ONE, *LOADED, *region(name, operation, "i32"), *put("%y", "%s"))
    else:
        lines = (
            *ONE,
            *LOADED,
            *region(name, operation, R),
            "%ones = arith.constant dense<1.0> : tensor<8xf32>",
            "%yp = tt.splat %y : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>",
            f"%ya = tt.addptr %yp, %s : tensor<8x!tt.ptr<f32>>, {R}",
            "tt.store %ya, %ones : tensor<8x!tt.ptr<f32>>",
        )
    text = kernel(f"%i: {I32}, %y: {F32}", *lines)
    return question(text, [1], dims={"N": (elements, elements), "K": (8, 8)}, inputs=[index])


@pytest.mark.parametrize("name", ["reduce", "scan"])
def test_a_sum_of_zeros_and_ones_is_at_most_their_number(name: str) -> None:
    proved(addressed(9, name=name), "bounds")
    refused(addressed(8, name=name), "bounds")


def test_only_sums_are_sums() -> None:
    refused(addressed(9, operation="arith.muli", high=3), "bounds")
    proved(addressed(17, high=3), "bounds")


def test_a_largest_value_is_one_of_them() -> None:
    proved(addressed(2, operation="arith.maxsi"), "bounds")
    refused(addressed(1, operation="arith.maxsi"), "bounds")


def test_counts_are_no_more_than_the_values() -> None:
    for elements, outcome in ((9, proved), (8, refused)):
        lines = (
            *ONE,
            *LOADED,
            f"%h = tt.histogram %v : {R} -> {R}",
            "%ones = arith.constant dense<1.0> : tensor<8xf32>",
            "%yp = tt.splat %y : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>",
            f"%ya = tt.addptr %yp, %h : tensor<8x!tt.ptr<f32>>, {R}",
            "tt.store %ya, %ones : tensor<8x!tt.ptr<f32>>",
        )
        text = kernel(f"%i: {I32}, %y: {F32}", *lines)
        index = tensor("i", "K", dtype="int32", low=0, high=8)
        outcome(question(text, [1], dims={"N": (elements, elements), "K": (8, 8)}, inputs=[index]), "bounds")
