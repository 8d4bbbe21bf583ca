"""Regular accesses: a box of lanes that reads or writes evenly spaced elements needs no list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from attrs import frozen

from verify.executor.lanes import Lanes, gathered, span
from verify.executor.layout import base, share
from verify.executor.machine import Request

Kept: TypeAlias = "slice | torch.Tensor | None"  # lanes of one axis: a run, a list, or all of them


@frozen(eq=False)
class Box:
    """The active accesses of one request, axis by axis; programs are the first axis.

    `kept` are the active lanes of each axis. The element of a kept lane is `offset + head + sum(index * step)`:
    axes with a step are evenly spaced, those of `head` (1 elsewhere) are not, the others do not matter.
    """

    number: int  # of the buffer
    offset: int
    high: int  # the last element; the first is at least `offset`
    sizes: tuple[int, ...]  # kept lanes, 1 where the element does not depend on the axis
    steps: tuple[int, ...]  # 0 where not evenly spaced or not at all
    lengths: tuple[int, ...]  # kept lanes
    kept: tuple[Kept, ...]
    head: torch.Tensor | None

    @property
    def whole(self) -> bool:
        """Whether all lanes are active."""
        return all(part is None for part in self.kept)

    @property
    def distinct(self) -> bool:
        """Whether the strides alone show that no two lanes meet."""
        if self.head is not None or self.sizes != self.lengths:
            return False
        reached = 0
        for step, size in sorted(zip(self.steps, self.sizes, strict=True)):
            if size > 1:
                if step <= reached:
                    return False
                reached += step * (size - 1)
        return True

    def view(self, storage: torch.Tensor) -> torch.Tensor:
        """The elements in place, as a tensor of `sizes`. Only without a head."""
        return storage.as_strided(self.sizes, self.steps, storage.storage_offset() + self.offset)

    def on(self, storage: torch.Tensor) -> torch.Tensor:
        """The elements of a 1-D storage, in place if there is no head, as a tensor of `sizes`."""
        if self.head is None:
            return self.view(storage)
        even = [axis for axis, step in enumerate(self.steps) if step]
        uneven = [axis for axis in range(len(self.sizes)) if axis not in even]
        sizes, steps = [self.sizes[axis] for axis in even], [self.steps[axis] for axis in even]
        reach = sum(step * (size - 1) for step, size in zip(steps, sizes, strict=True))
        start = storage.storage_offset() + self.offset  # torch counts from the allocation, offsets from the cells
        windows = storage.as_strided((self.high - self.offset - reach + 1, *sizes), (1, *steps), start)
        found = windows.index_select(0, self.head.reshape(-1))
        order = uneven + even
        back = sorted(range(len(order)), key=order.__getitem__)
        return found.reshape([self.sizes[axis] for axis in order]).permute(back)

    def mark(self, storage: torch.Tensor) -> None:
        """Sets the elements of a storage of bools."""
        if self.head is None:
            self.view(storage).fill_(True)
            return
        elements, axes = self.head + self.offset, len(self.sizes)
        for axis, (step, size) in enumerate(zip(self.steps, self.sizes, strict=True)):
            if step:
                elements = elements + (torch.arange(size) * step).reshape(_along(axis, axes))
        storage[elements.reshape(-1)] = True

    def inside(self, data: torch.Tensor) -> torch.Tensor:
        """The kept lanes of a tensor that has all lanes, or 1 along an axis."""
        for axis, kept in enumerate(self.kept):
            data = _narrowed(data, axis, kept)
        return data

    def put(self, values: torch.Tensor, other: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """`values` in the kept lanes and `other` in the rest; `lengths` are those of all lanes."""
        if self.whole:
            return values
        shape = [
            length if kept is not None or max(size, there) > 1 else 1
            for length, kept, size, there in zip(lengths, self.kept, self.sizes, other.shape, strict=True)
        ]
        result = other.expand(shape).clone()
        if all(kept is None or isinstance(kept, slice) for kept in self.kept):
            result[tuple(kept if isinstance(kept, slice) else slice(None) for kept in self.kept)] = values
            return result
        where = []
        for axis, (kept, length) in enumerate(zip(self.kept, shape, strict=True)):
            index = torch.arange(length)
            index = index if kept is None else index[kept]
            where.append(index.reshape(_along(axis, len(shape))))
        result[tuple(where)] = values
        return result


def box(request: Request, item_bytes: Mapping[int, int]) -> Box | None:
    """The accesses as a box in one of the buffers whose item sizes are given; None if they are none."""
    kept = kept_lanes(request.mask)
    if kept is None:
        return None
    parts = []
    for part in request.pointer.parts:
        for axis, lanes in enumerate(kept):
            part = _narrowed(part, axis, lanes)
        parts.append(part)
    ends = [span(part) for part in parts]
    low, high = sum(least for least, _ in ends), sum(greatest for _, greatest in ends)
    number = share(low)
    if share(high) != number or number not in item_bytes or not all(part.numel() for part in parts):
        return None
    shift = item_bytes[number].bit_length() - 1
    steps, uneven = [0] * len(kept), []
    for part, (least, greatest) in zip(parts, ends, strict=True):
        if least != greatest:
            step = _step(part, greatest - least)
            if step is None or step & ((1 << shift) - 1):
                uneven.append(part - least)
            else:
                steps[max(range(len(kept)), key=part.shape.__getitem__)] += step >> shift
    head = None
    if uneven:  # an axis that also moves unevenly is not evenly spaced
        bits = Lanes(gathered(uneven)).data
        for axis, step in enumerate(steps):
            if step and bits.shape[axis] > 1:
                bits = bits + (torch.arange(bits.shape[axis]) * (step << shift)).reshape(_along(axis, len(kept)))
                steps[axis] = 0
        if shift and bool((bits & ((1 << shift) - 1)).any()):
            return None
        head = bits >> shift
    if (low - base(number)) & ((1 << shift) - 1):
        return None
    lengths = tuple(_count(*axis) for axis in zip(kept, (request.batch.count, *request.shape), strict=True))
    moving = [part.shape for part, (least, greatest) in zip(parts, ends, strict=True) if least != greatest]
    sizes = tuple(max((shape[axis] for shape in moving), default=1) for axis in range(len(kept)))
    offset, last = (low - base(number)) >> shift, (high - base(number)) >> shift
    return Box(number, offset, last, sizes, tuple(steps), lengths, kept, head)


def _step(part: torch.Tensor, reach: int) -> int | None:
    """The distance of neighbours along the only axis on which a part varies, None if there is no such."""
    line = part.reshape(-1)
    if len(line) not in part.shape or reach % (len(line) - 1):
        return None
    step = reach // (len(line) - 1)
    return step if (len(line) == 2 and bool(line[0] < line[1])) or _even(line, step) else None


def _even(line: torch.Tensor, step: int) -> bool:
    return len(line) > 2 and bool((line[1:] - line[:-1] == step).all())


def _along(axis: int, axes: int) -> list[int]:
    return [-1 if k == axis else 1 for k in range(axes)]


def _count(kept: Kept, length: int) -> int:
    return length if kept is None else kept.stop - kept.start if isinstance(kept, slice) else len(kept)


def kept_lanes(mask: Lanes) -> tuple[Kept, ...] | None:
    """The active lanes of each axis. None if they are no box, or there are none."""
    kept: list[Kept] = [None] * mask.axes
    for part in mask.parts:
        axes = [axis for axis, length in enumerate(part.shape) if length > 1]
        if bool(part.all()):
            continue
        if len(axes) != 1 or kept[axes[0]] is not None:
            return None
        where = part.reshape(-1).nonzero().reshape(-1)
        if not len(where):
            return None
        first, last = int(where[0]), int(where[-1])
        kept[axes[0]] = slice(first, last + 1) if last - first + 1 == len(where) else where
    return tuple(kept)


def _narrowed(data: torch.Tensor, axis: int, kept: Kept) -> torch.Tensor:
    if kept is None or data.shape[axis] == 1:
        return data
    if isinstance(kept, slice):
        return data.narrow(axis, kept.start, kept.stop - kept.start)
    return data.index_select(axis, kept)
