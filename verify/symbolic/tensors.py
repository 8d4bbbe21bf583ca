"""What shapes, pointers and memory operations mean symbolically. One row an operation in `TENSORS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Final

from verify.ir.program import Block, Operation, Scalar, Symbol, shape_of
from verify.symbolic.integers import Meaning, bounded, may_wrap, ranging
from verify.symbolic.terms import (
    FALSE,
    TRUE,
    Atom,
    Poly,
    Renaming,
    Term,
    apply,
    atom,
    closure,
    conj,
    disj,
    equal,
    lane,
    of,
    pid,
    poly,
    within,
)
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Lane, merged, renamed, tainted, together


def program_id(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    return [Lane(of(pid(_axis(operation))))]


def num_programs(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    return [Lane(tracer.grid[_axis(operation)])]


def _axis(operation: Operation) -> int:
    axis = operation.attributes["axis"]
    return axis if isinstance(axis, int) else "xyz".index(axis.text if isinstance(axis, Symbol) else str(axis))


def make_range(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    start = operation.attributes["start"]
    assert isinstance(start, int)
    alone = shape_of(operation.results[0].type) == (1,)
    return [Lane(poly(start) if alone else of(lane(0)) + start)]


def same(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """A scalar for all lanes, or a change that no lane sees."""
    return [operands[0]]


def moved(value: Lane, axes: Mapping[int, Poly]) -> Lane:
    """The value with lane coordinates replaced."""
    return renamed(value, Renaming({lane(axis): target for axis, target in axes.items()}))


def expand_dims(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    axis, rank = _axis(operation), len(shape_of(operation.operands[0].type))
    return [moved(operands[0], {at: of(lane(at + 1)) for at in range(axis, rank)})]


def broadcast(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    shape = shape_of(operation.operands[0].type)
    return [moved(operands[0], {axis: poly(0) for axis, extent in enumerate(shape) if extent == 1})]


def transpose(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    order = operation.attributes["order"]
    axes = [int(each) for each in (order.elements if hasattr(order, "elements") else order)]  # type: ignore[union-attr, arg-type]
    return [moved(operands[0], {source: of(lane(target)) for target, source in enumerate(axes)})]


def reshape(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    if operation.attributes.get("allow_reorder") not in (None, False):
        return [_any_lane(tracer, operation, operands)]
    source, target = shape_of(operation.operands[0].type), shape_of(operation.results[0].type)
    index, axes, step = _linear(target), {}, 1
    for axis in reversed(range(len(source))):
        axes[axis] = apply("floormod", apply("floordiv", index, poly(step)), poly(source[axis]))
        step *= source[axis]
    wide = [axis for axis, extent in enumerate(source) if extent > 1]
    if [source[axis] for axis in wide] == [extent for extent in target if extent > 1]:
        kept = [axis for axis, extent in enumerate(target) if extent > 1]
        axes = dict.fromkeys(range(len(source)), poly(0))
        axes |= {old: of(lane(new)) for old, new in zip(wide, kept, strict=True)}
    return [moved(operands[0], axes)]


def _linear(shape: Sequence[int]) -> Poly:
    index = poly(0)
    for axis, extent in enumerate(shape):
        index = index * extent + of(lane(axis))
    return index


def _any_lane(tracer: Tracer, operation: Operation, operands: list[Lane]) -> Lane:
    """Values whose order is not said: nothing is known of a lane but that all sources may spoil it."""
    spoiled = [anywhere(tracer, operation, value) for value in operands]
    return tracer.unknown(operation, operation.results[0].type, 0, *spoiled)


def anywhere(tracer: Tracer, operation: Operation, value: Lane, axes: Sequence[int] | None = None, at: int = 0) -> Lane:
    """What could spoil `value`, the operand `at`, at any lane along the axes (all of them unless given)."""
    shape = shape_of(operation.operands[at].type)
    chosen = range(len(shape)) if axes is None else axes
    fresh = {axis: of(another_lane(f"any:{tracer.mark(operation)}:{axis}", value)) for axis in chosen}
    inside = conj(*(within(0, fresh[axis], shape[axis]) for axis in chosen if axis < len(shape)))
    value = moved(Lane(None, value.undef, value.wraps), fresh)
    return Lane(None, conj(inside, value.undef) if value.undef != FALSE else FALSE, value.wraps)


def another_lane(label: str, *values: Lane) -> Atom:
    """A lane coordinate that the values do not speak of: one that they do would tie two lanes to each other."""
    spoken = closure(term for value in values for term in (value.undef, *_wrapping(value)))
    used = {each.label for each in spoken if each.kind == "lane"}
    while label in used:
        label += "+"
    return atom("lane", label)


def _wrapping(value: Lane) -> Iterator[Term]:
    for wrap in value.wraps:
        yield from (wrap.value, wrap.when)


def join(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    last = len(shape_of(operation.results[0].type)) - 1
    first = equal(of(lane(last)), 0)
    return [merged(first, operands[0], operands[1], tracer.unknown(operation, operation.results[0].type))]


def split(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    last = len(shape_of(operation.operands[0].type)) - 1
    return [moved(operands[0], {last: poly(side)}) for side in (0, 1)]


def reordered(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    return [_any_lane(tracer, operation, operands)]


def reduce(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """A reduction removes an axis. An integer result that only selects is one of the operand's lanes."""
    axis = _axis(operation)
    rank = len(shape_of(operation.operands[0].type))
    spoiled = [_without(anywhere(tracer, operation, value, [axis]), axis, rank) for value in operands]
    if not _selects(operation):
        return _folded(tracer, operation, operands, spoiled)
    results = []
    for at, (value, result) in enumerate(zip(operands, operation.results, strict=True)):
        if isinstance(value.content, Poly):
            extent = shape_of(operation.operands[0].type)[axis]
            picked = apply("floormod", tracer.unknown_index(operation, rank - 1), poly(extent))
            chosen = _without(moved(value, {axis: of(PICKED)}), axis, rank)
            content = Renaming({PICKED: picked}).poly(chosen.poly)
            results.append(tainted(content, *spoiled))
        else:
            results.append(tracer.unknown(operation, result.type, at, *spoiled))
    return results


