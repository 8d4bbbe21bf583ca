"""Branches, calls and loops. A loop is read once, at a generic iteration: what it carries is solved or forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from verify.ir.program import Block, Operation, Region, Scalar, Symbol, Value, element_of, shape_of
from verify.symbolic.integers import Meaning
from verify.symbolic.tensors import another_lane
from verify.symbolic.terms import (
    FALSE,
    TRUE,
    Atom,
    Poly,
    Renaming,
    Truth,
    apply,
    at_most,
    atom,
    choose,
    closure,
    conj,
    disj,
    equal,
    lane,
    less,
    negate,
    of,
    opaque_truth,
    poly,
)
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Address, Content, Descriptor, Lane, Wrap, merged, renamed, tainted, together


def run_region(tracer: Tracer, region: Region) -> tuple[str, list[Lane]]:
    """Run a region whose blocks form no cycle. Gives its terminator's name and operands.

    Several exits (early returns) only occur in functions; their operands meet in `returned`.
    """
    if len(region.blocks) == 1:
        terminator = tracer.run_block(region.blocks[0])
        return terminator.name, tracer.values(terminator.operands)
    outer, incoming = tracer.path, {region.blocks[0].label: [(TRUE, list[Lane]())]}
    exits: list[tuple[Truth, list[Lane]]] = []
    name = "tt.return"
    order = _in_order(region.blocks)
    if _goes_back(order):
        tracer.give_up(region.blocks[0].operations[-1], "a loop of branches")
    for block in order:
        arrivals = incoming.get(block.label, [])
        if not arrivals:
            continue
        reached = disj(*(condition for condition, _ in arrivals))
        if block is not region.blocks[0]:
            tracer.bind(block.arguments, _meet(tracer, block, arrivals))
        with tracer.under(reached):
            terminator = tracer.run_block(block)
        values = tracer.values(terminator.operands)
        if not terminator.successors:
            name = terminator.name
            exits.append((reached, values))
            continue
        conditions = [reached]
        if terminator.name == "cf.cond_br":
            with tracer.under(reached):
                tracer.decide("branch", values[0], terminator)
            conditions = [conj(reached, values[0].truth), conj(reached, negate(values[0].truth))]
        for condition, successor in zip(conditions, terminator.successors, strict=True):
            incoming.setdefault(successor.block, []).append((condition, tracer.values(successor.arguments)))
    tracer.path = outer
    result = exits[-1][1]
    for condition, values in reversed(exits[:-1]):
        result = [merged(condition, yes, no, Lane()) for yes, no in zip(values, result, strict=True)]
    return name, result


def _in_order(blocks: Sequence[Block]) -> list[Block]:
    """Blocks so that every edge goes forward."""
    by_label = {block.label: block for block in blocks}
    order: list[Block] = []
    entered: set[str] = set()

    def visit(block: Block) -> None:
        entered.add(block.label)
        for successor in block.operations[-1].successors:
            if successor.block not in entered:
                visit(by_label[successor.block])
        order.append(block)

    visit(blocks[0])
    return order[::-1]


def _goes_back(order: Sequence[Block]) -> bool:
    """Whether some branch does not lead forward in this order."""
    at = {block.label: position for position, block in enumerate(order)}
    return any(
        at[successor.block] <= at[block.label] for block in order for successor in block.operations[-1].successors
    )


def _meet(tracer: Tracer, block: Block, arrivals: list[tuple[Truth, list[Lane]]]) -> list[Lane]:
    *others, (_, values) = arrivals
    for condition, incoming in reversed(others):
        unknowns = [_forgotten(tracer, argument, "meet") for argument in block.arguments]
        values = [
            merged(condition, yes, no, unknown) for yes, no, unknown in zip(incoming, values, unknowns, strict=True)
        ]
    return values


def branch(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    (condition,) = operands
    tracer.decide("branch", condition, operation)
    sides: list[list[Lane]] = []
    for region, taken in zip(operation.regions, (condition.truth, negate(condition.truth)), strict=False):
        with tracer.under(taken):
            sides.append(run_region(tracer, region)[1] if region.blocks else [])
    if not operation.results:
        return []
    spoiled = Lane(None, condition.undef, condition.wraps)
    results = []
    for at, result in enumerate(operation.results):
        unknown = tracer.unknown(operation, result.type, at)
        joined = merged(condition.truth, sides[0][at], sides[1][at], unknown)
        results.append(tainted(joined.content, joined, spoiled))
    return results


def call(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    callee = operation.attributes["callee"]
    name = callee.text if isinstance(callee, Symbol) else str(callee)
    function = next((each for each in tracer.program.functions if each.name == name), None)
    if function is None:
        tracer.give_up(operation, f"call of {name}")
        return [tracer.unknown(operation, value.type, at) for at, value in enumerate(operation.results)]
    outer, calls = dict(tracer.environment), tracer.calls
    if len(calls) == MAX_CALLS:
        tracer.give_up(operation, f"calls nested beyond {MAX_CALLS}")
        return [tracer.unknown(operation, value.type, at) for at, value in enumerate(operation.results)]
    tracer.calls = (*calls, f"{tracer.numbers.setdefault(operation, len(tracer.numbers))}")
    tracer.bind(function.arguments, operands)
    _, results = run_region(tracer, function.body)
    tracer.environment, tracer.calls = outer, calls
    return results


MAX_CALLS: Final = 16


@frozen
class Carried:
    """A loop-carried value: its argument, what it starts from, and a placeholder for `whatever it is now`."""

    argument: Value
    start: Lane
    placeholder: Lane
    label: str

    @property
    def rank(self) -> int:
        return len(shape_of(self.argument.type))


def for_loop(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    low, high, step, *starts = operands
    signed = all(tracer.ranges.nonnegative(bound.poly) for bound in (low, high))
    if operation.attributes.get("unsignedCmp") is True and not signed:
        tracer.give_up(operation, "scf.for that compares unsigned, between bounds that may be negative")
    body = operation.regions[0]
    counter, *arguments = body.blocks[0].arguments
    iteration = atom("iter", f"{operation.place.line}:{tracer.local(counter)}")
    index = low.poly + of(iteration) * step.poly
    during = conj(at_most(0, of(iteration)), less(index, high.poly))
    trips = _trips(tracer, low.poly, high.poly, step.poly)
    for what, bound in (("loop start", low), ("loop end", high), ("loop step", step)):
        holds = less(0, bound.poly) if what == "loop step" else TRUE
        tracer.decide(what, bound, operation, holds=holds)
    bits = counter.type.bits if isinstance(counter.type, Scalar) else 64
    after = Wrap(index + step.poly, bits, during, "loop counter", operation.place)
    if tracer.ranges.of(high.poly + step.poly)[1] >= 2 ** (bits - 1):
        with _entered(tracer, iteration, TRUE):
            tracer.decide("loop counter", Lane(None, FALSE, (after,)), operation)
    tracer.environment[counter.name] = tainted(index, low, step)
    carried = _carry(tracer, arguments, starts)

    def run() -> list[Lane]:
        return run_region(tracer, body)[1]

    return _iterate(tracer, carried, iteration, during, trips, run)


def while_loop(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    before, after = operation.regions
    mark = tracer.mark(operation)
    iteration = atom("iter", f"{WHILE}{mark}")
    # How often it goes round is another number in every program and every iteration of the loops around it.
    trips = of(atom("opaque", f"int:trips:{mark}:64", tracer.context(0)))
    carried = _carry(tracer, before.blocks[0].arguments, operands)
    leaving: list[Lane] = []

    def run() -> list[Lane]:
        nonlocal leaving
        _, (condition, *passed) = run_region(tracer, before)
        tracer.decide("loop condition", condition, operation)
        leaving = [condition, *passed]
        tracer.bind(after.blocks[0].arguments, passed)
        with tracer.under(condition.truth):
            return run_region(tracer, after)[1]

    _iterate(tracer, carried, iteration, at_most(0, of(iteration)), trips, run)
    condition, *results = [renamed(value, Renaming({iteration: trips})) for value in leaving]
    tracer.path = conj(tracer.path, at_most(0, trips), negate(condition.truth))
    return results


WHILE: Final = "while:"  # how the iteration numbers of such loops start: one being there says nothing of those before


class _entered:
    """Within a loop's generic iteration."""

    def __init__(self, tracer: Tracer, iteration: Atom, during: Truth) -> None:
        self.tracer, self.iteration, self.during = tracer, iteration, during

    def __enter__(self) -> None:
        self.outer = self.tracer.path, self.tracer.loops
        self.tracer.path = conj(self.tracer.path, self.during)
        self.tracer.loops = (*self.tracer.loops, self.iteration)

    def __exit__(self, *_: object) -> None:
        self.tracer.path, self.tracer.loops = self.outer


