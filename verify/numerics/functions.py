"""How functions of one and two numbers carry an error bound, those that devices approximate: a row a function.

Notation as in `rules`: operands x, y with bounds bx, by; result r; u one rounding, relative. What the operands'
errors make of r comes first: of a monotone function, how far r moves where x moves by bx; of others, a worst case.
The function's own error follows, as `ROUNDINGS` has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import torch
from attrs import frozen

from verify.numerics.bounded import Bounded, pair
from verify.numerics.precision import Precision

Function: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
# Errors of one evaluation in units of u, half an ulp. CUDA's Programming Guide (mathematical functions, maximum ulp
# error) counts from the correctly rounded result, which is u off itself: 2 ulp are 5.
ROUNDINGS: Final = {
    "acos": 5.0, "acosh": 9.0, "asin": 5.0, "asinh": 7.0, "atan": 5.0, "atan2": 7.0, "atanh": 7.0, "cbrt": 3.0,
    "cos": 5.0, "cosh": 5.0, "erf": 5.0, "erfc": 9.0, "expm1": 3.0, "hypot": 7.0, "log1p": 3.0, "pow": 9.0,
    "sin": 5.0, "sinh": 7.0, "tan": 9.0,
}  # fmt: skip


@frozen
class Rule:
    """One row: what the function does to pairs, and the bound in a formula for readers."""

    call: Callable[..., Any]
    bound: str


def approximated(p: Precision, roundings: Any, r: torch.Tensor, carried: torch.Tensor) -> torch.Tensor:
    """The error of a function that the device approximates, and may flush to zero."""
    return roundings * p.unit * (r.abs() + carried) + p.smallest


def moved(function: Function, x: Bounded, r: torch.Tensor) -> torch.Tensor:
    """How far a monotone function moves from r where x moves by its bound; infinite where it may leave its domain."""
    ends = [(function(end) - r).abs() for end in (x.value - x.bound, x.value + x.bound)]
    carried = torch.maximum(*ends).nan_to_num(torch.inf, torch.inf)
    return torch.where(x.bound == 0, 0.0, carried)


def root3(x: torch.Tensor) -> torch.Tensor:
    """The cube root, in float64: a third is no number of float32."""
    wide = x.to(torch.float64)
    return wide.sign() * wide.abs().pow(1 / 3)


def monotone(name: str, function: Function) -> Rule:
    def call(p: Precision, x: Any) -> Bounded:
        x = pair(x, p)
        r = function(x.value)
        carried = moved(function, x, r)
        return Bounded(r, carried + approximated(p, ROUNDINGS[name], r, carried), p)

    return Rule(call, f"max |{name}(x +- bx) - r| + {ROUNDINGS[name]:.0f}u |r| + tiny")


def _wave(name: str) -> Rule:
    function = getattr(torch, name)

    def call(p: Precision, x: Any) -> Bounded:
        x = pair(x, p)
        r, carried = function(x.value), x.bound.clamp(max=2.0)
        return Bounded(r, carried + approximated(p, ROUNDINGS[name], r, carried), p)

    return Rule(call, f"min(bx, 2) + {ROUNDINGS[name]:.0f}u |r| + tiny")


def _tan(p: Precision, x: Any) -> Bounded:
    """tan(x + d) - tan x is tan d (1 + tan^2 x) / (1 - tan x tan d), until the next pole."""
    x = pair(x, p)
    r, step = x.value.tan(), x.bound.clamp(max=math.pi / 2).tan()
    room = 1 - r.abs() * step
    carried = torch.where((x.bound < math.pi / 2) & (room > 0), step * (1 + r.square()) / room, torch.inf)
    return Bounded(r, carried + approximated(p, ROUNDINGS["tan"], r, carried), p)


def _cosh(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.cosh()
    carried = torch.where(x.bound == 0, 0.0, (x.value.abs() + x.bound).cosh() - r)
    return Bounded(r, carried + approximated(p, ROUNDINGS["cosh"], r, carried), p)


def _power(p: Precision, x: Any, y: Any) -> Bounded:
    """|x|^y as exp(y log |x|), whose exponent is off by no more than e. Known where x keeps its sign."""
    x, y = pair(x, p), pair(y, p)
    r, size = torch.pow(x.value, y.value), x.value.abs()
    spread = torch.where(x.bound < size, -torch.log1p(-x.bound / size), torch.inf)
    spread = torch.where(x.bound == 0, 0.0, spread)
    off = torch.where(y.bound == 0, 0.0, y.bound * size.log().abs())
    off = off + torch.where(spread == 0, 0.0, (y.value.abs() + y.bound) * spread)
    real = (x.value > 0) | ((y.bound == 0) & (y.value == y.value.round()))
    carried = torch.where(real, torch.where(off == 0, 0.0, r.abs() * torch.expm1(off)), torch.inf)
    carried = torch.where(x.bound + y.bound == 0, 0.0, carried.nan_to_num(torch.inf, torch.inf))
    return Bounded(r, carried + approximated(p, ROUNDINGS["pow"], r, carried), p)


def _angle(p: Precision, y: Any, x: Any) -> Bounded:
    """Seen from the origin, a disc around (x, y) that does not hold it; nothing is off by more than a turn."""
    y, x = pair(y, p), pair(x, p)
    r, off = torch.atan2(y.value, x.value), torch.hypot(x.bound, y.bound)
    share = off / torch.hypot(x.value, y.value)
    cut = (x.value - x.bound <= 0) & (y.value.abs() <= y.bound)
    carried = torch.where((share < 1) & ~cut, share.clamp(max=1.0).asin(), 2 * math.pi)
    carried = torch.where(x.bound + y.bound == 0, 0.0, carried)
    return Bounded(r, carried + approximated(p, ROUNDINGS["atan2"], r, carried), p)


def _hypot(p: Precision, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    r, carried = torch.hypot(x.value, y.value), torch.hypot(x.bound, y.bound)
    return Bounded(r, carried + approximated(p, ROUNDINGS["hypot"], r, carried), p)


def _fmod(p: Precision, x: Any, y: Any) -> Bounded:
    """Exact on a device. A quotient that may be another one moves the result by up to a divisor."""
    x, y = pair(x, p), pair(y, p)
    r, size = torch.fmod(x.value, y.value), y.value.abs()
    same = (y.bound == 0) & (r.abs() >= x.bound) & (r.abs() + x.bound < size)
    carried = torch.where(same, x.bound, torch.where(size > y.bound, r.abs() + size + y.bound, torch.inf))
    return Bounded(r, torch.where(x.bound + y.bound == 0, 0.0, carried), p)


def _copysign(p: Precision, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    sure = (y.bound == 0) | (y.value.abs() > y.bound)
    bound = torch.where(sure, x.bound, 2 * x.value.abs() + x.bound)
    return Bounded(torch.copysign(x.value, y.value), bound, p)


def _near_zero(name: str, reach: float = math.pi) -> Rule:
    """A sine or cosine by the device's own instruction: off by 2^-21 at most, as far as it is documented."""
    function = getattr(torch, name)

    def call(p: Precision, x: Any) -> Bounded:
        x = pair(x, p)
        bound = torch.where(x.value.abs() + x.bound <= reach, x.bound.clamp(max=2.0) + 8 * p.unit, torch.inf)
        return Bounded(function(x.value), bound, p)

    return Rule(call, "bx + 8u up to pi, unknown beyond")


