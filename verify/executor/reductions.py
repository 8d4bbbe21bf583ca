"""Meanings of reductions and scans: their combine regions run over all programs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch

from verify.executor import own, worst
from verify.executor.floats import scalar_of
from verify.executor.lanes import Lanes, Wrap
from verify.executor.machine import Machine, Meaning, integer
from verify.executor.modes import Mode, Unmodelled
from verify.executor.widths import fit, remember
from verify.ir.program import Block, Operation, Scalar, element_of, shape_of

Fold = Callable[[torch.Tensor, int], torch.Tensor]


def single(block: Block) -> str:
    """The operation's name if the region is one operation on its two arguments, else ``."""
    if len(block.operations) != 2 or len(block.arguments) != 2:
        return ""
    operation, end = block.operations
    names = [argument.name for argument in block.arguments]
    takes = [operand.name for operand in operation.operands]
    gives = [operand.name for operand in end.operands]
    commuted = sorted(takes) == sorted(names) and names[0] != names[1]
    return operation.name if commuted and gives == [operation.results[0].name] else ""


def _least_number(data: torch.Tensor, axis: int) -> torch.Tensor:
    return -_greatest_number(-data, axis)


def _greatest_number(data: torch.Tensor, axis: int) -> torch.Tensor:
    """The maximum that ignores NaN unless there is nothing else."""
    nans = torch.isnan(data)
    if not bool(nans.any()):
        return data.amax(axis)
    numbers = torch.where(nans, -torch.inf, data).amax(axis)
    return torch.where(nans.all(axis), torch.nan, numbers)


