"""Coverage: every element of an output is written, and no program writes one twice.

Existence is shown without quantifiers. Where a coordinate is `block * tile + lane` with a plain program id or loop
counter as its tile, the writer of an element is exhibited and checked. Where the tile is computed from the program
id (grouped orders, `pid // n`), counting does it: the tile map stays in range and is injective, and there are as
many programs as tiles, so every tile is hit.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from attrs import evolve

from verify.symbolic.control import WHILE
from verify.symbolic.layout import Tiling, apart, coordinates, elements, packed, tile
from verify.symbolic.obligations import IN_BOUNDS, NO_WRAP, Obligation, Way, both_inside, copy, lanes_of, twice
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import (
    TRUE,
    Atom,
    Poly,
    Renaming,
    Truth,
    apply,
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
from verify.symbolic.trace import Access


def coverage(reading: Reading, buffer: str, views: tuple[Window, ...]) -> Iterator[Obligation]:
    """Every element of these views of the buffer is written by the launch, exactly once.

    What is not written of an input that comes back keeps its caller's value: there is nothing to be filled.
    """
    stores = _stores(reading, buffer)
    held = reading.plan.buffer(buffer)
    if held.param is None and held.fill is not None and not stores and _added(reading, buffer):
        yield _filled(reading, buffer)
    elif held.param is None:
        yield from everywhere(reading, buffer, views)
    for at, left in enumerate(stores):
        for right in stores[at:]:
            yield _once(reading, left, right)


def everywhere(reading: Reading, buffer: str, views: tuple[Window, ...]) -> Iterator[Obligation]:
    """Every element of these views of the buffer is written by the launch."""
    stores = _stores(reading, buffer)
    if not stores or any(reading.window(store) != reading.window(stores[0]) for store in stores):
        yield _missing(reading, buffer, stores)
        return
    window = reading.window(stores[0])
    if not all(matches(view, window) for view in views):
        yield _missing(reading, buffer, stores)
        return
    # That a round of a while loop would go on does not say that it is ever come to.
    sure = [store for store in stores if not any(each.label.startswith(WHILE) for each in store.loops)]
    tilings = [tile(store.offset, store.shape, window) for store in sure]
    split = [each for each in tilings if each is not None]
    grid = reading.trace.grid
    if not split or len(split) < len(stores) or len({len(each) for each in split}) > 1:
        yield _missing(reading, buffer, stores)
    elif all(axis.exhibits(grid) for each in split for axis in each):
        yield _exhibited(reading, window, sure, split)
    elif (merged := _merged(split)) is not None:
        yield from _counted(reading, window, sure, split, merged)
    else:
        yield _missing(reading, buffer, stores)


def matches(wanted: Window, window: Window) -> bool:
    """Whether the windows have the same elements."""
    if wanted == window:
        return True
    flat = packed(wanted) and packed(window) and wanted.origin == window.origin
    return wanted.buffer == window.buffer and flat and elements(wanted) == elements(window)


def _stores(reading: Reading, buffer: str) -> list[Access]:
    return [each for each in reading.trace.accesses if each.kind == "store" and reading.window(each).buffer == buffer]


def _added(reading: Reading, buffer: str) -> list[Access]:
    return [each for each in reading.trace.accesses if each.kind == "atomic" and reading.window(each).buffer == buffer]


def _filled(reading: Reading, buffer: str) -> Obligation:
    """A launch that only updates atomically leaves elements that it does not meet as the host code filled them."""
    claim = f"every element of {buffer} is filled by the host code, then only updated"
    way = Way(TRUE, "by its allocation")
    place = _added(reading, buffer)[0].place
    return Obligation(reading, claim, place, (reading.facts,), (way,), reading.ranges, ("unwritten",))


def _element(axis: int) -> Poly:
    return of(atom("iter", f"element{axis}"))


def _exhibited(reading: Reading, window: Window, stores: list[Access], tilings: list[tuple[Tiling, ...]]) -> Obligation:
    """For the element e, program, iteration and lane are named; the store must be active there."""
    extents = window.sizes if len(tilings[0]) == len(window.sizes) else (elements(window),)
    element = [within(0, _element(axis), size) for axis, size in enumerate(extents)]
    covered = [_active_at(reading, store, tiling) for store, tiling in zip(stores, tilings, strict=True)]
    return Obligation(
        reading,
        f"every element of {window.buffer} is written",
        stores[0].place,
        (reading.facts, *element),
        (Way(disj(*covered), "writer exhibited"),),
        reading.ranges,
        ("unwritten",),
        under=(NO_WRAP,),
    )


def _active_at(reading: Reading, store: Access, tilings: tuple[Tiling, ...]) -> Truth:
    chosen: dict[Atom, Poly] = {}
    for axis, tiling in enumerate(tilings):
        element = _element(axis) - tiling.start
        for at, step, extent in tiling.lanes:
            chosen[lane(at)] = apply("floormod", apply("floordiv", element, poly(step)), poly(extent))
        index = apply("floordiv", element, poly(tiling.block))
        stride = tiling.persistent(reading.trace.grid)
        if stride is not None:
            program, rounds = stride
            programs = reading.trace.grid["xyz".index(program.label)]
            chosen[rounds] = apply("floordiv", index, programs)
            chosen[program] = index - chosen[rounds] * programs  # the remainder, in words that cancel out
        elif tiling.plain is not None:
            chosen[tiling.plain] = index
    free = [*(pid(axis) for axis in range(3)), *store.loops, *(lane(axis) for axis in range(len(store.shape)))]
    writer = Renaming({each: poly(0) for each in free} | chosen)
    return conj(writer.truth(conj(reading.instance(store), store.active)), *_hits(writer, tilings))


def _hits(writer: Renaming, tilings: tuple[Tiling, ...]) -> Iterator[Truth]:
    """The chosen writer's coordinates are the element's: one lane or counter in two axes writes a diagonal only."""
    for axis, tiling in enumerate(tilings):
        yield equal(writer.poly(tiling.coordinate), _element(axis))


def _merged(split: list[tuple[Tiling, ...]]) -> tuple[Tiling, ...] | None:
    """What a program's stores write together, axis by axis: blocks 2t and 2t + 1 of two stores are one block t.

    None where the stores' blocks do not lie side by side. That together they leave no gap is asked elsewhere.
    """
    axes = []
    for same in zip(*split, strict=True):
        first, places = same[0], [_constant(each.tile) for each in same]
        many = len(set(places))
        alike = all(each.block == first.block and each.lanes == first.lanes for each in same)
        if not alike or any(each.start != poly(0) for each in same):
            return None
        tiles = {_part(each.tile - at % many, many) for each, at in zip(same, places, strict=True)}
        if len(tiles) > 1 or None in tiles:
            return None
        (tile,) = tiles
        assert tile is not None
        axes.append(evolve(first, block=first.block * many, tile=tile))
    return tuple(axes)


def _constant(term: Poly) -> int:
    return next((coefficient for monomial, coefficient in term.terms if not monomial), 0)


def _part(term: Poly, divisor: int) -> Poly | None:
    """The term divided by a number that divides all of its coefficients."""
    if any(coefficient % divisor for _, coefficient in term.terms):
        return None
    return Poly(tuple((monomial, coefficient // divisor) for monomial, coefficient in term.terms))


def _counted(
    reading: Reading,
    window: Window,
    stores: list[Access],
    split_stores: list[tuple[Tiling, ...]],
    tilings: tuple[Tiling, ...],
) -> Iterator[Obligation]:
    """The pigeonhole argument, in its four parts, over what a program's stores write together (`tilings`).

    Axes with a plain loop counter are exhibited on the side.
    """
    store = stores[0]
    split = [tiling for tiling in tilings if not (tiling.plain and tiling.plain.kind == "iter")]
    axes = [axis for axis, tiling in enumerate(tilings) if tiling in split]
    extents = window.sizes if len(tilings) == len(window.sizes) else (elements(window),)
    rounds = [apply("floordiv", extents[axis] + tilings[axis].block - 1, poly(tilings[axis].block)) for axis in axes]
    if any(each.kind == "iter" for tiling in split for each in _inside(tiling.tile)):
        yield _missing(reading, window.buffer, stores)
        return
    ranges = lanes_of(reading, store)
    other = copy(store, reading)
    here = (reading.facts, reading.instance())
    nonempty = [within(0, _element(axis), size) for axis, size in enumerate(extents)]
    tiles = [tiling.tile for tiling in split]
    grid = reduce(lambda a, b: a * b, reading.trace.grid, poly(1))
    count = reduce(lambda a, b: a * b, rounds, poly(1))
    parts = (
        (
            f"every program's tile of {window.buffer} exists",
            here,
            conj(*(_below(at, limit, ranges) for at, limit in zip(tiles, rounds, strict=True))),
            ranges,
        ),
        (
            f"two programs have two tiles of {window.buffer}",
            (
                *here,
                other.truth(reading.instance()),
                disj(*(negate(equal(of(pid(axis)), of(primed(pid(axis))))) for axis in range(3))),
            ),
            negate(conj(*(equal(at, other.poly(at)) for at in tiles))),
            twice(reading, store, store),
        ),
        (
            f"there are as many programs as tiles of {window.buffer}",
            (reading.facts, *nonempty),
            equal(grid, count),
            reading.ranges,
        ),
        (
            f"every element of a tile of {window.buffer} is written by its program",
            (*here, *nonempty, *(equal(at, index) for at, index in zip(tiles, _indices(tilings, axes), strict=True))),
            disj(*(_lanes_active(each, own) for each, own in zip(stores, split_stores, strict=True))),
            reading.ranges,
        ),
    )
    for claim, assumptions, goal, known in parts:
        yield Obligation(
            reading, claim, store.place, assumptions, (Way(goal, "counting"),), known, ("unwritten",), under=(NO_WRAP,)
        )


def _below(tile: Poly, limit: Poly, ranges: Ranges) -> Truth:
    """0 <= tile < limit; of a quotient a // b, or of one counted down, it is said without the quotient."""
    for only in tile.atoms():
        rest = {sign: tile - of(only) * sign for sign in (1, -1)}
        sign = next((each for each in rest if only not in rest[each].atoms()), 0)
        if only.kind != "floordiv" or not sign or not any(each.kind == "pid" for each in closure([of(only)])):
            continue
        numerator, divisor = (arg for arg in only.args if isinstance(arg, Poly))
        if ranges.positive(divisor):
            low = -rest[1] if sign == 1 else rest[-1] - limit + 1
            return within(low * divisor, numerator, (low + limit) * divisor)
    return within(0, tile, limit)


