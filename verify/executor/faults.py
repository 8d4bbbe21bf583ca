"""Faults: what went wrong in a run, concretely, in words for people. Of each kind the first few stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy
import torch
from attrs import define, field, frozen

from verify.verdict import Access, Place

if TYPE_CHECKING:
    from verify.executor.lanes import Wrap
    from verify.executor.machine import Batch

Kind: TypeAlias = Literal["out-of-bounds", "write-conflict", "read-write-conflict", "wrapped-index", "unwritten-read"]
KEPT: Final = 3  # faults of one kind at one place; the rest say the same
PAST: Final = {"load": "loaded", "store": "stored", "atomic": "updated atomically"}
VERB: Final = {"load": "loads", "store": "stores", "atomic": "updates atomically"}


@frozen
class Fault:
    """One concrete misbehaviour. `sentence` names sizes, program, lane, element and place."""

    kind: Kind
    sentence: str
    accesses: tuple[Access, ...]
    place: Place


@define(eq=False)
class Log:
    """Faults found so far. `sizes` are the shape names shown in front of every sentence."""

    sizes: Mapping[str, int]
    found: list[Fault] = field(factory=list)
    seen: Counter[tuple[str, Place]] = field(factory=Counter)

    def add(self, kind: Kind, text: str, accesses: tuple[Access, ...], place: Place) -> None:
        self.seen[kind, place] += 1
        if self.seen[kind, place] <= KEPT:
            sizes = "".join(f"{name}={value}, " for name, value in self.sizes.items())
            self.found.append(Fault(kind, f"{sizes}{text} ({place})", accesses, place))

    def room(self, kind: Kind, place: Place) -> bool:
        """Whether another fault of this kind and place would be kept."""
        return self.seen[kind, place] < KEPT

    def wrapped(self, wrap: Wrap, lanes: torch.Tensor, what: str, batch: Batch, place: Place) -> None:
        if not self.room("wrapped-index", place):
            return
        program, lane = first(lanes)
        who = actor(tuple(batch.ids[program].tolist()), lane, batch.grid)
        where = "here" if str(wrap.place) == str(place) else f"at {wrap.place}"
        text = f"{who}: {wrap.example} wraps {where} and reaches {what}"
        self.add("wrapped-index", text, (), place)


def first(lanes: torch.Tensor) -> tuple[int, tuple[int, ...]]:
    """The first true position: row of the batch, and lane. Some must be true."""
    flat = int(lanes.reshape(-1).to(torch.uint8).argmax())
    position = [int(axis) for axis in numpy.unravel_index(flat, lanes.shape)]  # torch's own loads sympy: seconds
    return position[0], tuple(position[1:])


def actor(program: tuple[int, ...], lane: tuple[int, ...], grid: tuple[int, int, int]) -> str:
    """`program 3, lane 5`, `program (0, 2, 0), lane (3, 5)`; a scalar access has no lane."""
    flat = grid[1] == grid[2] == 1
    who = f"program {program[0] if flat else tuple(program)}"
    if not lane:
        return who
    return f"{who}, lane {lane[0] if len(lane) == 1 else lane}"
