"""Values with running error bounds: pairs (value in float64, bound) that torch functions carry along.

A spec's float64 reference runs on them unchanged. What comes out says, element by element, how far a correct
evaluation in the declared precision may be from the value. The meanings are in `rules`, one row a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, ClassVar

import torch

from verify.numerics.precision import Precision


class Unruled(Exception):
    """A reference uses a torch function that has no rule, or asks what its bounds cannot decide."""


class Bounded:
    """`value` (float64) and `bound` (float64, not negative, same shape): |computed - value| <= bound.

    Where the value is NaN or infinite the bound is zero: such a value must be met in class. An infinite bound
    says that nothing is known there.
    """

    rules: ClassVar[Mapping[str, Callable[..., Any]]] = {}  # filled by `verify.numerics.rules`

    def __init__(self, value: torch.Tensor, bound: torch.Tensor, precision: Precision) -> None:
        self.value = value
        if bound.shape != value.shape or not math.isfinite(float(value.sum() + bound.sum())):  # else all are finite
            unknown = torch.where(torch.isnan(bound), torch.inf, bound)
            bound = torch.where(torch.isfinite(value), unknown, 0.0)
        self.bound = bound
        self.precision = precision
        self.weighted: Any = None  # of a product and a weighted mean: see `means`

    @staticmethod
    def exact(value: torch.Tensor, precision: Precision) -> Bounded:
        """The pair of a value that is known exactly: an input."""
        value = value.double()
        return Bounded(value, torch.zeros_like(value), precision)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _apply(function.__name__, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in Bounded.rules:
            raise Unruled(f"the reference uses .{name}, which has no error bound")
        return lambda *args, **kwargs: _apply(name, (self, *args), kwargs)

    @property
    def shape(self) -> torch.Size:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    def dim(self) -> int:
        return len(self.value.shape)

    def numel(self) -> int:
        return int(self.value.numel())

    def size(self, axis: int | None = None) -> Any:
        return self.value.size() if axis is None else self.value.size(axis)

    @property
    def dtype(self) -> torch.dtype:
        return self.value.dtype

    @property
    def device(self) -> torch.device:
        return self.value.device

    @property
    def T(self) -> Any:
        return _apply("t", (self,), {})

    @property
    def mT(self) -> Any:
        return _apply("transpose", (self, -2, -1), {})

    def __getitem__(self, index: Any) -> Bounded:
        return Bounded(self.value[index], self.bound[index], self.precision)

    def __add__(self, other: Any) -> Any:
        return _apply("add", (self, other), {})

    def __radd__(self, other: Any) -> Any:
        return _apply("add", (other, self), {})

    def __sub__(self, other: Any) -> Any:
        return _apply("sub", (self, other), {})

    def __rsub__(self, other: Any) -> Any:
        return _apply("sub", (other, self), {})

    def __mul__(self, other: Any) -> Any:
        return _apply("mul", (self, other), {})

    def __rmul__(self, other: Any) -> Any:
        return _apply("mul", (other, self), {})

    def __truediv__(self, other: Any) -> Any:
        return _apply("div", (self, other), {})

    def __rtruediv__(self, other: Any) -> Any:
        return _apply("div", (other, self), {})

    def __matmul__(self, other: Any) -> Any:
        return _apply("matmul", (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return _apply("matmul", (other, self), {})

    def __pow__(self, other: Any) -> Any:
        return _apply("pow", (self, other), {})

    def __neg__(self) -> Any:
        return _apply("neg", (self,), {})

    def __lt__(self, other: Any) -> Any:
        return _apply("lt", (self, other), {})

    def __le__(self, other: Any) -> Any:
        return _apply("le", (self, other), {})

    def __gt__(self, other: Any) -> Any:
        return _apply("gt", (self, other), {})

    def __ge__(self, other: Any) -> Any:
        return _apply("ge", (self, other), {})

    def __repr__(self) -> str:
        return f"Bounded(value={self.value}, bound={self.bound})"


def pair(operand: Any, precision: Precision) -> Bounded:
    """An operand of a rule as a pair. Tensors are inputs and exact; a number is rounded as a constant is."""
    if isinstance(operand, Bounded):
        return operand
    if isinstance(operand, torch.Tensor):
        return Bounded.exact(operand, precision)
    value = torch.tensor(float(operand), dtype=torch.float64)
    rounded = torch.where(precision.exactly(value) | (value == value.round()), 0.0, precision.unit * value.abs())
    return Bounded(value, rounded, precision)


def _apply(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    rule = Bounded.rules.get(name)
    if rule is None:
        raise Unruled(f"the reference uses torch.{name}, which has no error bound")
    # Options that are off, and a depth for warnings, which torch's Python functions pass along.
    kwargs = {
        key: each for key, each in kwargs.items() if each is not None and each is not False and key != "_stacklevel"
    }
    try:
        signature(rule).bind(None, *args, **kwargs)
    except TypeError as error:
        raise Unruled(f"the reference calls torch.{name} in a form that has no error bound: {error}") from None
    precision = next(each.precision for each in _flat(args, kwargs) if isinstance(each, Bounded))
    return rule(precision, *args, **kwargs)


def _flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    operands: list[Any] = []
    for each in (*args, *kwargs.values()):
        operands += each if isinstance(each, list | tuple) else [each]
    return operands
