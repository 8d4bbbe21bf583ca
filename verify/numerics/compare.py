"""The acceptance rule: |y - y64| <= B + half_ulp(|y64| + B), element by element; NaN and Inf must match."""

from __future__ import annotations

import math
from typing import Final

import numpy
import torch
from attrs import frozen

from verify.numerics.bounded import Bounded
from verify.numerics.means import unexplained
from verify.numerics.precision import UNITS

# Bits of the significand, the implicit one included, and the exponent of the smallest normal number.
FORMATS: Final = {"float64": (53, -1022), "float32": (24, -126), "float16": (11, -14), "bfloat16": (8, -126)}


@frozen
class Comparison:
    """An output against its reference. The numbers are those of the element with the largest `ratio`.

    `ratio` is the error over what was allowed: at most one where accepted, infinite for a wrong class (NaN,
    Inf) or where nothing at all was allowed. `unbounded` counts elements of which the bound says nothing.
    """

    accepted: bool
    elements: int
    unbounded: int
    ratio: float = 0.0
    index: tuple[int, ...] = ()
    value: float = 0.0
    reference: float = 0.0
    bound: float = 0.0
    allowed: float = 0.0
    given_row: bool = False  # `allowed` is what the errors of its row leave: see `means`


def half_ulp(magnitude: torch.Tensor, dtype: str) -> torch.Tensor:
    """Half the spacing of `dtype` above `magnitude` (float64); below the normals, of the subnormals."""
    bits, lowest = FORMATS[dtype]
    return power_below(magnitude).clamp(min=2.0**lowest) * 2.0**-bits


def power_below(values: torch.Tensor) -> torch.Tensor:
    """The largest power of two that is not above |values| (float64): their exponent bits. Zero for zero, infinite for
    NaN."""
    return (values.view(torch.int64) & 0x7FF0000000000000).view(torch.float64)


def compare(output: torch.Tensor, reference: Bounded, dtype: str) -> Comparison:
    """Judge `output`, whose numbers were rounded to `dtype`. Raises ValueError when the shapes differ.

    Where the bound is zero the reference is what every correct kernel computes before it rounds to the
    output, so the output must be exactly its rounding; an integer or bool output must be the reference.
    """
    if output.shape != reference.shape:
        raise ValueError(f"the output has shape {tuple(output.shape)}, the reference {tuple(reference.shape)}")
    y, y64, bound = output.double(), reference.value, reference.bound
    if y.numel() == 0:
        return Comparison(accepted=True, elements=0, unbounded=0)
    allowed, wrong = judged(y, y64, bound, dtype)
    if (row := None if bool(wrong.any()) else _together(y, reference, dtype)) is not None:
        return row
    ratio = _ratios(y, y64, allowed, wrong)
    worst = int(ratio.reshape(-1).argmax())
    index = tuple(int(axis) for axis in numpy.unravel_index(worst, y.shape))  # torch's own loads sympy: seconds
    return Comparison(
        accepted=not bool(wrong.any()),
        elements=y.numel(),
        unbounded=int(torch.isinf(bound).sum()),
        ratio=float(ratio[index]),
        index=index,
        value=float(y[index]),
        reference=float(y64[index]),
        bound=float(bound[index]),
        allowed=float(allowed[index]),
    )


def _together(y: torch.Tensor, reference: Bounded, dtype: str) -> Comparison | None:
    """What refuses a weighted mean whose elements are each within their bound."""
    y64, given = reference.value, reference.weighted
    if given is None or dtype not in FORMATS:
        return None
    spare = half_ulp(y64.abs() + reference.bound, dtype)
    # The output stands for the result where the row moves by a multiple of itself.
    room = (given.rest.bound + spare) * (1 + UNITS[given.factors])
    found = unexplained(y, y - y64, room, given)
    if found is None:
        return None
    error = float((y - y64)[found.index].abs())
    return Comparison(
        accepted=False,
        elements=y.numel(),
        unbounded=int(torch.isinf(reference.bound).sum()),
        ratio=error / found.allowed if found.allowed else math.inf,
        index=found.index,
        value=float(y[found.index]),
        reference=float(y64[found.index]),
        bound=float(reference.bound[found.index]),
        allowed=found.allowed,
        given_row=True,
    )


def judged(y: torch.Tensor, y64: torch.Tensor, bound: torch.Tensor, dtype: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What is allowed at each element, and where `y`, in float64, is further off. `y` may be a stack of outputs."""
    if dtype in FORMATS:
        rounded = y64.to(getattr(torch, dtype)).double()
        allowed = torch.where(bound == 0, (y64 - rounded).abs(), bound + half_ulp(y64.abs() + bound, dtype))
        strict = torch.where(bound == 0, y != rounded, (y - y64).abs() > allowed)
        if bool(torch.isinf(y).any()):
            strict = torch.where(_overflows(y64, bound, dtype, y), False, strict)
    else:
        allowed, strict = torch.zeros_like(y64), y != y64
    both_nan, same = torch.isnan(y) & torch.isnan(y64), y == y64
    return allowed, strict & ~same & ~both_nan | (torch.isnan(y) != torch.isnan(y64))


def _overflows(y64: torch.Tensor, bound: torch.Tensor, dtype: str, y: torch.Tensor) -> torch.Tensor:
    """Where `y` is an infinity that a value within the bound rounds to."""
    bits, _ = FORMATS[dtype]
    largest = torch.finfo(getattr(torch, dtype)).max
    threshold = largest + math.ldexp(1.0, math.frexp(largest)[1] - bits - 1)
    return torch.isinf(y) & (y.sign() * y64 + bound >= threshold)


def _ratios(y: torch.Tensor, y64: torch.Tensor, allowed: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
    error = (y - y64).abs()
    ratio = torch.where(allowed > 0, error / allowed, torch.where(wrong, torch.inf, 0.0))
    ratio = torch.where(wrong, torch.where(torch.isfinite(ratio), ratio, torch.inf), ratio)
    # A wrong element is never hidden behind a right one, nor shown with a ratio that looks right.
    return torch.where(wrong, ratio.clamp(min=math.nextafter(1.0, 2.0)), ratio.nan_to_num(0.0, 0.0, 0.0).clamp(max=1.0))
