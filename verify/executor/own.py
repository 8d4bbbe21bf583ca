"""How far a kernel may be off by its own rounding: the rows of what computes with floats in BOUNDED mode.

A float is a complex number there: its value in exact arithmetic, and a bound on how far that of FAITHFUL may be from
it. So what only moves elements (memory, shapes, choices) needs no row. A row is that of the derived bound
(`verify.numerics.rules`), in the operation's own type; sums of many terms have their worst case, for their order is the
kernel's own. What has no row has no bound, and ends the run with its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final

import torch

from verify.executor import floats
from verify.executor.lanes import Lanes, joined
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import FLOAT_TYPES, Unbounded
from verify.executor.rows import KEEPS, LIBRARY, ROWS, Row, cut, picked, rounded
from verify.executor.widths import signed, width
from verify.ir.program import Operation, Scalar, element_of
from verify.numerics.bounded import Bounded
from verify.numerics.compare import FORMATS, power_below
from verify.numerics.precision import SMALLEST_NORMAL, UNITS, Precision
from verify.verdict import Place


def precision(scalar: Scalar, place: Place) -> Precision:
    """Arithmetic in a float type. Raises Unbounded for 8-bit ones, which saturate."""
    dtype = str(FLOAT_TYPES.get(scalar.name, "")).removeprefix("torch.")
    if dtype not in FORMATS:
        raise Unbounded(f"a result of type {scalar}", place)
    return Precision(UNITS[dtype], 2 * UNITS[dtype] * SMALLEST_NORMAL[dtype], SMALLEST_NORMAL[dtype], dtype)


def largest(p: Precision) -> float:
    return float(torch.finfo(getattr(torch, p.dtype)).max)


def pairs(value: torch.Tensor, bound: torch.Tensor) -> torch.Tensor:
    return torch.complex(value, bound.expand(value.shape))


def paired(data: torch.Tensor) -> torch.Tensor:
    """Lanes as pairs: integers, which some functions take, are exact."""
    return data if data.is_complex() else data.to(torch.complex128)


def carried(row: Row, p: Precision, *operands: torch.Tensor) -> torch.Tensor:
    """The pairs that a row makes of pairs, lane by lane."""
    found = row(p, *(Bounded(each.real, each.imag, p) for each in operands))
    inexact = reduce(torch.logical_or, (each.imag > 0 for each in operands))
    if row in KEEPS:  # an infinity that is exact stays what it is, or gets a sign that is sure
        infinite = [torch.isinf(each.real) & (each.imag == 0) for each in operands]
        sure = [mark | KEEPS[row](each) for mark, each in zip(infinite, operands, strict=True)]
        inexact = inexact & ~(reduce(torch.logical_or, infinite) & reduce(torch.logical_and, sure))
    return settled(p, found.value, found.bound, inexact, operands)


def settled(
    p: Precision, value: torch.Tensor, bound: torch.Tensor, inexact: torch.Tensor, operands: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Nothing is known of what may be beyond the type, nor of what inexact operands make infinite."""
    lost = [~torch.isfinite(each.real) & (each.imag > 0) for each in operands]
    if inexact.dim() == 0:  # operands of other shapes than the result's
        lost = [each.any() for each in lost]
    limit = largest(p) / (1 - p.unit)  # the next power of two: what rounds stays below
    known = (value.abs() + bound < limit) & ~reduce(torch.logical_or, lost)
    without = torch.where(torch.isfinite(value) | inexact, torch.inf, 0.0)
    return pairs(value, torch.where(known, bound, without))


def _rowed(row: Row) -> Meaning:
    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        p = precision(floats.scalar_of(operation), operation.place)
        return (Lanes(carried(row, p, *(paired(value.data) for value in operands)), joined(operands)),)

    return meaning


def _none(_: Machine, operation: Operation, __: Sequence[Lanes]) -> tuple[Lanes]:
    raise Unbounded(operation.name, operation.place)