def _iterate(
    tracer: Tracer,
    carried: list[Carried],
    iteration: Atom,
    during: Truth,
    trips: Poly,
    run: Callable[[], list[Lane]],
) -> list[Lane]:
    """Learn how the carried values step from a silent run, run the body for good, give the final values."""
    with _entered(tracer, iteration, during):
        with tracer.silently():
            tracer.bind([each.argument for each in carried], [each.placeholder for each in carried])
            yields = run()
        loose = frozenset(label for each in carried for label in _placeholders(each))
        solved = [
            _solve(tracer, each, after, iteration, during, loose) for each, after in zip(carried, yields, strict=True)
        ]
        spoiled = _spread(carried, yields, iteration, during)
        earlier = _earlier(carried, solved, iteration)
        current = [
            Lane(value.content, undef, together(each.start.wraps, _before(after.wraps, earlier, iteration, during)))
            for each, value, after, undef in zip(carried, solved, yields, spoiled, strict=True)
        ]
        tracer.bind([each.argument for each in carried], current)
        yields = run()
    last = Renaming({iteration: trips})
    return [renamed(value, last) for value in current]


def _trips(tracer: Tracer, low: Poly, high: Poly, step: Poly) -> Poly:
    rounds = apply("floordiv", high - low + step - 1, step)
    return rounds if tracer.ranges.nonnegative(high - low) else apply("max", poly(0), rounds)


