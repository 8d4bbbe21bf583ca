"""Decides which accesses of one launch collide, and says so in words."""

from __future__ import annotations

from collections.abc import Callable

import torch
from attrs import define, field, frozen

from verify.executor.conflicts import Accesses, Clash, Event, Record, clash, lane_of, program_of, site_of
from verify.executor.faults import PAST, VERB, Kind, Log, actor
from verify.executor.machine import Request
from verify.verdict import Access, Place

Compare = Callable[[Clash], str]  # how the two values of a write conflict relate, in words


@frozen
class Site:
    """A memory operation of the kernel, for the record of who touched what."""

    kind: str
    place: Place
    shape: tuple[int, ...]
    masked: bool


@frozen
class Target:
    """The buffer of an access, by name and length."""

    name: str
    elements: int


@define(eq=False)
class Referee:
    """Watches one launch. `program` turns a program's number into its ids; `total` is how many there are."""

    log: Log
    grid: tuple[int, int, int]
    total: int
    program: Callable[[int], tuple[int, int, int]]
    sites: list[Site] = field(factory=list)
    acquired: torch.Tensor | None = None  # programs that have done an acquiring atomic
    released: torch.Tensor | None = None

    def accesses(self, request: Request, mask: torch.Tensor, index: torch.Tensor) -> Accesses:
        """The active accesses, flat. `mask` and `index` broadcast to (programs, *lanes)."""
        shape = (request.batch.count, *request.shape)
        mask, elements = mask.expand(shape).reshape(-1), index.expand(shape).reshape(-1)
        count = max(1, mask.numel() // max(1, shape[0]))
        flat = torch.arange(mask.numel()) if bool(mask.all()) else mask.nonzero().reshape(-1)
        taken = elements if len(flat) == len(elements) else elements[flat]
        return Accesses(taken, flat, count, request.batch.numbers, self._site(request))

    def _site(self, request: Request) -> int:
        site = Site(request.kind, request.place, request.shape, request.masked)
        if site not in self.sites:
            self.sites.append(site)
        return self.sites.index(site)

    def load(self, request: Request, target: Target, record: Record, accesses: Accesses) -> None:
        if self._quiet(request, record, accesses):
            return
        found = self._unordered(record.stored_by_another(accesses), accesses)
        found = found or self._unordered(record.updated_by_another(accesses), accesses)
        if found is not None:
            self._report("read-write-conflict", request, target, accesses, found, "")
        mine = record.stored_since(accesses, request.barriers)
        if mine is not None:
            self._report("read-write-conflict", request, target, accesses, mine, " with no barrier between")

    def store(self, request: Request, target: Target, record: Record, accesses: Accesses, compare: Compare) -> None:
        """`compare` is asked about the values while the earlier one still stands in memory."""
        twice = record.twice(accesses)
        if twice is not None:
            self._report("write-conflict", request, target, accesses, twice, compare(twice))
        if self._quiet(request, record, accesses):
            return
        before = self._unordered(record.stored_by_another(accesses), accesses)
        before = before or self._unordered(record.updated_by_another(accesses), accesses)
        if before is not None:
            self._report("write-conflict", request, target, accesses, before, compare(before))
        self._after_readers(request, target, record, accesses)

    def update(self, request: Request, target: Target, record: Record, accesses: Accesses) -> None:
        if self._quiet(request, record, accesses):
            return
        before = self._unordered(record.stored_by_another(accesses), accesses)
        if before is not None:
            self._report("write-conflict", request, target, accesses, before, "")
        self._after_readers(request, target, record, accesses)

    def _quiet(self, request: Request, record: Record, accesses: Accesses) -> bool:
        """Notes the accesses. Unless they met nobody, marks of all accesses before them are ready then."""
        quiet = record.quiet(request.kind, accesses)
        if not quiet:
            record.settle()
        record.note(accesses, Event(request.kind, lambda: accesses, request.barriers))
        return quiet

    def _after_readers(self, request: Request, target: Target, record: Record, accesses: Accesses) -> None:
        reader = self._unordered(record.read_by_another(accesses), accesses)
        if reader is not None:
            self._report("read-write-conflict", request, target, accesses, reader, "")

    def synchronise(self, request: Request, accesses: Accesses) -> None:
        """Remembers which programs have acquired or released by this atomic."""
        if request.acquires:
            self.acquired = self._marked(self.acquired, accesses)
        if request.releases:
            self.released = self._marked(self.released, accesses)

    def _marked(self, marks: torch.Tensor | None, accesses: Accesses) -> torch.Tensor:
        marks = torch.zeros(self.total, dtype=torch.bool) if marks is None else marks
        marks[accesses.programs] = True
        return marks

    def _unordered(self, marks: torch.Tensor | None, accesses: Accesses) -> Clash | None:
        """The first collision that no pair of atomics may have put in order: the earlier program has released
        and this one has acquired. Which element they met on is not asked, so a race may go unseen here."""
        if marks is None or self.acquired is None or self.released is None:
            return clash(marks)
        ordered = self.acquired[accesses.programs] & self.released[program_of(marks).clamp(min=0)]
        return clash(marks, ordered)

    def _report(self, kind: Kind, request: Request, target: Target, accesses: Accesses, found: Clash, how: str) -> None:
        if not self.log.room(kind, request.place):
            return
        at = found.position
        names = accesses.elements if accesses.named is None else accesses.named
        element, site = int(names[at]), self.sites[site_of(found.mark)]

        def access(by: Site, number: int, lane: int) -> Access:
            ids, at = self.program(number), unravel(lane, by.shape)
            return Access(by.kind, target.name, element, target.elements, ids, at, by.place, by.masked)

        earlier = access(site, int(program_of(torch.tensor(found.mark))), lane_of(found.mark))
        mine = Site(request.kind, request.place, request.shape, request.masked)
        later = access(mine, int(accesses.programs[at]), int(accesses.lanes[at]))
        other = actor(earlier.program, earlier.lane, self.grid)
        where = "" if site.place == request.place else f" at {site.place}"
        text = (
            f"{actor(later.program, later.lane, self.grid)}: {VERB[request.kind]} {target.name}[{element}], "
            f"which {other} {PAST[site.kind]}{where}{how}"
        )
        self.log.add(kind, text, (earlier, later), request.place)


def unravel(lane: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A flat lane number as a position in `shape`."""
    position: list[int] = []
    for length in reversed(shape):
        position.insert(0, lane % length)
        lane //= length
    return tuple(position)
