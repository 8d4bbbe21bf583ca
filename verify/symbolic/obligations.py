"""From a reading to obligations: each a claim in words, the assumptions it stands on, and ways to show it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Final

from attrs import frozen

from verify.ir.parse import parse
from verify.ir.program import Symbol
from verify.symbolic.hazards import ordered, unordered
from verify.symbolic.layout import apart, coordinates, elements, folded, inside, packed, span, tile
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import (
    FALSE,
    TRUE,
    Atom,
    Renaming,
    Truth,
    at_most,
    atom,
    closure,
    conj,
    disj,
    equal,
    lane,
    negate,
    of,
    pid,
    poly,
    primed,
    within,
)
from verify.symbolic.trace import Access, Decision
from verify.symbolic.values import Lane, Wrap
from verify.verdict import Place

MOST_THREADS: Final = 1024
GRID_LIMITS: Final = (2**31 - 1, 65535, 65535)  # CUDA's; x may be large, y and z may not


@frozen(eq=False)
class Way:
    """One way to show an obligation: `goal` follows from the assumptions (its own, where it has them).

    Where the goal is only `sufficient` for the claim, a model against it is no counterexample; where it is only
    `necessary`, following from the assumptions is no proof, but a model against it is a counterexample.
    """

    goal: Truth
    rung: str
    assumptions: tuple[Truth, ...] | None = None
    sufficient: bool = False
    necessary: bool = False
    also: tuple[tuple[tuple[Truth, ...], Truth], ...] = ()  # assumptions and goals that the way rests on, shown as well


@frozen(eq=False)
class Obligation:
    """One claim about one reading. Any of the ways is enough, in a context of its own assumptions.

    `faults` are the kinds of fault that a replayed counterexample must show. `copies` says how many program
    instances it is about. `under` lists facts from elsewhere that the claim relies on. `read` names a buffer of which
    later steps read: what of it nobody has written must show there.
    """

    reading: Reading
    claim: str
    place: Place
    assumptions: tuple[Truth, ...]
    ways: tuple[Way, ...]
    ranges: Ranges
    faults: tuple[str, ...]
    copies: int = 1
    under: tuple[str, ...] = ()
    wrap: Wrap | None = None  # the operation that it says does not wrap, and the access that it is behind
    access: Access | None = None
    read: str = ""


NO_WRAP: Final = "no index computation wraps (gate overflow)"
IN_ORDER: Final = "a thread has loaded what it makes a store from before it stores, and keeps its own stores in order"
IN_BOUNDS: Final = "every access stays inside its buffer (gate bounds)"


def bounds(reading: Reading) -> Iterator[Obligation]:
    """Every active lane stays inside the elements of the tensor that was passed."""
    for access in reading.trace.accesses:
        window = folded(reading.window(access), access.offset)
        ways = []
        if (split := coordinates(access.offset, window)) is not None:
            ways.append(Way(inside(split, window), "per coordinate"))
        if packed(window):
            ways.append(Way(within(0, access.offset, elements(window)), "flat"))
        else:
            ways.append(Way(within(0, access.offset, span(window)), "span", necessary=True))
        yield Obligation(
            reading,
            f"every active lane of the {access.kind} stays inside {window.buffer}",
            access.place,
            (reading.facts, reading.instance(access), access.active),
            tuple(ways),
            lanes_of(reading, access),
            ("out-of-bounds",),
            under=(NO_WRAP,),
        )


def overflow(reading: Reading) -> Iterator[Obligation]:
    """No integer operation behind an address, a mask or a branch leaves its type; the grid fits the hardware."""
    for axis, limit in enumerate(GRID_LIMITS):
        extent = reading.trace.grid[axis]
        yield Obligation(
            reading,
            f"grid axis {'xyz'[axis]} of {reading.launch.kernel} is within 0..{limit}",
            reading.launch.place,
            (reading.facts,),
            (Way(within(0, extent, limit + 1), "direct"),),
            reading.ranges,
            ("grid",),
        )
    threads = reading.variant.num_warps * 32
    yield Obligation(
        reading,
        f"a program of {reading.launch.kernel} has at most {MOST_THREADS} threads",
        reading.launch.place,
        (reading.facts,),
        (Way(at_most(threads, MOST_THREADS), "direct"),),
        reading.ranges,
        ("threads",),
    )
    for access in reading.trace.accesses:
        ranges = lanes_of(reading, access)
        behind = [(wrap, access.active) for wrap in access.address.wraps]
        behind += [(wrap, access.path) for wrap in access.mask.wraps]
        for wrap, when in behind:
            others = conj(*(_fits(other) for other, _ in behind if other is not wrap))
            yield _no_wrap(reading, wrap, (reading.instance(access), when), ranges, access, others)
    for decision in reading.trace.decisions:
        for wrap in decision.value.wraps:
            yield _no_wrap(reading, wrap, _situation(reading, decision), reading.trace.ranges)


def _fits(wrap: Wrap) -> Truth:
    half = 2 ** (wrap.bits - 1)
    return disj(negate(wrap.when), within(-half, wrap.value, half))


def _no_wrap(
    reading: Reading,
    wrap: Wrap,
    when: tuple[Truth, ...],
    ranges: Ranges,
    access: Access | None = None,
    others: Truth = TRUE,
) -> Obligation:
    """A counterexample in which another operation wraps first is a run of that one: `others` tells these apart."""
    half = 2 ** (wrap.bits - 1)
    ways = [*_factor_ways(wrap, ranges, half - 1), Way(within(-half, wrap.value, half), "direct")]
    if others != TRUE:
        alone = (reading.facts, *when, wrap.when, others)
        ways.append(Way(within(-half, wrap.value, half), "before the others", alone, necessary=True))
    return Obligation(
        reading,
        f"the {wrap.operation} fits int{wrap.bits} wherever an address, a mask or a branch rests on it",
        wrap.place,
        (reading.facts, *when, wrap.when),
        tuple(ways),
        ranges,
        ("wrapped-index",),
        wrap=wrap,
        access=access,
    )


def _factor_ways(wrap: Wrap, ranges: Ranges, limit: int) -> Iterator[Way]:
    """A product stays within the limit when one factor does within limit / the other's bound."""
    for one, other in (wrap.factors, wrap.factors[::-1]) if wrap.factors else ():
        size = max(map(abs, ranges.of(other)))
        if 1 <= size <= limit:
            most = limit // int(size)
            yield Way(within(-most, one, most + 1), "by factors", sufficient=True)


