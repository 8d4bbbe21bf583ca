"""How far a kernel may be off by its own rounding: the rows of what computes with floats in BOUNDED mode.

A float is a complex number there: its value in exact arithmetic, and a bound on how far that of FAITHFUL may be from
it. So what only moves elements (memory, shapes, choices) needs no row. A row is that of the derived bound
(`verify.numerics.rules`), in the operation's own type; sums of many terms have their worst case, for their order is the
kernel's own. What has no row has no bound, and ends the run with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final, TypeAlias

import torch

from verify.executor import floats
from verify.executor.lanes import Lanes, joined
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import FLOAT_TYPES, Unbounded
from verify.executor.widths import signed, unsigned, width
from verify.ir.program import Operation, Scalar, Symbol, element_of
from verify.numerics.bounded import Bounded
from verify.numerics.compare import FORMATS, half_ulp
from verify.numerics.precision import SMALLEST_NORMAL, TF32_UNIT, UNITS, Precision
from verify.numerics.rules import TABLE
from verify.verdict import Place

Row: TypeAlias = Callable[..., Bounded]
LOG2_E: Final = 1.4426950408889634


def precision(scalar: Scalar, place: Place) -> Precision:
    """Arithmetic in a float type. Raises Unbounded for 8-bit ones, which saturate."""
    dtype = str(FLOAT_TYPES.get(scalar.name, "")).removeprefix("torch.")
    if dtype not in FORMATS:
        raise Unbounded(f"a result of type {scalar}", place)
    return Precision(UNITS[dtype], 2 * UNITS[dtype] * SMALLEST_NORMAL[dtype], SMALLEST_NORMAL[dtype], dtype)


def pairs(value: torch.Tensor, bound: torch.Tensor) -> torch.Tensor:
    return torch.complex(value, bound.expand(value.shape))


def carried(row: Row, p: Precision, *operands: torch.Tensor) -> torch.Tensor:
    """The pairs that a row makes of pairs, lane by lane."""
    found = row(p, *(Bounded(each.real, each.imag, p) for each in operands))
    inexact = reduce(torch.logical_or, (each.imag > 0 for each in operands))
    if row in KEEPS:  # an infinity that is exact stays what it is, or gets a sign that is sure
        infinite = [torch.isinf(each.real) & (each.imag == 0) for each in operands]
        sure = [mark | KEEPS[row](each) for mark, each in zip(infinite, operands, strict=True)]
        inexact = inexact & ~(reduce(torch.logical_or, infinite) & reduce(torch.logical_and, sure))
    return _settled(p, found.value, found.bound, inexact, operands)


def _settled(
    p: Precision, value: torch.Tensor, bound: torch.Tensor, inexact: torch.Tensor, operands: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Nothing is known of what may be beyond the type, nor of what inexact operands make infinite."""
    lost = [~torch.isfinite(each.real) & (each.imag > 0) for each in operands]
    if inexact.dim() == 0:  # operands of other shapes than the result's
        lost = [each.any() for each in lost]
    limit = torch.finfo(getattr(torch, p.dtype)).max / (1 - p.unit)  # the next power of two: what rounds stays below
    known = (value.abs() + bound < limit) & ~reduce(torch.logical_or, lost)
    without = torch.where(torch.isfinite(value) | inexact, torch.inf, 0.0)
    return pairs(value, torch.where(known, bound, without))


def _picked(choose: Callable[..., torch.Tensor], sign: int = 0) -> Row:
    """One of its operands. `sign` 1 is a maximum and -1 a minimum: what surely loses does not matter."""

    def row(p: Precision, *operands: Bounded) -> Bounded:
        bounds = [each.bound for each in operands]
        if sign:
            surest = reduce(torch.maximum, (sign * each.value - each.bound for each in operands))
            bounds = [torch.where(sign * each.value + each.bound < surest, 0.0, each.bound) for each in operands]
        return Bounded(choose(*(each.value for each in operands)), reduce(torch.maximum, bounds), p)

    return row


def _rounded(p: Precision, x: Bounded) -> Bounded:
    exact = (x.bound == 0) & p.exactly(x.value)
    return Bounded(x.value, x.bound + torch.where(exact, 0.0, half_ulp(x.value.abs() + x.bound, p.dtype)), p)


def _fused(p: Precision, x: Bounded, y: Bounded, z: Bounded) -> Bounded:
    found: Bounded = ADD(p, MUL(p, x, y), z)
    return found


def _log2(p: Precision, x: Bounded) -> Bounded:
    found = TABLE["log"].call(p, x)
    return Bounded(found.value * LOG2_E, found.bound * LOG2_E, p)


ADD: Final = TABLE["add"].call
SUB: Final = TABLE["sub"].call
MUL: Final = TABLE["mul"].call
# What must be known of the other operand of an infinity.
KEEPS: Final[dict[Row, Callable[[torch.Tensor], torch.Tensor]]] = {
    ADD: lambda other: torch.isfinite(other.imag),
    SUB: lambda other: torch.isfinite(other.imag),
    MUL: lambda other: other.real.abs() > other.imag,
}
ROWS: Final[dict[str, Row]] = {
    "arith.addf": ADD,
    "arith.subf": SUB,
    "arith.mulf": MUL,
    "arith.divf": TABLE["div"].call,
    "arith.negf": TABLE["neg"].call,
    "arith.maxnumf": _picked(torch.fmax, 1),
    "arith.minnumf": _picked(torch.fmin, -1),
    "arith.maximumf": _picked(torch.maximum, 1),
    "arith.minimumf": _picked(torch.minimum, -1),
    "tt.precise_divf": TABLE["div"].call,
    "tt.precise_sqrt": TABLE["sqrt"].call,
    "math.absf": TABLE["abs"].call,
    "math.fma": _fused,
    "math.log2": _log2,
    **{f"math.{name}": TABLE[name].call for name in ("exp", "exp2", "log", "sqrt", "rsqrt", "tanh")},
}
LIBRARY: Final = {
    "add_rn": "arith.addf", "sub_rn": "arith.subf", "mul_rn": "arith.mulf", "div_rn": "arith.divf",
    "fma_rn": "math.fma",
    "sqrt_rn": "math.sqrt", "rsqrt_rn": "math.rsqrt", "fabs": "math.absf", "fmax": "arith.maxnumf",
    "fmin": "arith.minnumf",
}  # fmt: skip