def _folded(tracer: Tracer, operation: Operation, operands: list[Lane], spoiled: list[Lane]) -> list[Lane]:
    """What a region makes of many lanes: a sum lies where its terms tell; of all else, what its operations ask for."""
    block = operation.regions[0].blocks[0]
    value, *others = operands
    if not others and isinstance(value.content, Poly) and _adds(block):
        low, high = ranging(tracer, value, operation.operands[0])
        shape, axis = shape_of(operation.operands[0].type), _axis(operation)
        total = min(low, low * shape[axis]), max(high, high * shape[axis])
        if operation.name == "tt.reduce" and lane(axis) not in closure([value.content]):  # all lanes are equal
            each = _without(value, axis, len(shape)).poly
            return [may_wrap(tracer, operation, each * shape[axis], *spoiled, factors=(each, poly(shape[axis])))]
        return [bounded(tracer, operation, total, *spoiled)]
    tracer.bind(
        block.arguments,
        [tracer.unknown(operation, each.type, len(operation.results) + at) for at, each in enumerate(block.arguments)],
    )
    ends = tracer.values(tracer.run_block(block).operands)
    return [
        tracer.unknown(operation, result.type, at, end, *spoiled)
        for at, (result, end) in enumerate(zip(operation.results, ends, strict=True))
    ]


def _adds(block: Block) -> bool:
    *steps, end = block.operations
    adds = len(steps) == 1 and steps[0].name == "arith.addi" and end.operands == steps[0].results
    return adds and {each.name for each in steps[0].operands} == {each.name for each in block.arguments}


PICKED: Final = atom("lane", "picked")
SELECTING: Final = frozenset(
    {"arith.select", "arith.minsi", "arith.maxsi", "arith.minui", "arith.maxui", "arith.cmpi", "arith.cmpf"}
    | {"arith.andi", "arith.ori", "arith.xori", "tt.reduce.return", "arith.maxnumf", "arith.minnumf"}
    | {"arith.maximumf", "arith.minimumf", "arith.constant"}
)


