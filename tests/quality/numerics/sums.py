"""Orders in which kernels add up, in float32 on the CPU, and the mistakes they make on the way.

Every sum is over the last axis. Orders are those of real kernels: one lane after the other, a tree, lanes that
stride over the row, several parts beside each other, backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy
import torch

Sum: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
TILE: Final = 64  # terms between two roundings of an accumulator that is too narrow


def scan(terms: torch.Tensor) -> torch.Tensor:
    """Running sums, one addition after the other (torch's own accumulates in float64)."""
    return torch.from_numpy(numpy.add.accumulate(terms.contiguous().numpy(), axis=-1))


def sequential(terms: torch.Tensor) -> torch.Tensor:
    return scan(terms)[..., -1] if terms.shape[-1] else terms.sum(-1)


def backwards(terms: torch.Tensor) -> torch.Tensor:
    return sequential(terms.flip(-1))


def tree(terms: torch.Tensor) -> torch.Tensor:
    terms = _filled_up(terms, 1 << max(terms.shape[-1] - 1, 0).bit_length())
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        terms = terms[..., :half] + terms[..., half:]
    return terms[..., 0]


def lanes(terms: torch.Tensor, width: int = 32) -> torch.Tensor:
    """Each lane takes every 32nd term; then the lanes are added as a tree."""
    terms = _filled_up(terms, width)
    return tree(sequential(terms.unflatten(-1, (-1, width)).transpose(-1, -2)))


def split(terms: torch.Tensor, parts: int = 8) -> torch.Tensor:
    """Parts of the axis beside each other, their totals one after the other: split-K."""
    terms = _filled_up(terms, parts)
    return sequential(sequential(terms.unflatten(-1, (parts, -1))))


def blocks(terms: torch.Tensor, width: int = 128) -> torch.Tensor:
    """A tree in each block, the blocks one after the other: a loop of `tl.sum`."""
    terms = _filled_up(terms, width)
    return sequential(tree(terms.unflatten(-1, (-1, width))))


def shuffled(seed: int) -> Sum:
    """One after the other in an order drawn at random, the same for every row."""

    def add(terms: torch.Tensor) -> torch.Tensor:
        order = torch.randperm(terms.shape[-1], generator=torch.Generator().manual_seed(seed))
        return sequential(terms[..., order])

    return add


ORDERS: Final[dict[str, Sum]] = {
    "sequential": sequential,
    "backwards": backwards,
    "tree": tree,
    "lanes": lanes,
    "split": split,
    "blocks": blocks,
    "shuffled": shuffled(1),
    "shuffled again": shuffled(2),
}


def dropped(terms: torch.Tensor) -> torch.Tensor:
    """The term in the middle is left out."""
    middle = terms.shape[-1] // 2
    return blocks(torch.cat([terms[..., :middle], terms[..., middle + 1 :]], -1))


def last_dropped(terms: torch.Tensor) -> torch.Tensor:
    return blocks(terms[..., :-1])


def repeated(terms: torch.Tensor) -> torch.Tensor:
    """The term in the middle comes twice."""
    middle = terms.shape[-1] // 2
    return blocks(torch.cat([terms, terms[..., middle : middle + 1]], -1))


def narrow(dtype: torch.dtype) -> Sum:
    """The total is rounded to `dtype` after each tile."""

    def add(terms: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(terms[..., 0])
        for tile in terms.split(TILE, -1):
            total = (total + tree(tile)).to(dtype).float()
        return total

    return add


def tf32(factor: torch.Tensor) -> torch.Tensor:
    """A float32 factor as tensor cores read it: 13 bits are cut off."""
    return (factor.float().view(torch.int32) & ~0x1FFF).view(torch.float32)


def approximated(result: torch.Tensor, roundings: float) -> torch.Tensor:
    """A function's result as a device may give it: off by up to `roundings` units of float32, at random."""
    noise = torch.rand(result.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return (result.double() * (1 + (2 * noise - 1) * roundings * 2.0**-24)).float()


def _filled_up(terms: torch.Tensor, multiple: int) -> torch.Tensor:
    """Zeros at the end up to a multiple of `multiple` terms."""
    return torch.nn.functional.pad(terms, (0, -terms.shape[-1] % multiple))
