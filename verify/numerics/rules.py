"""How each torch function carries an error bound: what comes in is passed on, its own rounding is added.

Notation: operands x, y with bounds bx, by; result r; u one rounding, relative; eta the subnormal spacing
halved; tiny the smallest normal number. Approximated functions get the multiples of u that the hardware's
documentation allows (division 2 ulp = 4u, exp2 2 ulp, a reciprocal square root in two steps 8u): see LOCAL.

What adding up many terms costs is in `sums`, functions beside those of LOCAL are in `functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from attrs import evolve

from verify.numerics import functions, sums
from verify.numerics.bounded import Bounded, Unruled, pair
from verify.numerics.functions import Rule, approximated
from verify.numerics.means import Weighted
from verify.numerics.precision import Precision

# Roundings of one evaluation, in units of u (half an ulp), as kernels may compute it: `1 / sqrt(x)` for
# rsqrt, a product with a reciprocal for a division, `exp2(x * log2(e))` for exp (whose product adds 2u|x|,
# see there).
LOCAL: Final = {"div": 4.0, "sqrt": 4.0, "rsqrt": 8.0, "exp": 4.0, "exp2": 4.0, "log": 4.0, "tanh": 8.0}


def _add(p: Precision, x: Any, y: Any, sign: float = 1.0) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    r, carried = x.value + sign * y.value, x.bound + y.bound
    return Bounded(r, carried + _rounding(p, r, carried, _whole(p, x, y)), p)


def _mul(p: Precision, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    r = x.value * y.value
    carried = x.value.abs() * y.bound + y.value.abs() * x.bound + x.bound * y.bound
    exact = (x.bound + y.bound == 0) & p.exactly(r)
    return Bounded(r, carried + _rounding(p, r, carried, exact), p)


def _div(p: Precision, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    r, room = x.value / y.value, y.value.abs() - y.bound
    carried = torch.where(room > 0, (r.abs() * y.bound + x.bound) / room, torch.inf)
    carried = torch.where(x.bound + y.bound == 0, 0.0, carried)
    result = Bounded(r, carried + approximated(p, LOCAL["div"], r, carried), p)
    if x.weighted is not None and x.weighted.total is None and y.ndim == x.ndim and y.shape[-1] == 1:
        rest = _div(p, x.weighted.rest, y)
        rest = Bounded(r, rest.bound + LOCAL["div"] * p.unit * result.bound, p)  # that of what rounding weights did
        result.weighted = evolve(x.weighted, rest=rest, total=room)
    return result


def _pow(p: Precision, x: Any, exponent: Any) -> Any:
    if exponent == 2:
        return _mul(p, x, x)
    if exponent == 0.5:
        return _sqrt(p, x)
    if exponent == -0.5:
        return _rsqrt(p, x)
    raise Unruled(f"the reference uses a power of {exponent}; 2, 0.5 and -0.5 have error bounds")


def _exp(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.exp()
    carried = torch.where(r > 0, r * torch.expm1(x.bound), (x.value + x.bound).exp())
    argument = torch.where(r > 0, x.value.abs(), 0.0)
    return Bounded(r, carried + approximated(p, LOCAL["exp"] + 2 * argument, r, carried), p)


def _exp2(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.exp2()
    carried = torch.where(r > 0, r * (torch.exp2(x.bound) - 1), (x.value + x.bound).exp2())
    return Bounded(r, carried + approximated(p, LOCAL["exp2"], r, carried), p)


def _log(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.log()
    carried = torch.where(x.bound < x.value, -torch.log1p(-x.bound / x.value), torch.inf)
    carried = torch.where(x.bound == 0, 0.0, carried)
    # Near one the logarithm is small and its error is not: base-2 logarithms are bounded absolutely there.
    return Bounded(r, carried + LOCAL["log"] * p.unit * (r.abs() + 1), p)


def _sqrt(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.sqrt()
    carried = torch.where(x.bound == 0, 0.0, x.bound / (r + (x.value - x.bound).clamp(min=0).sqrt()))
    return Bounded(r, carried + approximated(p, LOCAL["sqrt"], r, carried), p)


def _rsqrt(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r, low = x.value.rsqrt(), x.value - x.bound
    carried = torch.where(low > 0, low.rsqrt() - r, torch.inf)
    carried = torch.where(x.bound == 0, 0.0, carried)
    return Bounded(r, carried + approximated(p, LOCAL["rsqrt"], r, carried), p)


def _tanh(p: Precision, x: Any) -> Bounded:
    x = pair(x, p)
    r = x.value.tanh()
    nearest_zero = (x.value.abs() - x.bound).clamp(min=0)
    carried = torch.minimum(x.bound / nearest_zero.cosh() ** 2, torch.full_like(r, 2.0))
    return Bounded(r, carried + approximated(p, LOCAL["tanh"], r, carried), p)


def _sigmoid(p: Precision, x: Any) -> Bounded:
    return _div(p, 1.0, _add(p, 1.0, _exp(p, _same(p, x, torch.neg))))


def _silu(p: Precision, x: Any) -> Bounded:
    return _mul(p, x, _sigmoid(p, x))


def _softmax(p: Precision, x: Any, dim: int) -> Bounded:
    weights = _exp(p, _add(p, x, _amax(p, x, dim, keepdim=True), sign=-1.0))
    return _div(p, weights, _sum(p, weights, dim, keepdim=True))


def _sum(p: Precision, x: Any, dim: Any = None, keepdim: bool = False) -> Bounded:
    x = pair(x, p)
    value, bound, axes = _reduced_last(x, dim)
    r = value.sum(-1)
    result = Bounded(r, bound.sum(-1) + sums.of_sum(p, value, bound, r), p)
    return _restored(result, x.shape, axes, keepdim)


def _mean(p: Precision, x: Any, dim: Any = None, keepdim: bool = False) -> Bounded:
    total = _sum(p, x, dim, keepdim)
    return _div(p, total, pair(x, p).value.numel() // max(total.value.numel(), 1))


def _amax(p: Precision, x: Any, dim: Any = None, keepdim: bool = False) -> Bounded:
    x = pair(x, p)
    value, bound, axes = _reduced_last(x, dim)
    # Only elements that can be the largest matter: the others' errors are passed over.
    r = value.amax(-1)
    least = (value - bound).amax(-1, keepdim=True)
    carried = torch.where(value + bound >= least, bound, 0.0).amax(-1)
    return _restored(Bounded(r, carried, p), x.shape, axes, keepdim)


def _argmax(p: Precision, x: Any, dim: int, keepdim: bool = False) -> torch.Tensor:
    if bool(pair(x, p).bound.any()):
        raise Unruled("the reference asks where the largest of values stands that are not known exactly")
    return pair(x, p).value.argmax(dim, keepdim)


def _amin(p: Precision, x: Any, dim: Any = None, keepdim: bool = False) -> Bounded:
    return _same(p, _amax(p, _same(p, x, torch.neg), dim, keepdim), torch.neg)


def _max(p: Precision, x: Any, other: Any = None) -> Any:
    if other is None:
        return _amax(p, x)
    if isinstance(other, int):
        raise Unruled("the reference uses max over an axis, which gives indices too; amax has an error bound")
    return _pick(p, x, other, torch.maximum)


def _pick(p: Precision, x: Any, y: Any, choose: Callable[..., torch.Tensor]) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    return Bounded(choose(x.value, y.value), torch.maximum(x.bound, y.bound), p)


def _clamp(p: Precision, x: Any, min: Any = None, max: Any = None) -> Any:
    if min is not None:
        x = _pick(p, x, min, torch.maximum)
    return x if max is None else _pick(p, x, max, torch.minimum)


def _where(p: Precision, condition: torch.Tensor, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    value = torch.where(condition, x.value, y.value)
    return Bounded(value, torch.where(condition, x.bound, y.bound), p)


def _compare(p: Precision, x: Any, y: Any, relation: Callable[..., torch.Tensor]) -> torch.Tensor:
    x, y = pair(x, p), pair(y, p)
    doubt = x.bound + y.bound
    if bool(((doubt > 0) & ((x.value - y.value).abs() <= doubt)).any()):
        raise Unruled("the reference compares values that are closer than their error bounds")
    return relation(x.value, y.value)


def _matmul(p: Precision, x: Any, y: Any) -> Bounded:
    x, y = pair(x, p), pair(y, p)
    if x.ndim < 2 or y.ndim < 2:
        raise Unruled("the reference multiplies a vector by @; matrices have an error bound")
    r, (left, right) = x.value @ y.value, (x.value.abs() + x.bound, y.value.abs() + y.bound)
    known, too = not bool(x.bound.any()), not bool(y.bound.any())
    carried = torch.zeros_like(r) if known and too else left @ y.bound + x.bound @ right
    # Products of narrow factors are exact in the accumulator; wide ones may be rounded before they are added.
    narrow = all(bool((p.exactly(each * each) | ~torch.isfinite(each)).all()) for each in (x.value, y.value))
    exact = p.dtype != "" and known and too
    rounding = sums.of_products(p, x.value, y.value, r, exact, narrow)
    underflow = (rounding > 0).double() * (x.shape[-1] * p.spacing / 2)  # where() of two numbers is in float32: zero
    bound = carried + rounding + underflow
    if p.factor_unit:  # tensor cores cut bits off: a bias, which no random sign takes away
        bound = bound + 2 * p.factor_unit * (left @ right)
    rest = bound
    if p.factors and not known:
        bound = bound + sums.of_narrowed(p, x.value, right)
    if p.factors and not too:
        bound = bound + sums.of_narrowed(p, y.value.mT, left.mT).mT
    result = Bounded(r, bound, p)
    if p.factors and too and not known:
        result.weighted = Weighted(Bounded(r, rest, p), left, y.value, p.factors)
    return result


def _var_mean(
    p: Precision, x: Any, dim: Any = None, keepdim: bool = False, correction: int = 1
) -> tuple[Bounded, Bounded]:
    """Mean and mean squared distance from it, by whatever way: two passes, or both updated as one goes (Welford)."""
    if correction:
        raise Unruled("the reference divides a variance by n - 1; that of correction=0 has an error bound")
    x = pair(x, p)
    mean = _mean(p, x, dim, keepdim=True)
    value, bound, axes = _reduced_last(x, dim)
    count = value.shape[-1]
    off = torch.maximum(mean.bound.reshape(value.shape[:-1]), bound.mean(-1) + sums.of_running_mean(p, value))
    value = value - value.mean(-1, keepdim=True)
    squares, r = value.square(), value.square().mean(-1)
    # A wrong mean m + e adds e^2 to the variance exactly, and 2 e times the mean of the distances, which is zero.
    # With another e for each distance, as Welford has them, these do not cancel but add up as independent errors do.
    carried = off.square() + 2 * off * (r / count).sqrt() + (bound.square() + 2 * value.abs() * bound).mean(-1)
    terms = 3 * p.unit * squares + p.spacing
    carried = carried + terms.mean(-1) + sums.of_sum(p, squares, terms, squares.sum(-1)) / count
    variance = Bounded(r, carried + approximated(p, LOCAL["div"], r, carried), p)
    mean = Bounded(mean.value.reshape(r.shape), off, p)
    return _restored(variance, x.shape, axes, keepdim), _restored(mean, x.shape, axes, keepdim)


def _cumsum(p: Precision, x: Any, dim: int) -> Bounded:
    x = pair(x, p)
    value, bound = x.value.movedim(dim, -1), x.bound.movedim(dim, -1)
    r, carried = value.cumsum(-1), bound.cumsum(-1)
    rounding = sums.of_running_sums(p, value, bound, r)
    return Bounded(r.movedim(-1, dim), (carried + rounding).movedim(-1, dim), p)


def _rounding(p: Precision, r: torch.Tensor, carried: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    return torch.where(exact, 0.0, p.unit * (r.abs() + carried) + p.spacing / 2)


def _whole(p: Precision, x: Bounded, y: Bounded) -> torch.Tensor:
    """Where a sum of two is exact in every order of a longer sum: small whole numbers."""
    if not p.dtype:
        return torch.zeros((), dtype=torch.bool)
    whole = (x.value == x.value.round()) & (y.value == y.value.round()) & (x.bound + y.bound == 0)
    return whole & (x.value.abs() + y.value.abs() <= 0.25 / p.unit)


def _reduced_last(x: Bounded, dim: Any) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Value and bound with the reduced axes flattened into one, last."""
    axes = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    reduced = sorted(axis % x.ndim for axis in axes)
    order = [axis for axis in range(x.ndim) if axis not in reduced] + reduced
    kept = [x.shape[axis] for axis in range(x.ndim) if axis not in reduced]
    length = 1
    for axis in reduced:
        length *= x.shape[axis]
    shape = (*kept, length)
    return x.value.permute(order).reshape(shape), x.bound.permute(order).reshape(shape), reduced


