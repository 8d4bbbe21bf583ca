"""Guarded memory: the storages of a plan, with every access checked, and conflicts of one launch recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import torch
from attrs import define, field, frozen

from verify.executor.conflicts import Accesses, Clash, Record, clash, lane_of, program_of, site_of
from verify.executor.faults import PAST, VERB, Kind, Log, actor, first
from verify.executor.layout import base, region, touched
from verify.executor.machine import Change, Request
from verify.executor.modes import Mode, Unmodelled, lane_type
from verify.executor.windows import Window
from verify.ir.program import Scalar
from verify.verdict import Access, Place

FLOATING: Final = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


@define(eq=False)
class Storage:
    """One buffer: its elements, which of them somebody has written, and which the current launch may touch."""

    number: int
    name: str
    dtype: str
    cells: torch.Tensor  # 1-D; float64 for all floats in EXACT64
    written: torch.Tensor | None = None  # None: all
    members: torch.Tensor | None = None  # None: all
    windows: tuple[Window, ...] = ()
    record: Record | None = None

    @property
    def item_bytes(self) -> int:
        """Bytes of one element on the device."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype.itemsize

    def allow(self, windows: tuple[Window, ...]) -> None:
        """Only elements of these windows may be touched from now on."""
        self.windows, length = windows, len(self.cells)
        if any(part.dense and part.offset == 0 and part.end >= length for part in windows):
            self.members = None
            return
        self.members = torch.zeros(length, dtype=torch.bool)
        for part in windows:
            if not part.empty:
                part.on(self.members).fill_(True)

    def typed(self, element: Scalar, mode: Mode, place: Place) -> torch.Tensor:
        """The cells as elements of a kernel's type. Raises Unmodelled where that reads bits that are not kept."""
        floating = self.dtype in FLOATING
        if max(8, element.bits) != 8 * self.item_bytes:
            raise Unmodelled(f"{element} access to {self.name} of {self.dtype}", place)
        if mode is Mode.EXACT64:
            if floating != element.floating:
                raise Unmodelled(f"the bits of {self.name} ({self.dtype}) as {element}", place)
            return self.cells
        if element.floating:
            return self.cells.view(_FLOAT_CELLS[element.name])
        return self.cells.view(_INTEGER_CELLS[element.bits]) if floating else self.cells


_FLOAT_CELLS: Final = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "f8E4M3FN": torch.float8_e4m3fn, "f8E5M2": torch.float8_e5m2,
}  # fmt: skip
_INTEGER_CELLS: Final = {1: torch.bool, 8: torch.int8, 16: torch.int16, 32: torch.int32, 64: torch.int64}


@frozen
class Site:
    """A memory operation of the kernel, for the record of who touched what."""

    kind: str
    place: Place
    shape: tuple[int, ...]