def _halves(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Fold:
    """Folds by adding the second half to the first until one is left, rounding every time, as devices do."""

    def fold(data: torch.Tensor, axis: int) -> torch.Tensor:
        length = data.shape[axis]
        while length > 1:
            length //= 2
            data = function(data.narrow(axis, 0, length), data.narrow(axis, length, length))
        return data.squeeze(axis)

    return fold


# Integer sums are not here: they may wrap, see `_sum`.
_FOLDS: Final[dict[str, Fold]] = {
    "arith.addf": _halves(torch.add),
    "arith.mulf": _halves(torch.mul),
    "arith.maxnumf": _greatest_number,
    "arith.minnumf": _least_number,
    "arith.maximumf": lambda data, axis: data.amax(axis),
    "arith.minimumf": lambda data, axis: data.amin(axis),
    "arith.maxsi": lambda data, axis: data.amax(axis),
    "arith.minsi": lambda data, axis: data.amin(axis),
    "arith.andi": _halves(torch.bitwise_and),
    "arith.ori": _halves(torch.bitwise_or),
    "arith.xori": _halves(torch.bitwise_xor),
}
_EXACT: Final[dict[str, Fold]] = {"arith.addf": lambda data, axis: data.sum(axis)}


def _reduce(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Lanes]:
    axis = integer(operation.attributes["axis"]) + 1
    whole = _spread(operation, operands)
    length = whole[0].data.shape[axis]
    if length & (length - 1):
        raise Unmodelled(f"tt.reduce over {length} lanes, no power of two", operation.place)
    block = operation.regions[0].blocks[0]
    name = single(block)
    if name == "arith.addi":
        return (_sum(operation, whole[0], axis),)
    fold = _EXACT.get(name) if machine.mode is Mode.EXACT64 else None
    fold = fold or _FOLDS.get(name)
    if machine.mode is Mode.BOUNDED and whole[0].data.is_complex():
        return _tree(machine, operation, whole, axis, halves=fold is not None)
    is_bool = whole[0].data.dtype == torch.bool
    if fold is None or (is_bool and name not in ("arith.andi", "arith.ori", "arith.xori")):
        return _tree(machine, operation, whole, axis)
    return (Lanes(fold(whole[0].data, axis), _any_lane(whole, axis)),)


def _spread(operation: Operation, operands: Sequence[Lanes]) -> list[Lanes]:
    """All operands with their lanes at full length and as many programs."""
    shape = shape_of(operation.operands[0].type)
    programs = max(value.data.shape[0] for value in operands)
    return [value.shaped(lambda data: data.expand(programs, *shape)) for value in operands]


def _any_lane(values: Sequence[Lanes], axis: int) -> Wrap | None:
    for value in values:
        if value.wrap is not None:
            return Wrap(value.wrap.lanes.any(axis), value.wrap.place, value.wrap.example)
    return None


def _sum(operation: Operation, value: Lanes, axis: int) -> Lanes:
    scalar = element_of(operation.results[0].type)
    assert isinstance(scalar, Scalar)
    data, wrapped = fit(value.data.to(torch.int64).sum(axis), scalar.bits)
    wrap = _any_lane([value], axis)
    if wrapped is None or not bool(wrapped.any()):
        return Lanes(data, wrap)
    lanes = wrapped if wrap is None else wrap.lanes | wrapped
    return Lanes(data, Wrap(lanes, operation.place, f"a sum of {scalar}"))


def _tree(machine: Machine, operation: Operation, values: list[Lanes], axis: int, halves: bool = False) -> list[Lanes]:
    """Combines neighbours until one is left, keeping the order of lanes; or `halves`, as a fold does."""
    length = values[0].data.shape[axis]
    while length > 1:
        length //= 2
        taken = [((_piece, length * side) if halves else (_every_other, side)) for side in (0, 1)]
        left, right = ([take(value, axis, start, length) for value in values] for take, start in taken)
        values = combine(machine, operation, left, right)
    return [value.shaped(lambda data: data.squeeze(axis)) for value in values]


def _every_other(value: Lanes, axis: int, start: int, count: int) -> Lanes:
    def taken(data: torch.Tensor) -> torch.Tensor:
        index: list[slice] = [slice(None)] * data.dim()
        index[axis] = slice(start, 2 * count, 2)
        return data[tuple(index)]

    return value.shaped(taken)


def _appended(left: Lanes, right: Lanes, axis: int) -> Lanes:
    data = torch.cat([left.data, right.data], axis)
    wrap = left.wrap or right.wrap
    if wrap is None:
        return Lanes(data)
    sides = [
        torch.zeros_like(value.data, dtype=torch.bool)
        if value.wrap is None
        else value.wrap.lanes.expand(value.data.shape)
        for value in (left, right)
    ]
    return Lanes(data, Wrap(torch.cat(sides, axis), wrap.place, wrap.example))


def combine(machine: Machine, operation: Operation, left: Sequence[Lanes], right: Sequence[Lanes]) -> list[Lanes]:
    """The region on two groups of values of one shape (programs, *lanes), lane by lane.

    The region works on scalars: every lane becomes a program of its own for the time being.
    """
    if len(operation.regions[0].blocks) != 1:
        raise Unmodelled(f"{operation.name} with branches in its region", operation.place)
    block = operation.regions[0].blocks[0]
    shape = left[0].data.shape
    flat = [value.shaped(lambda data: data.reshape(-1)) for value in (*left, *right)]
    outer, lanes = machine.values, left[0].data[0].numel() if left[0].data.numel() else 0
    machine.values = dict(outer)
    for name in _captured(block):
        value = machine.values.get(name)
        if isinstance(value, Lanes) and value.data.shape[0] > 1:
            machine.values[name] = value.shaped(lambda data: data.repeat_interleave(lanes, 0))
    try:
        machine.bind(block.arguments, flat)
        with machine.under(None):
            end = machine.block(block)
        results = [machine.lanes(value, end.place) for value in end.operands]
    finally:
        machine.values = outer
    count = flat[0].data.shape[0]
    return [value.shaped(lambda data: data.expand(count).reshape(shape)) for value in results]


def _captured(block: Block) -> set[str]:
    own = {argument.name for argument in block.arguments}
    used: set[str] = set()
    for operation in block.operations:
        if operation.regions:
            raise Unmodelled(f"{operation.name} in a combine region", operation.place)
        used |= {operand.name for operand in operation.operands}
        own |= {result.name for result in operation.results}
    return used - own


def _scan(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Lanes]:
    axis = integer(operation.attributes["axis"]) + 1
    reverse = bool(operation.attributes.get("reverse", False))
    whole = _spread(operation, operands)
    if reverse:
        whole = [value.shaped(lambda data: data.flip(axis)) for value in whole]
    results = _running(machine, operation, whole, axis)
    if reverse:
        results = [value.shaped(lambda data: data.flip(axis)) for value in results]
    return results


def _running(machine: Machine, operation: Operation, whole: list[Lanes], axis: int) -> list[Lanes]:
    name = single(operation.regions[0].blocks[0])
    data = whole[0].data
    if name == "arith.addi" and data.dtype != torch.bool:
        scalar = element_of(operation.results[0].type)
        assert isinstance(scalar, Scalar)
        value, wrapped = fit(data.cumsum(axis), scalar.bits)
        return [remember(operation, [whole[0]], value, wrapped)]
    if name == "arith.addf" and data.dtype in (torch.float32, torch.float64):
        return [Lanes(data.cumsum(axis), _any_before(whole[0], axis))]
    if name == "arith.addf" and data.is_complex():
        p = own.precision(scalar_of(operation), operation.place)
        return [Lanes(worst.running_sum(data, axis, p), _any_before(whole[0], axis))]
    # each lane takes in the one `step` before it, twice as far every time
    length, step = data.shape[axis], 1
    while step < length:
        before = [_piece(value, axis, 0, length - step) for value in whole]
        after = [_piece(value, axis, step, length - step) for value in whole]
        together = combine(machine, operation, before, after)
        whole = [
            _appended(_piece(value, axis, 0, step), more, axis) for value, more in zip(whole, together, strict=True)
        ]
        step *= 2
    return whole


def _any_before(value: Lanes, axis: int) -> Wrap | None:
    if value.wrap is None:
        return None
    lanes = value.wrap.lanes.expand(value.data.shape).to(torch.int64).cumsum(axis) > 0
    return Wrap(lanes, value.wrap.place, value.wrap.example)


def _piece(value: Lanes, axis: int, start: int, length: int) -> Lanes:
    return value.shaped(lambda data: data.narrow(axis, start, length))


MEANINGS: Final[dict[str, Meaning]] = {"tt.reduce": _reduce, "tt.scan": _scan}
