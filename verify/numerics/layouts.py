"""Memory layouts of input tensors: the same values at other strides, poison where the view does not look."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import torch

Arrange: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
PADDING: Final = 5  # elements after each row: odd, so that rows lose their alignment
OFFSET: Final = 3


def _contiguous(values: torch.Tensor, poison: float) -> torch.Tensor:
    return values.clone(memory_format=torch.contiguous_format)


def _transposed(values: torch.Tensor, poison: float) -> torch.Tensor:
    axes = tuple(reversed(range(values.dim())))
    return values.permute(axes).clone(memory_format=torch.contiguous_format).permute(axes)


def _padded(values: torch.Tensor, poison: float) -> torch.Tensor:
    storage = _filled((*values.shape[:-1], values.shape[-1] + PADDING), values, poison)
    return _write(storage[..., : values.shape[-1]], values)


def _stepped(values: torch.Tensor, poison: float) -> torch.Tensor:
    storage = _filled((*values.shape[:-1], values.shape[-1] * 2), values, poison)
    return _write(storage[..., ::2], values)


def _offset(values: torch.Tensor, poison: float) -> torch.Tensor:
    storage = _filled((values.numel() + 2 * OFFSET,), values, poison)
    return _write(storage[OFFSET : OFFSET + values.numel()].view(values.shape), values)


def _expanded(values: torch.Tensor, poison: float) -> torch.Tensor:
    """Every index of the first axis shows the first one's values, so the values change."""
    return values if values.numel() == 0 else values[:1].clone().expand(values.shape)


def _filled(shape: tuple[int, ...], like: torch.Tensor, poison: float) -> torch.Tensor:
    if like.is_floating_point():
        value: float | int = poison
    else:
        value = 1 if like.dtype == torch.bool else torch.iinfo(like.dtype).min
    return torch.full(shape, value, dtype=like.dtype)


def _write(view: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    view.copy_(values)
    return view


LAYOUTS: Final[Mapping[str, Arrange]] = {
    "contiguous": _contiguous,
    "padded": _padded,
    "transposed": _transposed,
    "offset": _offset,
    "expanded": _expanded,
    "stepped": _stepped,
}
KEEPS_PACKED: Final = ("contiguous",)  # what a parameter that must be contiguous can have


def lay_out(values: torch.Tensor, layout: str, poison: float = math.nan) -> torch.Tensor:
    """`values` in memory as `layout` says; outside the view is `poison` (integers: the smallest)."""
    return LAYOUTS[layout](values, poison)
