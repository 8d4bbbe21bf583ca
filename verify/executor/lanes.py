"""Values of the executor: tensors for all programs and lanes, and which lanes come from wraps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

import torch
from attrs import evolve, field, frozen

from verify.verdict import Place


@frozen(eq=False)
class Wrap:
    """Which lanes come from integer arithmetic that left its type. `example` is one computation that did.

    The lowest `bits` bits are still those of the exact result: masking with a constant below 2**bits gives
    what exact arithmetic would, so that a cast to int8 followed by `& 3` is no fault.
    """

    lanes: torch.Tensor  # bool, broadcasts like the value
    place: Place
    example: str
    bits: int = 0


Parts: TypeAlias = tuple[torch.Tensor, ...]


def _as_parts(given: torch.Tensor | Parts) -> Parts:
    return given if isinstance(given, tuple) else (given,)


@frozen(eq=False, slots=False)
class Lanes:
    """A value of every program, with one axis for programs and one for each axis of the tensor type.

    Any axis may have length 1 where the value does not vary along it: read it by broadcasting, or `full`.
    Integers are kept sign-extended in int64, i1 as bool, pointers as int64 addresses.

    It is the sum of its `parts`, the conjunction if they are bool, which broadcast against each other. Row and
    column of an address, say, stay apart as long as nobody asks for `data`: a tile of a million lanes is then
    two short vectors. `bounds` encloses all lanes of an integer, loosely perhaps.
    """

    parts: Parts = field(converter=_as_parts)
    wrap: Wrap | None = None
    told: tuple[int, int] | None = None  # bounds, where whoever made the value knows them

    @cached_property
    def data(self) -> torch.Tensor:
        """The parts in one tensor."""
        whole, *rest = self.parts
        for part in rest:
            whole = whole & part if part.dtype == torch.bool else whole + part
        return whole

    @cached_property
    def bounds(self) -> tuple[int, int]:
        if self.told is not None:
            return self.told
        ends = [span(part) for part in self.parts]
        return sum(low for low, _ in ends), sum(high for _, high in ends)

    @property
    def axes(self) -> int:
        return len(self.parts[0].shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of `data`."""
        found: tuple[int, ...] = self.parts[0].shape
        for part in self.parts[1:]:
            found = wider(found, part.shape)
        return found

    def full(self, shape: Sequence[int]) -> torch.Tensor:
        """The data with the lanes' axes at their real lengths; the programs' axis is left as it is."""
        return self.data.expand(self.data.shape[0], *shape)

    def shaped(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Lanes:
        """The value with its axes changed; wrapped lanes move along."""
        wrap = self.wrap and evolve(self.wrap, lanes=change(self.wrap.lanes.expand(self.data.shape)))
        return Lanes(change(self.data), wrap)

    def renamed(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Lanes:
        """As `shaped`, where `change` only adds, drops or reorders axes: each part may have its own way."""
        if self.wrap is not None:
            return self.shaped(change)
        return Lanes(tuple(change(part) for part in self.parts), None, self.told)


def wider(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """The shape of two values of equally many axes together."""
    return tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))


def span(data: torch.Tensor) -> tuple[int, int]:
    """Least and greatest of some integers or bools; (0, 0) of none."""
    if data.numel() < 2:
        only = int(data) if data.numel() else 0
        return only, only
    if data.dtype == torch.bool:
        return int(data.all()), int(data.any())
    low, high = torch.aminmax(data)
    return int(low), int(high)


def gathered(parts: Sequence[torch.Tensor]) -> Parts:
    """Parts with the same meaning of which none varies along the same axes as another."""
    found: list[torch.Tensor] = []
    for part in parts:
        for position, other in enumerate(found):
            together = wider(part.shape, other.shape)
            if together == other.shape or together == part.shape:
                found[position] = other & part if part.dtype == torch.bool else other + part
                break
        else:
            found.append(part)
    return tuple(found)


@frozen(eq=False)
class TensorDescriptor:
    """A tensor descriptor made in the kernel: base address, sizes and strides (elements) per axis."""

    base: Lanes
    sizes: tuple[Lanes, ...]
    strides: tuple[Lanes, ...]
    nan_padding: bool


Held: TypeAlias = Lanes | TensorDescriptor


def joined(values: Sequence[Lanes], keeps_bits: bool = False) -> Wrap | None:
    """The wrapped lanes of a result that depends on all of `values`, which have equally many axes.

    `keeps_bits`: the lowest bits of the result depend on no other bits than the lowest ones of the values.
    """
    wraps = [value.wrap for value in values if value.wrap is not None]
    if not wraps:
        return None
    found, bits = wraps[0], min(wrap.bits for wrap in wraps)
    for wrap in wraps[1:]:
        found = evolve(found, lanes=found.lanes | wrap.lanes)
    return evolve(found, bits=bits if keeps_bits else 0)


def chosen(condition: torch.Tensor, left: Lanes, right: Lanes) -> Lanes:
    """`left` where `condition` (bool, one axis for programs or as many as the values) holds, else `right`."""
    condition = over_lanes(condition, max(left.axes, right.axes))
    data = torch.where(condition, left.data, right.data)
    wrap = left.wrap or right.wrap
    if wrap is None:
        return Lanes(data)
    none = torch.zeros((), dtype=torch.bool)
    sides = [none if value.wrap is None else value.wrap.lanes for value in (left, right)]
    bits = min(value.wrap.bits for value in (left, right) if value.wrap is not None)
    return Lanes(data, evolve(wrap, lanes=torch.where(condition, *sides), bits=bits))


def over_lanes(mask: torch.Tensor, axes: int) -> torch.Tensor:
    """A mask over programs with axes of length 1 added, to stand against a value of `axes` axes."""
    return mask.reshape(mask.shape + (1,) * (axes - mask.dim()))


def all_true(mask: torch.Tensor | None) -> bool:
    return mask is None or bool(mask.all())


def both(left: torch.Tensor | None, right: torch.Tensor | None) -> torch.Tensor | None:
    """The conjunction of two masks over programs, None being all of them."""
    if left is None or right is None:
        return right if left is None else left
    return left & right