def _rowed(row: Row) -> Meaning:
    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        p = precision(floats.scalar_of(operation), operation.place)
        return (Lanes(carried(row, p, *(value.data for value in operands)), joined(operands)),)

    return meaning


def _none(_: Machine, operation: Operation, __: Sequence[Lanes]) -> tuple[Lanes]:
    raise Unbounded(operation.name, operation.place)


def _extern(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    symbol = str(operation.attributes.get("symbol", ""))
    name = floats.library_name(symbol)
    row = ROWS.get(LIBRARY.get(name, f"math.{name}"))
    if row is None:
        raise Unbounded(f"the library function {symbol}", operation.place)
    return _rowed(row)(machine, operation, operands)


def _clamp(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    def clamped(*values: torch.Tensor) -> torch.Tensor:
        (found,) = floats.MEANINGS["tt.clampf"](machine, operation, [Lanes(value) for value in values])
        assert isinstance(found, Lanes)
        return found.data

    return _rowed(_picked(clamped))(machine, operation, operands)


def _convert(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
    source, target = element_of(operation.operands[0].type), floats.scalar_of(operation)
    p = precision(target, operation.place)
    assert isinstance(source, Scalar)
    if source.bits < target.bits and source.name in FLOAT_TYPES:
        return (operands[0],)
    if operation.attributes.get("rounding", operation.attributes.get("roundingmode", "")) not in NEAREST:
        raise Unbounded(f"{operation.name} with this rounding", operation.place)
    return (Lanes(carried(_rounded, p, operands[0].data), operands[0].wrap),)


NEAREST: Final = ("", "rtne", "to_nearest_even", 1, Symbol("rtne"), Symbol("to_nearest_even"))


def _from_integer(with_sign: bool) -> Meaning:
    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        bits, data = width(operation.operands[0]), operands[0].data
        if bits == 64 and not with_sign:
            raise Unbounded(operation.name, operation.place)
        exact = (signed(data) if with_sign else unsigned(data, bits)).to(torch.complex128)
        p = precision(floats.scalar_of(operation), operation.place)
        return (Lanes(carried(_rounded, p, exact), joined(operands)),)

    return meaning


def _of_exact(name: str) -> Meaning:
    """A meaning that needs the numbers themselves: known where none has a bound."""

    def meaning(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Any]:
        if any(bool((value.data.imag > 0).any()) for value in operands if value.data.is_complex()):
            raise Unbounded(f"{operation.name} of what is rounded", operation.place)
        plain = [Lanes(value.data.real, value.wrap) if value.data.is_complex() else value for value in operands]
        return floats.MEANINGS[name](machine, operation, plain)

    return meaning


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


def gamma(terms: Any, p: Precision) -> Any:
    """What adding up so many terms rounds at most, in any order, relative to the sum of their sizes."""
    return terms * p.unit / (1 - terms * p.unit)


def product(
    a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, factors: str, target: Scalar, place: Place
) -> torch.Tensor:
    """a @ b + c as `tt.dot` computes it: in float32, then rounded to `target`. `factors` says how they are cut."""
    p, cut = precision(Scalar("f32"), place), {"ieee": 0.0, "tf32": TF32_UNIT}.get(factors)
    if cut is None or target.name == "f64":
        raise Unbounded(f"tt.dot to {target} in {factors}", place)
    left, right = a.real.abs() + a.imag, b.real.abs() + b.imag
    sizes, terms = left @ right, a.shape[-1] + 1
    bound = left @ b.imag + a.imag @ b.real.abs() + c.imag + (2 * cut + cut**2) * sizes
    bound = bound + gamma(terms, p) * (sizes * (1 + cut) ** 2 + c.real.abs() + c.imag) + terms * p.spacing / 2
    inexact = torch.stack([(each.imag > 0).any() for each in (a, b, c)]).any()
    found = _settled(p, a.real @ b.real + c.real, bound, inexact, (a, b, c))
    return found if target.name == "f32" else carried(_rounded, precision(target, place), found)


def running_sum(data: torch.Tensor, axis: int, p: Precision) -> torch.Tensor:
    """Each sum of the first k terms, added one after the other."""
    count = torch.arange(data.shape[axis]).reshape([-1 if at == axis else 1 for at in range(data.dim())])
    sizes = (data.real.abs() + data.imag).cumsum(axis)
    bound = data.imag.cumsum(axis) + gamma(count.double(), p) * sizes
    return _settled(p, data.real.cumsum(axis), bound, (data.imag > 0).any(), (data,))


MEANINGS: Final[dict[str, Meaning]] = (
    dict.fromkeys(floats.MEANINGS, _none)
    | {name: _rowed(row) for name, row in ROWS.items()}
    | dict.fromkeys(("arith.extf", "arith.truncf", "tt.fp_to_fp"), _convert)
    | {name: _of_exact(name) for name in ("arith.fptosi", "arith.fptoui", "math.isnan", "math.isinf")}
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
