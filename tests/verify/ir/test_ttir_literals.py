"""Constants are exact in their type, held against numpy's and torch's own conversions."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.ir.literals import FORMATS, decode, read_dense, read_number, rounded
from verify.ir.program import Scalar, Tensor

TORCH = {
    "bf16": (torch.bfloat16, torch.uint16),
    "f16": (torch.float16, torch.uint16),
    "f8E5M2": (torch.float8_e5m2, torch.uint8),
    "f8E4M3FN": (torch.float8_e4m3fn, torch.uint8),
    "f8E5M2FNUZ": (torch.float8_e5m2fnuz, torch.uint8),
    "f8E4M3FNUZ": (torch.float8_e4m3fnuz, torch.uint8),
}
FORMS = ("{:.6e}", "{:.9e}", "{:.17e}")


def same(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)


@pytest.mark.parametrize("name", TORCH)
def test_every_bit_pattern_of_the_small_formats(name: str) -> None:
    dtype, bits = TORCH[name]
    patterns = torch.arange(1 << FORMATS[name].width, dtype=torch.int64).to(bits)
    for pattern, value in enumerate(patterns.view(dtype).double().tolist()):
        assert same(decode(pattern, FORMATS[name]), value), hex(pattern)


@given(st.integers(0, 2**32 - 1))
def test_bit_patterns_of_f32(pattern: int) -> None:
    (value,) = struct.unpack("<f", struct.pack("<I", pattern))
    assert same(decode(pattern, FORMATS["f32"]), value)


@given(st.integers(0, 2**64 - 1))
def test_bit_patterns_of_f64(pattern: int) -> None:
    (value,) = struct.unpack("<d", struct.pack("<Q", pattern))
    assert same(decode(pattern, FORMATS["f64"]), value)


@given(st.floats(width=64, allow_nan=False, allow_infinity=False), st.sampled_from(FORMS))
def test_decimals_round_to_the_nearest_double(value: float, form: str) -> None:
    text = form.format(value)
    assert same(read_number(text, Scalar("f64")), float(text))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_printed_f32_reads_back(value: float) -> None:
    assert same(read_number(f"{value:.9e}", Scalar("f32")), value)


@given(st.floats(-7e4, 7e4), st.sampled_from(FORMS))
def test_decimals_round_to_the_nearest_half(value: float, form: str) -> None:
    text = form.format(value)
    with np.errstate(over="ignore"):
        expected = float(np.float16(float(text)))
    assert same(read_number(text, Scalar("f16")), expected)


def test_a_decimal_is_rounded_once() -> None:
    # Just above the middle of two neighbouring f32, by less than a double can tell.
    text = "1.00000005960464477539062500000001"
    assert float(text) == 1 + 2**-24
    assert rounded(text, FORMATS["f32"]) == 1 + 2**-23
    assert rounded("1.000000059604644775390625", FORMATS["f32"]) == 1


def test_beyond_the_largest_number() -> None:
    assert read_number("-1.0e+39", Scalar("f32")) == -math.inf
    assert read_number("65519.0", Scalar("f16")) == 65504
    assert read_number("65520.0", Scalar("f16")) == math.inf
    assert read_number("1.0e+999999999999", Scalar("bf16")) == math.inf
    with pytest.raises(ValueError, match="beyond the largest"):
        read_number("1.0e+10", Scalar("f8E4M3FN"))


@given(st.integers(1, 64), st.data())
def test_integers_are_signed(bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
    read = read_number(str(value), Scalar(f"i{bits}"))
    assert read == value if bits > 1 else read is bool(value)
    if bits > 1:
        assert read_number(hex(value % (1 << bits)), Scalar(f"i{bits}")) == value


@pytest.mark.parametrize(
    ("text", "type"),
    [("256", "i8"), ("1.0", "i32"), ("1", "f32"), ("0x1FFFF", "f16"), ("x", "i8"), ("1", "none")],
)
def test_what_is_no_constant_of_its_type(text: str, type: str) -> None:
    with pytest.raises(ValueError):
        read_number(text, Scalar(type))


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=2, max_size=40))
def test_blobs_hold_little_endian_elements(values: list[int]) -> None:
    text = '"0x' + struct.pack(f"<{len(values)}h", *values).hex().upper() + '"'
    dense = read_dense(text, Tensor((len(values),), Scalar("i16")))
    assert (dense.elements, dense.splat) == (tuple(values), False)


def test_dense_shapes() -> None:
    i32 = Scalar("i32")
    assert read_dense([["1", "2"], ["3", "4"]], Tensor((2, 2), i32)).elements == (1, 2, 3, 4)
    assert read_dense('"0x07000000"', Tensor((64,), i32)).splat
    for elements in (["1", "2", "3"], [["1", "2"]], [["1"], ["2"]], "x", ["1", ["2", "3"]]):
        with pytest.raises(ValueError):
            read_dense(elements, Tensor((2, 2), i32))
