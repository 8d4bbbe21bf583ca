"""Integers of a type: how lanes are read as signed or unsigned, cut to their width, and where that wraps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from attrs import evolve

from verify.executor.lanes import Lanes, Wrap, joined
from verify.ir.program import Operation, Scalar, Value, element_of


def width(value: Value) -> int:
    """Bits of the integer type of a value's lanes."""
    scalar = element_of(value.type)
    assert isinstance(scalar, Scalar)
    return scalar.bits


def signed(data: torch.Tensor) -> torch.Tensor:
    """Lanes as signed integers; a true i1 is -1."""
    return -data.to(torch.int64) if data.dtype == torch.bool else data


def unsigned(data: torch.Tensor, bits: int) -> torch.Tensor:
    """Lanes as unsigned integers in int64. Not for 64 bits."""
    return data.to(torch.int64) & ((1 << bits) - 1)


def fit(exact: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """`exact` wrapped to a signed type of at most 64 bits, and where that changed it (None: nowhere)."""
    if bits == 64 or not exact.numel():
        return exact, None
    if bits == 1:
        return (exact & 1).to(torch.bool), None
    top = 1 << (bits - 1)
    low, high = torch.aminmax(exact)
    if -top <= int(low) and int(high) < top:
        return exact, None
    value = ((exact + top) & (2 * top - 1)) - top
    return value, value != exact


def remember(
    operation: Operation,
    operands: Sequence[Lanes],
    data: torch.Tensor,
    wrapped: torch.Tensor | None,
    keeps_bits: bool = False,
) -> Lanes:
    """The result, carrying on the wraps of its operands and its own. `keeps_bits` as in `joined`."""
    wrap = joined(operands, keeps_bits)
    if wrapped is None or not bool(wrapped.any()):
        return Lanes(data, wrap)
    bits = width(operation.results[0]) if keeps_bits else 0
    if wrap is None:
        wrap = Wrap(wrapped, operation.place, _example(operation, operands, wrapped), bits)
    else:
        wrap = evolve(wrap, lanes=wrap.lanes | wrapped, bits=min(wrap.bits, bits))
    return Lanes(data, wrap)


def _example(operation: Operation, operands: Sequence[Lanes], wrapped: torch.Tensor) -> str:
    where = int(wrapped.reshape(-1).to(torch.uint8).argmax())
    shown = [int(value.data.expand(wrapped.shape).reshape(-1)[where]) for value in operands]
    sign = {"arith.muli": "*", "arith.addi": "+", "arith.subi": "-", "arith.shli": "<<"}.get(operation.name)
    kind = element_of(operation.results[0].type)
    if sign:
        return f"{kind} {shown[0]} {sign} {shown[1]}"
    return f"{operation.name.removeprefix('arith.')} of {', '.join(map(str, shown))} to {kind}"
