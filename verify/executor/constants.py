"""Which number a float constant stands for in exact arithmetic, where its type or its spelling cut it short."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Final

import torch

from verify.executor.modes import FLOAT_TYPES
from verify.ir.program import Scalar

# Constants that no decimal denotes, met as they are or times a power of two.
IRRATIONALS: Final = (
    math.log2(math.e), math.log10(math.e), math.log10(2), math.pi, math.e, math.sqrt(2), math.sqrt(math.pi),
    math.sqrt(2 / math.pi), 2 / math.sqrt(math.pi), 1 / math.pi, 1 / math.sqrt(math.pi),
    math.sqrt(2 * math.pi), 1 / math.sqrt(2 * math.pi), math.log(10), math.log(2), math.log2(10),
)  # fmt: skip
# What a score is scaled by, divided by the root of a width; 1 divided by a width itself is a mean's factor.
SCALES: Final = (1.0, math.log2(math.e))
# With these, one decimal of six digits in 20000 is taken for what it was not; with many more, more would be.
LARGEST_ROOT: Final = 1024
LARGEST_WIDTH: Final = 4096
SHORT: Final = 4  # digits of a decimal that stands for itself, whatever else rounds to the same number
WRITTEN: Final = 9  # digits that tell float32 numbers apart: what a computation gave in float64 has more


@cache
def intended(value: float, scalar: Scalar) -> float:
    """The number that a constant stands for in exact arithmetic.

    A constant of a narrow type was rounded by the compiler. Read back is the shortest decimal that rounds to it (0.1
    rather than 0.100000001490116), in float32 rather an irrational or a fraction that does: `1.44269504` is log2(e),
    `0.127517432` is log2(e) / sqrt(128), `0.00130208337` is 1 / 768. All of them, or their nine digits, round to
    `value`, so that one that is wrong by more than that is not mended.
    """
    dtype = FLOAT_TYPES.get(scalar.name)
    if dtype is None or dtype == torch.float64 or value == 0 or abs(value) >= torch.finfo(dtype).max:
        return value
    found = _recognised(value) if dtype == torch.float32 else None  # narrower types have too few bits
    return next(_decimals(value, dtype, 10), value) if found is None else found


@cache
def handed(value: float, scalar: Scalar) -> float:
    """The number that a host's float argument, given in float64, stands for in exact arithmetic: as `intended` where
    it has no more digits than float32 tells apart, else itself."""
    if scalar.name != "f32" or not math.isfinite(value) or float(f"{value:.{WRITTEN - 1}e}") != value:
        return value
    found = _recognised(_rounded(value, torch.float32))
    return value if found is None else found


def _recognised(value: float) -> float | None:
    """The irrational or fraction that a float32 was, unless a short decimal rounds to it too."""
    if value == 0 or not math.isfinite(value) or any(_decimals(value, torch.float32, SHORT)):
        return None
    return next((each for each in _named(value) if value in _float32s(each)), None)


def _float32s(number: float) -> tuple[float, float]:
    """The float32 that a number becomes, and the one that its first nine digits become: seldom its neighbour."""
    return _rounded(number, torch.float32), _rounded(float(f"{number:.{WRITTEN - 1}e}"), torch.float32)


def _decimals(value: float, dtype: torch.dtype, most: int) -> Iterator[float]:
    """Decimals of up to `most` digits that round to `value`, the shortest first."""
    decimals = (float(f"{value:.{digits}e}") for digits in range(most))
    return (each for each in decimals if _rounded(each, dtype) == value)


def _named(value: float) -> Iterator[float]:
    """Irrationals and fractions close to `value`."""
    mantissa, exponent = math.frexp(value)
    for number in IRRATIONALS:
        yield math.copysign(math.ldexp(math.frexp(number)[0], exponent), mantissa)
    size = abs(value)
    for number in SCALES:
        root = round((number / size) ** 2) if size > number / LARGEST_ROOT else 0
        if 1 < root <= LARGEST_ROOT:
            yield math.copysign(number / math.sqrt(root), value)
    width = round(1 / size) if size * LARGEST_WIDTH >= 0.5 else 0
    if 1 < width <= LARGEST_WIDTH:
        yield math.copysign(1 / width, value)


def _rounded(number: float, dtype: torch.dtype) -> float:
    return float(torch.tensor(number, dtype=torch.float64).to(dtype).to(torch.float64))