def _carry(tracer: Tracer, arguments: Sequence[Value], starts: Sequence[Lane]) -> list[Carried]:
    return [
        Carried(argument, start, _placeholder(tracer, argument, start), f"carried:{tracer.local(argument)}")
        for argument, start in zip(arguments, starts, strict=True)
    ]


def _placeholder(tracer: Tracer, argument: Value, start: Lane) -> Lane:
    """Its lanes are its arguments: a lane that gets what another lane had does not get its own."""
    label = f"carried:{tracer.local(argument)}"
    lanes = tuple(of(lane(axis)) for axis in range(len(shape_of(argument.type))))
    undef = opaque_truth(label, lanes)
    element = element_of(argument.type)
    bits = element.bits if isinstance(element, Scalar) and element.integer else 64
    now = of(atom("opaque", f"int:{label}:{bits}", lanes))
    content: Content = None
    if isinstance(start.content, Address):
        content = Address(start.content.pointer, now)
    elif isinstance(start.content, Poly):
        content = now
    elif isinstance(start.content, Truth):
        content = opaque_truth(f"{label}:value", lanes)
    elif isinstance(start.content, Descriptor):
        content = start.content
    return Lane(content, undef)


def _placeholders(each: Carried) -> frozenset[str]:
    """The labels of what stands for the value, at whichever lanes."""
    content = each.placeholder.content
    content = content.offset if isinstance(content, Address) else content
    found = closure([content]) if isinstance(content, Poly | Truth) else ()
    return frozenset(inner.label for inner in found if inner.kind == "opaque")


def _solve(tracer: Tracer, each: Carried, after: Lane, iteration: Atom, during: Truth, loose: frozenset[str]) -> Lane:
    """The carried value at the generic iteration: start + iteration * step, or unchanged, or unknown."""
    start, now, then = each.start.content, each.placeholder.content, after.content
    if isinstance(start, Truth | Descriptor) and then == now:
        return Lane(start)
    if isinstance(start, Poly) and isinstance(now, Poly) and isinstance(then, Poly):
        stepped = _stepped(start, now, then, iteration, loose)
        if stepped is not None:
            return Lane(stepped)
    if isinstance(start, Address) and isinstance(now, Address) and isinstance(then, Address):
        stepped = _stepped(start.offset, now.offset, then.offset, iteration, loose)
        if stepped is not None and then.pointer == start.pointer:
            return Lane(Address(start.pointer, stepped))
    return _forgotten(tracer, each.argument, "carried")


