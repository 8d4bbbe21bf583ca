"""Device memory with red zones: every buffer lies between two bands of a known pattern."""

from __future__ import annotations

from typing import Final

import torch
from attrs import field, frozen

BAND: Final = 4096  # bytes on each side; a multiple of every alignment that a compiled kernel may assume
PATTERN: Final = 0xA5
POISON: Final = 0xFF  # NaN in every float type, -1 in every integer type

DTYPES: Final[dict[str, torch.dtype]] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}


@frozen(eq=False)
class Guarded:
    """A flat run of `elements` elements of `dtype` between two bands of `PATTERN` bytes."""

    name: str
    dtype: torch.dtype
    elements: int
    storage: torch.Tensor = field(repr=False)  # uint8, flat

    @property
    def body(self) -> torch.Tensor:
        """The usable elements, flat."""
        return self._bytes().view(self.dtype)

    @property
    def address(self) -> int:
        """Byte address of the first usable element."""
        return int(self.storage.data_ptr()) + BAND

    def poison(self) -> None:
        """Overwrite the usable elements so that a value nobody wrote is recognised."""
        self._bytes().fill_(POISON)

    def damage(self) -> str | None:
        """What was written outside the buffer, as a sentence; None when both bands are whole."""
        size = self.elements * self.dtype.itemsize
        for side, band, origin in (
            ("before", self.storage[:BAND], -BAND),
            ("after", self.storage[BAND + size :], size),
        ):
            spots = torch.nonzero(band != PATTERN)
            if len(spots):
                where = origin + int(spots[0])
                return f"{self.name}: {len(spots)} bytes {side} the buffer overwritten, first at byte {where}"
        return None

    def _bytes(self) -> torch.Tensor:
        return self.storage[BAND : BAND + self.elements * self.dtype.itemsize]


def guarded(name: str, dtype: str, elements: int, device: str) -> Guarded:
    """Allocate `elements` elements between bands; the body is poisoned."""
    kind = DTYPES[dtype]
    storage = torch.full((2 * BAND + elements * kind.itemsize,), PATTERN, dtype=torch.uint8, device=device)
    buffer = Guarded(name, kind, elements, storage)
    buffer.poison()
    return buffer


def guarded_copy(name: str, tensor: torch.Tensor, device: str) -> tuple[Guarded, torch.Tensor]:
    """The tensor's values in guarded memory with the same shape, strides and gaps between rows.

    The first element keeps its address modulo 16, so that alignment conditions come out as for the original.
    """
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    span = span if tensor.numel() else 0
    lead = tensor.data_ptr() % 16 // tensor.element_size() if span else 0
    buffer = guarded(name, str(tensor.dtype).removeprefix("torch."), lead + span, device)
    view = buffer.body.as_strided(tensor.shape, tensor.stride(), buffer.body.storage_offset() + lead)
    # The flat span is copied, gaps included: a strided copy would refuse rows that overlap or repeat.
    flat = tensor.as_strided((span,), (1,), tensor.storage_offset())
    buffer.body[lead : lead + span].copy_(flat)
    return buffer, view


def same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, NaN payloads included."""
    kind = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[left.element_size()]
    return bool(torch.equal(left.contiguous().view(kind), right.contiguous().view(kind)))
