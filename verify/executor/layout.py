"""The virtual address space: each buffer has a share of 2^48 bytes and starts in its middle.

So an address says by itself which buffer it belongs to, in front of the first element too. Nothing lies in
share 0: that is where undefined pointers and those that ran out of a share point.
"""

from __future__ import annotations

from typing import Final

import torch

SHARE: Final = 48
HALF: Final = 1 << (SHARE - 1)
NOWHERE: Final = 0


def base(number: int) -> int:
    """The address of the first byte of buffer `number`, which counts from 1."""
    return number << SHARE


def region(addresses: torch.Tensor) -> torch.Tensor:
    """The number of the buffer whose share an address lies in."""
    return (addresses + HALF) >> SHARE


def share(address: int) -> int:
    """`region` of one address."""
    return (address + HALF) >> SHARE


def touched(addresses: torch.Tensor, active: torch.Tensor) -> list[int]:
    """The numbers of all buffers that active addresses belong to."""
    numbers = region(torch.where(active, addresses, -1 << 62))
    if not numbers.numel():
        return []
    skip = int(region(torch.tensor(-1 << 62)))
    low, high = (int(value) for value in torch.aminmax(numbers))
    if low == high:
        return [] if low == skip else [low]
    return [int(value) for value in torch.unique(numbers) if int(value) != skip]
