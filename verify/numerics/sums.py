"""The rounding error of adding up many terms, whatever the order: sums, running sums, products of matrices.

Adding a term rounds the partial sum s_k by at most h_k, half a unit in its last place. That error is taken to be
uniform within h_k and independent of the others, so it is sub-Gaussian with variance h_k^2 / 3, and all of them
together stay below SAFETY sqrt(sum h_k^2 / 3) with the probability that SAFETY stands for.

*Partial sums* depend on the order, which a kernel is free to choose. sum h_k^2 is measured in the order of the
axis, in the opposite one, for falling |t|, and as its mean over all orders, E sum s_k^2 = (n+1) (s^2 / 3 + sum t^2 /
6); the largest counts.

*Errors are not independent*: the error of adding t depends on nothing but the bits of t below the last place of the
sum. Where these are known (t is not, up to its own error, between two roundings), what they add up to, the drift, is
added: large where terms repeat, or are small and swallowed one by one. Where they are not, equal terms still err
equally: c terms that share an error have c^2 times its variance instead of c times, which raises the sum by the mean
of c.

No order can exceed the sum of the h_k of its partial sums of |t|, which are largest when terms descend. And where
all terms are multiples of one power of two, and few enough that their sum has room for it, nothing is rounded.
"""

from __future__ import annotations

from typing import Final

import torch
from attrs import frozen

from verify.numerics.compare import half_ulp, power_below
from verify.numerics.precision import SAFETY, UNITS, Precision

TILE: Final = 16  # terms that a tensor core adds at once; partial sums of products are looked at after each