def _selects(operation: Operation) -> bool:
    """Whether the combine region can only hand on one of its arguments."""
    block = operation.regions[0].blocks[0]
    if any(each.name not in SELECTING for each in block.operations):
        return False
    arguments = {value.name for value in block.arguments}
    origin = {value.name: True for value in block.arguments}
    for each in block.operations[:-1]:
        picks = each.name in ("arith.select", "arith.minsi", "arith.maxsi", "arith.minui", "arith.maxui")
        inputs = each.operands[1:] if each.name == "arith.select" else each.operands
        for result in each.results:
            origin[result.name] = picks and all(origin.get(value.name, False) for value in inputs)
    half = len(arguments) // 2
    integers = [at for at in range(half) if _integer(block.arguments[at].type)]
    returned = block.operations[-1].operands
    return all(origin.get(returned[at].name, False) for at in integers) and len(integers) <= 1


def _integer(type: object) -> bool:
    return isinstance(type, Scalar) and type.integer


def _without(value: Lane, axis: int, rank: int) -> Lane:
    """The value once `axis`, on which it no longer depends, is gone."""
    return moved(value, {at: of(lane(at - 1)) for at in range(axis + 1, rank)})


def scan(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    axis = _axis(operation)
    return _folded(tracer, operation, operands, [anywhere(tracer, operation, value, [axis]) for value in operands])


def histogram(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Counts: no bin has more than there are values."""
    most = prod(shape_of(operation.operands[0].type))
    spoiled = [anywhere(tracer, operation, value, at=at) for at, value in enumerate(operands)]
    return [tracer.unknown(operation, operation.results[0].type, 0, *spoiled, within=(0, most))]


def dot(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Row i, column j of the product is spoiled by row i of the left and column j of the right operand."""
    left, right, *rest = operands
    rank = len(shape_of(operation.results[0].type))
    inner = another_lane(f"any:{tracer.mark(operation)}:inner", left, right)
    inside = within(0, of(inner), shape_of(operation.operands[0].type)[-1])
    row = moved(Lane(None, left.undef, left.wraps), {rank - 1: of(inner)})
    column = moved(Lane(None, right.undef, right.wraps), {rank - 2: of(inner)})
    spoiled = disj(row.undef, column.undef)
    sources = (
        Lane(None, conj(inside, spoiled) if spoiled != FALSE else FALSE, together(row.wraps, column.wraps)),
        *rest,
    )
    if not isinstance(left.content, Poly):
        return [tracer.unknown(operation, operation.results[0].type, 0, *sources)]
    extent = shape_of(operation.operands[0].type)[-1]
    (a, b), (c, d), (low, high) = (
        ranging(tracer, *each) for each in zip(operands[:3], operation.operands[:3], strict=True)
    )
    ends = [one * other * extent for one in (a, b) for other in (c, d)]
    return [bounded(tracer, operation, (low + min(ends), high + max(ends)), *sources)]


def gather(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    source, indices = operands
    extent = shape_of(operation.operands[0].type)[_axis(operation)]
    within_source = within(0, indices.poly, extent)
    tracer.decide("gather's index", indices, operation, shape_of(operation.operands[1].type), within_source)
    return [tracer.unknown(operation, operation.results[0].type, 0, anywhere(tracer, operation, source), indices)]


def poison(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    return [tracer.unknown(operation, operation.results[0].type, 0, Lane(None, TRUE))]


def scaled_dot(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Any lane of any operand may spoil any lane of the product."""
    spoiled = [anywhere(tracer, operation, value, at=at) for at, value in enumerate(operands)]
    return [tracer.unknown(operation, operation.results[0].type, 0, *spoiled)]


TENSORS: Final[Mapping[str, Meaning]] = {
    "tt.get_program_id": program_id,
    "tt.get_num_programs": num_programs,
    "tt.make_range": make_range,
    "tt.splat": same,
    "tt.unsplat": same,
    "tt.expand_dims": expand_dims,
    "tt.broadcast": broadcast,
    "tt.trans": transpose,
    "tt.reshape": reshape,
    "tt.join": join,
    "tt.split": split,
    "tt.cat": reordered,
    "tt.histogram": histogram,
    "tt.gather": gather,
    "tt.reduce": reduce,
    "tt.scan": scan,
    "tt.dot": dot,
    "tt.dot_scaled": scaled_dot,
    "ub.poison": poison,
}
