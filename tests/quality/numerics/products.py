"""matmul and cumsum: right ways to add up, and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch

import specs
from tests.quality.numerics.operator import Inputs, Operator, Way, changed, of_output
from tests.quality.numerics.sums import (
    ORDERS,
    TILE,
    Sum,
    blocks,
    dropped,
    last_dropped,
    narrow,
    repeated,
    scan,
    sequential,
    shuffled,
    tf32,
)

Factors = Callable[[torch.Tensor], torch.Tensor]


def matmul(a: torch.Tensor, b: torch.Tensor, add: Sum = blocks, factor: Factors = torch.Tensor.float) -> torch.Tensor:
    return add(factor(a)[:, None, :] * factor(b).mT[None, :, :])


def matmul_by_tiles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Products of tiles along K, accumulated one after the other: what `tl.dot` in a loop does."""
    total = torch.zeros(a.shape[0], b.shape[1])
    for left, right in zip(a.float().split(32, 1), b.float().split(32, 0), strict=True):
        total = total + left @ right
    return total


def split_unreduced(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Split-K whose last part is not added."""
    parts = [matmul(left, right) for left, right in zip(a.chunk(8, 1), b.chunk(8, 0), strict=True)]
    return sequential(torch.stack(parts[:-1], -1))


def cumsum_by_blocks(x: torch.Tensor, width: int = 128, carry: Factors = lambda total: total) -> torch.Tensor:
    """A scan in each block, on top of the running total of the blocks before."""
    x = x.float()
    total, done = torch.zeros_like(x[..., :1]), []
    for block in x.split(width, -1):
        done.append(carry(total) + scan(block))
        total = total + sequential(block).unsqueeze(-1)
    return torch.cat(done, -1)


def cumsum_by_doubling(x: torch.Tensor) -> torch.Tensor:
    """Each step adds what stands 1, 2, 4, ... before: a scan of lanes."""
    x, step = x.float(), 1
    while step < x.shape[-1]:
        x = torch.cat([x[..., :step], x[..., step:] + x[..., :-step]], -1)
        step *= 2
    return x


def cumsum_in_two_levels(x: torch.Tensor, width: int = 64) -> torch.Tensor:
    """Scans of blocks, then a scan of their totals."""
    parts = [scan(block) for block in x.float().split(width, -1)]
    totals = cumsum_by_doubling(torch.stack([part[..., -1] for part in parts], -1))
    before = torch.nn.functional.pad(totals, (1, 0))
    return torch.cat([part + before[..., at : at + 1] for at, part in enumerate(parts)], -1)


def cumsum_narrow(dtype: torch.dtype) -> Way:
    def way(inputs: Inputs) -> torch.Tensor:
        x = inputs["x"].float()
        total, done = torch.zeros_like(x[..., :1]), []
        for block in x.split(TILE, -1):
            done.append(total + scan(block))
            total = done[-1][..., -1:].to(dtype).float()
        return torch.cat(done, -1)

    return way


def _block_lost(x: torch.Tensor) -> torch.Tensor:
    """One block's total does not reach the blocks behind it."""
    whole = cumsum_by_blocks(x)
    at = whole.shape[-1] // 2 // 128 * 128
    whole[..., at:] -= sequential(x.float()[..., at - 128 : at]).unsqueeze(-1)
    return whole


def _without(x: torch.Tensor, change: Callable[[torch.Tensor, int], object]) -> torch.Tensor:
    x = x.float().clone()
    change(x, x.shape[-1] // 2)
    return cumsum_by_blocks(x)


def _zero(x: torch.Tensor, at: int) -> None:
    x[..., at] = 0.0


def _twice(x: torch.Tensor, at: int) -> None:
    x[..., at] *= 2.0


def _a_b(kernel: Callable[..., torch.Tensor]) -> Way:
    return lambda inputs: kernel(inputs["a"], inputs["b"])


def _x(kernel: Callable[..., torch.Tensor]) -> Way:
    return lambda inputs: kernel(inputs["x"])


MATMUL: Final = Operator(
    spec=specs.ALL["matmul"],
    sample={"M": 6, "N": 6, "K": 300},
    sizes=({"M": 24, "N": 24, "K": 1000}, {"M": 24, "N": 24, "K": 4096}),
    ways={
        **{order: _a_b(partial(matmul, add=add)) for order, add in ORDERS.items()},
        "tiles": _a_b(matmul_by_tiles),
    },
    bugs={
        "a term dropped": _a_b(partial(matmul, add=dropped)),
        "a term twice": _a_b(partial(matmul, add=repeated)),
        "the last term masked off": _a_b(partial(matmul, add=last_dropped)),
        "accumulator in bfloat16": _a_b(partial(matmul, add=narrow(torch.bfloat16))),
        "accumulator in float16": _a_b(partial(matmul, add=narrow(torch.float16))),
        "silent tf32": _a_b(partial(matmul, factor=tf32)),
        "the last part of split-K lost": _a_b(split_unreduced),
        "columns of b one too far": lambda inputs: matmul(
            inputs["a"], inputs["b"][:, [0, *range(inputs["b"].shape[1] - 1)]]
        ),
        **of_output(_a_b(matmul)),
    },
    controls={"shuffled once more": _a_b(partial(matmul, add=shuffled(9)))},
    eager=lambda a, b: a @ b,
)

CUMSUM: Final = Operator(
    spec=specs.ALL["cumsum"],
    sample={"M": 4, "N": 300},
    sizes=({"M": 6, "N": 1000}, {"M": 6, "N": 4096}),
    ways={
        "one after the other": _x(lambda x: scan(x.float())),
        "blocks": _x(cumsum_by_blocks),
        "blocks of 1024": _x(partial(cumsum_by_blocks, width=1024)),
        "doubling": _x(cumsum_by_doubling),
        "two levels": _x(cumsum_in_two_levels),
        "two levels of 256": _x(partial(cumsum_in_two_levels, width=256)),
    },
    bugs={
        "a term dropped": _x(partial(_without, change=_zero)),
        "a term twice": _x(partial(_without, change=_twice)),
        "the own term masked off": _x(lambda x: torch.nn.functional.pad(scan(x.float())[..., :-1], (1, 0))),
        "accumulator in bfloat16": cumsum_narrow(torch.bfloat16),
        "accumulator in float16": cumsum_narrow(torch.float16),
        "a block's total lost": _x(_block_lost),
        "the last element unwritten": changed(_x(cumsum_by_blocks), lambda result: result[..., -1].zero_()),
        "carry rounded to bfloat16": _x(partial(cumsum_by_blocks, carry=lambda total: total.bfloat16().float())),
        **of_output(_x(cumsum_by_blocks)),
    },
    controls={"shuffled once more": _x(partial(cumsum_by_blocks, width=32))},
    eager=lambda x: x.cumsum(-1),
)