def undefined(reading: Reading) -> Iterator[Obligation]:
    """Nothing undefined reaches a stored value, an address, a mask or a decision; nothing is divided by zero."""
    for access in reading.trace.accesses:
        ranges = lanes_of(reading, access)
        parts: list[tuple[str, Lane, Truth]] = [
            ("address", access.address, access.active),
            ("mask", access.mask, access.path),
        ]
        if access.value is not None:
            parts.append(("stored value", access.value, access.active))
        for what, value, when in parts:
            if what == "stored value" or value.undef != FALSE:
                yield Obligation(
                    reading,
                    f"no undefined lane reaches the {what} of the {access.kind}",
                    access.place,
                    (reading.facts, reading.instance(access), when),
                    (Way(negate(value.undef), "direct"),),
                    ranges,
                    ("undefined",),
                    under=(NO_WRAP,),
                )
    for decision in reading.trace.decisions:
        goal = conj(decision.holds, negate(decision.value.undef))
        if goal != TRUE:
            # Of a tensor a hint may be true where what is asked for here is not: only the first lanes count against it.
            number = decision.what == "hint" and not decision.shape
            asked = decision.holds != TRUE and (number or decision.what != "hint")
            fits = conj(*(_fits(wrap) for wrap in decision.value.wraps))
            # A run that depends on masked-off lanes says nothing of a hint about lanes: it would be no witness.
            spoiled = decision.value.undef != FALSE and decision.what != "hint"
            false = number or decision.least != TRUE
            kinds = {"denied": asked and not number, "undefined": spoiled, "hint": decision.what == "hint" and false}
            situation = (reading.facts, *_situation(reading, decision))
            ways = [Way(goal, "direct")]
            if decision.shape and decision.least != TRUE:
                defined = (*situation, fits, negate(decision.value.undef))
                ways.append(Way(decision.least, "first lanes", defined, necessary=True))
            yield Obligation(
                reading,
                f"the {decision.what} is defined" + ("" if decision.holds == TRUE else f" and {WANTED[decision.what]}"),
                decision.place,
                (*situation, fits if asked else TRUE),
                tuple(ways),
                reading.trace.ranges,
                tuple(kind for kind, given in kinds.items() if given),
                under=(NO_WRAP,),
            )


