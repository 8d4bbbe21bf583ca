"""Guarded memory: the storages of a plan, with every access checked, and conflicts of one launch recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy  # its shape arithmetic: torch's own loads sympy, which takes seconds
import torch
from attrs import define, evolve, field

from verify.executor.boxes import Box, box
from verify.executor.conflicts import Accesses, Clash, Event, Record
from verify.executor.faults import VERB, Log, actor, first
from verify.executor.lanes import Lanes, gathered, wider
from verify.executor.layout import base, region, share, touched
from verify.executor.machine import Batch, Change, Request
from verify.executor.modes import Mode, Unmodelled, lane_type
from verify.executor.referee import Compare, Referee, Target
from verify.executor.windows import Window
from verify.ir.program import Scalar
from verify.verdict import Access, Place

FLOATING: Final = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


@define(eq=False)
class Storage:
    """One buffer: its elements, which of them somebody has written, and which this launch may touch."""

    number: int
    name: str
    dtype: str
    cells: torch.Tensor  # 1-D; in EXACT64 and BOUNDED as `WIDE` says
    written: torch.Tensor | None = None  # None: all
    members: torch.Tensor | None = None  # None: all
    windows: tuple[Window, ...] = ()
    record: Record | None = None

    @property
    def target(self) -> Target:
        return Target(self.name, len(self.cells))

    @property
    def item_bytes(self) -> int:
        """Bytes of one element on the device."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return int(dtype.itemsize)

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
        """The cells as elements of a kernel's type. Raises Unmodelled if its bits are not kept."""
        floating = self.dtype in FLOATING
        if max(8, element.bits) != 8 * self.item_bytes:
            raise Unmodelled(f"{element} access to {self.name} of {self.dtype}", place)
        if mode is not Mode.FAITHFUL:
            if floating != element.floating:
                raise Unmodelled(f"the bits of {self.name} ({self.dtype}) as {element}", place)
            return self.cells
        if element.floating:
            return self.cells.view(_FLOAT_CELLS[element.name])
        return self.cells.view(_INTEGER_CELLS[element.bits]) if floating else self.cells


PACKED: Final = torch.contiguous_format
RAGGED: Final = 1 << 14  # lanes of an access from which on programs with full masks go their own way
_FLOAT_CELLS: Final = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "f8E4M3FN": torch.float8_e4m3fn, "f8E5M2": torch.float8_e5m2,
}  # fmt: skip
_INTEGER_CELLS: Final = {1: torch.bool, 8: torch.int8, 16: torch.int16, 32: torch.int32, 64: torch.int64}