def _indices(tilings: tuple[Tiling, ...], axes: list[int]) -> list[Poly]:
    return [apply("floordiv", _element(axis), poly(tilings[axis].block)) for axis in axes]


def _lanes_active(store: Access, tilings: tuple[Tiling, ...]) -> Truth:
    """The store is active at the element's lane (and iteration) in a program that has its tile."""
    chosen: dict[Atom, Poly] = {each: poly(0) for each in store.loops}
    chosen |= {lane(axis): poly(0) for axis in range(len(store.shape))}
    for axis, tiling in enumerate(tilings):
        for at, step, extent in tiling.lanes:
            chosen[lane(at)] = apply("floormod", apply("floordiv", _element(axis), poly(step)), poly(extent))
        if tiling.plain and tiling.plain.kind == "iter":
            chosen[tiling.plain] = apply("floordiv", _element(axis), poly(tiling.block))
    writer = Renaming(chosen)
    return conj(writer.truth(store.active), *_hits(writer, tilings))


def _inside(term: Poly) -> frozenset[Atom]:
    return frozenset(closure([term]))


def _once(reading: Reading, left: Access, right: Access) -> Obligation:
    """One program does not write an element twice, in two lanes, iterations or stores."""
    other = copy(right, reading, programs=False)
    window = reading.window(left)
    changing = [*(lane(axis) for axis in range(len(left.shape))), *left.loops]
    different = disj(*(negate(equal(of(each), of(primed(each)))) for each in changing)) if left is right else TRUE
    ways = []
    here, there = coordinates(left.offset, window), coordinates(right.offset, reading.window(right))
    if here is not None and there is not None and window == reading.window(right):
        same = [equal(a, other.poly(b)) for a, b in zip(here, there, strict=True)]
        unlike, also = (
            negate(conj(*same)),
            both_inside(reading, left, right, other, *map(reading.window, (left, right))),
        )
        ways.append(Way(conj(apart(window), unlike), "per coordinate", sufficient=not packed(window), also=also))
    start, second = window.origin, reading.window(right).origin
    ways.append(Way(negate(equal(left.offset + start, other.poly(right.offset + second))), "flat"))
    return Obligation(
        reading,
        f"no program writes an element of {window.buffer} twice"
        + ("" if left is right else f" (lines {left.place.line} and {right.place.line})"),
        left.place,
        (
            reading.facts,
            reading.instance(left),
            left.active,
            other.truth(conj(reading.instance(right), right.active)),
            different,
        ),
        tuple(ways),
        twice(reading, left, right),
        ("written-twice", "write-conflict"),
        under=(NO_WRAP, IN_BOUNDS),
    )


def _missing(reading: Reading, buffer: str, stores: list[Access]) -> Obligation:
    """Nothing is known to show it by; no store at all is shown or refuted by a run of the plan."""
    return Obligation(
        reading,
        f"every element of {buffer} is written",
        stores[0].place if stores else reading.launch.place,
        (reading.facts,),
        (),
        reading.ranges,
        ("unwritten",),
    )