WANTED: Final = {
    "divisor": "not zero",
    "loop step": "positive",
    "assumption": "true",
    "hint": "true",
    "assertion": "true",
    "gather's index": "inside its tensor",
}


def _situation(reading: Reading, decision: Decision) -> tuple[Truth, ...]:
    lanes = [within(0, of(lane(axis)), extent) for axis, extent in enumerate(decision.shape)]
    return (reading.instance(), conj(*lanes), decision.path)


def races(reading: Reading) -> Iterator[Obligation]:
    """No two programs touch one element unless both only read or both are atomic; nor two lanes unordered."""
    accesses = reading.trace.accesses
    for left, right in combinations_with_replacement(accesses, 2):
        kinds = {left.kind, right.kind}
        if kinds == {"load"} or reading.window(left).buffer != reading.window(right).buffer:
            continue
        if kinds == {"atomic"}:
            yield _apart(reading, left, right, between=True) if _narrow(left, right) else _atomic(reading, left, right)
            continue
        yield _apart(reading, left, right, between=True)
        if left is right or not ordered(reading, left, right):
            yield _apart(reading, left, right, between=False)


def _narrow(*accesses: Access) -> bool:
    """Whether one of the atomics is one only to its own program."""
    return any(access.operation.attributes.get("scope") == Symbol("cta") for access in accesses)


def _atomic(reading: Reading, left: Access, right: Access) -> Obligation:
    lines = "" if left is right else f", lines {left.place.line} and {right.place.line}"
    return Obligation(
        reading,
        f"programs touch one element of {reading.window(left).buffer} by atomics that see each other{lines}",
        left.place,
        (reading.facts,),
        (Way(TRUE, "atomic in all programs"),),
        reading.ranges,
        ("write-conflict",),
    )


def _apart(reading: Reading, left: Access, right: Access, between: bool) -> Obligation:
    """Two executions of the accesses, in different programs or in different lanes of one, touch two elements."""
    other = copy(right, reading)
    programs = [negate(equal(of(pid(axis)), other.poly(of(pid(axis))))) for axis in range(3)]
    if between:
        different = disj(*programs)
    else:
        other = copy(right, reading, programs=False)
        different = unordered(parse(reading.variant.ttir), left, right)
    window, second = reading.window(left), reading.window(right)
    if window == second:
        window = second = folded(window, left.offset, right.offset)
    ways, also = [], both_inside(reading, left, right, other, window, second)
    if left is right and between and (tilings := tile(left.offset, left.shape, window)) is not None:
        # block * tile + lane is the same only if the tiles are: then masks and lanes need not be looked at
        tiles = [each.tile for each in tilings]
        goal = conj(apart(window), negate(conj(*(equal(each, other.poly(each)) for each in tiles))))
        instances = (reading.facts, reading.instance(), other.truth(reading.instance()), different)
        ways.append(Way(goal, "per tile", instances, sufficient=True, also=also))
    here, there = coordinates(left.offset, window), coordinates(right.offset, second)
    if here is not None and there is not None and window == second:
        moved = [other.poly(each) for each in there]
        unlike = negate(conj(*map(equal, here, moved)))
        ways.append(Way(conj(apart(window), unlike), "per coordinate", sufficient=not packed(window), also=also))
    flat = other.poly(right.offset + second.origin)
    ways.append(Way(negate(equal(left.offset + window.origin, flat)), "flat"))
    assumed = (
        reading.facts,
        reading.instance(left),
        left.active,
        other.truth(conj(reading.instance(right), right.active)),
        different,
    )
    ways += _expanded(reading, window.buffer, assumed, ways[-1].goal)
    who = "two programs" if between else "two lanes of one program, or one with no barrier between,"
    verbs = left.kind if left is right else f"{left.kind} and {right.kind}"
    return Obligation(
        reading,
        f"{who} never touch one element of {window.buffer} ({verbs}"
        + ("" if left is right else f" at line {right.place.line}")
        + ")",
        left.place,
        assumed,
        tuple(ways),
        twice(reading, left, right),
        ("write-conflict", "read-write-conflict"),
        copies=2 if between else 1,
        under=(NO_WRAP, IN_BOUNDS) if between else (NO_WRAP, IN_BOUNDS, IN_ORDER),
    )


