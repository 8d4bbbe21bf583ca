"""Meanings of the operations around memory: addresses, loads, stores, atomics, descriptors, barriers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import torch
from attrs import evolve

from verify.executor import own
from verify.executor.lanes import Lanes, TensorDescriptor, gathered, joined
from verify.executor.layout import HALF, NOWHERE, region, share
from verify.executor.machine import Change, Machine, Meaning, Request, word
from verify.executor.modes import Mode, Unbounded, Unmodelled, lane_type, poison, round_to
from verify.executor.rows import ROWS
from verify.executor.shapes import block_type
from verify.executor.widths import signed, unsigned
from verify.ir.program import Operation, Pointer, Scalar, Symbol, Type, element_of, shape_of

# whether an atomic acquires, and whether it releases
ORDERED: Final = {
    "acquire": (True, False), "release": (False, True), "acq_rel": (True, True), "relaxed": (False, False),
}  # fmt: skip


def pointee(kind: Type, operation: Operation) -> Scalar:
    """What a pointer (or tensor of pointers) points at. Raises Unmodelled for block pointers."""
    pointer = element_of(kind)
    if not isinstance(pointer, Pointer) or not isinstance(pointer.pointee, Scalar):
        raise Unmodelled(f"{operation.name} on {kind}", operation.place)
    return pointer.pointee


def item_bytes(scalar: Scalar) -> int:
    return max(1, scalar.bits // 8)


def _add_pointer(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    base, offset = operands
    size = item_bytes(pointee(operation.results[0].type, operation))
    found = moved(base, offset, size)
    return (found if joined(operands) is None else Lanes(found.data, joined(operands)),)


def moved(base: Lanes, offset: Lanes, size: int) -> Lanes:
    """Addresses `offset` elements further. Those that leave their buffer's share of addresses are nowhere."""
    limit = HALF // size
    if offset.parts[0].dtype != torch.bool:
        (least, greatest), (low, high) = offset.bounds, base.bounds
        if -limit < least and greatest < limit:
            first, last = low + least * size, high + greatest * size
            if share(low) == share(high) == share(first) == share(last):
                steps = offset.parts if size == 1 else tuple(part * size for part in offset.parts)
                return Lanes(gathered((*base.parts, *steps)), None, (first, last))
    return Lanes(_moved(base.data, signed(offset.data), size, limit))


def _moved(base: torch.Tensor, offset: torch.Tensor, size: int, limit: int) -> torch.Tensor:
    wild = (offset >= limit) | (offset <= -limit)
    address = base + torch.where(wild, 0, offset) * size
    return torch.where(wild | (region(address) != region(base)), NOWHERE, address)


def requested(
    machine: Machine, operation: Operation, pointer: Lanes, kind: str, element: Scalar,
    shape: tuple[int, ...], mask: Lanes | None, order: tuple[bool, bool] = (False, False),
) -> Request:  # fmt: skip
    given = () if machine.active is None and mask is not None else (machine.mask(pointer.axes),)
    active = Lanes(gathered((*given, *(() if mask is None else mask.parts))))
    if pointer.wrap is not None:
        machine.check_wrap(pointer, f"the address of the {kind}", operation.place, mask and mask.data)
    return Request(
        kind, element, pointer, active, shape, machine.batch, machine.barriers, operation.place, *order,
        masked=mask is not None,
    )  # fmt: skip


def _mask(machine: Machine, operation: Operation, mask: Lanes | None, kind: str) -> Lanes | None:
    if mask is not None:
        machine.check_wrap(mask, f"the mask of the {kind}", operation.place)
    return mask


def undefined(machine: Machine, element: Scalar, axes: int, operation: Operation) -> torch.Tensor:
    value = poison(machine.fill, element, operation.place)
    return torch.full((1,) * axes, value, dtype=lane_type(element, machine.mode, operation.place))