def _earlier(carried: list[Carried], solved: list[Lane], iteration: Atom) -> Renaming:
    """From the generic iteration to any earlier one, with what is known of the carried values there."""
    back = {iteration: of(atom("iter", f"{iteration.label}:earlier"))}
    known = dict(back)
    for each, value in zip(carried, solved, strict=True):
        now, found = each.placeholder.content, value.content
        if isinstance(now, Address) and isinstance(found, Address):
            now, found = now.offset, found.offset
        if isinstance(now, Poly) and isinstance(found, Poly):
            (placeholder,) = now.atoms()
            known[placeholder] = Renaming(back).poly(found)
    return Renaming(known)


def _before(wraps: tuple[Wrap, ...], earlier: Renaming, iteration: Atom, during: Truth) -> Iterator[Wrap]:
    """Wraps in one round, as wraps in any earlier one: in the first there is nothing yet of what a round adds."""
    entered = conj(earlier.truth(during), less(earlier.poly(of(iteration)), of(iteration)))
    return (evolve(moved, when=conj(entered, moved.when)) for moved in (wrap.renamed(earlier) for wrap in wraps))


def _stepped(start: Poly, now: Poly, then: Poly, iteration: Atom, loose: frozenset[str]) -> Poly | None:
    step = then - now
    inside = closure([step])
    if iteration not in inside and not any(each.label in loose for each in inside):
        return start + of(iteration) * step
    if not any(each.label in loose for each in closure([then])):  # computed anew: an iteration sees the previous one's
        previous = Renaming({iteration: of(iteration) - 1}).poly(then)
        return choose(equal(of(iteration), 0), start, previous)
    return None


def _forgotten(tracer: Tracer, argument: Value, why: str) -> Lane:
    """A value of the argument's type about which nothing is known; it may differ in every iteration."""
    element, rank = element_of(argument.type), len(shape_of(argument.type))
    label = f"{why}:{tracer.local(argument)}"
    if element == Scalar("i1"):
        return Lane(opaque_truth(f"{label}:forgotten", tracer.context(rank)))
    if isinstance(element, Scalar) and element.integer:
        return Lane(of(atom("opaque", f"int:{label}:{element.bits}", tracer.context(rank))))
    return Lane()


def _spread(carried: list[Carried], yields: list[Lane], iteration: Atom, during: Truth) -> list[Truth]:
    """Where each carried value is undefined at the generic iteration: the least fixpoint, or more than that."""
    labels = {each.label: FALSE for each in carried}
    added = [Renaming({}, labels).truth(after.undef) for after in yields]
    if all(undef == FALSE for undef in added) and all(each.start.undef == FALSE for each in carried):
        return [FALSE] * len(carried)
    earlier = of(atom("iter", f"{iteration.label}:earlier"))
    back = Renaming({iteration: earlier})
    added = [conj(back.truth(during), back.truth(undef)) if undef != FALSE else FALSE for undef in added]
    if all(_keeps_lanes(each, after) for each, after in zip(carried, yields, strict=True)):
        return [disj(each.start.undef, undef) for each, undef in zip(carried, added, strict=True)]
    anywhere = disj(*(each.start.undef for each in carried), *added)
    lanes = {
        lane(axis): of(another_lane(f"any:{iteration.label}:{axis}", Lane(None, anywhere))) for axis in range(MAX_RANK)
    }
    return [Renaming(lanes).truth(anywhere)] * len(carried)


MAX_RANK: Final = 8


def _keeps_lanes(each: Carried, after: Lane) -> bool:
    """Whether a lane is spoiled only by the same lane of the same carried value."""
    own = atom("opaque", each.label, tuple(of(lane(axis)) for axis in range(each.rank)))
    opaque = (found for found in closure([after.undef]) if found.kind == "opaque")
    return all(found is own for found in opaque if found.label.startswith("carried:"))


CONTROL: Final[Mapping[str, Meaning]] = {
    "scf.if": branch,
    "scf.for": for_loop,
    "scf.while": while_loop,
    "tt.call": call,
}
