"""Meanings of float arithmetic, float casts and the functions of the math dialect and libdevice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch

from verify.executor.lanes import Lanes, joined
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import FLOAT_TYPES, Mode, Unmodelled, lane_type, round_to
from verify.executor.widths import signed, unsigned, width
from verify.ir.program import Operation, Pointer, Scalar, Symbol, element_of
from verify.numerics.functions import root3

Function = Callable[..., torch.Tensor]

_RELATIONS: Final[dict[str, Function]] = {
    "eq": torch.eq, "ne": torch.ne, "gt": torch.gt, "ge": torch.ge, "lt": torch.lt, "le": torch.le,
}  # fmt: skip


NEAREST: Final = ("", "rtne", "to_nearest_even", 1, Symbol("rtne"), Symbol("to_nearest_even"))
TOWARDS_ZERO: Final = (Symbol("rtz"), Symbol("toward_zero"), "rtz", 0)


def scalar_of(operation: Operation) -> Scalar:
    """The type of the lanes of an operation's first result. Raises Unmodelled for pointers."""
    element = element_of(operation.results[0].type)
    if not isinstance(element, Scalar):
        raise Unmodelled(f"{operation.name} to {element}", operation.place)
    return element


def rounded(function: Function) -> Meaning:
    """A function of lanes whose result is rounded to the result's type."""

    def meaning(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        data = function(*(value.data for value in operands))
        return (Lanes(round_to(data, scalar_of(operation), machine.mode, operation.place), joined(operands)),)

    return meaning


def _compare(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    predicate = word(operation.attributes["predicate"])
    a, b = (value.data for value in operands)
    return (Lanes(compare(predicate, a, b), joined(operands)),)


def compare(predicate: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """One of the sixteen float comparisons: `o...` are false and `u...` are true where a side is NaN."""
    unordered = torch.isnan(a) | torch.isnan(b)
    if predicate in ("true", "false"):
        return torch.full_like(unordered, predicate == "true")
    if predicate in ("ord", "uno"):
        return unordered if predicate == "uno" else ~unordered
    related = _RELATIONS[predicate[1:]](a, b)
    return related & ~unordered if predicate.startswith("o") else related | unordered


def _fused(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """a * b + c rounded once (the product of two float32 is exact in float64)."""
    return a.to(torch.float64) * b.to(torch.float64) + c.to(torch.float64)


def _root(x: torch.Tensor) -> torch.Tensor:
    """The square root, correctly rounded: torch's own in float32 is not always."""
    return torch.sqrt(x.to(torch.float64))


def away(x: torch.Tensor) -> torch.Tensor:
    """The nearest integer, halves away from zero."""
    whole = x.trunc()
    return whole + torch.where((x - whole).abs() >= 0.5, torch.sign(x), 0.0).to(x.dtype)


def _clamp(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    value, low, high = (operand.data for operand in operands)
    mode = operation.attributes.get("propagateNan", Symbol("none"))
    if mode in (Symbol("all"), "all", 0xFFFF):
        data = torch.minimum(torch.maximum(value, low), high)
    else:
        data = torch.fmin(torch.fmax(value, low), high)
    return (Lanes(data, joined(operands)),)


def _from_signed(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    return _from_integer(machine, operation, signed(operands[0].data), operands)


def from_unsigned(data: torch.Tensor, bits: int) -> torch.Tensor:
    """Unsigned integers; of 64 bits in float64, which holds those up to 2**53."""
    if bits < 64:
        return unsigned(data, bits)
    halves = (data >> 1 & (2**63 - 1)).to(torch.float64) * 2 + (data & 1).to(torch.float64)
    return torch.where(data < 0, halves, data.to(torch.float64))


def _from_unsigned(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    return _from_integer(machine, operation, from_unsigned(operands[0].data, width(operation.operands[0])), operands)


def _from_integer(
    machine: Machine, operation: Operation, data: torch.Tensor, operands: Sequence[Lanes]
) -> tuple[Lanes]:
    return (Lanes(round_to(data, scalar_of(operation), machine.mode, operation.place), joined(operands)),)


def _to_integer(with_sign: bool) -> Meaning:
    """Towards zero; out of range saturates and NaN is 0, the least integer of 64 bits, as on the device."""

    def meaning(_: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
        bits = width(operation.results[0])
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if with_sign else (0, 2**bits - 1)
        whole = torch.nan_to_num(operands[0].data.to(torch.float64), 0.0, math.inf, -math.inf).trunc()
        over, under = whole >= float(high), whole <= float(low)
        inside = torch.where(over | under, 0.0, whole)
        if with_sign or bits < 64:
            data = inside.to(torch.int64)
            data = torch.where(over, high, torch.where(under, low, data))
        else:
            large = inside >= 2.0**63
            data = torch.where(large, inside - 2.0**64, inside).to(torch.int64)
            data = torch.where(over, -1, torch.where(under, 0, data))
        if bits == 64:
            data = torch.where(torch.isnan(operands[0].data), -(2**63), data)
        if not with_sign and bits < 64:
            data = torch.where(data >= 2 ** (bits - 1), data - 2**bits, data)
        return (Lanes(data.to(torch.bool) if bits == 1 else data, operands[0].wrap),)

    return meaning


def _convert(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    """extf, truncf, fp_to_fp. Rounds to nearest even unless `rounding` says towards zero."""
    scalar, data = scalar_of(operation), operands[0].data
    result = round_to(data, scalar, machine.mode, operation.place)
    mode = operation.attributes.get("rounding", operation.attributes.get("roundingmode", ""))
    if machine.mode is Mode.FAITHFUL and mode in TOWARDS_ZERO:
        if scalar.bits not in (16, 32):
            raise Unmodelled(f"rounding {scalar} towards zero", operation.place)
        # one step towards zero is one less in the bits
        bits = result.view(torch.int16 if scalar.bits == 16 else torch.int32)
        beyond = result.to(torch.float64).abs() > data.to(torch.float64).abs()
        result = torch.where(beyond, bits - 1, bits).view(result.dtype)
    elif mode not in (*NEAREST, *TOWARDS_ZERO):
        raise Unmodelled(f"{operation.name} with this rounding", operation.place)
    return (Lanes(result, operands[0].wrap),)


def _bitcast(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    source, target = element_of(operation.operands[0].type), element_of(operation.results[0].type)
    if isinstance(source, Pointer) or isinstance(target, Pointer) or source == target:
        return (operands[0],)
    assert isinstance(source, Scalar) and isinstance(target, Scalar)
    if source.integer and target.integer:
        return (operands[0],)
    if machine.mode is Mode.EXACT64:
        raise Unmodelled(f"the bits of a float ({source} to {target}) in exact arithmetic", operation.place)
    data = operands[0].data
    storage = {8: torch.int8, 16: torch.int16, 32: torch.int32, 64: torch.int64}[source.bits]
    for scalar in (source, target):
        if scalar.floating and scalar.name not in FLOAT_TYPES:
            raise Unmodelled(f"the bits of {scalar}", operation.place)
    bits = data.to(storage) if source.integer else data.to(FLOAT_TYPES[source.name]).view(storage)
    if target.integer:
        return (Lanes(bits.to(torch.int64), operands[0].wrap),)
    held = bits.view(FLOAT_TYPES[target.name])
    return (Lanes(held.to(lane_type(target, machine.mode, operation.place)), operands[0].wrap),)


FUNCTIONS: Final[dict[str, Function]] = {
    "exp": torch.exp, "exp2": torch.exp2, "expm1": torch.expm1, "log": torch.log, "log2": torch.log2,
    "log10": torch.log10, "log1p": torch.log1p, "sqrt": _root, "rsqrt": torch.rsqrt,
    "cbrt": root3, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "sinh": torch.sinh,
    "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh, "acosh": torch.acosh,
    "atanh": torch.atanh, "erf": torch.erf, "erfc": torch.erfc, "erfinv": torch.erfinv,
    "lgamma": torch.lgamma, "floor": torch.floor, "ceil": torch.ceil, "trunc": torch.trunc,
    "round": away, "rint": torch.round, "nearbyint": torch.round, "roundeven": torch.round,
    "absf": torch.abs, "fabs": torch.abs, "powf": torch.pow, "pow": torch.pow, "fpowi": torch.pow,
    "powi": torch.pow, "atan2": torch.atan2, "fmod": torch.fmod, "hypot": torch.hypot,
    "copysign": torch.copysign, "fma": _fused, "fmax": torch.fmax, "fmin": torch.fmin,
    "fdim": lambda x, y: torch.where(x <= y, 0.0, x - y), "rcp": torch.reciprocal, "div_rn": torch.div,
    "mul_rn": torch.mul, "add_rn": torch.add, "sub_rn": torch.sub, "sqrt_rn": _root,
    "rcp_rn": torch.reciprocal, "fma_rn": _fused, "rsqrt_rn": torch.rsqrt, "fast_exp": torch.exp,
    "fast_sin": torch.sin, "fast_cos": torch.cos, "fast_tan": torch.tan, "fast_log": torch.log,
    "fast_log2": torch.log2, "fast_log10": torch.log10, "fast_pow": torch.pow, "fast_fdivide": torch.div,
    "fast_tanh": torch.tanh, "native_exp": torch.exp, "native_log": torch.log,
}  # fmt: skip
PREDICATES: Final[dict[str, Function]] = {
    "isnan": torch.isnan, "isinf": torch.isinf, "finite": torch.isfinite, "isfinite": torch.isfinite,
    "signbit": torch.signbit,
}  # fmt: skip


def library_name(symbol: str) -> str:
    """`__nv_tanhf` and `__ocml_tanh_f32` as `tanh`."""
    if symbol.startswith("__nv_"):
        name = symbol.removeprefix("__nv_")
        for candidate in (name, name.removesuffix("f"), name.removesuffix("d")):
            if candidate in FUNCTIONS or candidate in PREDICATES:
                return candidate
        short = {"fsqrt_rn": "sqrt_rn", "fdiv_rn": "div_rn", "fmul_rn": "mul_rn", "fadd_rn": "add_rn",
                 "fsub_rn": "sub_rn", "frcp_rn": "rcp_rn", "fmaf_rn": "fma_rn", "frsqrt_rn": "rsqrt_rn",
                 "dsqrt_rn": "sqrt_rn", "ddiv_rn": "div_rn", "isnand": "isnan", "isinfd": "isinf",
                 "fast_expf": "fast_exp", "isfinited": "isfinite", "signbitd": "signbit"}  # fmt: skip
        return short.get(name, name)
    return symbol.removeprefix("__ocml_").rsplit("_f", 1)[0]


def _extern(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    symbol = str(operation.attributes.get("symbol", ""))
    name = library_name(symbol)
    arguments = [value.data for value in operands]
    if name in PREDICATES:
        found = PREDICATES[name](*arguments)
        as_held = found if scalar_of(operation).bits == 1 else found.to(torch.int64)
        return (Lanes(as_held, joined(operands)),)
    if name not in FUNCTIONS or not scalar_of(operation).floating:
        raise Unmodelled(f"the library function {symbol}", operation.place)
    return rounded(FUNCTIONS[name])(machine, operation, operands)  # type: ignore[return-value]


def _predicate(function: Function) -> Meaning:
    return lambda _, __, operands: (Lanes(function(operands[0].data), operands[0].wrap),)


MEANINGS: Final[dict[str, Meaning]] = {
    "arith.addf": rounded(torch.add),
    "arith.subf": rounded(torch.sub),
    "arith.mulf": rounded(torch.mul),
    "arith.divf": rounded(torch.div),
    "arith.remf": rounded(torch.fmod),
    "arith.negf": rounded(torch.neg),
    "arith.maxnumf": rounded(torch.fmax),
    "arith.minnumf": rounded(torch.fmin),
    "arith.maximumf": rounded(torch.maximum),
    "arith.minimumf": rounded(torch.minimum),
    "arith.cmpf": _compare,
    "arith.sitofp": _from_signed,
    "arith.uitofp": _from_unsigned,
    "arith.fptosi": _to_integer(True),
    "arith.fptoui": _to_integer(False),
    "arith.extf": _convert,
    "arith.truncf": _convert,
    "arith.bitcast": _bitcast,
    "tt.bitcast": _bitcast,
    "tt.fp_to_fp": _convert,
    "tt.clampf": _clamp,
    "tt.precise_divf": rounded(torch.div),
    "tt.precise_sqrt": rounded(_root),
    "tt.extern_elementwise": _extern,
    **{f"math.{name}": rounded(function) for name, function in FUNCTIONS.items() if "_" not in name},
    **{f"math.{name}": _predicate(function) for name, function in PREDICATES.items()},
}
