"""What folds lanes, shifts by what it loads or takes a magnitude may leave its type, and that is asked for."""

from __future__ import annotations

import pytest
from questions import Asked, kernel, question, tensor
from test_gaps import F32, I32, ONE, get, proved, put, refused
from test_sum_ranges import LOADED, R, region

from verify.verdict import Outcome

LEAST = -(2**31)


def masked(*lines: str, low: int = 0, high: int = 1, first: str = "%s") -> Asked:
    """y[0] = 1 where the scalar that the lines make of eight loaded integers is below 9."""
    index = tensor("i", "K", dtype="int32", low=low, high=high)
    nine = "%nine = arith.constant 9 : i32"
    lines = (*ONE, nine, *LOADED, *lines, f"%m = arith.cmpi slt, {first}, %nine : i32", *put("%y", "%c0", mask="%m"))
    text = kernel(f"%i: {I32}, %y: {F32}", *lines)
    return question(text, [1], dims={"N": (1, 1), "K": (8, 8)}, inputs=[index])


def scanned(low: int, high: int) -> Asked:
    least = (
        '%f = "tt.reduce"(%s) <{axis = 0 : i32}> ({',
        "^bb0(%a1: i32, %b1: i32):",
        '%c1_ = arith.minsi %a1, %b1 : i32 loc("kernel.py":51:1)',
        'tt.reduce.return %c1_ : i32 loc("kernel.py":51:1)',
        f'}}) : ({R}) -> i32 loc("kernel.py":51:1)',
    )
    return masked(*region("scan", "arith.addi", R), *least, low=low, high=high, first="%f")


@pytest.mark.parametrize("fold", ["reduce", "scan"])
def test_a_sum_of_lanes_may_wrap(fold: str) -> None:
    def summed(low: int, high: int) -> Asked:
        if fold == "scan":
            return scanned(low, high)
        return masked(*region("reduce", "arith.addi", "i32"), low=low, high=high)

    proved(summed(0, 2**28), "overflow")  # eight times at most 2^28 - 1
    proved(summed(-(2**28), 2**28), "overflow")
    refused(summed(0, 2**28 + 2), "overflow")
    refused(summed(-(2**28) - 1, 1), "overflow")


def test_a_sum_that_wraps_is_run() -> None:
    whole = masked(*region("reduce", "arith.addi", "i32"), low=2**28, high=2**28 + 1)
    assert whole.outcome("overflow") is Outcome.REFUTED
    assert "a sum of i32 wraps at kernel.py:50 and reaches the mask" in whole.witness("overflow")


def test_a_sum_of_equal_lanes_is_a_product() -> None:
    lines = f"%v = tt.splat %N : i32 -> {R}", *region("reduce", "arith.addi", "i32")
    last = "%e = arith.constant 8 : i32", "%q = arith.divsi %s, %e : i32", "%i = arith.subi %q, %c1 : i32"
    text = kernel(f"%y: {F32}, %N: i32", *ONE, *lines, *last, *put("%y", "%i"))
    fits = question(text, [1], dims={"N": (1, 2**28 - 1)})
    proved(fits, "overflow")
    proved(fits, "bounds")
    wraps = question(text, [1], dims={"N": (1, 2**28)})
    assert wraps.outcome("overflow") is Outcome.REFUTED
    assert "a sum of i32 wraps" in wraps.witness("overflow")


@pytest.mark.parametrize("operation", ["arith.muli", "arith.subi", "arith.shli"])
def test_what_else_a_region_computes_may_wrap(operation: str) -> None:
    refused(masked(*region("reduce", operation, "i32"), high=1000), "overflow")


@pytest.mark.parametrize("operation", ["arith.maxsi", "arith.minsi", "arith.xori", "arith.andi"])
def test_a_region_that_selects_or_combines_bits_does_not_wrap(operation: str) -> None:
    proved(masked(*region("reduce", operation, "i32"), low=LEAST, high=2**31 - 1), "overflow")


def test_a_region_that_divides_asks_for_its_divisors() -> None:
    proved(masked(*region("reduce", "arith.maxsi", "i32"), high=4), "undefined")
    refused(masked(*region("reduce", "arith.remsi", "i32"), high=4), "undefined")


@pytest.mark.parametrize(
    ("high", "value", "overflow", "undefined"),
    [(8, 1, proved, proved), (8, 2**25, refused, proved), (32, 1, refused, proved), (33, 0, proved, refused)],
)
def test_a_shift_by_a_loaded_amount(high: int, value: int, overflow: object, undefined: object) -> None:
    index = tensor("i", "K", dtype="int32", low=0, high=high)
    shifted = f"%b = arith.constant {value} : i32", "%s = arith.shli %b, %k : i32"
    compared = "%m = arith.cmpi slt, %c1, %s : i32"
    lines = (*ONE, *get("k", "%i", "%c0", I32), *shifted, compared, *put("%y", "%c0", mask="%m"))
    text = kernel(f"%i: {I32}, %y: {F32}", *lines)
    whole = question(text, [1], dims={"N": (1, 1), "K": (8, 8)}, inputs=[index])
    overflow(whole, "overflow")  # type: ignore[operator]
    undefined(whole, "undefined")  # type: ignore[operator]


@pytest.mark.parametrize("direction", ["shrsi", "shrui"])
def test_a_shift_to_the_right_beyond_the_width_is_undefined(direction: str) -> None:
    for high, gate in ((32, proved), (33, refused)):
        lines = f"%s = arith.{direction} %nine, %k : i32"
        whole = masked(*get("k", "%i", "%c0", I32), lines, high=high)
        gate(whole, "undefined")
        proved(whole, "overflow")


def test_the_least_integer_has_no_magnitude() -> None:
    for low, gate in ((LEAST + 1, proved), (LEAST, refused)):
        gate(masked(*get("k", "%i", "%c0", I32), "%s = math.absi %k : i32", low=low, high=1), "overflow")


B = "tensor<16x16xi8>"
C = "tensor<16x16xi32>"


def dotted(start: int) -> Asked:
    """y[0] = 1 where the least of a product of bytes, with `start` added, is below 0."""
    lines = (
        *ONE,
        "%v = tt.load %i : !tt.ptr<i8>",
        f"%b = tt.splat %v : i8 -> {B}",
        f"%start = arith.constant dense<{start}> : {C}",
        f"%d = tt.dot %b, %b, %start : {B} * {B} -> {C}",
        f"%flat = tt.reshape %d : {C} -> tensor<256xi32>",
        '%s = "tt.reduce"(%flat) <{axis = 0 : i32}> ({',
        "^bb0(%a0: i32, %b0: i32):",
        '%c0_ = arith.minsi %a0, %b0 : i32 loc("kernel.py":50:1)',
        'tt.reduce.return %c0_ : i32 loc("kernel.py":50:1)',
        '}) : (tensor<256xi32>) -> i32 loc("kernel.py":50:1)',
        "%m = arith.cmpi slt, %s, %c0 : i32",
        *put("%y", "%c0", mask="%m"),
    )
    index = tensor("i", "K", dtype="int8", low=-128, high=128)
    text = kernel(f"%i: !tt.ptr<i8>, %y: {F32}", *lines)
    return question(text, [1], dims={"N": (1, 1), "K": (1, 1)}, inputs=[index])


def test_a_product_of_bytes_fits_or_not_by_what_is_added() -> None:
    most = 2**31 - 1 - 16 * 128 * 128
    proved(dotted(most), "overflow")
    refused(dotted(most + 1), "overflow")
