"""What a package's host code computes with torch: results of known shape, whose values nobody looks at.

Only policy `repo` gets here. A result is a fresh buffer that a `Glue` step fills; its dtype is what torch says of
empty tensors of the same dtypes. Operations that are not in the tables stay `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from specs.sizes import Size, size
from verify.capture.algebra import same, simplified
from verify.capture.operations import allocate, sizes_of, writable
from verify.capture.session import Session
from verify.capture.symbols import size_of
from verify.capture.tensors import Stand
from verify.capture.views import axis_of, expanded
from verify.plan import Glue

ELEMENTWISE: Final = frozenset((
    "abs", "add", "atan2", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clamp_max",
    "clamp_min", "cos", "div", "eq", "erf", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod", "ge", "gelu",
    "gt", "isinf", "isnan", "le", "lerp", "log", "log1p", "log2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "masked_fill", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "relu",
    "remainder", "round", "rsqrt", "rsub", "sigmoid", "sign", "silu", "sin", "softplus", "sqrt", "square", "sub",
    "tan", "tanh", "true_divide", "trunc", "where", "addcmul", "addcdiv",
))  # fmt: skip
REDUCTIONS: Final = frozenset((
    "all", "amax", "amin", "any", "argmax", "argmin", "logsumexp", "mean", "norm", "prod", "std", "sum", "var",
))  # fmt: skip
TWO_RESULTS: Final = frozenset(["max", "min", "sort", "topk"])
PRODUCTS: Final = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1}  # the position of the left factor


def hostwork(
    session: Session, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Stand | tuple[Stand, ...] | None:
    """The result, or None for an operation that is not modelled."""
    plain, inplace = name.rstrip("_"), name.endswith("_") and not name.endswith("__")
    tensors = [one for one in args if isinstance(one, Stand)]
    if plain in ELEMENTWISE and tensors:
        return _elementwise(session, func, plain, args, kwargs, inplace)
    if inplace or not tensors:
        return _range(session, args, kwargs) if name == "arange" else None
    if name in REDUCTIONS or (name in ("max", "min") and len(args) == 1):
        return _reduced(session, func, name, args, kwargs)
    if name in ("max", "min") and isinstance(args[1], Stand):
        return _elementwise(session, func, name, args, kwargs, False)
    if name in TWO_RESULTS:
        return _two(session, name, args, kwargs)
    if name in PRODUCTS:
        return _product(session, name, args[PRODUCTS[name]], args[PRODUCTS[name] + 1], tensors)
    if name in ("cumsum", "cumprod", "flip", "roll", "tril", "triu", "_softmax", "_log_softmax", "softmax"):
        return _made(session, name, tensors, tensors[0].view_.sizes, _dtype(func, args, kwargs))
    return None


def _made(session: Session, name: str, sources: Sequence[Stand], sizes: Sequence[Size], dtype: torch.dtype) -> Stand:
    """A fresh tensor that the operation fills from its sources."""
    made = allocate(session, sizes, dtype, sources[0].device if sources else "cuda")
    views = tuple(source.view_ for source in sources)
    session.add(Glue(name, views, made.view_, {}, session.place()), *views, made.view_)
    return made


def _elementwise(
    session: Session, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], inplace: bool
) -> Stand:
    sources = [one for one in args if isinstance(one, Stand)]
    sizes: tuple[Size, ...] = ()
    for source in sources:
        sizes = _broadcast(session, sizes, source.view_.sizes)
    for source in sources:
        expanded(session, source.view_, sizes)  # raises as torch does where they do not fit
    if not inplace:
        return _made(session, name, sources, sizes, _dtype(func, args, kwargs))
    target = sources[0]
    writable(session, target)
    views = tuple(source.view_ for source in sources)
    session.add(Glue(name, views, target.view_, {}, session.place()), *views)
    return target


def _broadcast(session: Session, left: tuple[Size, ...], right: tuple[Size, ...]) -> tuple[Size, ...]:
    rank = max(len(left), len(right))
    padded = [(size(1),) * (rank - len(each)) + tuple(each) for each in (left, right)]
    found = []
    for one, other in zip(*padded, strict=True):
        if same(one, other) or session.decide(one.equals(other)) or session.decide(other.equals(1)):
            found.append(one)
        else:
            found.append(other)  # where this does not fit either, `expanded` says so
    return tuple(found)


def _dtype(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.dtype:
    """What torch makes of tensors of these dtypes and ranks; the numbers beside them only count by their kind."""

    def plain(value: Any) -> Any:
        if isinstance(value, Stand):
            return torch.empty((1,) * value.dim(), dtype=value.dtype)
        if isinstance(value, torch.SymInt):
            return 1
        if isinstance(value, torch.SymFloat) or (isinstance(value, float) and value != value):
            return 1.0
        return value

    found = func(*map(plain, args), **{key: plain(value) for key, value in kwargs.items() if key != "device"})
    result: torch.dtype = (found[0] if isinstance(found, tuple) else found).dtype
    return result


def _reduced(session: Session, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Stand:
    source: Stand = args[0]
    named = {each.name: at for at, each in enumerate(func._schema.arguments)}

    def given(which: str) -> Any:
        at = named.get(which, len(args))
        return kwargs.get(which, args[at] if at < len(args) else None)

    axes, keep = given("dim"), bool(given("keepdim"))
    rank = source.dim()
    asked = range(rank) if axes in (None, []) else [axes] if isinstance(axes, int) else axes
    gone = {axis_of(axis, rank) for axis in asked}
    if name in ("amax", "amin", "argmax", "argmin", "max", "min"):
        for axis in gone:
            if session.decide(source.view_.sizes[axis].equals(0)):
                raise RuntimeError(f"{name}(): Expected reduction dim to have non-zero size.")
    sizes = [size(1) if at in gone else each for at, each in enumerate(source.view_.sizes) if keep or at not in gone]
    return _made(session, name, [source], sizes, _dtype(func, args, kwargs))


def _two(session: Session, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Stand, ...] | None:
    """Values and where they stood."""
    source: Stand = args[0]
    axis = kwargs.get("dim", args[2 if name == "topk" and len(args) > 2 else 1] if len(args) > 1 else -1)
    if not isinstance(axis, int) or isinstance(axis, bool):
        return None
    at, sizes = axis_of(axis, source.dim()), list(source.view_.sizes)
    if name == "topk":
        sizes[at] = size_of(session, kwargs.get("k", args[1]))
    elif name in ("max", "min"):
        keep = bool(kwargs.get("keepdim", args[2] if len(args) > 2 else False))
        sizes[at : at + 1] = [size(1)] if keep else []
    return (
        _made(session, name, [source], sizes, source.dtype),
        _made(session, name, [source], sizes, torch.int64),
    )


def _product(session: Session, name: str, left: Stand, right: Stand, sources: Sequence[Stand]) -> Stand:
    inner, other = left.view_.sizes[-1], right.view_.sizes[-2]
    if not same(inner, other) and not session.decide(inner.equals(other)):
        raise RuntimeError(f"{name}: shapes cannot be multiplied ({inner} and {other})")
    return _made(session, name, sources, (*left.view_.sizes[:-1], right.view_.sizes[-1]), left.dtype)


def _range(session: Session, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Stand | None:
    """`arange` of whole numbers."""
    bounds = sizes_of(session, list(args)) if all(isinstance(one, int | torch.SymInt) for one in args) else ()
    if not 1 <= len(bounds) <= 3 or kwargs.get("dtype") not in (None, torch.int64, torch.int32):
        return None
    first, last = (size(0), bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else size(1)
    if step.kind != "const" or step.value <= 0 or session.decide(last < first):
        return None
    count = simplified((last - first + (step.value - 1)) // step)
    made = allocate(session, (count,), kwargs.get("dtype") or torch.int64, kwargs.get("device"))
    session.add(Glue("arange", (), made.view_, {}, session.place()), made.view_)
    return made