def _expanded(reading: Reading, buffer: str, assumed: tuple[Truth, ...], goal: Truth) -> Iterator[Way]:
    """An input whose strides are free may have one that is 0: a counterexample there is one, and easy to come by."""
    for param in reading.spec.tensors:
        if param.name == reading.plan.buffer(buffer).param:
            for axis in range(len(param.dims)):
                stride = atom("name", param.stride(axis))
                one = Renaming({stride: poly(0)})
                if stride in closure([goal]):
                    given = (equal(of(stride), 0), *map(one.truth, assumed))
                    yield Way(one.truth(goal), "expanded", given, necessary=True)


def both_inside(
    reading: Reading, left: Access, right: Access, other: Renaming, *windows: Window
) -> tuple[tuple[tuple[Truth, ...], Truth], ...]:
    """What makes other coordinates another element: that the coordinates of both accesses are within the sizes.

    An access inside its tensor may still have coordinates beyond a row, if its mask looks at the flat offset only.
    """
    found = []
    for access, move, window in zip((left, right), (Renaming({}), other), windows, strict=True):
        split = coordinates(access.offset, window)
        if split is not None:
            goal = inside(split, window)
        else:
            goal = within(0, access.offset, elements(window)) if packed(window) else FALSE
        active = move.truth(conj(reading.instance(access), access.active))
        found.append(((reading.facts, active), move.truth(goal)))
    return tuple(found)


def copy(access: Access, reading: Reading, programs: bool = True) -> Renaming:
    """A second execution: its own lanes and iterations, and its own program unless told otherwise."""
    own: list[Atom] = [lane(axis) for axis in range(8)]
    own += {each for other in reading.trace.accesses for each in other.loops}
    if programs:
        own += [pid(axis) for axis in range(3)]
    return Renaming({each: of(primed(each)) for each in own})


def lanes_of(reading: Reading, *accesses: Access) -> Ranges:
    """The reading's ranges, with lane coordinates bounded by the accesses' shapes."""
    extents: dict[Atom, Range] = {}
    for access in accesses:
        extents |= {lane(axis): (0, extent - 1) for axis, extent in enumerate(access.shape)}
    return reading.trace.ranges.overlaid(extents)


def twice(reading: Reading, left: Access, right: Access) -> Ranges:
    """Ranges for two executions, the second one primed."""
    bounds = dict(lanes_of(reading, left).bounds)
    second = copy(right, reading)
    for each, known in reading.trace.ranges.bounds.items():
        (image,) = second.atom(each).atoms() or (each,)
        bounds[image] = known
    for axis, extent in enumerate(right.shape):
        bounds[primed(lane(axis))] = (0, extent - 1)
    return Ranges(bounds)
