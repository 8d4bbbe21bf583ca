"""Meanings of integer arithmetic. Values are exact in int64; what leaves its type wraps and is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from attrs import evolve

from verify.executor.lanes import Lanes, chosen, gathered, joined
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import Unmodelled
from verify.executor.widths import fit, remember, signed, unsigned, width
from verify.ir.program import Operation

Binary = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
LEAST: Final = -(2**63)


def _add_overflows(a: torch.Tensor, b: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
    return ((a ^ r) & (b ^ r)) < 0


def _sub_overflows(a: torch.Tensor, b: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
    return ((a ^ b) & (a ^ r)) < 0


def _mul_overflows(a: torch.Tensor, b: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
    special = (a == 0) | (a == -1)
    back = torch.div(r, torch.where(special, 1, a), rounding_mode="trunc")
    return torch.where(special, (a == -1) & (b == LEAST), back != b)


Bounds = tuple[int, int]


def holds(bounds: Bounds, bits: int) -> bool:
    """Whether a signed type of so many bits has room for all of `bounds`."""
    return bits > 1 and -(1 << (bits - 1)) <= bounds[0] and bounds[1] < 1 << (bits - 1)


def _sum(left: Lanes, right: Lanes) -> tuple[Sequence[torch.Tensor], Bounds]:
    (a, b), (c, d) = left.bounds, right.bounds
    return (*left.parts, *right.parts), (a + c, b + d)


def _difference(left: Lanes, right: Lanes) -> tuple[Sequence[torch.Tensor], Bounds]:
    (a, b), (c, d) = left.bounds, right.bounds
    return (*left.parts, *(-part for part in right.parts)), (a - d, b - c)


def _product(left: Lanes, right: Lanes) -> tuple[Sequence[torch.Tensor], Bounds]:
    ends = [a * b for a in left.bounds for b in right.bounds]
    if len(left.parts) > 1 and len(right.parts) > 1:
        return (left.data * right.data,), (min(ends), max(ends))
    return [a * b for a in left.parts for b in right.parts], (min(ends), max(ends))


def _wrapping(
    function: Binary,
    overflows: Callable[..., torch.Tensor],
    apart: Callable[[Lanes, Lanes], tuple[Sequence[torch.Tensor], Bounds]],
) -> Meaning:
    """`apart` works on the parts of its operands where the bounds show that nothing leaves the type."""

    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        left, right = operands
        bits = width(operation.results[0])
        if bits > 1 and holds(left.bounds, 63) and holds(right.bounds, 63):
            parts, bounds = apart(left, right)
            if holds(bounds, bits):
                return (Lanes(gathered(parts), joined(operands, keeps_bits=True), bounds),)
        a, b = (value.data.to(torch.int64) for value in operands)
        exact = function(a, b)
        data, wrapped = fit(exact, bits)
        if bits == 64:
            wrapped = overflows(a, b, exact)
        return (remember(operation, operands, data, wrapped, keeps_bits=True),)

    return meaning


def _shift_left(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    bits = width(operation.results[0])
    value, amount = (lane.data.to(torch.int64) for lane in operands)
    legal = (amount >= 0) & (amount < bits)
    exact = value << torch.where(legal, amount, 0)
    data, wrapped = fit(torch.where(legal, exact, 0), bits)
    if bits == 64:
        wrapped = (exact >> torch.where(legal, amount, 0)) != value
    return (remember(operation, operands, data, wrapped, keeps_bits=operands[1].wrap is None),)


def _plain(function: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]) -> Meaning:
    """An operation of two operands and their width that never leaves the type."""

    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        data = function(operands[0].data, operands[1].data, width(operation.operands[0]))
        data, _wrapped = fit(data.to(torch.int64), width(operation.results[0]))
        return (Lanes(data, joined(operands)),)

    return meaning


def _unless(told: Callable[[Bounds, Bounds], int | None], meaning: Meaning) -> Meaning:
    """`meaning`, unless the operands' bounds tell which of them is the result."""

    def quick(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Lanes]:
        left, right = operands
        plain = left.parts[0].dtype != torch.bool and joined(operands) is None
        if plain and (which := told(left.bounds, right.bounds)) is not None:
            return (operands[which],)
        return meaning(machine, operation, operands)  # type: ignore[return-value]

    return quick


def _remains(left: Bounds, right: Bounds) -> int | None:
    return 0 if left[0] >= 0 and left[1] < right[0] else None


def _is_less(left: Bounds, right: Bounds) -> int | None:
    return 0 if left[1] <= right[0] else 1 if right[1] <= left[0] else None


def _is_more(left: Bounds, right: Bounds) -> int | None:
    return 0 if left[0] >= right[1] else 1 if right[0] >= left[1] else None


