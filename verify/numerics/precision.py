"""The precision that a kernel computes in, and the one constant of the statistical bounds."""

from __future__ import annotations

from typing import Final

import torch
from attrs import frozen

from specs.spec import Spec

# A sum of independent sub-Gaussian errors with variances v_k exceeds SAFETY * sqrt(sum of v_k) with probability at
# most 2 exp(-SAFETY^2 / 2) = 3e-8 (see `sums`). No other constant of a bound is chosen: those of approximated
# functions are the hardware's (LOCAL in `rules`).
SAFETY: Final = 6.0

UNITS: Final = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-11}
SMALLEST_NORMAL: Final = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "bfloat16": 2.0**-126,
    "float16": 2.0**-14,
}
TF32_UNIT: Final = 2.0**-10  # of a factor whose last 13 bits are cut off; rounded ones stay below half of it


@frozen
class Precision:
    """Arithmetic in which one rounding changes a result r by at most `unit` * |r| + `spacing` / 2.

    `spacing` separates the subnormal numbers. `smallest` is the smallest normal number: devices may flush
    subnormal results of approximated functions (exp, division, square roots) to zero, which is taken as
    right. Numbers representable in `dtype` need no rounding; "" means that none is (an imagined precision).
    `factor_unit` is the relative rounding of the factors of a matrix product, 0 where they are kept whole;
    one that the kernel has computed may be rounded to `factors`, the inputs' dtype, as tensor cores want it.
    """

    unit: float
    spacing: float = 0.0
    smallest: float = 0.0
    dtype: str = ""
    factor_unit: float = 0.0
    factors: str = ""

    def exactly(self, values: torch.Tensor) -> torch.Tensor:
        """Where float64 `values` are numbers of this precision."""
        if not self.dtype:
            return torch.zeros_like(values, dtype=torch.bool)
        return values.to(getattr(torch, self.dtype)).double() == values


# The precision that `algorithm` asks for. A right formula in float64 stays a million times below it, also one
# that is worse conditioned than the reference's; a wrong term does not.
IMAGINED: Final = Precision(1e-10, 2.0**-1074, 2.0**-1022)


def declared(spec: Spec, dtype: str) -> Precision:
    """The precision in which a correct kernel of `spec` computes on inputs of `dtype`."""
    unit, smallest = UNITS[spec.accumulate], SMALLEST_NORMAL[spec.accumulate]
    tf32 = TF32_UNIT if spec.tf32 and dtype == "float32" else 0.0
    factors = dtype if UNITS[dtype] > unit else ""
    return Precision(unit, 2 * unit * smallest, smallest, spec.accumulate, tf32, factors)
