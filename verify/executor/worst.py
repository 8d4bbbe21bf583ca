"""The worst case of adding up many terms, in whatever order: `tt.dot` and scans in BOUNDED mode."""

from __future__ import annotations

from typing import Any, Final

import torch
from attrs import frozen

from verify.executor.modes import Unbounded
from verify.executor.own import carried, largest, precision, settled
from verify.executor.rows import rounded
from verify.ir.program import Scalar
from verify.numerics.precision import TF32_UNIT, UNITS, Precision
from verify.verdict import Place


@frozen
class Cut:
    """How the factors of a product are cut into `parts`: what is left of x after one is at most unit |x| + floor.

    `limit` is the least number that a part cannot hold.
    """

    parts: int
    unit: float
    floor: float
    limit: float = float("inf")

    def left(self, size: torch.Tensor, parts: int) -> torch.Tensor:
        """What is left of numbers up to `size` after so many parts."""
        return self.unit**parts * size + 2 * self.floor

    def part(self, size: torch.Tensor, at: int) -> torch.Tensor:
        """How large a part can be."""
        return (1 + self.unit) * (self.left(size, at) if at else size) + self.floor


# Cut off, and the low 13 bits of subnormal numbers with it; or rounded, with half the spacing of subnormal ones.
_TF32: Final = (TF32_UNIT, 2.0**-136)
_BF16: Final = (UNITS["bfloat16"], 2.0**-134, 2.0**128 * (1 - 2.0**-9))
CUTS: Final = {
    "tf32": Cut(1, *_TF32),
    "tf32x3": Cut(2, *_TF32),
    "bf16x3": Cut(2, *_BF16),
    "bf16x6": Cut(3, *_BF16),
}


def gamma(terms: Any, p: Precision) -> Any:
    """What adding up so many terms rounds at most, in any order, relative to the sum of their sizes."""
    return terms * p.unit / (1 - terms * p.unit)


def product(
    a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, factors: str, target: Scalar, place: Place
) -> torch.Tensor:
    """a @ b + c as `tt.dot` computes it: in float32, then rounded to `target`. `factors` says how they are cut."""
    p, cut = precision(target if target.name == "f64" else Scalar("f32"), place), CUTS.get(factors)
    if cut is None and factors != "ieee":
        raise Unbounded(f"tt.dot in {factors}", place)
    left, right = a.real.abs() + a.imag, b.real.abs() + b.imag
    bound = left @ b.imag + a.imag @ b.real.abs() + c.imag
    sizes, products = left @ right, 1
    if cut is not None:
        bound, sizes, products = bound + _left_out(cut, left, right), *_together(cut, left, right)
    depth, whole = a.shape[-1] + products, sizes + c.real.abs() + c.imag
    bound = bound + gamma(depth, p) * whole + (a.shape[-1] * products + 1) * p.spacing / 2
    bound = torch.where(whole * (1 + gamma(depth, p)) < largest(p), bound, torch.inf)
    inexact = torch.stack([(each.imag > 0).any() for each in (a, b, c)]).any()
    if cut is not None and cut.parts > 1:  # an infinity less its first part is NaN
        inexact = inexact | ~(torch.isfinite(left).all() & torch.isfinite(right).all())
    found = settled(p, a.real @ b.real + c.real, bound, inexact, (a, b, c))
    return found if target.name in ("f32", "f64") else carried(rounded, precision(target, place), found)


def _left_out(cut: Cut, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The products of parts that are not computed, and those with what no part holds."""
    out = cut.left(left, cut.parts) @ right
    for at in range(cut.parts):
        out = out + cut.part(left, at) @ cut.left(right, cut.parts - at)
    beyond = (left >= cut.limit).any(-1).unsqueeze(-1) | (right >= cut.limit).any(-2).unsqueeze(-2)
    return torch.where(beyond, torch.inf, out)


def _together(cut: Cut, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The sizes of the products that are computed, and how many they are."""
    pairs = [(at, other - at) for other in range(cut.parts) for at in range(other + 1)]
    sizes = [cut.part(left, one) @ cut.part(right, other) for one, other in pairs]
    return torch.stack(sizes).sum(0), len(pairs)


def running_sum(data: torch.Tensor, axis: int, p: Precision) -> torch.Tensor:
    """Each sum of the first k terms, added one after the other."""
    count = torch.arange(data.shape[axis]).reshape([-1 if at == axis else 1 for at in range(data.dim())])
    sizes = (data.real.abs() + data.imag).cumsum(axis)
    bound = data.imag.cumsum(axis) + gamma(count.double(), p) * sizes
    bound = torch.where(sizes * (1 + gamma(count.double(), p)) < largest(p), bound, torch.inf)
    return settled(p, data.real.cumsum(axis), bound, (data.imag > 0).any(), (data,))
