"""Meanings of operations that make or rearrange lanes: constants, ranges, program ids, shapes, gathers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import torch
from attrs import evolve

from verify.executor.constants import intended
from verify.executor.lanes import Lanes, TensorDescriptor, joined
from verify.executor.machine import Machine, Meaning, integer, word
from verify.executor.modes import Mode, Unmodelled, apart, lane_type, poison
from verify.ir.program import Dense, Operation, Scalar, Symbol, Tensor, element_of, shape_of

AXES: Final = {"x": 0, "y": 1, "z": 2}
Result = tuple[Lanes, ...]


def _constant(machine: Machine, operation: Operation, _: Sequence[Lanes]) -> Result:
    return _written(operation, machine.mode)


@lru_cache(maxsize=4096)
def _written(operation: Operation, mode: Mode) -> Result:
    """What a constant says. It is asked in every run and every iteration."""
    value, kind = operation.attributes["value"], operation.results[0].type
    scalar = element_of(kind)
    if not isinstance(scalar, Scalar):
        raise Unmodelled(f"a constant of type {kind}", operation.place)
    numbers = value.elements if isinstance(value, Dense) else (value,)
    told = numbers
    if mode is not Mode.FAITHFUL and scalar.floating:
        numbers = tuple(intended(float(number), scalar) for number in numbers)  # type: ignore[arg-type]
    elif scalar.integer and scalar.name != "i1":
        top = 2 ** (scalar.bits - 1)
        numbers = tuple((int(number) + top) % (2 * top) - top for number in numbers)  # type: ignore[arg-type]
    # through float64: a float16 literal beyond its range is an infinity, not an error
    wide = torch.float64 if scalar.floating else torch.int64
    data = torch.tensor(numbers, dtype=wide)
    if mode is Mode.BOUNDED and scalar.floating:
        rounded = torch.tensor(told, dtype=wide).to(lane_type(scalar, Mode.FAITHFUL, operation.place))
        data = apart(data, rounded)
    data = data.to(lane_type(scalar, mode, operation.place))
    shape = shape_of(kind)
    if isinstance(value, Dense) and not value.splat and len(numbers) > 1:
        return (Lanes(data.reshape(1, *shape)),)
    return (Lanes(data[:1].reshape(1, *(1 for _ in shape))),)


def _undefined(machine: Machine, operation: Operation, _: Sequence[Lanes]) -> Result:
    kind = operation.results[0].type
    scalar = element_of(kind)
    if not isinstance(scalar, Scalar):
        raise Unmodelled(f"an undefined value of type {kind}", operation.place)
    value = poison(machine.fill, scalar, operation.place)
    dtype = lane_type(scalar, machine.mode, operation.place)
    return (Lanes(torch.full((1, *(1 for _ in shape_of(kind))), value, dtype=dtype)),)


def _axis(operation: Operation) -> int:
    return AXES[word(operation.attributes["axis"])]


def _program_id(machine: Machine, operation: Operation, _: Sequence[Lanes]) -> Result:
    axis = _axis(operation)
    if machine.batch.grid[axis] == 1:
        return (Lanes(torch.zeros(1, dtype=torch.int64)),)
    return (Lanes(machine.batch.ids[:, axis]),)


def _program_count(machine: Machine, operation: Operation, _: Sequence[Lanes]) -> Result:
    return (Lanes(torch.tensor([machine.batch.grid[_axis(operation)]])),)


def _range(_: Machine, operation: Operation, __: Sequence[Lanes]) -> Result:
    start, end = integer(operation.attributes["start"]), integer(operation.attributes["end"])
    return (Lanes(torch.arange(start, end).unsqueeze(0), None, (start, end - 1)),)


def _splat(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    axes = len(shape_of(operation.results[0].type))
    return (operands[0].renamed(lambda data: data.reshape(-1, *(1,) * axes)),)


def _unsplat(_: Machine, __: Operation, operands: Sequence[Lanes]) -> Result:
    return (operands[0].renamed(lambda data: data.reshape(-1)),)


def _expand(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    axis = integer(operation.attributes["axis"])
    return (operands[0].renamed(lambda data: data.unsqueeze(axis + 1)),)


def _same(_: Machine, __: Operation, operands: Sequence[Lanes]) -> Result:
    return (operands[0],)


def _transpose(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    order = operation.attributes["order"]
    assert isinstance(order, tuple)
    axes = [integer(axis) + 1 for axis in order]
    return (operands[0].renamed(lambda data: data.permute(0, *axes)),)


def _reshape(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    # `allow_reorder` leaves the order to the compiler: row-major is one order that it may take
    old, new = shape_of(operation.operands[0].type), shape_of(operation.results[0].type)

    def change(data: torch.Tensor) -> torch.Tensor:
        if data.numel() == data.shape[0]:
            return data.reshape(-1, *(1 for _ in new))
        return data.expand(data.shape[0], *old).reshape(-1, *new)

    return (operands[0].shaped(change),)


def _paired(operation: Operation, operands: Sequence[Lanes], axis: int | None) -> Result:
    """Two values side by side: along a new last axis, or one after the other along `axis`."""
    shape = shape_of(operation.operands[0].type)
    programs = max(value.data.shape[0] for value in operands)

    def side_by_side(tensors: list[torch.Tensor]) -> torch.Tensor:
        tensors = [tensor.expand(programs, *shape) for tensor in tensors]
        return torch.stack(tensors, dim=-1) if axis is None else torch.cat(tensors, dim=axis)

    data = side_by_side([value.data for value in operands])
    wrap = joined(operands)
    if wrap is None:
        return (Lanes(data),)
    none = torch.zeros((1,) * (len(shape) + 1), dtype=torch.bool)
    lanes = side_by_side([none if value.wrap is None else value.wrap.lanes for value in operands])
    return (Lanes(data, evolve(wrap, lanes=lanes)),)


def _join(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    return _paired(operation, operands, None)


def _cat(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    return _paired(operation, operands, 1)


def _split(_: Machine, __: Operation, operands: Sequence[Lanes]) -> Result:
    def half(index: int) -> Lanes:
        return operands[0].shaped(lambda data: data[..., min(index, data.shape[-1] - 1)])

    return half(0), half(1)


def _gather(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    source, index = operands
    axis = integer(operation.attributes["axis"]) + 1
    programs = max(value.data.shape[0] for value in operands)
    values = source.data.expand(programs, *shape_of(operation.operands[0].type))
    where = index.data.expand(programs, *shape_of(operation.operands[1].type))
    outside = ((where < 0) | (where >= values.shape[axis])) & machine.mask(where.dim())
    if bool(outside.any()):
        raise Unmodelled("tt.gather with an index outside of its axis", operation.place)
    data = values.gather(axis, where.clamp(0, values.shape[axis] - 1))
    picked = source.wrap  # any wrapped lane may have been picked
    if picked is not None:
        picked = evolve(picked, lanes=picked.lanes.any().expand((1,) * data.dim()))
    return (Lanes(data, joined([Lanes(data, picked), Lanes(data, index.wrap)])),)


def _histogram(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Result:
    bins = shape_of(operation.results[0].type)[0]
    shape = shape_of(operation.operands[0].type)
    programs = max(value.data.shape[0] for value in operands)
    values = operands[0].data.expand(programs, *shape)
    counted = torch.ones((), dtype=torch.bool) if len(operands) == 1 else operands[1].data
    counted = counted.expand(programs, *shape)
    outside = (values < 0) | (values >= bins)
    if bool((outside & counted & machine.mask(values.dim())).any()):
        raise Unmodelled("tt.histogram of a value outside of its bins", operation.place)
    counts = torch.zeros(programs, bins, dtype=torch.int64)
    counts.scatter_add_(1, values.clamp(0, bins - 1), (counted & ~outside).to(torch.int64))
    return (Lanes(counts),)


def _descriptor(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[TensorDescriptor]:
    base, rest = operands[0], operands[1:]
    padding = operation.attributes.get("padding", 1)
    axes = len(rest) // 2
    nan = padding in (2, Symbol("pad_nan"))
    return (TensorDescriptor(base, tuple(rest[:axes]), tuple(rest[axes:]), nan),)


def _nothing(_: Machine, __: Operation, ___: Sequence[Lanes]) -> Result:
    return ()


def block_type(operation: Operation) -> Tensor:
    kind = operation.results[0].type if operation.results else operation.operands[1].type
    assert isinstance(kind, Tensor)
    return kind


MEANINGS: Final[dict[str, Meaning]] = {
    "arith.constant": _constant,
    "ub.poison": _undefined,
    "tt.get_program_id": _program_id,
    "tt.get_num_programs": _program_count,
    "tt.make_range": _range,
    "tt.splat": _splat,
    "tt.unsplat": _unsplat,
    "tt.expand_dims": _expand,
    "tt.broadcast": _same,
    "tt.trans": _transpose,
    "tt.reshape": _reshape,
    "tt.join": _join,
    "tt.cat": _cat,
    "tt.split": _split,
    "tt.gather": _gather,
    "tt.histogram": _histogram,
    "tt.make_tensor_descriptor": _descriptor,
    "tt.ptr_to_int": _same,
    "tt.int_to_ptr": _same,
    "tt.assert": _nothing,
    "tt.print": _nothing,
    "llvm.intr.assume": _nothing,
    "llvm.assume": _nothing,
}
