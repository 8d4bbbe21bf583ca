"""Who touched which element in one launch, from which conflicts between programs and lanes are read.

A mark packs program, lane and site (a memory operation of the kernel) of an access into one int64;
0 is nobody. Marks of all batches of a launch go into the same record.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final, Protocol

import torch
from attrs import define, evolve, field, frozen

SITE_BITS: Final = 11
LANE_BITS: Final = 21  # Triton's largest tensor has 2^20 lanes
LISTED: Final = 1 << 23  # elements in lists of events, 16 bytes each, before marks take their place
MEETS: Final = {"load": ("store", "atomic"), "store": ("store", "atomic", "load"), "atomic": ("store", "load")}


class Touch(Protocol):
    """Some elements of one buffer that one operation touches, whatever form their list has."""

    def on(self, storage: torch.Tensor) -> torch.Tensor:
        """What a tensor with one entry an element says about them."""

    def mark(self, storage: torch.Tensor) -> None:
        """Makes the entries of a bool tensor true."""


@frozen(eq=False, slots=False)
class Accesses:
    """Active accesses of one operation to one buffer: element, and position among all lanes of all programs."""

    elements: torch.Tensor
    flat: torch.Tensor
    count: int  # lanes of one program
    numbers: torch.Tensor  # of the programs, along the grid
    site: int
    named: torch.Tensor | None = None  # the elements' own numbers, where `elements` are packed ones

    @cached_property
    def rows(self) -> torch.Tensor:
        """Rows of the batch."""
        return torch.div(self.flat, self.count, rounding_mode="floor")

    @cached_property
    def programs(self) -> torch.Tensor:
        return self.numbers[self.rows]

    @cached_property
    def lanes(self) -> torch.Tensor:
        return self.flat - self.rows * self.count

    @property
    def marks(self) -> torch.Tensor:
        return (((self.programs + 1) << LANE_BITS) | self.lanes) << SITE_BITS | self.site

    def on(self, storage: torch.Tensor) -> torch.Tensor:
        return storage[self.elements]

    def mark(self, storage: torch.Tensor) -> None:
        storage[self.elements] = True

    def packed(self, elements: torch.Tensor) -> Accesses:
        """The same accesses with other numbers for the elements."""
        return evolve(self, elements=elements, named=self.elements)


def program_of(marks: torch.Tensor) -> torch.Tensor:
    """The program's number of a mark; -1 for nobody."""
    return (marks >> (SITE_BITS + LANE_BITS)) - 1


def lane_of(mark: int) -> int:
    return (mark >> SITE_BITS) & ((1 << LANE_BITS) - 1)


def site_of(mark: int) -> int:
    return mark & ((1 << SITE_BITS) - 1)


@frozen(eq=False)
class Clash:
    """An access (position in its `Accesses`) that collides with the earlier access of `mark`."""

    position: int
    mark: int
    other: int | None = None  # position of the other access where both are of one operation


@frozen(eq=False)
class Event:
    """An access that met nobody. `accesses` lists it if somebody is met later."""

    kind: str
    accesses: Callable[[], Accesses]
    barriers: torch.Tensor


