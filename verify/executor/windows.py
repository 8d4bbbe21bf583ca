"""Strided windows with concrete sizes, and which elements of a buffer they hold, by storage or arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Final

import torch
from attrs import frozen

from verify.plan import View

SEARCH: Final = 4096  # candidates per axis that membership in an overlapping window tries


class Undecided(Exception):
    """Whether an element belongs to a window of overlapping strides would take too long to find out."""


@frozen
class Window:
    """The elements `offset + sum(i_k * strides[k])` with `0 <= i_k < sizes[k]`. Strides are not negative."""

    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def empty(self) -> bool:
        return 0 in self.sizes

    @property
    def end(self) -> int:
        """One past the last element; `offset` if empty."""
        if self.empty:
            return self.offset
        return self.offset + 1 + sum((n - 1) * s for n, s in zip(self.sizes, self.strides, strict=True))

    @property
    def dense(self) -> bool:
        """Whether every element from `offset` to `end` belongs to it, told from the strides alone."""
        reached = 1
        for stride, length in self._axes():
            if stride > reached:
                return False
            reached += stride * (length - 1)
        return not self.empty

    def _axes(self) -> list[tuple[int, int]]:
        """(stride, size) of the axes that move, least stride first."""
        pairs = zip(self.strides, self.sizes, strict=True)
        return sorted((stride, length) for stride, length in pairs if stride and length > 1)

    def contains(self, elements: torch.Tensor) -> torch.Tensor:
        """Which of `elements` (int64) belong to it, without storage. Raises Undecided."""
        if self.empty:
            return torch.zeros_like(elements, dtype=torch.bool)
        return _solvable(elements - self.offset, self._axes()[::-1])

    def on(self, storage: torch.Tensor) -> torch.Tensor:
        """The window as a tensor on a 1-D storage that it fits in."""
        return storage.as_strided(self.sizes, self.strides, storage.storage_offset() + self.offset)


def window(view: View, sizes: Mapping[str, int]) -> Window:
    """A view with its expressions evaluated. Raises ValueError where that gives a negative number."""
    found = Window(
        view.offset.evaluate(sizes),
        tuple(part.evaluate(sizes) for part in view.sizes),
        tuple(part.evaluate(sizes) for part in view.strides),
    )
    if min(found.offset, *found.sizes, *found.strides, 0) < 0:
        raise ValueError(f"the view of {view.buffer} has offset, sizes and strides {found}: one is negative")
    return found


def _reach(axes: Sequence[tuple[int, int]]) -> int:
    return sum(stride * (length - 1) for stride, length in axes)


def _solvable(rest: torch.Tensor, axes: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Whether `rest` is a sum of multiples `0 <= i < size` of the strides, greatest stride first."""
    if not axes:
        return rest == 0
    (stride, length), lower = axes[0], axes[1:]
    reach = _reach(lower)
    if not lower:
        return (rest >= 0) & (rest % stride == 0) & (rest <= stride * (length - 1))
    if reach < stride:  # the axes below never reach the next multiple: the quotient is the only candidate
        index = torch.div(rest, stride, rounding_mode="floor")
        return (index >= 0) & (index < length) & _solvable(rest - index * stride, lower)
    if len(lower) == 1:
        return _two_axes(rest, stride, length, *lower[0])
    highest = torch.div(rest, stride, rounding_mode="floor").clamp(max=length - 1)
    lowest = -torch.div(-(rest - reach), stride, rounding_mode="floor")
    count = int((highest - lowest.clamp(min=0)).amax()) + 1 if rest.numel() else 0
    if count > SEARCH:
        raise Undecided
    found = torch.zeros_like(rest, dtype=torch.bool)
    for back in range(max(count, 0)):
        index = highest - back
        legal = (index >= 0) & (index >= lowest)
        found |= legal & _solvable(rest - index.clamp(min=0) * stride, lower)
    return found


def _two_axes(rest: torch.Tensor, stride: int, length: int, step: int, count: int) -> torch.Tensor:
    """Whether rest = i*stride + j*step has a solution in range: i is known modulo step/gcd."""
    common = gcd(stride, step)
    modulus = step // common
    residue = torch.div(rest, common, rounding_mode="floor") % modulus
    inverse = pow(stride // common, -1, modulus) if modulus > 1 else 0
    index = residue * inverse % modulus
    lowest = (-torch.div(-(rest - step * (count - 1)), stride, rounding_mode="floor")).clamp(min=0)
    ahead = (lowest - index).clamp(min=0)
    index = index + -torch.div(-ahead, modulus, rounding_mode="floor") * modulus
    return (rest % common == 0) & (index < length) & (index * stride <= rest)
