"""What a kernel's text says about memory before it runs: through which arguments it may store or load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from attrs import frozen

from verify.ir.program import (
    Descriptor,
    Operation,
    Pointer,
    Program,
    Region,
    Type,
    Value,
    element_of,
    shape_of,
)

ATOMICS: Final = ("tt.atomic_rmw", "tt.atomic_cas", "tt.descriptor_reduce")
STORES: Final = ("tt.store", "tt.descriptor_store", "tt.descriptor_scatter", *ATOMICS)
LOADS: Final = ("tt.load", "tt.descriptor_load", "tt.descriptor_gather", *ATOMICS)


@frozen
class Traffic:
    """Positions of the kernel's arguments; None where that cannot be told, and any may be meant."""

    stored: frozenset[int] | None
    loaded: frozenset[int] | None
    unused: frozenset[str]  # results that nothing reads
    widest: int  # the most lanes of any value
    lanes: int  # of all values together


@cache
def traffic(program: Program) -> Traffic:
    """Follows pointers backwards from every access to the arguments of the kernel."""
    operations = list(program.operations())
    sources: dict[str, set[str]] = {}
    for function in program.functions:
        _flow(function.body, sources)
    lost = len(program.functions) > 1 or any(operation.name == "tt.int_to_ptr" for operation in operations)
    names = [argument.name for argument in program.kernel.arguments]

    def reached(kinds: tuple[str, ...]) -> frozenset[int] | None:
        if lost:
            return None
        pending = [operation.operands[0].name for operation in operations if operation.name in kinds]
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending += sources.get(name, ())
        return frozenset(position for position, name in enumerate(names) if name in seen)

    read = {operand.name for operation in operations for operand in operation.operands}
    read |= {value.name for op in operations for next_ in op.successors for value in next_.arguments}
    results = {result.name for operation in operations for result in operation.results}
    lanes = [_lanes(result.type) for operation in operations for result in operation.results]
    # names are unique only within a function
    unused = frozenset() if len(program.functions) > 1 else frozenset(results - read)
    return Traffic(reached(STORES), reached(LOADS), unused, max(lanes, default=1), sum(lanes) or 1)


def _lanes(kind: Type) -> int:
    count = 1
    for axis in shape_of(kind):
        count *= axis
    return count


def _points(value: Value) -> bool:
    return isinstance(element_of(value.type), Pointer | Descriptor)


def _flow(region: Region, sources: dict[str, set[str]]) -> None:
    """Adds, for each pointer, the pointers that it may come from. Loops and branches hand on value by value; any
    other operation with regions takes from all its operands and everything that leaves its blocks."""
    arguments = {block.label: block.arguments for block in region.blocks}
    for block in region.blocks:
        for operation in block.operations:
            for successor in operation.successors:
                for target, value in zip(arguments[successor.block], successor.arguments, strict=True):
                    sources.setdefault(target.name, set()).add(value.name)
            for inner in operation.regions:
                _flow(inner, sources)
            if operation.name in HANDED and all(len(inner.blocks) == 1 for inner in operation.regions):
                for taken, given in HANDED[operation.name](operation):
                    for target, value in zip(taken, given, strict=True):
                        sources.setdefault(target.name, set()).add(value.name)
                continue
            incoming = {value.name for value in operation.operands if _points(value)}
            incoming = incoming.union(*map(_leaving, operation.regions))
            bound = [value for inner in operation.regions for part in inner.blocks for value in part.arguments]
            for result in (*operation.results, *bound):
                if _points(result):
                    sources.setdefault(result.name, set()).update(incoming)


Handed = Iterator[tuple[Sequence[Value], Sequence[Value]]]


def _for(operation: Operation) -> Handed:
    for values in (operation.operands[3:], _end(operation.regions[0])):
        yield operation.regions[0].blocks[0].arguments[1:], values
        yield operation.results, values


def _if(operation: Operation) -> Handed:
    for region in operation.regions:
        yield operation.results, _end(region)


def _while(operation: Operation) -> Handed:
    before, after = operation.regions
    passed = _end(before)[1:]  # behind the condition
    yield before.blocks[0].arguments, operation.operands
    yield before.blocks[0].arguments, _end(after)
    yield after.blocks[0].arguments, passed
    yield operation.results, passed


def _end(region: Region) -> Sequence[Value]:
    return region.blocks[0].operations[-1].operands


HANDED: Final[Mapping[str, Callable[[Operation], Handed]]] = {"scf.for": _for, "scf.if": _if, "scf.while": _while}


def _leaving(region: Region) -> set[str]:
    ends: list[Operation] = [block.operations[-1] for block in region.blocks]
    return {value.name for end in ends for value in end.operands if _points(value)}