def _fast_exp(p: Precision, x: Any) -> Bounded:
    """2 + 1.173 |x| ulp."""
    x = pair(x, p)
    r = x.value.exp()
    carried = moved(torch.exp, x, r)
    argument = torch.where(r > 0, x.value.abs() + x.bound, 0.0)
    return Bounded(r, carried + approximated(p, 5 + 2.346 * argument, r, carried), p)


def _fast_log(name: str) -> Rule:
    """3 ulp; between a half and two off by 2^-21.41 at most."""
    function = getattr(torch, name)

    def call(p: Precision, x: Any) -> Bounded:
        x = pair(x, p)
        r = function(x.value)
        carried = moved(function, x, r)
        return Bounded(r, carried + 7 * p.unit * (r.abs() + carried + 1), p)

    return Rule(call, f"max |{name}(x +- bx) - r| + 7u (|r| + 1)")


def _fast_tanh(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.tanh()
    carried = moved(torch.tanh, x, r)
    return Bounded(r, carried + approximated(p, 2.0**13, r, carried), p)


def steps(function: Function) -> Rule:
    """A rounding to whole numbers: exact, unless the operand's error reaches the next one."""

    def call(p: Precision, x: Any) -> Bounded:
        x = pair(x, p)
        r = function(x.value)
        return Bounded(r, moved(function, x, r), p)

    return Rule(call, "max |f(x +- bx) - r|")


TABLE: Final[dict[str, Rule]] = {
    **{
        name: monotone(name, getattr(torch, name))
        for name in ("acos", "acosh", "asin", "asinh", "atan", "atanh", "erf", "erfc", "expm1", "log1p", "sinh")
    },
    "sin": _wave("sin"),
    "cos": _wave("cos"),
    "tan": Rule(_tan, "tan bx (1 + r^2) / (1 - |r| tan bx) + 9u |r| + tiny"),
    "cosh": Rule(_cosh, "cosh(|x| + bx) - r + 5u r + tiny"),
    "hypot": Rule(_hypot, "hypot(bx, by) + 7u r + tiny"),
    "atan2": Rule(_angle, "asin(hypot(bx, by) / hypot(x, y)), or 2 pi around the cut, + 7u |r| + tiny"),
    "fmod": Rule(_fmod, "bx where the quotient is sure, else |r| + |y| + by"),
    "copysign": Rule(_copysign, "bx where the sign is sure, else 2|x| + bx"),
    **{name: steps(getattr(torch, name)) for name in ("floor", "ceil", "trunc", "round")},
}
POWER: Final = Rule(_power, "r expm1(by |log x| - (|y| + by) log1p(-bx/x)) + 9u |r| + tiny")
CBRT: Final = monotone("cbrt", root3)
# What CUDA calls intrinsics, on float32 (PTX says of tanh.approx: 2^-11, relative). The tangent, which divides by a
# cosine, and the power have no documented error.
INTRINSICS: Final[dict[str, Rule]] = {
    "fast_sin": _near_zero("sin"),
    "fast_cos": _near_zero("cos"),
    "fast_exp": Rule(_fast_exp, "max |exp(x +- bx) - r| + (5 + 2.346 |x|) u r + tiny"),
    "fast_tanh": Rule(_fast_tanh, "max |tanh(x +- bx) - r| + 2^13 u |r| + tiny"),
    **{f"fast_{name}": _fast_log(name) for name in ("log", "log2", "log10")},
}