def _restored(result: Bounded, shape: torch.Size, axes: list[int], keepdim: bool) -> Bounded:
    if not keepdim:
        return result
    kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
    return Bounded(result.value.reshape(kept), result.bound.reshape(kept), result.precision)


def _same(p: Precision, x: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Bounded:
    """A change of the value that rounds nothing and keeps the bound: a sign."""
    return Bounded(change(pair(x, p).value), pair(x, p).bound, p)


def _to(p: Precision, x: Bounded, dtype: torch.dtype) -> Bounded:
    if dtype != torch.float64:
        raise Unruled(f"the reference rounds to {dtype}; it must stay in float64")
    return x


def _moved(name: str) -> Rule:
    """Elements move and do not change: the bound moves with the value."""
    function = getattr(torch.Tensor, name, None) or getattr(torch, name)

    def move(p: Precision, x: Any, *args: Any, **kwargs: Any) -> Bounded:
        return Bounded(function(x.value, *args, **kwargs), function(x.bound, *args, **kwargs), p)

    return Rule(move, "moves with the element")


def _joined(name: str) -> Rule:
    function = getattr(torch, name)

    def join(p: Precision, parts: Any, dim: int = 0) -> Bounded:
        pairs = [pair(part, p) for part in parts]
        return Bounded(function([x.value for x in pairs], dim), function([x.bound for x in pairs], dim), p)

    return Rule(join, "moves with the element")


def _relation(function: Callable[..., torch.Tensor]) -> Rule:
    return Rule(lambda p, x, y: _compare(p, x, y, function), "decided only where |x-y| > bx+by")


MOVES: Final = (
    "unsqueeze", "squeeze", "reshape", "view", "expand", "transpose", "permute", "movedim", "t", "flatten",
    "unflatten", "contiguous", "clone", "flip", "roll", "narrow", "select", "index_select", "gather",
    "repeat", "repeat_interleave", "broadcast_to", "tril", "triu", "diagonal",
)  # fmt: skip

TABLE: Final[dict[str, Rule]] = (
    {
        "add": Rule(_add, "bx + by + u(|r|+bx+by) + eta; nothing added for small whole numbers"),
        "sub": Rule(lambda p, x, y: _add(p, x, y, sign=-1.0), "as add"),
        "mul": Rule(_mul, "|x|by + |y|bx + bx by + u|r| + eta; nothing added where r is representable"),
        "div": Rule(_div, "(|r|by + bx) / (|y|-by) + 4u|r| + tiny"),
        "pow": Rule(_pow, "x*x, sqrt or rsqrt"),
        "square": Rule(lambda p, x: _mul(p, x, x), "as mul"),
        "neg": Rule(lambda p, x: _same(p, x, torch.neg), "bx"),
        "abs": Rule(lambda p, x: _same(p, x, torch.abs), "bx"),
        "relu": Rule(lambda p, x: _same(p, x, torch.relu), "bx"),
        "exp": Rule(_exp, "r expm1(bx) + (4 + 2|x|) u r + tiny"),
        "exp2": Rule(_exp2, "r (2^bx - 1) + 4u r + tiny"),
        "log": Rule(_log, "-log1p(-bx/x) + 4u(|r|+1)"),
        "sqrt": Rule(_sqrt, "bx / (sqrt(x) + sqrt(x-bx)) + 4u r + tiny"),
        "rsqrt": Rule(_rsqrt, "rsqrt(x-bx) - rsqrt(x) + 8u r + tiny"),
        "reciprocal": Rule(lambda p, x: _div(p, 1.0, x), "as div"),
        "tanh": Rule(_tanh, "bx / cosh^2(|x|-bx) + 8u|r| + tiny"),
        "sigmoid": Rule(_sigmoid, "1 / (1 + exp(-x))"),
        "silu": Rule(_silu, "x sigmoid(x)"),
        "softmax": Rule(_softmax, "exp(x - amax) / sum"),
        "sum": Rule(_sum, "sum bx + min(SAFETY sqrt(sum h_k^2 / 3) + drift, u sum of partial sums of |t|): see sums"),
        "cumsum": Rule(_cumsum, "as sum, for each running sum"),
        "mean": Rule(_mean, "sum, then div"),
        "var_mean": Rule(
            _var_mean, "mean: e, as mean or Welford's; var: e^2 + 2e sqrt(r/n) + mean (2|d|bx + bx^2) + 7u r + sum's"
        ),
        "amax": Rule(_amax, "the largest bx of an element that can be the largest"),
        "argmax": Rule(_argmax, "none: only of values without a bound"),
        "amin": Rule(_amin, "as amax"),
        "max": Rule(_max, "as amax or maximum"),
        "maximum": Rule(lambda p, x, y: _pick(p, x, y, torch.maximum), "max(bx, by)"),
        "minimum": Rule(lambda p, x, y: _pick(p, x, y, torch.minimum), "max(bx, by)"),
        "clamp": Rule(_clamp, "as maximum and minimum"),
        "where": Rule(_where, "that of the chosen side"),
        "matmul": Rule(_matmul, "|x|by + bx|y| + bx by + the sum's own, of the products; whole numbers are exact"),
        "lt": _relation(torch.lt),
        "le": _relation(torch.le),
        "gt": _relation(torch.gt),
        "ge": _relation(torch.ge),
        "double": Rule(lambda p, x: x, "bx: pairs are in float64"),
        "to": Rule(_to, "bx: pairs are in float64"),
        "cat": _joined("cat"),
        "stack": _joined("stack"),
    }
    | functions.TABLE
    | {name: _moved(name) for name in MOVES}
)
ALIASES: Final = {
    "true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "mm": "matmul",
    "bmm": "matmul", "absolute": "abs", "negative": "neg", "concat": "cat", "clip": "clamp",
}  # fmt: skip
Bounded.rules = {name: rule.call for name, rule in TABLE.items()} | {
    alias: TABLE[name].call for alias, name in ALIASES.items()
}
