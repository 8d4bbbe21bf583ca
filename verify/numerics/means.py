"""Weighted means in 16 bits: whether rounding the weights explains all errors of a row together.

A kernel may round its weights to the inputs' dtype before they meet the values. That moves a row of the result by a sum
of d_k v_k, with one d_k a key for all columns, and |d_k| at most what rounding weight k changes. The bound of one
element is the largest such sum; but errors of a row that are each small enough need not come from the same d. If they
do, then for any z

    sum z_c error_c <= sum |z_c| room_c + sum_k half_k |sum_c z_c v_kc|

where `room` is what else each element may be off. A z for which this does not hold refutes the row, however it was
found: it is looked for by fitting d, and is what the fit cannot explain. The weights' sum, which the row is divided by,
may be that of the rounded weights, which moves the row by a multiple of itself.
"""

from __future__ import annotations

from typing import Final

import torch
from attrs import frozen

from verify.numerics.bounded import Bounded
from verify.numerics.precision import SMALLEST_NORMAL, UNITS

ROUNDS: Final = 40  # of the search: more may refute more, never less rightly
ROWS: Final = 1024  # that are looked at together


@frozen(eq=False)
class Weighted:
    """`weights` @ `values`, over `total` once it is divided; `rest` is the same with weights that are not rounded.

    Weights are as large as they may be, the total is as small.
    """

    rest: Bounded
    weights: torch.Tensor
    values: torch.Tensor
    factors: str
    total: torch.Tensor | None = None


@frozen
class Unexplained:
    """An element that may be off by `allowed` only, given how far the rest of its row is."""

    index: tuple[int, ...]
    allowed: float


def unexplained(output: torch.Tensor, error: torch.Tensor, room: torch.Tensor, given: Weighted) -> Unexplained | None:
    """The element of the row that is explained least. `room` is what each may be off beside the weights' rounding."""
    if given.total is None:
        return None
    unit, least = UNITS[given.factors], SMALLEST_NORMAL[given.factors]
    suspect = (error.abs() > room).any(-1) & torch.isfinite(error + room).all(-1)
    total = given.total.expand(*suspect.shape, 1)
    values = given.values.expand(*suspect.shape[:-1], *given.values.shape[-2:])
    weights = given.weights.expand(*suspect.shape, values.shape[-2])
    worst, found = 0.0, None
    for head in (suspect.any(-1)).nonzero().tolist():
        at = tuple(head)
        for rows in suspect[at].nonzero().reshape(-1).split(ROWS):
            size = weights[at][rows]
            # A whole spacing of subnormal numbers, of weights that are divided by their sum before they are rounded.
            floor = 2 * unit * least * size.sum(-1, keepdim=True).clamp(min=1.0)
            half = torch.maximum(unit * size, torch.minimum(size, floor)) / total[at][rows]
            off, spare, common = (each[at][rows] for each in (error, room, unit * output))
            excess, column, allowed = _refuted(off, spare, common, half, values[at])
            row = int(excess.argmax())
            if float(excess[row]) > worst:
                worst, found = float(excess[row]), ((*at, int(rows[row]), int(column[row])), float(allowed[row]))
    return Unexplained(*found) if found else None


def _refuted(
    error: torch.Tensor, room: torch.Tensor, common: torch.Tensor, half: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of each row: by how much the best z refutes it, the column that z looks at most, and what is allowed there."""
    error, common = error / room, common / room
    largest = (half.square() @ values.square() / room.square()).sum(-1) + common.square().sum(-1)
    step = 1 / largest.clamp(min=torch.finfo(torch.float64).tiny).unsqueeze(-1)
    fitted = ahead = torch.zeros(len(half), half.shape[-1] + 1, dtype=half.dtype, device=half.device)
    best = torch.zeros(len(half), dtype=half.dtype, device=half.device)
    witness, momentum = torch.zeros_like(error), 1.0
    for _ in range(ROUNDS):
        left = error - (ahead[:, :-1] * half) @ values / room - ahead[:, -1:] * common
        z = left.sign() * (left.abs() - 1).clamp(min=0)
        pulls = torch.cat([(z / room) @ values.mT * half, (z * common).sum(-1, keepdim=True)], -1)
        explained = z.abs().sum(-1) + pulls.abs().sum(-1)
        # A millionth is left to float64, which rounds these sums of up to `explained` and more.
        excess = ((z * error).sum(-1) * (1 - 2.0**-20) - explained) / z.abs().sum(-1)
        better = excess > best
        best, witness = torch.where(better, excess, best), torch.where(better.unsqueeze(-1), z, witness)
        if not bool(z.any()):
            break
        following = (ahead + step * pulls).clamp(-1, 1)
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = (following + (momentum - 1) / faster * (following - fitted)).clamp(-1, 1)
        fitted, momentum = following, faster
    column = (witness * error).argmax(-1, keepdim=True)
    share, off, here = (each.gather(-1, column).squeeze(-1) for each in (witness.abs(), error.abs(), room))
    allowed = here * (off - best * witness.abs().sum(-1) / share).clamp(min=0)
    return best, column.squeeze(-1), allowed
