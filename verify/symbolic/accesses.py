"""What pointers, loads, stores, atomics and barriers mean symbolically. One row an operation in `ACCESSES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from verify.ir.program import Operation, Pointer, Scalar, Symbol, element_of, shape_of
from verify.symbolic.integers import Meaning
from verify.symbolic.origins import label
from verify.symbolic.terms import TRUE, Given, Poly, Truth, atom, conj, negate, of
from verify.symbolic.trace import Access, Barrier, Tracer
from verify.symbolic.values import Address, Lane, merged, tainted


def add_pointer(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    base, offset = operands
    if not isinstance(base.content, Address):
        return [tainted(None, base, offset)]
    return [tainted(Address(base.content.pointer, base.content.offset + offset.poly), base, offset)]


def bitcast(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    source, target = element_of(operation.operands[0].type), element_of(operation.results[0].type)
    if isinstance(source, Pointer) and isinstance(target, Pointer):
        same_width = _bytes(source) == _bytes(target)
        return [operands[0] if same_width else tainted(None, operands[0])]
    return [tracer.unknown(operation, operation.results[0].type, 0, *operands)]


def _bytes(pointer: Pointer) -> int:
    return max(pointer.pointee.bits, 8) if isinstance(pointer.pointee, Scalar) else 0


def load(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    pointer, *rest = operands
    mask, other = rest[0] if rest else Lane(TRUE), rest[1] if len(rest) > 1 else None
    address = access(tracer, operation, "load", pointer, mask, None)
    if address is None:
        undef = conj(negate(mask.truth), other.undef if other else TRUE)
        return [tracer.unknown(operation, operation.results[0].type, 0, Lane(None, undef))]
    return [loaded(tracer, operation, address, mask, other)]


def loaded(tracer: Tracer, operation: Operation, address: Address, mask: Lane, other: Lane | None) -> Lane:
    """What an address holds where the mask is true, `other` elsewhere; undefined there if None."""
    undef = conj(negate(mask.truth), other.undef if other else TRUE)
    result = operation.results[0]
    element = element_of(result.type)
    if isinstance(element, Scalar) and element.integer and element != Scalar("i1"):
        low, high = tracer.loads.get(address.pointer, (-(2 ** (element.bits - 1)), 2 ** (element.bits - 1) - 1))
        there = Lane(of(atom("load", label(address.pointer, int(low), int(high)), (address.offset,))))
        anything = tracer.unknown(operation, result.type)
        if address.pointer in tracer.changing:  # the same address may hold something else each time
            there = anything
        value = merged(mask.truth, there, other or anything, anything)
        return Lane(value.content, undef, other.wraps if other else ())
    return tracer.unknown(operation, result.type, 0, Lane(None, undef))


def store(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    pointer, value, *mask = operands
    access(tracer, operation, "store", pointer, mask[0] if mask else Lane(TRUE), value)
    return []


def atomic(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    pointer, *values = operands
    mask = values.pop() if operation.name == "tt.atomic_rmw" and len(values) > 1 else Lane(TRUE)
    access(tracer, operation, "atomic", pointer, mask, tainted(None, *values))
    return [tracer.unknown(operation, operation.results[0].type, 0, Lane(None, negate(mask.truth)))]


def access(
    tracer: Tracer,
    operation: Operation,
    kind: str,
    pointer: Lane,
    mask: Lane,
    value: Lane | None,
    shape: tuple[int, ...] | None = None,
) -> Address | None:
    """Record a memory access; None when the pointer's origin is not known, which the trace then says.

    It has the shape of the pointer unless another one is given.
    """
    address = pointer.content
    if not isinstance(address, Address):
        tracer.give_up(operation, f"{operation.name} through a pointer of unknown origin")
        return None
    shape = shape_of(operation.operands[0].type) if shape is None else shape
    known = Given(conj(tracer.path, mask.truth))
    tracer.record(
        Access(
            kind,
            address.pointer,
            known.poly(address.offset),
            tracer.path,
            mask,
            pointer,
            value,
            shape,
            tracer.loops,
            len(tracer.barriers),
            operation,
        )
    )
    return address


def element_bytes(operation: Operation) -> int:
    """The size of what the operation's first operand, a pointer, points at."""
    pointer = element_of(operation.operands[0].type)
    return _bytes(pointer) // 8 if isinstance(pointer, Pointer) else 0


def to_integer(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """An address as a number: the first element's, which nobody knows, and bytes from there."""
    (pointer,) = operands
    if not isinstance(pointer.content, Address) or not element_bytes(operation):
        return [tracer.unknown(operation, operation.results[0].type, 0, pointer)]
    start = of(atom("opaque", f"int:{START}{pointer.content.pointer}:64"))
    return [tainted(start + pointer.content.offset * element_bytes(operation), pointer)]


START: Final = "address of "


def to_pointer(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """A number that is one argument's address and whole elements more is a pointer again."""
    (number,) = operands
    element = element_of(operation.results[0].type)
    width = _bytes(element) // 8 if isinstance(element, Pointer) else 0
    starts = [each for each in number.poly.atoms() if each.label.startswith(f"int:{START}")]
    if len(starts) == 1 and width:
        rest = number.poly - of(starts[0])
        if starts[0] not in rest.atoms() and all(factor % width == 0 for _, factor in rest.terms):
            offset = Poly(tuple((monomial, factor // width) for monomial, factor in rest.terms))
            name = starts[0].label.removeprefix(f"int:{START}").rsplit(":", 1)[0]
            return [tainted(Address(name, offset), number)]
    return [tainted(None, number)]


def barrier(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    space = operation.attributes.get("addrSpace")
    if space is None or space == Symbol("all"):  # one that waits for shared memory only orders nothing here
        tracer.barriers.append(Barrier(tracer.path, tracer.loops))
    return []


def assume(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """A promise to the compiler: false, it makes the program undefined, so it must be shown."""
    if isinstance(operands[0].content, Truth):
        tracer.decide("assumption", operands[0], operation, holds=operands[0].content)
    return []


def assertion(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """False in one lane, it stops the program."""
    condition = operands[0]
    tracer.decide("assertion", condition, operation, shape_of(operation.operands[0].type), condition.truth)
    return []


def nothing(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    return []


ACCESSES: Final[Mapping[str, Meaning]] = {
    "tt.addptr": add_pointer,
    "tt.bitcast": bitcast,
    "tt.ptr_to_int": to_integer,
    "tt.int_to_ptr": to_pointer,
    "tt.load": load,
    "tt.store": store,
    "tt.atomic_rmw": atomic,
    "tt.atomic_cas": atomic,
    "gpu.barrier": barrier,
    "ttg.barrier": barrier,
    "tt.debug_barrier": barrier,
    "ttg.local_barrier": nothing,
    "llvm.intr.assume": assume,
    "llvm.assume": assume,
    "tt.print": nothing,
    "tt.assert": assertion,
}