def _divide(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Truncating quotient and remainder. x / 0 is -1 and x % 0 is x, as all ones and no reduction on devices;
    the hardware traps on the least integer / -1, so -1 goes its own way."""
    safe = torch.where((b == 0) | (b == -1), 1, b)
    quotient = torch.div(a, safe, rounding_mode="trunc")
    quotient = torch.where(b == -1, -a, torch.where(b == 0, -1, quotient))
    return quotient, torch.where(b == -1, 0, torch.where(b == 0, a, torch.fmod(a, safe)))


def _signed_quotient(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    a, b = (signed(value.data) for value in operands)
    bits = width(operation.results[0])
    data, wrapped = fit(_divide(a, b)[0], bits)
    if bits == 64:
        wrapped = (a == LEAST) & (b == -1)
    return (remember(operation, operands, data, wrapped),)


def _floor_quotient(a: torch.Tensor, b: torch.Tensor, _: int) -> torch.Tensor:
    quotient, rest = _divide(signed(a), signed(b))
    return quotient - ((rest != 0) & ((rest < 0) != (b < 0))).to(torch.int64)


def _ceil_quotient(a: torch.Tensor, b: torch.Tensor, _: int) -> torch.Tensor:
    quotient, rest = _divide(signed(a), signed(b))
    return quotient + ((rest != 0) & ((rest < 0) == (b < 0))).to(torch.int64)


def _unsigned(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., torch.Tensor]:
    """A function of numpy uint64 arrays, on the lanes read as unsigned of their width."""

    def apply(a: torch.Tensor, b: torch.Tensor, bits: int) -> torch.Tensor:
        arrays = []
        for data in (a, b):
            data = data.to(torch.int64) if bits == 64 else unsigned(data, bits)
            arrays.append(np.ascontiguousarray(data.numpy()).view(np.uint64))
        with np.errstate(all="ignore"):
            return torch.from_numpy(np.asarray(function(*arrays)).astype(np.uint64).view(np.int64))

    return apply


ALL_ONES: Final = np.uint64(2**64 - 1)


def _nonzero(data: np.ndarray) -> np.ndarray:
    return np.where(data == 0, np.uint64(1), data)


def _high_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    cross = (a & low) * (b >> half) + (((a & low) * (b & low)) >> half)
    other = (a >> half) * (b & low) + (cross & low)
    high: np.ndarray = (a >> half) * (b >> half) + (cross >> half) + (other >> half)
    return high


def _upper_half(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    bits = width(operation.results[0])
    if bits == 64:
        data = _unsigned(_high_product)(operands[0].data, operands[1].data, 64)
    elif bits == 32:
        # The product wraps in int64, and an arithmetic shift and a mask leave its upper half right.
        a, b = (unsigned(value.data, 32) for value in operands)
        data, _wrapped = fit(a * b >> 32 & 0xFFFF_FFFF, 32)
    else:
        raise Unmodelled(f"tt.mulhiui of {bits} bits", operation.place)
    return (Lanes(data, joined(operands)),)


def _shift_right(a: torch.Tensor, b: torch.Tensor, bits: int) -> torch.Tensor:
    legal = (b >= 0) & (b < bits)
    return signed(a) >> torch.where(legal, b, bits - 1)


def _shift_right_unsigned(a: torch.Tensor, b: torch.Tensor, bits: int) -> torch.Tensor:
    legal = (b >= 0) & (b < bits)
    amount = torch.where(legal, b, 0).to(torch.int64)
    source = a.to(torch.int64) if bits == 64 else unsigned(a, bits)
    shifted = source >> amount
    if bits == 64:  # an arithmetic shift so far: clear the copies of the sign
        copies = torch.full_like(amount, LEAST) >> (amount - 1).clamp(min=0)
        shifted = torch.where(amount > 0, shifted & ~copies, shifted)
    return torch.where(legal, shifted, 0)


def _compare(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    predicate = word(operation.attributes["predicate"])
    relation, left, right = _RELATIONS[predicate[-2:]], *operands
    if joined(operands) is not None or any(value.parts[0].dtype == torch.bool for value in operands):
        a, b = (signed(value.data) for value in operands)
    else:
        (low, high), (least, greatest) = left.bounds, right.bounds
        plain = not predicate.startswith("u") or (low >= 0 and least >= 0)
        if plain and (told := _decided(predicate[-2:], low - greatest, high - least)) is not None:
            return (Lanes(torch.full((1,) * left.axes, told)),)
        if plain and len(left.parts) + len(right.parts) > 2 and holds(left.bounds, 62) and holds(right.bounds, 62):
            # what varies along one axis against what varies along another: no tensor of all lanes but the result
            first, *rest = gathered(_difference(left, right)[0])
            other = Lanes(tuple(rest)).data if rest else torch.zeros_like(first)
            return (Lanes(relation(first, -other)),)
        a, b = left.data, right.data
    if predicate.startswith("u"):  # flipping the sign bit orders 64-bit values as unsigned
        a, b = a ^ LEAST, b ^ LEAST
    return (Lanes(relation(a, b), joined(operands)),)


_RELATIONS: Final = {
    "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge,
}  # fmt: skip


def _decided(relation: str, low: int, high: int) -> bool | None:
    """What `difference relation 0` is for a difference in low..high; None if that depends."""
    below, above, never = high < 0, low > 0, low > 0 or high < 0
    same = low == high == 0
    yes, no = {
        "eq": (same, never), "ne": (never, same), "lt": (below, low >= 0), "le": (high <= 0, above),
        "gt": (above, high <= 0), "ge": (low >= 0, below),
    }[relation]  # fmt: skip
    return True if yes else False if no else None


def _truncate(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    if operands[0].parts[0].dtype != torch.bool and holds(operands[0].bounds, width(operation.results[0])):
        return (operands[0],)
    value = fit(operands[0].data.to(torch.int64), width(operation.results[0]))[0]  # a cast that is asked for may wrap
    return (Lanes(value, joined(operands, keeps_bits=True)),)


def _extend(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    if operands[0].parts[0].dtype != torch.bool:
        return (operands[0],)
    return (Lanes(signed(operands[0].data), operands[0].wrap),)


def _extend_unsigned(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    if operands[0].parts[0].dtype != torch.bool and operands[0].bounds[0] >= 0:
        return (operands[0],)
    return (Lanes(unsigned(operands[0].data, width(operation.operands[0])), operands[0].wrap),)


def _cast_index(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    narrows = width(operation.results[0]) < width(operation.operands[0])
    return _truncate(machine, operation, operands) if narrows else _extend(machine, operation, operands)


def _logic(function: Binary, deciding: bool | None) -> Meaning:
    """On i1 an operand that equals `deciding` decides alone: wraps of the other do not matter."""

    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        left, right = operands
        if function is torch.bitwise_and and left.parts[0].dtype == torch.bool and not (left.wrap or right.wrap):
            return (Lanes(gathered((*left.parts, *right.parts))),)
        result = Lanes(function(left.data, right.data), joined(operands, keeps_bits=True))
        if result.wrap is None:
            return (result,)
        lanes = result.wrap.lanes
        for value, other in ((left, right), (right, left)):
            if deciding is not None and value.data.dtype == torch.bool:
                sound = value.data == deciding
            elif function is torch.bitwise_and and other.wrap is not None:
                sound = (value.data >= 0) & (value.data < 1 << min(other.wrap.bits, 62))
            else:
                continue
            if value.wrap is not None:
                sound = sound & ~value.wrap.lanes
            lanes = lanes & ~sound
        return (Lanes(result.data, evolve(result.wrap, lanes=lanes)),)

    return meaning


def _select(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    condition, left, right = operands
    result = chosen(condition.data, left, right)
    if condition.wrap is None:
        return (result,)
    lanes = condition.wrap.lanes.reshape(
        condition.wrap.lanes.shape + (1,) * (result.data.dim() - condition.wrap.lanes.dim())
    )
    if result.wrap is not None:
        lanes = lanes | result.wrap.lanes
    return (Lanes(result.data, evolve(condition.wrap, lanes=lanes)),)


def _magnitude(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    data, wrapped = fit(operands[0].data.abs(), width(operation.results[0]))
    return (remember(operation, operands, data, wrapped),)


def _least(a: torch.Tensor, b: torch.Tensor, _: int) -> torch.Tensor:
    return torch.minimum(signed(a), signed(b))


def _greatest(a: torch.Tensor, b: torch.Tensor, _: int) -> torch.Tensor:
    return torch.maximum(signed(a), signed(b))


MEANINGS: Final[dict[str, Meaning]] = {
    "arith.addi": _wrapping(torch.add, _add_overflows, _sum),
    "arith.subi": _wrapping(torch.sub, _sub_overflows, _difference),
    "arith.muli": _wrapping(torch.mul, _mul_overflows, _product),
    "arith.shli": _shift_left,
    "arith.shrsi": _plain(_shift_right),
    "arith.shrui": _plain(_shift_right_unsigned),
    "arith.divsi": _signed_quotient,
    "arith.remsi": _unless(_remains, _plain(lambda a, b, _: _divide(signed(a), signed(b))[1])),
    "arith.floordivsi": _plain(_floor_quotient),
    "arith.ceildivsi": _plain(_ceil_quotient),
    "arith.divui": _plain(_unsigned(lambda a, b: np.where(b == 0, ALL_ONES, a // _nonzero(b)))),
    "arith.remui": _plain(_unsigned(lambda a, b: np.where(b == 0, a, a % _nonzero(b)))),
    "arith.ceildivui": _plain(_unsigned(lambda a, b: a // _nonzero(b) + (a % _nonzero(b) != 0))),
    "arith.minsi": _unless(_is_less, _plain(_least)),
    "arith.maxsi": _unless(_is_more, _plain(_greatest)),
    "arith.minui": _plain(_unsigned(np.minimum)),
    "arith.maxui": _plain(_unsigned(np.maximum)),
    "arith.andi": _logic(torch.bitwise_and, False),
    "arith.ori": _logic(torch.bitwise_or, True),
    "arith.xori": _logic(torch.bitwise_xor, None),
    "arith.cmpi": _compare,
    "arith.select": _select,
    "arith.trunci": _truncate,
    "arith.extsi": _extend,
    "arith.extui": _extend_unsigned,
    "arith.index_cast": _cast_index,
    "tt.mulhiui": _upper_half,
    "math.absi": _magnitude,
}  # fmt: skip