@define(eq=False)
class Guarded:
    """All storages of one run. `begin` starts the record of a launch."""

    storages: dict[int, Storage]
    mode: Mode
    log: Log
    referee: Referee = field(init=False)
    item_bytes: dict[int, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.item_bytes = {number: storage.item_bytes for number, storage in self.storages.items()}
        self.referee = Referee(self.log, (1, 1, 1), 1, lambda _: (0, 0, 0))

    def begin(
        self, grid: tuple[int, int, int], windows: Mapping[int, tuple[Window, ...]],
        stored: frozenset[int] | None, loaded: frozenset[int] | None,
    ) -> None:  # fmt: skip
        """A new launch. `stored` and `loaded` are the numbers of buffers that it may store to or load from;
        None if that is not known."""
        x, y, z = grid
        self.referee = Referee(
            self.log, grid, x * y * z, lambda number: (number % x, number // x % y, number // (x * y))
        )
        for number, storage in self.storages.items():
            storage.allow(windows.get(number, ()))
            tracked = number in windows and (stored is None or number in stored)
            both = loaded is None or number in loaded
            storage.record = Record(len(storage.cells), both) if tracked else None

    def load(self, request: Request, other: torch.Tensor) -> torch.Tensor:
        if (found := self._box(request)) is not None:
            storage, part = found
            values = self._held(part.on(storage.typed(request.element, self.mode, request.place)), request)
            # one layout, on which sums may depend; and what is stored later must not change what was loaded
            values = values.contiguous() if storage.record is None else values.clone(memory_format=PACKED)
            return part.put(values, other, (request.batch.count, *request.shape))
        if (groups := ragged(request)) is not None:
            return self._load_groups(request, other, groups)
        result = other
        for storage, mask, index in self._pieces(request):
            if storage.written is not None:
                self._check_written(request, storage, mask, index)
            if storage.record is not None and storage.record.read_too:
                accesses = self.referee.accesses(request, mask, index)
                self.referee.load(request, storage.target, storage.record, accesses)
            cells = storage.typed(request.element, self.mode, request.place)
            values = cells.index_select(0, index.reshape(-1)).reshape(index.shape)
            result = torch.where(mask, self._held(values, request), result)
        shape = wider(wider(request.pointer.shape, request.mask.shape), result.shape)
        return result if result.shape == shape else result.expand(shape)

    def _load_groups(self, request: Request, other: torch.Tensor, groups: Sequence[torch.Tensor]) -> torch.Tensor:
        shape = (request.batch.count, *request.shape)
        result = torch.empty(shape, dtype=other.dtype)
        for rows in groups:
            part = self.load(of_programs(request, rows), _rows(other, rows))
            result[rows] = part.expand(len(rows), *shape[1:])
        return result

    def _box(self, request: Request) -> tuple[Storage, Box] | None:
        """The access as a box of one buffer, noted; None if it is not regular or may be at fault."""
        part = box(request, self.item_bytes)
        if part is None:
            return None
        storage, kind = self.storages[part.number], request.kind
        if part.offset < 0 or part.high >= len(storage.cells):
            return None
        if storage.members is not None and not bool(part.on(storage.members).all()):
            return None
        if kind == "load":
            if storage.written is not None and not bool(part.on(storage.written).all()):
                return None
        elif not part.distinct:
            return None
        if (record := storage.record) is not None and (kind != "load" or record.read_too):
            if not record.quiet(kind, part):
                return None
            record.note(part, Event(kind, lambda: self._listed(request, storage), request.barriers))
        return storage, part

    def _listed(self, request: Request, storage: Storage) -> Accesses:
        """The accesses of a box one by one."""
        addresses, mask = torch.broadcast_tensors(request.addresses, request.active)
        return self.referee.accesses(request, mask, (addresses - base(storage.number)) // storage.item_bytes)

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
        if (found := self._box(request)) is not None:
            storage, part = found
            cells = storage.typed(request.element, self.mode, request.place)
            part.view(cells).copy_(part.inside(values.expand(shape)))  # integers keep their low bits
            if storage.written is not None:
                part.mark(storage.written)
            return
        if (groups := ragged(request)) is not None:
            for rows in groups:
                self.store(of_programs(request, rows), _rows(values, rows))
            return
        for storage, mask, index in self._pieces(request):
            accesses = self.referee.accesses(request, mask, index)
            if not len(accesses.elements):
                continue
            cells = storage.typed(request.element, self.mode, request.place)
            new = values.expand(shape).reshape(-1)
            if len(accesses.flat) < len(new):
                new = new[accesses.flat]
            new = new.to(cells.dtype)  # integers keep their low bits
            if storage.record is not None:
                compare = _comparison(cells, new, accesses)
                self.referee.store(request, storage.target, storage.record, accesses, compare)
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
            accesses = self.referee.accesses(request, mask, index)
            if not len(accesses.elements):
                continue
            if storage.record is not None:
                self.referee.update(request, storage.target, storage.record, accesses)
            self.referee.synchronise(request, accesses)
            cells = storage.typed(request.element, self.mode, request.place)
            flat = [value.expand(shape).reshape(-1)[accesses.flat] for value in values]
            if storage.written is not None:
                storage.written[accesses.elements] = True
            if request.sums:
                cells.index_add_(0, accesses.elements, flat[0].to(cells.dtype))
                continue
            old = self._one_by_one(request, cells, accesses.elements, flat, change)
            result = result.reshape(-1).index_copy(0, accesses.flat, old).reshape(shape)
        return result

    def _one_by_one(
        self, request: Request, cells: torch.Tensor, elements: torch.Tensor, values: Sequence[torch.Tensor],
        change: Change,
    ) -> torch.Tensor:  # fmt: skip
        """The old values. Each element sees its accesses in order: all first ones, then all seconds."""
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
            cells[where] = change(before, *(value[group] for value in values)).to(cells.dtype)
        return old

    def _pieces(self, request: Request) -> Iterator[tuple[Storage, torch.Tensor, torch.Tensor]]:
        """Storage, mask and element indices (0 where masked) of the legal accesses; reports the others."""
        addresses, active = torch.broadcast_tensors(request.addresses, request.active)
        low, high = (share(end) for end in request.pointer.bounds)
        numbers = [low] if low == high and low in self.storages else touched(addresses, active)
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
            row, lane = first(outside.expand(numpy.broadcast_shapes(outside.shape, request.addresses.shape)))
            self._out_of_bounds(request, storage, row, lane, int(index[row][lane]))
        mask = mask & ~outside
        return mask, torch.where(mask, index, 0)

    def _out_of_bounds(self, request: Request, storage: Storage, row: int, lane: tuple[int, ...], element: int) -> None:
        access = self._access(request, storage, row, lane, element)
        where = beyond(storage.name, element, len(storage.cells), storage.windows)
        text = f"{self._who(access)}: {VERB[request.kind]} {storage.name}[{element}], {where}"
        self.log.add("out-of-bounds", text, (access,), request.place)

    def _lost(self, request: Request, mask: torch.Tensor) -> None:
        if self.log.room("out-of-bounds", request.place):
            row, lane = first(mask)
            program = _triple(request.batch.ids[row].tolist())
            who = actor(program, lane, self.referee.grid)
            text = f"{who}: {VERB[request.kind]} at an address outside of all tensors"
            self.log.add("out-of-bounds", text, (), request.place)

    def _check_written(self, request: Request, storage: Storage, mask: torch.Tensor, index: torch.Tensor) -> None:
        assert storage.written is not None
        never = mask & ~storage.written[index.reshape(-1)].reshape(index.shape)
        if bool(never.any()) and self.log.room("unwritten-read", request.place):
            row, lane = first(never)
            access = self._access(request, storage, row, lane, int(index[row][lane]))
            text = f"{self._who(access)}: {VERB[request.kind]} {_named(access)}, which nobody has written"
            self.log.add("unwritten-read", text, (access,), request.place)

    def _access(self, request: Request, storage: Storage, row: int, lane: tuple[int, ...], element: int) -> Access:
        row = min(row, request.batch.count - 1)
        program = _triple(request.batch.ids[row].tolist())
        length, masked = len(storage.cells), request.masked
        return Access(request.kind, storage.name, element, length, program, lane, request.place, masked)

    def _who(self, access: Access) -> str:
        return actor(access.program, access.lane, self.referee.grid)


def beyond(name: str, element: int, length: int, windows: Sequence[Window]) -> str:
    """Why an element is not one of the tensor's."""
    if not 0 <= element < length:
        return f"{name} has {length} element{'s' if length != 1 else ''}"
    shapes = " or ".join(f"sizes {list(part.sizes)}, strides {list(part.strides)}" for part in windows)
    return f"which is between the elements of {name} ({shapes or 'not passed to this launch'})"


def _named(access: Access) -> str:
    return f"{access.buffer}[{access.offset}]"


def ragged(request: Request) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The rows of programs whose lanes are all active, and those of the others; None if that does not help."""
    uneven = [part for part in request.mask.parts if part.shape[0] > 1 and part.numel() > part.shape[0]]
    if not uneven or request.batch.count * math.prod(request.shape) < RAGGED:
        return None
    full = torch.ones(request.batch.count, dtype=torch.bool)
    for part in uneven:
        full &= part.flatten(1).all(1)
    return (full.nonzero().reshape(-1), (~full).nonzero().reshape(-1)) if bool(full.any() & ~full.all()) else None


def of_programs(request: Request, rows: torch.Tensor) -> Request:
    """The accesses of some programs only, by their rows in the batch."""
    batch = request.batch
    return evolve(
        request,
        pointer=Lanes(tuple(_rows(part, rows) for part in request.pointer.parts)),
        mask=Lanes(gathered([_rows(part, rows) for part in request.mask.parts])),
        batch=Batch(batch.grid, batch.ids[rows], batch.numbers[rows]),
        barriers=request.barriers[rows],
    )


def _rows(data: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return data if data.shape[0] == 1 else data[rows]


def _comparison(cells: torch.Tensor, new: torch.Tensor, accesses: Accesses) -> Compare:
    """How the values of a conflicting store and the earlier one relate, told before the later is written."""

    def compare(found: Clash) -> str:
        mine = new[found.position]
        theirs = cells[accesses.elements[found.position]] if found.other is None else new[found.other]
        same = bool(mine == theirs) or bool((mine != mine) & (theirs != theirs))
        return ", the same value" if same else ", another value"

    return compare


def _triple(program: list[int]) -> tuple[int, int, int]:
    return program[0], program[1], program[2]
