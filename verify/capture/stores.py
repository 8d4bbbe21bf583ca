"""Which arguments a kernel writes through: where the pointers of its stores and atomics come from.

The answer errs on the side of writing. A pointer made from a number or from memory may be any argument's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from attrs import frozen

from verify.ir.program import Descriptor, Function, Operation, Pointer, Program, Region, Value, element_of
from verify.verdict import Place

ANY: Final = "any argument"
WRITES: Final = (
    "tt.store",
    "tt.atomic_rmw",
    "tt.atomic_cas",
    "tt.descriptor_store",
    "tt.descriptor_scatter",
    "tt.descriptor_reduce",
)
READS: Final = frozenset(
    [
        "tt.load",
        "tt.descriptor_load",
        "tt.descriptor_gather",
        "tt.ptr_to_int",
        "tt.return",
        "arith.cmpi",
        "tt.assert",
        "tt.print",
    ]
)
PASSES: Final = frozenset(
    [
        "tt.splat",
        "tt.addptr",
        "tt.broadcast",
        "tt.expand_dims",
        "tt.reshape",
        "tt.bitcast",
        "tt.trans",
        "tt.cat",
        "tt.join",
        "tt.split",
        "tt.unsplat",
        "tt.make_tensor_descriptor",
        "tt.make_tensor_ptr",
        "tt.advance",
        "arith.select",
        "arith.bitcast",
        "scf.for",
        "scf.if",
        "scf.while",
        "scf.yield",
        "scf.condition",
        "cf.br",
        "cf.cond_br",
        "cf.switch",
        "tt.call",
    ]
)

Key: TypeAlias = tuple[str, str]  # function and value
Flow: TypeAlias = tuple[Key, Key]


@frozen
class Write:
    """One store or atomic: the kernel's arguments that its pointer may come from, or `ANY`."""

    operation: str
    arguments: frozenset[str]
    place: Place


def writes(program: Program) -> tuple[Write, ...]:
    """Every operation that may write memory, outer regions before inner ones."""
    origins = _origins(program)
    found = []
    for function in program.functions:
        for operation in _inside(function.body):
            pointers = [value for value in operation.operands if _points(value)]
            if not pointers or operation.name in READS or operation.name in PASSES:
                continue
            targets = pointers[:1] if operation.name in WRITES else pointers
            reached = frozenset[str]().union(
                *(origins.get((function.name, value.name), frozenset({ANY})) for value in targets)
            )
            found.append(Write(operation.name, reached, operation.place))
    return tuple(found)


def _origins(program: Program) -> dict[Key, frozenset[str]]:
    """For each pointer, the arguments that it may come from; flows are followed until nothing changes."""
    kernel = program.kernel
    origins: dict[Key, frozenset[str]] = {
        (kernel.name, argument.name): frozenset({argument.name}) for argument in kernel.arguments if _points(argument)
    }
    flows: list[Flow] = []
    for function in program.functions:
        flows += _flows(program, function)
        for operation in _inside(function.body):
            made = [value for value in operation.results if _points(value)]
            if made and (operation.name not in PASSES or not _carries(operation)):
                origins |= {(function.name, value.name): frozenset({ANY}) for value in made}
    changed = True
    while changed:
        changed = False
        for source, target in flows:
            joined = origins.get(target, frozenset()) | origins.get(source, frozenset())
            if joined != origins.get(target, frozenset()):
                origins[target], changed = joined, True
    return origins


def _carries(operation: Operation) -> bool:
    """Whether its pointers come from operands, regions or callees rather than from nowhere."""
    return (
        operation.name.startswith("scf.")
        or any(_points(value) for value in operation.operands)
        or (operation.name == "tt.call")
    )


def _flows(program: Program, function: Function) -> Iterator[Flow]:
    """From which value to which a pointer goes, one step at a time."""
    for region in _regions(function.body):
        blocks = {block.label: block for block in region.blocks}
        for operation in (each for block in region.blocks for each in block.operations):
            for successor in operation.successors:
                yield from _pairs(function, successor.arguments, blocks[successor.block].arguments)
            if operation.name == "tt.call":
                yield from _call(program, function, operation)
            else:
                for sources, targets in _steps(operation):
                    yield from _pairs(function, sources, targets)


def _steps(operation: Operation) -> Iterator[tuple[tuple[Value, ...], tuple[Value, ...]]]:
    """Values that become others position by position; for plain operations every operand becomes each result."""
    if operation.name == "scf.for":
        body = operation.regions[0].blocks[0]
        for given in (operation.operands[3:], body.operations[-1].operands):
            yield given, body.arguments[1:]
            yield given, operation.results
    elif operation.name == "scf.while":
        before, after = (each.blocks[0] for each in operation.regions)
        handed = before.operations[-1].operands[1:]
        yield operation.operands, before.arguments
        yield handed, after.arguments
        yield handed, operation.results
        yield after.operations[-1].operands, before.arguments
    elif operation.name == "scf.if":
        for inner in operation.regions:
            if inner.blocks and inner.blocks[0].operations:
                yield inner.blocks[0].operations[-1].operands, operation.results
    else:
        for result in operation.results:
            if _points(result):
                yield operation.operands, (result,) * len(operation.operands)


def _pairs(function: Function, sources: tuple[Value, ...], targets: tuple[Value, ...]) -> Iterator[Flow]:
    for source, target in zip(sources, targets, strict=True):
        if _points(source):
            yield (function.name, source.name), (function.name, target.name)


def _call(program: Program, caller: Function, operation: Operation) -> Iterator[Flow]:
    name = operation.attributes.get("callee")
    callee = next(each for each in program.functions if each.name == str(getattr(name, "text", name)).lstrip("@"))
    for source, target in zip(operation.operands, callee.arguments, strict=True):
        if _points(source):
            yield (caller.name, source.name), (callee.name, target.name)
    for inner in _inside(callee.body):
        if inner.name == "tt.return":
            for source, target in zip(inner.operands, operation.results, strict=True):
                if _points(source):
                    yield (callee.name, source.name), (caller.name, target.name)


def _points(value: Value) -> bool:
    return isinstance(element_of(value.type), Pointer | Descriptor)


def _regions(region: Region) -> Iterator[Region]:
    yield region
    for block in region.blocks:
        for operation in block.operations:
            for inner in operation.regions:
                yield from _regions(inner)


def _inside(region: Region) -> Iterator[Operation]:
    for each in _regions(region):
        for block in each.blocks:
            yield from block.operations
