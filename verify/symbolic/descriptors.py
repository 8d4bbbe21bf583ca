"""What tensor descriptors mean symbolically: tiles that the hardware clips to the descriptor's sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from verify.ir.program import Operation, Tensor, shape_of
from verify.symbolic.accesses import access, element_bytes, loaded
from verify.symbolic.integers import Meaning
from verify.symbolic.terms import TRUE, Poly, conj, lane, of, poly, within
from verify.symbolic.trace import Described, Tracer
from verify.symbolic.values import Address, Descriptor, Lane, tainted


def make(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    base, rest = operands[0], operands[1:]
    if not isinstance(base.content, Address):
        tracer.give_up(operation, "a descriptor of a pointer of unknown origin")
        return [tainted(None, *operands)]
    axes = len(rest) // 2
    sizes, strides = (tuple(each.poly for each in part) for part in (rest[:axes], rest[axes:]))
    made = Descriptor(base.content, sizes, strides)
    tracer.describe(
        Described(made, tainted(None, *operands), tracer.path, tracer.loops, element_bytes(operation), operation)
    )
    return [tainted(made, *operands)]


def _tile(
    tracer: Tracer, operation: Operation, held: Lane, corner: Sequence[Lane], shape: tuple[int, ...]
) -> tuple[Lane, Lane] | None:
    """Address and mask of a tile: lane k of an axis is `corner + k`. A corner that is a tensor says it by lane.

    The tile may lack leading axes of the descriptor; there it has one element.
    """
    found = held.content
    if not isinstance(found, Descriptor) or len(corner) != len(found.sizes):
        tracer.give_up(operation, f"{operation.name} through a descriptor of unknown origin")
        return None
    offset, inside = found.base.offset, TRUE
    missing = len(corner) - len(shape)
    types = _corner_types(operation, len(corner))
    for axis, (index, size, stride) in enumerate(zip(corner, found.sizes, found.strides, strict=True)):
        ahead: Poly = poly(0) if axis < missing or types[axis] else of(lane(axis - missing))
        position = index.poly + ahead
        offset = offset + position * stride
        inside = conj(inside, within(0, position, size))
    return (
        tainted(Address(found.base.pointer, offset), held, *corner),
        tainted(inside, held, *corner),
    )


def _corner_types(operation: Operation, axes: int) -> list[bool]:
    """For each coordinate, whether it is a tensor (the rows of a gather or scatter)."""
    first = 1 if operation.results or operation.name == "tt.descriptor_scatter" else 2
    return [isinstance(value.type, Tensor) for value in operation.operands[first : first + axes]]


def load(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """What the hardware clips off reads as zero (or NaN, which no integer is)."""
    held, *corner = operands
    result = operation.results[0].type
    tile = _tile(tracer, operation, held, corner, shape_of(result))
    if tile is None:
        return [tracer.unknown(operation, result)]
    pointer, mask = tile
    address = access(tracer, operation, "load", pointer, mask, None, shape_of(result))
    assert address is not None
    return [loaded(tracer, operation, address, mask, Lane(poly(0)))]


def store(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    held, value, *corner = operands
    shape = shape_of(operation.operands[1].type)
    kind = "atomic" if operation.name == "tt.descriptor_reduce" else "store"
    if (tile := _tile(tracer, operation, held, corner, shape)) is not None:
        access(tracer, operation, kind, *tile, value, shape)
    return []


def scatter(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    held, *corner, value = operands
    shape = shape_of(operation.operands[-1].type)
    if (tile := _tile(tracer, operation, held, corner, shape)) is not None:
        access(tracer, operation, "store", *tile, value, shape)
    return []


DESCRIPTORS: Final[Mapping[str, Meaning]] = {
    "tt.make_tensor_descriptor": make,
    "tt.descriptor_load": load,
    "tt.descriptor_gather": load,
    "tt.descriptor_store": store,
    "tt.descriptor_reduce": store,
    "tt.descriptor_scatter": scatter,
}