def _load(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    pointer, mask, other = _groups(operation, operands)
    element = pointee(operation.operands[0].type, operation)
    active = _mask(machine, operation, mask, "load")
    request = requested(machine, operation, pointer, "load", element, shape_of(operation.results[0].type), active)
    axes = pointer.axes
    rest = undefined(machine, element, axes, operation) if other is None else other.data
    return (Lanes(machine.memory.load(request, rest)),)


def _groups(operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes, Lanes | None, Lanes | None]:
    """Pointer, mask and other of a load, of which the last two may be missing."""
    counts = operation.attributes.get("operand_counts")
    given = list(operands)
    if isinstance(counts, tuple) and len(counts) == 3:
        return given[0], given[1] if counts[1] else None, given[1 + bool(counts[1])] if counts[2] else None
    return given[0], given[1] if len(given) > 1 else None, given[2] if len(given) > 2 else None


def _store(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[()]:
    pointer, value = operands[:2]
    mask = operands[2] if len(operands) > 2 else None
    element = pointee(operation.operands[0].type, operation)
    active = _mask(machine, operation, mask, "store")
    shape = shape_of(operation.operands[0].type)
    machine.memory.store(requested(machine, operation, pointer, "store", element, shape, active), value.data)
    return ()


FLOAT_CHANGES: Final = {"fadd": "arith.addf", "max": "arith.maxnumf", "min": "arith.minnumf"}


def changes(kind: str, element: Scalar, machine: Machine, operation: Operation) -> Change:
    def wrapped(data: torch.Tensor) -> torch.Tensor:
        if element.bits == 64:
            return data
        top = 1 << (element.bits - 1)
        return ((data + top) & (2 * top - 1)) - top

    def rounded(data: torch.Tensor) -> torch.Tensor:
        return round_to(data, element, machine.mode, operation.place)

    def unsigned_order(data: torch.Tensor) -> torch.Tensor:
        return data ^ -(2**63) if element.bits == 64 else unsigned(data, element.bits)

    if machine.mode is Mode.BOUNDED and element.floating and kind != "exch":
        row = FLOAT_CHANGES.get(kind)
        if row is None:
            raise Unbounded(f"tt.atomic_rmw {kind}", operation.place)
        return partial(own.carried, ROWS[row], own.precision(element, operation.place))
    table: dict[str, Change] = {
        "fadd": lambda old, new: rounded(old + new),
        "add": lambda old, new: wrapped(old + new),
        "and": torch.bitwise_and,
        "or": torch.bitwise_or,
        "xor": torch.bitwise_xor,
        "exch": lambda old, new: new,
        "max": torch.fmax if element.floating else torch.maximum,
        "min": torch.fmin if element.floating else torch.minimum,
        "umax": lambda old, new: torch.where(unsigned_order(new) > unsigned_order(old), new, old),
        "umin": lambda old, new: torch.where(unsigned_order(new) < unsigned_order(old), new, old),
    }
    if kind not in table:
        raise Unmodelled(f"tt.atomic_rmw {kind}", operation.place)
    return table[kind]


def _order(operation: Operation) -> tuple[bool, bool]:
    """Whether an atomic acquires, and whether it releases."""
    return ORDERED[word(operation.attributes.get("sem", Symbol("acq_rel")))]


def _read_modify_write(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    pointer, value = operands[:2]
    mask = operands[2] if len(operands) > 2 else None
    kind = word(operation.attributes["atomic_rmw_op"])
    element = pointee(operation.operands[0].type, operation)
    active = _mask(machine, operation, mask, "atomic")
    shape = shape_of(operation.operands[0].type)
    request = requested(machine, operation, pointer, "atomic", element, shape, active, _order(operation))
    rounds = element.bits <= 8 or machine.mode is Mode.BOUNDED  # after each addition
    if kind in ("add", "fadd") and operation.results[0].name in machine.unused and not rounds:
        request = evolve(request, sums=True)
    change = changes(kind, element, machine, operation)
    rest = undefined(machine, element, pointer.axes, operation)
    old = machine.memory.update(request, (value.data,), change, rest)
    _fence(machine, request)
    return (Lanes(old),)


def _fence(machine: Machine, request: Request) -> None:
    """An ordering atomic also orders the lanes of its own program, as a barrier does."""
    if request.acquires or request.releases:
        machine.barriers = machine.barriers + machine.mask(1).to(torch.int32)


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Equality as a swap decides it: a NaN equals itself, and the two zeros differ."""
    if not a.dtype.is_floating_point:
        return a == b
    return ((a == b) & (torch.signbit(a) == torch.signbit(b))) | (torch.isnan(a) & torch.isnan(b))


def _compare_and_swap(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    pointer, expected, value = operands
    element = pointee(operation.operands[0].type, operation)
    if machine.mode is Mode.BOUNDED and element.floating:
        raise Unbounded("tt.atomic_cas of a float", operation.place)
    shape = shape_of(operation.operands[0].type)
    request = requested(machine, operation, pointer, "atomic", element, shape, None, _order(operation))

    def change(old: torch.Tensor, compared: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return torch.where(_same_bits(old, compared), new, old)

    rest = undefined(machine, element, pointer.axes, operation)
    old = machine.memory.update(request, (expected.data, value.data), change, rest)
    _fence(machine, request)
    return (Lanes(old),)


def tile(
    machine: Machine, operation: Operation, held: object, indices: Sequence[Lanes], shape: tuple[int, ...]
) -> tuple[Lanes, Lanes]:
    """Addresses of a descriptor's block, and which of its lanes lie inside of the tensor."""
    if not isinstance(held, TensorDescriptor) or len(indices) != len(held.sizes):
        raise Unmodelled(f"{operation.name} on this descriptor", operation.place)
    element = block_type(operation).element
    assert isinstance(element, Scalar)
    rank = len(indices)
    shape = (1,) * (rank - len(shape)) + shape  # leading axes of length 1 may be dropped from the block
    offset: list[torch.Tensor] = []
    inside: list[torch.Tensor] = []
    parts: list[Lanes] = [held.base]
    for axis, (index, length, stride) in enumerate(zip(indices, held.sizes, held.strides, strict=True)):
        ahead = torch.arange(shape[axis]).reshape(1, *(-1 if k == axis else 1 for k in range(rank)))

        def tall(value: Lanes) -> torch.Tensor:
            return value.data.to(torch.int64).reshape(-1, *(1,) * rank)

        position = tall(index) + ahead
        inside.append((position >= 0) & (position < tall(length)))
        step = tall(stride)
        offset += [tall(index) * step, ahead * step]
        parts += [index, length, stride]
    base = Lanes(held.base.data.reshape(-1, *(1,) * rank))
    pointer = moved(base, Lanes(gathered(offset)), item_bytes(element))
    wrap = joined(parts)
    if wrap is not None:
        pointer = evolve(pointer, wrap=evolve(wrap, lanes=wrap.lanes.reshape(-1, *(1,) * rank)))
    return pointer, Lanes(gathered(inside))


def _load_tile(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    shape, held = block_type(operation).shape, operands[0]
    pointer, inside = tile(machine, operation, held, operands[1:], shape)
    element = block_type(operation).element
    assert isinstance(element, Scalar)
    rank = pointer.axes - 1
    full = (1,) * (rank - len(shape)) + shape
    request = requested(machine, operation, pointer, "load", element, full, inside)
    padding = float("nan") if isinstance(held, TensorDescriptor) and held.nan_padding else 0
    rest = torch.full((1,) * (rank + 1), padding, dtype=lane_type(element, machine.mode, operation.place))
    data = machine.memory.load(request, rest)
    return (Lanes(data.reshape(data.shape[0], *data.shape[1 + rank - len(shape) :])),)


def _store_tile(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[()]:
    shape, held = block_type(operation).shape, operands[0]
    value = operands[1]
    pointer, inside = tile(machine, operation, held, operands[2:], shape)
    element = block_type(operation).element
    assert isinstance(element, Scalar)
    rank = pointer.axes - 1
    full = (1,) * (rank - len(shape)) + shape
    request = requested(machine, operation, pointer, "store", element, full, inside)
    ones = full[: rank - len(shape)]
    machine.memory.store(request, value.data.reshape(value.data.shape[0], *ones, *value.data.shape[1:]))
    return ()


def _barrier(machine: Machine, _: Operation, __: Sequence[Lanes]) -> tuple[()]:
    machine.barriers = machine.barriers + machine.mask(1).to(torch.int32)
    return ()


MEANINGS: Final[dict[str, Meaning]] = {
    "tt.addptr": _add_pointer,
    "tt.load": _load,
    "tt.store": _store,
    "tt.atomic_rmw": _read_modify_write,
    "tt.atomic_cas": _compare_and_swap,
    "tt.descriptor_load": _load_tile,
    "tt.descriptor_store": _store_tile,
    "gpu.barrier": _barrier,
    "ttg.barrier": _barrier,
    "ttg.local_barrier": _barrier,
    "tt.debug_barrier": _barrier,
}
