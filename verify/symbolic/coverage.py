"""Coverage: every element of an output is written, and no program writes one twice.

Existence is shown without quantifiers. Where a coordinate is `block * tile + lane` with a plain program id or loop
counter as its tile, the writer of an element is exhibited and checked. Where the tile is computed from the program
id (grouped orders, `pid // n`), counting does it (`counting.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from verify.symbolic.control import WHILE
from verify.symbolic.counting import counted, element, hits
from verify.symbolic.layout import Tiling, apart, coordinates, elements, packed, tile
from verify.symbolic.obligations import IN_BOUNDS, NO_WRAP, Obligation, Way, both_inside, copy, twice
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import (
    TRUE,
    Atom,
    Poly,
    Renaming,
    Truth,
    apply,
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
    elif (parts := counted(reading, window, sure, split)) is not None:
        yield from parts
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


def _exhibited(reading: Reading, window: Window, stores: list[Access], tilings: list[tuple[Tiling, ...]]) -> Obligation:
    """For the element e, program, iteration and lane are named; the store must be active there."""
    extents = window.sizes if len(tilings[0]) == len(window.sizes) else (elements(window),)
    nonempty = [within(0, element(axis), size) for axis, size in enumerate(extents)]
    covered = [_active_at(reading, store, tiling) for store, tiling in zip(stores, tilings, strict=True)]
    return Obligation(
        reading,
        f"every element of {window.buffer} is written",
        stores[0].place,
        (reading.facts, *nonempty),
        (Way(disj(*covered), "writer exhibited"),),
        reading.ranges,
        ("unwritten",),
        under=(NO_WRAP,),
    )


def _active_at(reading: Reading, store: Access, tilings: tuple[Tiling, ...]) -> Truth:
    chosen: dict[Atom, Poly] = {}
    for axis, tiling in enumerate(tilings):
        place = element(axis) - tiling.start
        for at, step, extent in tiling.lanes:
            chosen[lane(at)] = apply("floormod", apply("floordiv", place, poly(step)), poly(extent))
        index = apply("floordiv", place, poly(tiling.block))
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
    return conj(writer.truth(conj(reading.instance(store), store.active)), *hits(writer, tilings))


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
