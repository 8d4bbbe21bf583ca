"""Which two accesses of one program are in order. Triton promises it only across a barrier.

A tensor may be laid out over the threads in one way where it is stored and in another where it is loaded, and of a
lane that several threads hold, one stores while all load. So what a program stores, it must not load or store again
at another line without a barrier (triton-lang/triton #10924, #11872), even lane by lane. The other way round there
is an order: a thread has loaded what its store is made from. It fails where the loaded value is spread to more lanes,
whose threads may load later than the store (#1615).
"""

from __future__ import annotations

from collections.abc import Iterator

from verify.ir.program import Function, Operation, Program, Region, Value, shape_of
from verify.symbolic.reading import Reading
from verify.symbolic.terms import TRUE, Atom, Truth, disj, equal, lane, negate, of, primed
from verify.symbolic.trace import Access, Barrier

CONTROL = ("scf.while", "scf.condition", "cf.br", "cf.cond_br", "cf.switch", "tt.call", "tt.return")


def ordered(reading: Reading, left: Access, right: Access) -> bool:
    """A barrier that one of the two cannot do without stands between them, and no loop brings them back to back."""
    if set(left.loops) & set(right.loops):
        return False
    return any(
        _comes_with(barrier, access)
        for barrier in reading.trace.barriers[left.epoch : right.epoch]
        for access in (left, right)
    )


def _comes_with(barrier: Barrier, access: Access) -> bool:
    """Whether the program passes the barrier whenever it comes to the access."""
    needed, given = barrier.path, access.path
    parts = needed.parts if needed.kind == "and" else (needed,)
    known = {TRUE, given, *(given.parts if given.kind == "and" else ())}
    return set(parts) <= known and access.loops[: len(barrier.loops)] == barrier.loops


def unordered(program: Program, left: Access, right: Access) -> Truth:
    """Where two executions in one program, the second one primed, are in no order; `left` is read first."""
    lanes = [_differ(lane(axis)) for axis in range(len(left.shape))]
    if left is right:
        return disj(*lanes)  # one operation has one layout: the thread of a lane keeps its own order
    if left.kind == "load" and right.kind == "store" and left.shape == right.shape and stays(program, left.operation):
        return disj(*lanes, *(_differ(loop) for loop in left.loops if loop in right.loops))
    return TRUE


def _differ(each: Atom) -> Truth:
    return negate(equal(of(each), of(primed(each))))


def stays(program: Program, load: Operation) -> bool:
    """Whether nothing is made from the loaded value that has more lanes than it, nor any decision."""
    function = next((each for each in program.functions if load in set(_inside(each.body))), None)
    if function is None or not load.results:
        return False
    most, uses = _lanes(load.results[0]), _uses(function)
    seen, waiting = set[str](), [load.results[0]]
    while waiting:
        value = waiting.pop()
        if value.name in seen:
            continue
        seen.add(value.name)
        if _lanes(value) > most:
            return False
        for operation, position, region_of in uses.get(value.name, ()):
            follows = _follows(operation, position, region_of)
            if follows is None:
                return False
            waiting += follows
    return True


Use = tuple[Operation, int, Operation | None]


def _follows(operation: Operation, position: int, around: Operation | None) -> list[Value] | None:
    """The values that this use makes others of; None where control depends on it, or we do not follow."""
    if operation.name in CONTROL:
        return None
    if operation.name == "scf.yield":
        if around is None or around.name not in ("scf.for", "scf.if"):
            return None
        inner = around.regions[0].blocks[0].arguments[1:] if around.name == "scf.for" else ()
        return [around.results[position], *inner[position : position + 1]]
    if operation.name == "scf.if":
        return None
    if operation.name == "scf.for":
        if position < 3:
            return None
        return [operation.results[position - 3], operation.regions[0].blocks[0].arguments[position - 2]]
    return list(operation.results)


def _uses(function: Function) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}

    def visit(region: Region, around: Operation | None) -> None:
        for block in region.blocks:
            for operation in block.operations:
                for position, value in enumerate(operation.operands):
                    found.setdefault(value.name, []).append((operation, position, around))
                for successor in operation.successors:
                    for position, value in enumerate(successor.arguments):
                        found.setdefault(value.name, []).append((operation, position, around))
                for inner in operation.regions:
                    visit(inner, operation)

    visit(function.body, None)
    return found


def _inside(region: Region) -> Iterator[Operation]:
    for block in region.blocks:
        for operation in block.operations:
            yield operation
            for inner in operation.regions:
                yield from _inside(inner)


def _lanes(value: Value) -> int:
    lanes = 1
    for extent in shape_of(value.type):
        lanes *= extent
    return lanes
