"""The meaning of `tt.dot`: products of tiles, in the precision that the operation asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from verify.executor import worst
from verify.executor.lanes import Lanes
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import Mode, Unmodelled, round_to
from verify.executor.widths import fit, remember
from verify.ir.program import Operation, Scalar, Symbol, element_of, shape_of


def to_tf32(data: torch.Tensor) -> torch.Tensor:
    """float32 without the lowest 13 bits, which tensor cores do not look at (nothing rounds them: seen on an H100)."""
    return torch.where(torch.isfinite(data), (data.view(torch.int32) & ~0x1FFF).view(torch.float32), data)


def _to_bf16(data: torch.Tensor) -> torch.Tensor:
    return data.to(torch.bfloat16).to(torch.float32)


SPLITS: Final = {
    "tf32": (to_tf32, 1),
    "tf32x3": (to_tf32, 2),
    "bf16x3": (_to_bf16, 2),
    "bf16x6": (_to_bf16, 3),
}


def _split_product(a: torch.Tensor, b: torch.Tensor, precision: str) -> torch.Tensor:
    """`a @ b` from parts of fewer bits: each operand is the sum of its parts, small products are left out."""
    reduce, parts = SPLITS[precision]
    lefts: list[torch.Tensor] = []
    rights: list[torch.Tensor] = []
    for rest, found in ((a, lefts), (b, rights)):
        for _ in range(parts):
            found.append(reduce(rest))
            rest = rest - found[-1]
    total = torch.zeros((), dtype=torch.float32)
    for order in reversed(range(parts)):  # the smallest products first
        for left in range(order + 1):
            total = total + torch.matmul(lefts[left], rights[order - left])
    return total


def _dot(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> tuple[Lanes]:
    shapes = [shape_of(value.type) for value in operation.operands]
    a, b, c = (value.full(shape) for value, shape in zip(operands, shapes, strict=True))
    source, target = element_of(operation.operands[0].type), element_of(operation.results[0].type)
    assert isinstance(source, Scalar) and isinstance(target, Scalar)
    if source.integer:
        if source.bits > 8:
            raise Unmodelled(f"tt.dot of {source}", operation.place)
        # products of bytes are exact in float64 up to 2**37 terms
        product = torch.matmul(a.to(torch.float64), b.to(torch.float64)).to(torch.int64)
        data, wrapped = fit(product + c, target.bits)
        return (remember(operation, [operands[2]], data, wrapped),)
    precision = word(operation.attributes.get("inputPrecision", Symbol("ieee")))
    if machine.mode is Mode.BOUNDED:
        factors = precision if source.name == "f32" else "ieee"
        return (Lanes(worst.product(a, b, c, factors, target, operation.place)),)
    if machine.mode is Mode.EXACT64 or target.name == "f64":
        return (Lanes(torch.matmul(a.to(torch.float64), b.to(torch.float64)) + c),)
    if source.name != "f32" or precision == "ieee":
        product = torch.matmul(a.to(torch.float32), b.to(torch.float32))
    else:
        if precision not in SPLITS:
            raise Unmodelled(f"tt.dot in {precision}", operation.place)
        product = _split_product(a, b, precision)
    return (Lanes(round_to(product + c.to(torch.float32), target, machine.mode, operation.place)),)


MEANINGS: Final[dict[str, Meaning]] = {"tt.dot": _dot}
