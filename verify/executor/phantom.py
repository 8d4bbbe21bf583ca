"""Memory without storage: accesses are only checked, so that programs run at sizes no machine could hold."""

from __future__ import annotations

from typing import Final

import torch
from attrs import define, field, frozen

from verify.executor.conflicts import Accesses, Record
from verify.executor.faults import VERB, Log, actor, first
from verify.executor.layout import base, region, touched
from verify.executor.machine import Change, Request
from verify.executor.memory import beyond
from verify.executor.modes import Mode, Unmodelled, lane_type
from verify.executor.referee import Referee, Target
from verify.executor.windows import Window
from verify.ir.program import Scalar
from verify.verdict import Access

KEPT_LANES: Final = 1 << 24  # accesses that are kept to look for conflicts among them


class Crowded(Exception):
    """More accesses than are kept."""


@frozen(eq=False)
class Ghost:
    """A buffer of which only the extent is known: its windows, and how many elements it has."""

    name: str
    item_bytes: int
    elements: int
    windows: tuple[Window, ...]
    stored: bool  # the launch may store to it
    loaded: bool


@frozen(eq=False)
class Event:
    """An access to a buffer that may be stored to, in the order in which they happened."""

    request: Request
    number: int
    mask: torch.Tensor
    index: torch.Tensor


@define(eq=False)
class Phantom:
    """Every load gives `loaded`. Conflicts are looked for at the end, by `settle`."""

    ghosts: dict[int, Ghost]
    loaded: int
    log: Log
    events: list[Event] = field(factory=list)
    kept: int = 0

    def load(self, request: Request, other: torch.Tensor) -> torch.Tensor:
        mask = self._check(request)
        return torch.where(mask, self._constant(request.element, request), other)

    def store(self, request: Request, values: torch.Tensor) -> None:
        self._check(request)

    def update(
        self, request: Request, values: tuple[torch.Tensor, ...], change: Change, other: torch.Tensor
    ) -> torch.Tensor:
        mask = self._check(request)
        return torch.where(mask, self._constant(request.element, request), other)

    def _constant(self, element: Scalar, request: Request) -> torch.Tensor:
        number = self.loaded
        if element.integer and element.name != "i1":
            top = 1 << (element.bits - 1)
            number = (number + top) % (2 * top) - top
        wide = torch.float64 if element.floating else torch.int64
        return torch.tensor(number, dtype=wide).to(lane_type(element, Mode.FAITHFUL, request.place))

    def _check(self, request: Request) -> torch.Tensor:
        """The active lanes; reports those out of bounds and keeps the others for `settle`."""
        addresses, active = torch.broadcast_tensors(request.addresses, request.active)
        for number in touched(addresses, active):
            mask = active & (region(addresses) == number)
            ghost = self.ghosts.get(number)
            if ghost is None:
                row, lane = first(mask)
                who = self._who(request, row, lane)
                text = f"{who}: {VERB[request.kind]} at an address outside of all tensors"
                self.log.add("out-of-bounds", text, (), request.place)
                continue
            if max(8, request.element.bits) != 8 * ghost.item_bytes:
                raise Unmodelled(f"{request.element} access to {ghost.name}", request.place)
            offset = torch.where(mask, addresses - base(number), 0)
            if bool((offset % ghost.item_bytes != 0).any()):
                raise Unmodelled(f"a misaligned {request.kind} on {ghost.name}", request.place)
            index = torch.div(offset, ghost.item_bytes, rounding_mode="floor")
            mask = self._inside(request, ghost, mask, index)
            if ghost.stored and (ghost.loaded or request.kind != "load"):
                self._keep(Event(request, number, mask, torch.where(mask, index, 0)))
        return active

    def _inside(self, request: Request, ghost: Ghost, mask: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        member = torch.zeros_like(mask)
        for part in ghost.windows:
            member = member | part.contains(index)
        outside = mask & ~member
        if not bool(outside.any()):
            return mask
        if self.log.room("out-of-bounds", request.place):
            row, lane = first(outside)
            element = int(index[row][lane])
            program = self._program(request, row)
            access = Access(
                request.kind, ghost.name, element, ghost.elements, program, lane, request.place, request.masked
            )
            why = beyond(ghost.name, element, ghost.elements, ghost.windows)
            text = f"{self._who(request, row, lane)}: {VERB[request.kind]} {ghost.name}[{element}], {why}"
            self.log.add("out-of-bounds", text, (access,), request.place)
        return mask & member

    def _keep(self, event: Event) -> None:
        lanes = event.request.batch.count
        for length in event.request.shape:
            lanes *= length
        self.kept += lanes
        if self.kept > KEPT_LANES:
            raise Crowded
        self.events.append(event)

    def settle(self) -> None:
        """Reports conflicts among all accesses so far, as guarded memory would while the launch runs."""
        if not self.events:
            return
        batch = self.events[0].request.batch
        ids = [(int(x), int(y), int(z)) for x, y, z in batch.ids.tolist()]
        referee = Referee(self.log, batch.grid, len(ids), lambda number: ids[number])
        flat = [referee.accesses(event.request, event.mask, event.index) for event in self.events]
        records: dict[int, tuple[torch.Tensor, Record]] = {}
        for number in {event.number for event in self.events}:
            mine = [part.elements for event, part in zip(self.events, flat, strict=True) if event.number == number]
            distinct = torch.unique(torch.cat(mine))
            records[number] = distinct, Record(len(distinct), self.ghosts[number].loaded)
        for event, part in zip(self.events, flat, strict=True):
            if len(part.elements):
                distinct, record = records[event.number]
                self._judge(referee, event, part, distinct, record)

    def _judge(self, referee: Referee, event: Event, part: Accesses, distinct: torch.Tensor, record: Record) -> None:
        ghost = self.ghosts[event.number]
        target = Target(ghost.name, ghost.elements)
        packed = part.packed(torch.searchsorted(distinct, part.elements.contiguous()))
        if event.request.kind == "load":
            referee.load(event.request, target, record, packed)
        elif event.request.kind == "store":
            referee.store(event.request, target, record, packed, lambda _: "")
        else:
            referee.update(event.request, target, record, packed)
            referee.synchronise(event.request, packed)

    def _program(self, request: Request, row: int) -> tuple[int, int, int]:
        x, y, z = request.batch.ids[row].tolist()
        return x, y, z

    def _who(self, request: Request, row: int, lane: tuple[int, ...]) -> str:
        return actor(self._program(request, row), lane, request.batch.grid)
