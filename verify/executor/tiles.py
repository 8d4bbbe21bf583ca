"""Meanings of what only tensor descriptors do: tiles that are added to memory, rows that are picked by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from verify.executor.accesses import changes, item_bytes, moved, requested, tile, undefined
from verify.executor.lanes import Lanes, TensorDescriptor, joined
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import Unmodelled, lane_type
from verify.executor.shapes import block_type
from verify.ir.program import Operation, Scalar, element_of, shape_of


def _reduce_tile(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[()]:
    shape, value = block_type(operation).shape, operands[1]
    pointer, inside = tile(machine, operation, operands[0], operands[2:], shape)
    element = block_type(operation).element
    assert isinstance(element, Scalar)
    rank = pointer.axes - 1
    full = (1,) * (rank - len(shape)) + shape
    asked = requested(machine, operation, pointer, "atomic", element, full, inside, (False, False))
    kind = word(operation.attributes["kind"])
    kind = "fadd" if kind == "add" and element.floating else kind
    change = changes(kind, element, machine, operation)
    ones = full[: rank - len(shape)]
    values = value.data.reshape(value.data.shape[0], *ones, *value.data.shape[1:])
    machine.memory.update(asked, (values,), change, undefined(machine, element, rank + 1, operation))
    return ()


def _rows(operation: Operation, held: object, rows: Lanes, column: Lanes) -> tuple[Lanes, Lanes]:
    """Addresses of whole rows that a tensor names, from a column on, and which of their lanes are inside."""
    if not isinstance(held, TensorDescriptor) or len(held.sizes) != 2:
        raise Unmodelled(f"{operation.name} on this descriptor", operation.place)
    kind = operation.results[0].type if operation.results else operation.operands[-1].type
    width = shape_of(kind)[1]
    element = element_of(kind)
    assert isinstance(element, Scalar)

    def tall(value: Lanes) -> torch.Tensor:
        return value.data.to(torch.int64).reshape(-1, 1, 1)

    row = rows.data.to(torch.int64).unsqueeze(-1)
    across = tall(column) + torch.arange(width).reshape(1, 1, -1)
    height, length = (tall(each) for each in held.sizes)
    inside = (row >= 0) & (row < height) & (across >= 0) & (across < length)
    offset = row * tall(held.strides[0]) + across * tall(held.strides[1])
    scalars = (held.base, column, *held.sizes, *held.strides)
    parts = [each.shaped(lambda data: data.reshape(-1, 1, 1)) for each in scalars]
    wrap = joined([*parts, rows.shaped(lambda data: data.unsqueeze(-1))])
    pointer = moved(Lanes(tall(held.base)), Lanes(offset), item_bytes(element))
    return Lanes(pointer.data, wrap), Lanes(inside)


def _gather_tile(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    held, rows, column = operands
    pointer, inside = _rows(operation, held, rows, column)
    element = element_of(operation.results[0].type)
    assert isinstance(element, Scalar)
    asked = requested(machine, operation, pointer, "load", element, shape_of(operation.results[0].type), inside)
    padding = float("nan") if isinstance(held, TensorDescriptor) and held.nan_padding else 0
    rest = torch.full((1, 1, 1), padding, dtype=lane_type(element, machine.mode, operation.place))
    return (Lanes(machine.memory.load(asked, rest)),)


def _scatter_tile(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[()]:
    held, rows, column, value = operands
    pointer, inside = _rows(operation, held, rows, column)
    element = element_of(operation.operands[3].type)
    assert isinstance(element, Scalar)
    shape = shape_of(operation.operands[3].type)
    machine.memory.store(requested(machine, operation, pointer, "store", element, shape, inside), value.data)
    return ()


MEANINGS: Final[dict[str, Meaning]] = {
    "tt.descriptor_reduce": _reduce_tile,
    "tt.descriptor_gather": _gather_tile,
    "tt.descriptor_scatter": _scatter_tile,
}