@define(eq=False)
class Record:
    """Per element of one buffer: the last store and atomic, and two readers of different programs.

    `read_too` says whether the kernel may also load from the buffer: only then do readers need to be known.
    As long as no access meets another, which `quiet` tells from one bit an element, who touched what is only
    kept as a list of events; `settle` makes the marks of it.
    """

    length: int
    read_too: bool
    scratch: torch.Tensor = field(init=False)
    touched: dict[str, torch.Tensor] = field(factory=dict)  # by the kind of access: whether anybody did
    events: list[Event] = field(factory=list)
    listed: int = 0  # elements that the events keep
    stored: torch.Tensor = field(init=False)
    updated: torch.Tensor | None = None
    readers: tuple[torch.Tensor, torch.Tensor] | None = None
    stamps: torch.Tensor | None = None  # barriers that the storing program had passed

    def __attrs_post_init__(self) -> None:
        self.scratch = torch.empty(0, dtype=torch.int32)
        self.stored = torch.empty(0, dtype=torch.int64)

    def quiet(self, kind: str, touch: Touch) -> bool:
        """Whether nobody, this program included, has made an access that one of this kind may collide with."""
        against = [self.touched[other] for other in MEETS[kind] if other in self.touched]
        return not any(bool(touch.on(bits).any()) for bits in against)

    def note(self, touch: Touch, event: Event) -> None:
        """Keeps an access that is quiet."""
        if event.kind == "load" and not self.read_too:
            return
        if event.kind not in self.touched:
            self.touched[event.kind] = torch.zeros(self.length, dtype=torch.bool)
        touch.mark(self.touched[event.kind])
        self.events.append(event)
        self.listed += len(touch.elements) if isinstance(touch, Accesses) else 0
        if self.listed > LISTED:
            self.settle()

    def settle(self) -> None:
        """Makes marks of the events so far."""
        if not len(self.stored) and self.length:
            self.stored = torch.zeros(self.length, dtype=torch.int64)
            if self.read_too:
                self.readers = (torch.zeros_like(self.stored), torch.zeros_like(self.stored))
                self.stamps = torch.zeros(self.length, dtype=torch.int32)
        events, self.events, self.listed = self.events, [], 0
        for event in events:
            accesses = event.accesses()
            if event.kind == "store":
                self.store(accesses, event.barriers)
            elif event.kind == "load":
                self.load(accesses)
            else:
                self.update(accesses)

    def twice(self, accesses: Accesses) -> Clash | None:
        """Two accesses of this one operation to one element."""
        elements = accesses.elements
        if len(elements) < 2 or bool((elements[1:] > elements[:-1]).all()):
            return None
        if len(self.scratch) < self.length:
            self.scratch = torch.empty(self.length, dtype=torch.int32)
        order = torch.arange(len(elements), dtype=torch.int32)
        self.scratch[elements] = order
        last = self.scratch[elements]
        position = _first(last != order)
        if position is None:
            return None
        other = int(last[position])
        return Clash(position, int(accesses.marks[other]), other)

    def store(self, accesses: Accesses, barriers: torch.Tensor) -> None:
        self.stored[accesses.elements] = accesses.marks
        if self.stamps is not None:
            self.stamps[accesses.elements] = barriers[accesses.rows]

    def update(self, accesses: Accesses) -> None:
        if self.updated is None:
            self.updated = torch.zeros_like(self.stored)
        self.updated[accesses.elements] = accesses.marks

    def load(self, accesses: Accesses) -> None:
        if self.readers is None:
            return
        first, second = self.readers
        elements, marks = accesses.elements, accesses.marks
        fresh = first[elements] == 0
        first[elements[fresh]] = marks[fresh]
        other = program_of(first[elements]) != accesses.programs
        second[elements[other]] = marks[other]

    def stored_by_another(self, accesses: Accesses) -> torch.Tensor:
        """Marks of stores by other programs, 0 where there are none."""
        return _others(self.stored[accesses.elements], accesses)

    def updated_by_another(self, accesses: Accesses) -> torch.Tensor | None:
        return None if self.updated is None else _others(self.updated[accesses.elements], accesses)

    def read_by_another(self, accesses: Accesses) -> torch.Tensor | None:
        if self.readers is None:
            return None
        first, second = (_others(marks[accesses.elements], accesses) for marks in self.readers)
        return torch.where(first != 0, first, second)

    def stored_since(self, accesses: Accesses, barriers: torch.Tensor) -> Clash | None:
        """A store of the same program with no barrier since. Not even a lane sees its own store for sure: another
        thread may hold it where it is loaded."""
        if self.stamps is None:
            return None
        marks = self.stored[accesses.elements]
        own = (marks != 0) & (program_of(marks) == accesses.programs)
        own &= self.stamps[accesses.elements] == barriers[accesses.rows]
        position = _first(own)
        return None if position is None else Clash(position, int(marks[position]))


def clash(marks: torch.Tensor | None, ordered: torch.Tensor | None = None) -> Clash | None:
    """The first of `marks` that is set and not `ordered`."""
    if marks is None:
        return None
    position = _first(marks != 0 if ordered is None else (marks != 0) & ~ordered)
    return None if position is None else Clash(position, int(marks[position]))


def _others(marks: torch.Tensor, accesses: Accesses) -> torch.Tensor:
    return torch.where(program_of(marks) != accesses.programs, marks, 0)


def _first(found: torch.Tensor) -> int | None:
    if not len(found):
        return None
    position = int(found.to(torch.uint8).argmax())
    return position if bool(found[position]) else None
