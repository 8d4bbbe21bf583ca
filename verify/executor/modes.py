"""How floats are read, what undefined lanes hold, and the errors of the executor."""

from __future__ import annotations

import math
from enum import Enum
from typing import Final

import torch

from verify.ir.program import Pointer, Scalar
from verify.verdict import Place


class Mode(Enum):
    """EXACT64: every float is a float64 and rounding casts between floats are dropped.

    FAITHFUL: each operation works in its own type; results are rounded to it. Dot products accumulate in
    float32; of float32 operands only the 10 mantissa bits of tf32 count where that is asked, as on the device.

    BOUNDED: floats are pairs, kept as complex numbers: the value of EXACT64, and a bound on how far that of FAITHFUL
    is from it (`own`).
    """

    EXACT64 = "exact64"
    FAITHFUL = "faithful"
    BOUNDED = "bounded"


class Fill(Enum):
    """What undefined lanes and memory from `empty` hold. NAN and HUGE are the least and the largest integer
    where the type is an integer; ONES is the byte 0xFF throughout."""

    NAN = "nan"
    ONES = "ones"
    HUGE = "huge"
    ZERO = "zero"


class Unmodelled(Exception):
    """An operation has no meaning here. Says nothing against the candidate."""

    def __init__(self, operation: str, place: Place) -> None:
        super().__init__(f"{operation} at {place} has no meaning in the executor")
        self.operation = operation
        self.place = place


class Unbounded(Unmodelled):
    """An operation has no row in `own`: how far its rounding goes is not known."""

    def __init__(self, operation: str, place: Place) -> None:
        super().__init__(operation, place)
        self.args = (f"{operation} at {place} has no error bound",)


class Exhausted(Exception):
    """More loop iterations than allowed."""

    def __init__(self, steps: int, place: Place) -> None:
        super().__init__(f"loops ran for more than {steps} iterations, at last the one at {place}")
        self.steps = steps
        self.place = place


FLOAT_TYPES: Final = {
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "f64": torch.float64,
    "f8E4M3FN": torch.float8_e4m3fn,
    "f8E5M2": torch.float8_e5m2,
}


WIDE: Final = {Mode.EXACT64: torch.float64, Mode.BOUNDED: torch.complex128}  # what holds every float there


def float_type(scalar: Scalar, place: Place) -> torch.dtype:
    """The torch dtype that holds exactly the values of a float type. Raises Unmodelled for exotic ones."""
    try:
        return FLOAT_TYPES[scalar.name]
    except KeyError:
        raise Unmodelled(f"the type {scalar.name}", place) from None


def lane_type(scalar: Scalar, mode: Mode, place: Place) -> torch.dtype:
    """The torch dtype that keeps lanes of a type: bool for i1, sign-extended int64 for other integers.

    8-bit floats are kept in float32, which holds them exactly: torch computes nothing in 8 bits.
    """
    if scalar.integer:
        return torch.bool if scalar.name == "i1" else torch.int64
    dtype = float_type(scalar, place)
    if mode is not Mode.FAITHFUL:
        return WIDE[mode]
    return torch.float32 if dtype.itemsize == 1 else dtype


def round_to(data: torch.Tensor, scalar: Scalar, mode: Mode, place: Place) -> torch.Tensor:
    """Floats rounded to nearest even in `scalar`; unchanged in EXACT64. What is beyond an 8-bit type, infinities
    too, becomes its largest number (`cvt.rn.satfinite`)."""
    if mode is Mode.EXACT64:
        return data.to(torch.float64)
    if mode is Mode.BOUNDED:
        raise Unbounded(f"rounding to {scalar}", place)
    dtype = float_type(scalar, place)
    if dtype.itemsize == 1:
        largest = torch.finfo(dtype).max
        return data.clamp(-largest, largest).to(dtype).to(torch.float32)
    return data.to(dtype)


def apart(exact: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    """Numbers in float64, and what they become in a kernel's type, as pairs."""
    between = torch.where(exact == rounded, 0.0, (exact - rounded.double()).abs())
    return torch.complex(exact, between.nan_to_num(0.0, math.inf))


def poison(fill: Fill, scalar: Scalar | Pointer, place: Place) -> float | int | bool:
    """The value of an undefined lane of this type. An undefined pointer is the address 0: in no buffer."""
    if isinstance(scalar, Pointer) or fill is Fill.ZERO:
        return 0
    if scalar.name == "i1":
        return True
    if scalar.integer:
        top = 2 ** (scalar.bits - 1)
        return -top if fill is Fill.NAN else -1 if fill is Fill.ONES else top - 1
    largest: float = torch.finfo(float_type(scalar, place)).max
    return largest if fill is Fill.HUGE else math.nan
