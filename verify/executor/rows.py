"""The rows of what computes with floats in BOUNDED mode, by the names of operations and of library functions.

Most are those of the derived bound (`verify.numerics.rules`), in the operation's own type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Final, TypeAlias

import torch

from verify.executor import floats
from verify.numerics.bounded import Bounded
from verify.numerics.compare import half_ulp
from verify.numerics.functions import CBRT, INTRINSICS, POWER, steps
from verify.numerics.functions import TABLE as FUNCTIONS
from verify.numerics.precision import Precision
from verify.numerics.rules import TABLE

Row: TypeAlias = Callable[..., Bounded]


def picked(choose: Callable[..., torch.Tensor], sign: int = 0) -> Row:
    """One of its operands. `sign` 1 is a maximum and -1 a minimum: what surely loses does not matter."""

    def row(p: Precision, *operands: Bounded) -> Bounded:
        bounds = [each.bound for each in operands]
        if sign:
            surest = reduce(torch.maximum, (sign * each.value - each.bound for each in operands))
            bounds = [torch.where(sign * each.value + each.bound < surest, 0.0, each.bound) for each in operands]
        return Bounded(choose(*(each.value for each in operands)), reduce(torch.maximum, bounds), p)

    return row


def rounded(p: Precision, x: Bounded) -> Bounded:
    exact = (x.bound == 0) & p.exactly(x.value)
    return Bounded(x.value, x.bound + torch.where(exact, 0.0, half_ulp(x.value.abs() + x.bound, p.dtype)), p)


def cut(p: Precision, x: Bounded) -> Bounded:
    """Rounded towards zero: off by up to a unit in the last place."""
    found = rounded(p, x)
    return Bounded(x.value, x.bound + 2 * (found.bound - x.bound), p)


def _fused(p: Precision, x: Bounded, y: Bounded, z: Bounded) -> Bounded:
    found: Bounded = ADD(p, MUL(p, x, y), z)
    return found


def _logarithm(function: Callable[[torch.Tensor], torch.Tensor], of_e: float) -> Row:
    """The logarithm to the base whose logarithm of e is `of_e`, by the row of the natural one."""

    def call(p: Precision, x: Bounded) -> Bounded:
        return Bounded(function(x.value), TABLE["log"].call(p, x).bound * of_e, p)

    return call


def _root(p: Precision, x: Bounded) -> Bounded:
    """What may be below zero may have no root."""
    found = TABLE["sqrt"].call(p, x)
    return Bounded(found.value, torch.where((x.bound > 0) & (x.bound > x.value), torch.inf, found.bound), p)


def _quick_quotient(p: Precision, x: Bounded, y: Bounded) -> Bounded:
    """By a reciprocal, which is flushed to zero for the largest divisors."""
    found = TABLE["div"].call(p, x, y)
    return Bounded(found.value, torch.where(y.value.abs() + y.bound > 2.0**126, torch.inf, found.bound), p)


def _positive_difference(p: Precision, x: Bounded, y: Bounded) -> Bounded:
    found = SUB(p, x, y)
    return Bounded(torch.where(x.value <= y.value, 0.0, found.value), found.bound, p)


ADD: Final = TABLE["add"].call
SUB: Final = TABLE["sub"].call
MUL: Final = TABLE["mul"].call
# What must be known of the other operand of an infinity.
KEEPS: Final[dict[Row, Callable[[torch.Tensor], torch.Tensor]]] = {
    ADD: lambda other: torch.isfinite(other.imag),
    SUB: lambda other: torch.isfinite(other.imag),
    MUL: lambda other: other.real.abs() > other.imag,
}
ROWS: Final[dict[str, Row]] = {
    "arith.addf": ADD,
    "arith.subf": SUB,
    "arith.mulf": MUL,
    "arith.divf": TABLE["div"].call,
    "arith.negf": TABLE["neg"].call,
    "arith.maxnumf": picked(torch.fmax, 1),
    "arith.minnumf": picked(torch.fmin, -1),
    "arith.maximumf": picked(torch.maximum, 1),
    "arith.minimumf": picked(torch.minimum, -1),
    "tt.precise_divf": TABLE["div"].call,
    "tt.precise_sqrt": _root,
    "math.absf": TABLE["abs"].call,
    "math.fma": _fused,
    "arith.remf": TABLE["fmod"].call,
    "math.fabs": TABLE["abs"].call,
    "math.fmax": picked(torch.fmax, 1),
    "math.fmin": picked(torch.fmin, -1),
    "math.fdim": _positive_difference,
    "math.log2": _logarithm(torch.log2, math.log2(math.e)),
    "math.log10": _logarithm(torch.log10, math.log10(math.e)),
    "math.sqrt": _root,
    "math.cbrt": CBRT.call,
    "math.round": steps(floats.away).call,
    **{f"math.{name}": TABLE["round"].call for name in ("rint", "nearbyint", "roundeven")},
    **{f"math.{name}": POWER.call for name in ("pow", "powf", "powi", "fpowi")},
    **{f"math.{name}": TABLE[name].call for name in ("exp", "exp2", "log", "rsqrt", "tanh")},
    **{f"math.{name}": rule.call for name, rule in FUNCTIONS.items() if name != "round"},
}
LIBRARY: Final[dict[str, Row]] = {
    **{name.removeprefix("math."): row for name, row in ROWS.items() if name.startswith("math.")},
    **{f"{name}_rn": ROWS[f"arith.{name}f"] for name in ("add", "sub", "mul", "div")},
    **{f"{name}_rn": ROWS[f"math.{name}"] for name in ("fma", "sqrt", "rsqrt")},
    "rcp_rn": TABLE["reciprocal"].call,
    **{name: rule.call for name, rule in INTRINSICS.items()},
    "fast_fdivide": _quick_quotient,
}