def of_sum(p: Precision, terms: torch.Tensor, bounds: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """Of adding `terms`, known up to `bounds`, over the last axis to `total`."""
    count = terms.shape[-1]
    if count < 2:
        return torch.zeros_like(total)
    sizes = terms.abs() + bounds
    falling = sizes.sort(-1, descending=True)
    orders = [(terms, bounds), (terms.flip(-1), bounds.flip(-1))]
    orders.append((terms.gather(-1, falling.indices), bounds.gather(-1, falling.indices)))
    taken = [_taken(p, *order) for order in orders]
    spread = (count + 1) * (total.square() / 3 + sizes.square().sum(-1) / 6)
    variance = torch.stack([each.variance for each in taken]).amax(0)
    relative = torch.stack([each.relative for each in taken[:2]]).amax(0)
    variance = torch.maximum(variance, spread * p.unit**2 * relative)
    drift = torch.stack([each.drift for each in taken]).amax(0)
    unknown = torch.stack([each.unknown for each in taken]).amax(0)
    if bool(unknown.any()):
        variance = variance * (1 + unknown * (alike(terms) - 1))
    largest = half_spacing(falling.values.cumsum(-1)[..., 1:], p).sum(-1)
    rounding = torch.minimum(SAFETY * (variance / 3).sqrt() + drift, largest)
    exact = p.dtype != "" and not bool(bounds.any())
    return torch.where(exact & (sizes.sum(-1) <= quantum(terms) / p.unit), 0.0, rounding)


@frozen
class _Taken:
    """What adding up in one order costs, a number a row.

    `variance` is sum h_k^2, `relative` its ratio to sum (u s_k)^2, `drift` what is rounded off for certain, and
    `unknown` the share of `variance` whose roundings depend on bits of the terms that are not known.
    """

    variance: torch.Tensor
    relative: torch.Tensor
    drift: torch.Tensor
    unknown: torch.Tensor


def _taken(p: Precision, terms: torch.Tensor, bounds: torch.Tensor) -> _Taken:
    partial = terms.cumsum(-1)[..., 1:]
    half = half_spacing(partial, p)
    squares = half.square()
    variance = squares.sum(-1)
    relative = (variance / (p.unit * partial).square().sum(-1).clamp(min=1e-300)).clamp(0.25, 1.0)
    if not p.dtype:
        return _Taken(variance, relative, torch.zeros_like(variance), torch.zeros_like(variance))
    cut = _rounded_off(terms[..., 1:], half)
    certain = bounds[..., 1:] <= half - cut.abs()
    drift = torch.where(certain, cut, 0.0).sum(-1).abs()
    unknown = torch.where(certain, 0.0, squares).sum(-1) / variance.clamp(min=1e-300)
    return _Taken(variance, relative, drift, unknown)


def of_running_sums(p: Precision, terms: torch.Tensor, bounds: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
    """Of each running sum over the last axis. Scans put brackets, they do not reorder."""
    count = torch.arange(1, terms.shape[-1] + 1, dtype=sums.dtype, device=sums.device)
    sizes = terms.abs() + bounds
    spread = (count + 1) * (sums.square() / 3 + sizes.square().cumsum(-1) / 6)
    half = torch.where(count > 1, half_spacing(sums, p), 0.0)
    variance, drift = torch.maximum(half.square().cumsum(-1), spread * p.unit**2), torch.zeros_like(sums)
    exact = p.dtype != "" and not bool(bounds.any())
    if p.dtype:
        cut = _rounded_off(terms, half)
        certain = bounds <= half - cut.abs()
        drift = torch.where(certain, cut, 0.0).cumsum(-1).abs()
        if not exact:
            variance = variance * alike(terms).unsqueeze(-1)
    largest = (count - 1) * half_spacing(sizes.cumsum(-1), p)
    rounding = torch.minimum(SAFETY * (variance / 3).sqrt() + drift, largest)
    common = quantum(terms.unsqueeze(-1)).cummin(-1).values if exact and terms.numel() else torch.zeros_like(sums)
    return torch.where(sizes.cumsum(-1) <= common / p.unit, 0.0, rounding)


def of_running_mean(p: Precision, terms: torch.Tensor) -> torch.Tensor:
    """Of a mean over the last axis that is updated with each term: m + (t - m) / k.

    An update is rounded to the mean's last place, but never by more than itself; a difference, its division (2 ulp)
    and the error of both have u each. What is wrong by e after k terms is wrong by e k / n in the end.
    """
    count = torch.arange(1, terms.shape[-1] + 1, dtype=terms.dtype, device=terms.device)
    means = terms.cumsum(-1) / count
    gap = (terms - torch.cat([terms[..., :1], means[..., :-1]], -1)).abs()
    steps = torch.minimum(count * half_spacing(means, p), gap) + 5 * p.unit * gap
    return SAFETY * (steps.square().sum(-1) / 3).sqrt() / max(terms.shape[-1], 1)


def of_products(
    p: Precision, x: torch.Tensor, y: torch.Tensor, product: torch.Tensor, exact: bool, narrow: bool
) -> torch.Tensor:
    """Of the additions in x @ y = `product`. `exact` factors are known; tensor cores may multiply `narrow` ones, and
    those that are rounded to `factors`.

    Tensor cores do not round: they line up what they add and cut it off. That is up to a unit in the last place
    of each partial sum, always towards zero, and up to two of the largest product in each tile.
    """
    count, unit = x.shape[-1], p.unit
    terms, squares = x.abs() @ y.abs(), x.square() @ y.square()
    forward, backward = _tiles(p, x, y, product)
    spread = unit**2 * ((count + 1) * (product.square() / 3 + squares / 6) + (0 if narrow else squares))
    variance = torch.maximum(torch.maximum(forward, backward), spread)
    cut = torch.zeros_like(product)
    if narrow or p.factors:
        tiles = -(-count // TILE)
        cut = 2 * (tiles * (variance / TILE + 4 * unit**2 * squares)).sqrt()
    repeated = torch.minimum(alike(x).unsqueeze(-1), alike(y.mT).unsqueeze(-2)) if p.dtype else 1.0
    largest = (max(count - 1, 0) + (0 if narrow else 1)) * unit * terms
    rounding = torch.minimum(SAFETY * (variance * repeated / 3).sqrt(), largest) + cut
    common = quantum(x).unsqueeze(-1) * quantum(y.mT).unsqueeze(-2) if exact else torch.zeros_like(product)
    return torch.where((terms <= common / unit) & (common >= p.spacing), 0.0, rounding)


def of_narrowed(p: Precision, factor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Of rounding a computed `factor` to the inputs' dtype before it is multiplied by `other`.

    Roundings of different elements are independent, those of equal elements are equal. A kernel may have scaled the
    factor (by another maximum, by the sum of weights), so that its half unit can be as much as a whole u of it.
    """
    half = torch.maximum(half_ulp(factor.abs(), p.factors), UNITS[p.factors] * factor.abs())
    variance = (half.square() @ other.square()) * alike(factor).unsqueeze(-1) / 3
    return torch.minimum(SAFETY * variance.sqrt(), half @ other.abs())


def alike(terms: torch.Tensor) -> torch.Tensor:
    """How many terms of a row have the same value, on average over those that are not zero; at least one."""
    ordered = terms.contiguous().sort(-1).values.contiguous()
    group = torch.searchsorted(ordered, ordered, right=True) - torch.searchsorted(ordered, ordered)
    counts = (ordered != 0) & torch.isfinite(ordered)
    return (torch.where(counts, group, 0).sum(-1) / counts.sum(-1).clamp(min=1)).clamp(min=1.0)


def half_spacing(values: torch.Tensor, p: Precision) -> torch.Tensor:
    """Half a unit in the last place of `values`; of an imagined precision its unit times the value."""
    return p.unit * (power_below(values) if p.dtype else values.abs())


def _rounded_off(terms: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """What is left of `terms` below a last place of which `half` is half a unit, when they are rounded to it."""
    return torch.where(half > 0, terms - (terms / (2 * half)).round() * (2 * half), 0.0)


def _tiles(p: Precision, x: torch.Tensor, y: torch.Tensor, product: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The sums over k of squared half units of the partial sums of x @ y, forward and backward.

    Partial sums are taken to stand still within a tile.
    """
    total, forward, backward = (torch.zeros_like(product) for _ in range(3))
    for start in range(0, x.shape[-1], TILE):
        width = min(TILE, x.shape[-1] - start)
        backward = backward + width * half_spacing(product - total, p).square()
        total = total + x[..., start : start + width] @ y[..., start : start + width, :]
        forward = forward + width * half_spacing(total, p).square()
    return forward, backward


def quantum(terms: torch.Tensor) -> torch.Tensor:
    """The largest power of two that all terms of a row are multiples of; infinite for zeros and for no terms."""
    if not terms.shape[-1]:
        return torch.full(terms.shape[:-1], torch.inf, dtype=torch.float64)
    last = power_below(terms) * 2.0**-52
    digits = (terms / last).nan_to_num(0.0).long()
    return torch.where(digits == 0, torch.inf, (digits & -digits).double() * last).amin(-1)