@define(eq=False)
class Guarded:
    """All storages of one run. `begin` starts the record of a launch."""

    storages: dict[int, Storage]
    mode: Mode
    log: Log
    grid: tuple[int, int, int] = (1, 1, 1)
    sites: list[Site] = field(factory=list)
    acquired: torch.Tensor | None = None  # programs of the launch that have done an acquiring atomic
    released: torch.Tensor | None = None

    def begin(
        self, grid: tuple[int, int, int], windows: Mapping[int, tuple[Window, ...]],
        stored: frozenset[int] | None, loaded: frozenset[int] | None,
    ) -> None:  # fmt: skip
        """A new launch. `stored` and `loaded` are the numbers of buffers that it may store to or load from;
        None if that is not known."""
        self.grid, self.sites, self.acquired, self.released = grid, [], None, None
        for number, storage in self.storages.items():
            storage.allow(windows.get(number, ()))
            tracked = number in windows and (stored is None or number in stored)
            both = loaded is None or number in loaded
            storage.record = Record(len(storage.cells), both) if tracked else None

    def load(self, request: Request, other: torch.Tensor) -> torch.Tensor:
        result = other
        for storage, mask, index in self._pieces(request):
            if storage.written is not None:
                self._check_written(request, storage, mask, index)
            if storage.record is not None and storage.record.read_too:
                self._note_load(request, storage, mask, index)
            cells = storage.typed(request.element, self.mode, request.place)
            values = cells.index_select(0, index.reshape(-1)).reshape(index.shape)
            result = torch.where(mask, self._held(values, request), result)
        shape = torch.broadcast_shapes(request.addresses.shape, request.active.shape, result.shape)
        return result if result.shape == shape else result.expand(shape)

    def _held(self, values: torch.Tensor, request: Request) -> torch.Tensor:
        """Cells as lanes: integers sign-extended."""
        element = request.element
        values = values.to(lane_type(element, self.mode, request.place))
        if element.integer and element.bits in (8, 16, 32):
            top = 1 << (element.bits - 1)
            return ((values + top) & (2 * top - 1)) - top  # unsigned and bool storages
        return values

    def store(self, request: Request, values: torch.Tensor) -> None:
        shape = (request.batch.count, *request.shape)
        for storage, mask, index in self._pieces(request):
            accesses = self._accesses(request, mask, index)
            if not len(accesses.elements):
                continue
            cells = storage.typed(request.element, self.mode, request.place)
            lanes = accesses.rows * (index.expand(shape)[0].numel()) + accesses.lanes
            flat = values.expand(shape).reshape(-1)
            new = _cells(flat if len(lanes) == len(flat) else flat[lanes], cells.dtype)
            if storage.record is not None:
                self._check_store(request, storage, accesses, cells, new)
                storage.record.store(accesses, request.barriers)
            cells[accesses.elements] = new
            if storage.written is not None:
                storage.written[accesses.elements] = True

    def update(
        self, request: Request, values: tuple[torch.Tensor, ...], change: Change, other: torch.Tensor
    ) -> torch.Tensor:
        shape = (request.batch.count, *request.shape)
        result = other.expand(shape)
        for storage, mask, index in self._pieces(request):
            if storage.written is not None:
                self._check_written(request, storage, mask, index)
            accesses = self._accesses(request, mask, index)
            if not len(accesses.elements):
                continue
            if storage.record is not None:
                self._check_update(request, storage, accesses)
                storage.record.update(accesses)
            self._synchronise(request, accesses)
            cells = storage.typed(request.element, self.mode, request.place)
            where = accesses.rows * max(1, index.expand(shape)[0].numel()) + accesses.lanes
            flat = [value.expand(shape).reshape(-1)[where] for value in values]
            if storage.written is not None:
                storage.written[accesses.elements] = True
            if request.sums:
                cells.index_add_(0, accesses.elements, _cells(flat[0], cells.dtype))
                continue
            old = self._one_by_one(request, cells, accesses.elements, flat, change)
            result = result.reshape(-1).index_copy(0, where, old).reshape(shape)
        return result

    def _one_by_one(
        self, request: Request, cells: torch.Tensor, elements: torch.Tensor, values: Sequence[torch.Tensor],
        change: Change,
    ) -> torch.Tensor:  # fmt: skip
        """The old values, each element seeing its accesses in order: first all first ones, then all seconds."""
        order = torch.argsort(elements, stable=True)
        _, counts = torch.unique_consecutive(elements[order], return_counts=True)
        starts = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        turns = torch.empty_like(order)
        turns[order] = torch.arange(len(order)) - starts
        by_turn = torch.argsort(turns, stable=True)
        old = torch.empty(len(elements), dtype=lane_type(request.element, self.mode, request.place))
        for group in torch.split(by_turn, torch.bincount(turns).tolist()):
            where = elements[group]
            before = self._held(cells[where], request)
            old[group] = before
            cells[where] = _cells(change(before, *(value[group] for value in values)), cells.dtype)
        return old

    def _pieces(self, request: Request) -> Iterator[tuple[Storage, torch.Tensor, torch.Tensor]]:
        """Storage, mask and element indices (0 where masked) of the legal accesses; reports the others."""
        addresses, active = torch.broadcast_tensors(request.addresses, request.active)
        numbers = touched(addresses, active)
        for number in numbers:
            mask = active if len(numbers) == 1 else active & (region(addresses) == number)
            storage = self.storages.get(number)
            if storage is None:
                self._lost(request, mask)
                continue
            offset = torch.where(mask, addresses - base(number), 0)
            size = storage.item_bytes
            if size > 1 and bool((offset & (size - 1)).any()):
                raise Unmodelled(f"a misaligned {request.kind} on {storage.name}", request.place)
            index = offset >> (size.bit_length() - 1)
            mask, index = self._inside(request, storage, mask, index)
            if len(storage.cells):
                yield storage, mask, index

    def _inside(
        self, request: Request, storage: Storage, mask: torch.Tensor, index: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = (int(value) for value in torch.aminmax(index))
        length, outside = len(storage.cells), None
        if low < 0 or high >= length:
            outside = mask & ((index < 0) | (index >= length))
        if storage.members is not None and length:
            stranger = mask & ~storage.members[index.clamp(0, length - 1).reshape(-1)].reshape(index.shape)
            outside = stranger if outside is None else outside | stranger
        if outside is None or not bool(outside.any()):
            return mask, index
        if self.log.room("out-of-bounds", request.place):
            row, lane = first(outside.expand(torch.broadcast_shapes(outside.shape, request.addresses.shape)))
            self._out_of_bounds(request, storage, row, lane, int(index[row][lane]))
        mask = mask & ~outside
        return mask, torch.where(mask, index, 0)

    def _out_of_bounds(
        self, request: Request, storage: Storage, row: int, lane: tuple[int, ...], element: int
    ) -> None:
        access = self._access(request, storage, row, lane, element)
        where = beyond(storage.name, element, len(storage.cells), storage.windows)
        text = f"{self._who(access)}: {VERB[request.kind]} {storage.name}[{element}], {where}"
        self.log.add("out-of-bounds", text, (access,), request.place)

    def _lost(self, request: Request, mask: torch.Tensor) -> None:
        if self.log.room("out-of-bounds", request.place):
            row, lane = first(mask)
            program = _triple(request.batch.ids[row].tolist())
            text = f"{actor(program, lane, self.grid)}: {VERB[request.kind]} at an address outside of all tensors"
            self.log.add("out-of-bounds", text, (), request.place)

    def _check_written(
        self, request: Request, storage: Storage, mask: torch.Tensor, index: torch.Tensor
    ) -> None:
        assert storage.written is not None
        never = mask & ~storage.written[index.reshape(-1)].reshape(index.shape)
        if bool(never.any()) and self.log.room("unwritten-read", request.place):
            row, lane = first(never)
            access = self._access(request, storage, row, lane, int(index[row][lane]))
            text = f"{self._who(access)}: {VERB[request.kind]} {_named(access)}, which nobody has written"
            self.log.add("unwritten-read", text, (access,), request.place)

    def _accesses(self, request: Request, mask: torch.Tensor, index: torch.Tensor) -> Accesses:
        shape = (request.batch.count, *request.shape)
        mask, elements = mask.expand(shape).reshape(-1), index.expand(shape).reshape(-1)
        count = max(1, mask.numel() // max(1, shape[0]))
        flat = torch.arange(mask.numel()) if bool(mask.all()) else mask.nonzero().reshape(-1)
        rows = torch.div(flat, count, rounding_mode="floor")
        taken = elements if len(flat) == len(elements) else elements[flat]
        return Accesses(
            taken, rows, request.batch.numbers[rows], flat - rows * count, self._site(request)
        )

    def _site(self, request: Request) -> int:
        site = Site(request.kind, request.place, request.shape)
        if site not in self.sites:
            self.sites.append(site)
        return self.sites.index(site)

    def _note_load(
        self, request: Request, storage: Storage, mask: torch.Tensor, index: torch.Tensor
    ) -> None:
        record, accesses = storage.record, self._accesses(request, mask, index)
        assert record is not None
        kind: Kind = "read-write-conflict"
        found = self._unordered(record.stored_by_another(accesses), accesses)
        found = found or self._unordered(record.updated_by_another(accesses), accesses)
        if found is not None:
            self._report(kind, request, storage, accesses, found, "")
        alike = torch.tensor([site.shape == request.shape for site in self.sites])
        mine = record.stored_by_other_lane(accesses, request.barriers, alike)
        if mine is not None:
            self._report(kind, request, storage, accesses, mine, " with no barrier between")
        record.load(accesses)

    def _check_store(
        self, request: Request, storage: Storage, accesses: Accesses, cells: torch.Tensor, new: torch.Tensor
    ) -> None:
        record = storage.record
        assert record is not None
        twice = record.twice(accesses)
        if twice is not None:
            same = _equal(new[twice.position], new[twice.other])
            self._report("write-conflict", request, storage, accesses, twice, _valued(same))
        before = self._unordered(record.stored_by_another(accesses), accesses)
        before = before or self._unordered(record.updated_by_another(accesses), accesses)
        if before is not None:
            same = _equal(new[before.position], cells[accesses.elements[before.position]])
            self._report("write-conflict", request, storage, accesses, before, _valued(same))
        reader = self._unordered(record.read_by_another(accesses), accesses)
        if reader is not None:
            self._report("read-write-conflict", request, storage, accesses, reader, "")

    def _check_update(self, request: Request, storage: Storage, accesses: Accesses) -> None:
        record = storage.record
        assert record is not None
        before = self._unordered(record.stored_by_another(accesses), accesses)
        if before is not None:
            self._report("write-conflict", request, storage, accesses, before, "")
        reader = self._unordered(record.read_by_another(accesses), accesses)
        if reader is not None:
            self._report("read-write-conflict", request, storage, accesses, reader, "")

    def _synchronise(self, request: Request, accesses: Accesses) -> None:
        total = self.grid[0] * self.grid[1] * self.grid[2]
        if request.acquires:
            self.acquired = torch.zeros(total, dtype=torch.bool) if self.acquired is None else self.acquired
            self.acquired[accesses.programs] = True
        if request.releases:
            self.released = torch.zeros(total, dtype=torch.bool) if self.released is None else self.released
            self.released[accesses.programs] = True

    def _unordered(self, marks: torch.Tensor | None, accesses: Accesses) -> Clash | None:
        """The first collision that no pair of atomics may have put in order: the earlier program has released
        and this one has acquired. Which element they met on is not asked, so a race may go unseen here."""
        if marks is None or self.acquired is None or self.released is None:
            return clash(marks)
        ordered = self.acquired[accesses.programs] & self.released[program_of(marks).clamp(min=0)]
        return clash(marks, ordered)

    def _report(
        self, kind: Kind, request: Request, storage: Storage, accesses: Accesses, found: Clash, how: str
    ) -> None:
        if not self.log.room(kind, request.place):
            return
        at = found.position
        lane = _unravel(int(accesses.lanes[at]), request.shape)
        element = int(accesses.elements[at])
        access = self._access(request, storage, int(accesses.rows[at]), lane, element)
        site = self.sites[site_of(found.mark)]
        earlier = Access(
            site.kind, storage.name, element, len(storage.cells),
            self._program(int(program_of(torch.tensor(found.mark)))),
            _unravel(lane_of(found.mark), site.shape), site.place,
        )  # fmt: skip
        other = actor(earlier.program, earlier.lane, self.grid)
        where = "" if site.place == request.place else f" at {site.place}"
        text = f"{self._who(access)}: {VERB[request.kind]} {_named(access)}, which {other} {PAST[site.kind]}{where}{how}"
        self.log.add(kind, text, (earlier, access), request.place)

    def _access(
        self, request: Request, storage: Storage, row: int, lane: tuple[int, ...], element: int
    ) -> Access:
        row = min(row, request.batch.count - 1)
        program = _triple(request.batch.ids[row].tolist())
        return Access(
            request.kind, storage.name, element, len(storage.cells), program, lane, request.place
        )

    def _program(self, number: int) -> tuple[int, int, int]:
        x, y, _ = self.grid
        return number % x, number // x % y, number // (x * y)

    def _who(self, access: Access) -> str:
        return actor(access.program, access.lane, self.grid)


def beyond(name: str, element: int, length: int, windows: Sequence[Window]) -> str:
    """Why an element is not one of the tensor's."""
    if not 0 <= element < length:
        return f"{name} has {length} element{'s' if length != 1 else ''}"
    shapes = " or ".join(f"sizes {list(part.sizes)}, strides {list(part.strides)}" for part in windows)
    return f"which is between the elements of {name} ({shapes or 'not passed to this launch'})"


def _named(access: Access) -> str:
    return f"{access.buffer}[{access.offset}]"


def _valued(same: bool) -> str:
    return ", the same value" if same else ", another value"


def _equal(left: torch.Tensor, right: torch.Tensor) -> bool:
    return bool(left == right) or bool((left != left) & (right != right))


def _triple(program: list[int]) -> tuple[int, int, int]:
    return program[0], program[1], program[2]


def _unravel(lane: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    position: list[int] = []
    for length in reversed(shape):
        position.insert(0, lane % length)
        lane //= length
    return tuple(position)


def _cells(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Lanes as cells: integers keep their low bits."""
    return values.to(dtype)