def _extern(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    symbol = str(operation.attributes.get("symbol", ""))
    name = floats.library_name(symbol)
    if name in floats.PREDICATES:
        return _predicate("tt.extern_elementwise", name)(machine, operation, operands)
    row = LIBRARY.get(name)
    if row is None:
        raise Unbounded(f"the library function {symbol}", operation.place)
    return _rowed(row)(machine, operation, operands)


def _clamp(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    def clamped(*values: torch.Tensor) -> torch.Tensor:
        (found,) = floats.MEANINGS["tt.clampf"](machine, operation, [Lanes(value) for value in values])
        assert isinstance(found, Lanes)
        return found.data

    return _rowed(picked(clamped))(machine, operation, operands)


def saturated(scalar: Scalar, x: torch.Tensor) -> torch.Tensor:
    """Pairs rounded to an 8-bit type, in which what is beyond the largest number becomes that."""
    dtype = FLOAT_TYPES[scalar.name]
    bits, lowest = BYTES[scalar.name]
    most, reach = torch.finfo(dtype).max, x.real.abs() + x.imag
    half = power_below(reach.clamp(max=most)).clamp(min=2.0**lowest) * 2.0**-bits
    kept = (x.imag == 0) & (torch.isnan(x.real) | (x.real.float().to(dtype).double() == x.real))
    off = torch.where(kept, 0.0, torch.maximum(half, reach - most))
    return pairs(x.real, torch.where(kept, 0.0, (x.imag + off).nan_to_num(math.inf, math.inf)))


def _convert(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    source, target = element_of(operation.operands[0].type), floats.scalar_of(operation)
    assert isinstance(source, Scalar)
    if source.bits < target.bits and source.name in FLOAT_TYPES:
        return (operands[0],)
    way = operation.attributes.get("rounding", operation.attributes.get("roundingmode", ""))
    if target.name in BYTES and way in floats.NEAREST:
        return (Lanes(saturated(target, operands[0].data), operands[0].wrap),)
    p = precision(target, operation.place)
    if way not in floats.NEAREST and way not in floats.TOWARDS_ZERO:
        raise Unbounded(f"{operation.name} with this rounding", operation.place)
    return (Lanes(carried(rounded if way in floats.NEAREST else cut, p, operands[0].data), operands[0].wrap),)


# Bits of the significand, the implicit one included, and the exponent of the smallest normal number.
BYTES: Final = {"f8E4M3FN": (4, -6), "f8E5M2": (3, -14)}


def copied(data: torch.Tensor, scalar: Scalar, place: Place) -> torch.Tensor:
    """What the host copies into memory of another type."""
    if not data.is_complex() or not scalar.floating:
        raise Unbounded("a copy to another dtype", place)
    return carried(rounded, precision(scalar, place), data)


def _from_integer(with_sign: bool) -> Meaning:
    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        bits, data = width(operation.operands[0]), operands[0].data
        exact = signed(data).double() if with_sign else floats.from_unsigned(data, bits)
        beyond = torch.where(exact.abs() > 2.0**53, UNITS["float64"] * exact.abs(), 0.0)  # what float64 cannot hold
        p = precision(floats.scalar_of(operation), operation.place)
        return (Lanes(carried(rounded, p, pairs(exact, beyond)), joined(operands)),)

    return meaning


def _sure(name: str, doubt: Callable[[Machine, Operation, torch.Tensor], torch.Tensor], what: str) -> Meaning:
    """A meaning that gives no float: known where there is no `doubt` about any lane."""

    def meaning(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
        data = operands[0].data
        if data.is_complex():
            unsure = (data.imag > 0) & doubt(machine, operation, data)
            if bool((unsure & machine.mask(unsure.dim())).any()):
                raise Unbounded(f"{operation.name} of {what}", operation.place)
            operands = [Lanes(data.real, operands[0].wrap)]
        return floats.MEANINGS[name](machine, operation, operands)

    return meaning


def _between(machine: Machine, operation: Operation, data: torch.Tensor) -> torch.Tensor:
    """Where a number and what it may be have different whole numbers below them."""
    ends = [Lanes(data.real + side * data.imag) for side in (-1, 1)]
    low, high = (floats.MEANINGS[operation.name](machine, operation, [end])[0] for end in ends)
    assert isinstance(low, Lanes) and isinstance(high, Lanes)
    return low.data != high.data


def _predicate(operation: str, name: str) -> Meaning:
    if name == "signbit":
        return _sure(operation, lambda _, __, data: data.real.abs() <= data.imag, "what may be zero")
    return _sure(operation, lambda _, __, data: torch.isinf(data.imag), "what may be beyond the type")


def _compare(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    a, b = (value.data for value in operands)
    doubt = a.imag + b.imag
    close = (doubt > 0) & ~((a.real - b.real).abs() > doubt)
    if bool((close & machine.mask(close.dim())).any()):
        raise Unbounded("a comparison of values that are closer than their bounds", operation.place)
    predicate = word(operation.attributes["predicate"])
    return (Lanes(floats.compare(predicate, a.real, b.real), joined(operands)),)


def _bitcast(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    kinds = [element_of(each.type) for each in (operation.operands[0], operation.results[0])]
    if kinds[0] != kinds[1] and any(isinstance(kind, Scalar) and kind.floating for kind in kinds):
        raise Unbounded("the bits of a float", operation.place)
    return floats.MEANINGS[operation.name](machine, operation, operands)


MEANINGS: Final[dict[str, Meaning]] = (
    dict.fromkeys(floats.MEANINGS, _none)
    | {name: _rowed(row) for name, row in ROWS.items()}
    | dict.fromkeys(("arith.extf", "arith.truncf", "tt.fp_to_fp"), _convert)
    | {name: _sure(name, _between, "what may be another whole number") for name in ("arith.fptosi", "arith.fptoui")}
    | {f"math.{name}": _predicate(f"math.{name}", name) for name in floats.PREDICATES}
    | {
        "arith.cmpf": _compare,
        "arith.sitofp": _from_integer(with_sign=True),
        "arith.uitofp": _from_integer(with_sign=False),
        "arith.bitcast": _bitcast,
        "tt.bitcast": _bitcast,
        "tt.clampf": _clamp,
        "tt.extern_elementwise": _extern,
    }
)
