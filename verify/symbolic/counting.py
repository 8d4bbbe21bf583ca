"""Counting: every tile of an output is some program's, where no writer can be named.

The tile map of those who take tiles stays in range and is injective, and there are as many of them as tiles, so every
tile is hit. Who takes tiles is a program of the grid (grouped orders, `pid // n`) or, where programs stay and take one
tile after another, a turn: the number `program + counter * programs` from which such a kernel works out its tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce

from attrs import evolve, frozen

from verify.symbolic.layout import Tiling, elements
from verify.symbolic.obligations import NO_WRAP, Obligation, Way, copy, lanes_of, twice
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import (
    Atom,
    Poly,
    Renaming,
    Truth,
    apply,
    at_most,
    atom,
    closure,
    conj,
    disj,
    equal,
    lane,
    less,
    negate,
    of,
    pid,
    poly,
    primed,
    within,
)
from verify.symbolic.trace import Access


@frozen(eq=False)
class Takers:
    """Who takes tiles: what holds of one, of a second one that is another, and how many there are.

    `tiles` are the coordinates of one's tile. `who` puts the one in place of its program and loop counter.
    """

    word: str
    tiles: tuple[Poly, ...]
    present: Truth
    second: Renaming
    another: Truth
    ranges: Ranges
    both: Ranges
    many: Poly | None  # None: turns are numbered up to as many as there are tiles
    who: Renaming


def counted(
    reading: Reading, window: Window, stores: list[Access], split: list[tuple[Tiling, ...]]
) -> Iterator[Obligation] | None:
    """The pigeonhole argument in its parts, over what a program's stores write together; None where it cannot be made.

    Axes with a plain loop counter are exhibited on the side.
    """
    merged = _merged(split)
    if merged is None:
        return None
    axes = [axis for axis, each in enumerate(merged) if not (each.plain and each.plain.kind == "iter")]
    extents = window.sizes if len(merged) == len(window.sizes) else (elements(window),)
    blocks = [poly(merged[axis].block) for axis in axes]
    limits = [apply("floordiv", extents[axis] + block - 1, block) for axis, block in zip(axes, blocks, strict=True)]
    count = _product(limits)
    takers = _takers(reading, stores[0], tuple(merged[axis].tile for axis in axes), count)
    if takers is None:
        return None
    here = (reading.facts, takers.present)
    nonempty = [within(0, element(axis), size) for axis, size in enumerate(extents)]
    own = [apply("floordiv", element(axis), block) for axis, block in zip(axes, blocks, strict=True)]
    parts = [
        (
            f"every {takers.word}'s tile of {window.buffer} exists",
            here,
            _within_limits(takers.tiles, limits, takers.ranges),
            takers.ranges,
        ),
        (
            f"two {takers.word}s have two tiles of {window.buffer}",
            (*here, takers.second.truth(takers.present), takers.another),
            [Way(negate(conj(*(equal(at, takers.second.poly(at)) for at in takers.tiles))), "counting")],
            takers.both,
        ),
        (
            f"every element of a tile of {window.buffer} is written by its {takers.word}",
            (*here, *nonempty, *(equal(at, index) for at, index in zip(takers.tiles, own, strict=True))),
            [Way(disj(*map(partial(_written, reading, takers.who), stores, split)), "counting")],
            reading.ranges,
        ),
    ]
    if takers.many is not None:
        as_many = f"there are as many {takers.word}s as tiles of {window.buffer}"
        ways = [Way(equal(takers.many, count), "counting")]
        parts.insert(2, (as_many, (reading.facts, *nonempty), ways, reading.ranges))
    place, faults = stores[0].place, ("unwritten",)
    return (
        Obligation(reading, claim, place, assumptions, tuple(ways), known, faults, under=(NO_WRAP,))
        for claim, assumptions, ways, known in parts
    )


def _takers(reading: Reading, store: Access, tiles: tuple[Poly, ...], count: Poly) -> Takers | None:
    """The programs, or the turns of programs that stay; None where another loop counter decides the tile, too."""
    if not _counters(tiles):
        another = disj(*(negate(equal(of(pid(axis)), of(primed(pid(axis))))) for axis in range(3)))
        ranges, both = lanes_of(reading, store), twice(reading, store, store)
        second, many = copy(store, reading), _product(reading.trace.grid)
        return Takers("program", tiles, reading.instance(), second, another, ranges, both, many, Renaming({}))
    turn = atom("iter", "turn")
    for program, counter, step in _steps(tiles):
        by_turn = Renaming({program: of(turn) - of(counter) * step})
        turned = tuple(by_turn.poly(each) for each in tiles)
        if any(each.kind in ("pid", "iter") and each != turn for each in closure(turned)):
            continue
        rounds = apply("floordiv", of(turn), step)
        return Takers(
            "turn",
            turned,
            within(0, of(turn), count),
            Renaming({turn: of(primed(turn))}),
            negate(equal(of(turn), of(primed(turn)))),
            reading.ranges,
            reading.ranges,
            None,
            # That each turn has a program of the grid and a round of its loop is asked of what it writes.
            Renaming({**{pid(axis): poly(0) for axis in range(3)}, program: of(turn) - rounds * step, counter: rounds}),
        )
    return None


def _counters(tiles: tuple[Poly, ...]) -> list[Atom]:
    return [each for each in closure(tiles) if each.kind == "iter"]


def _steps(tiles: tuple[Poly, ...]) -> Iterator[tuple[Atom, Atom, Poly]]:
    """Program, loop counter and step of the sums `program + counter * step` that the tiles are computed from."""
    inner = [arg for each in closure(tiles) for arg in each.args if isinstance(arg, Poly)]
    for term in (*tiles, *inner):
        for counter in (each for each in term.atoms() if each.kind == "iter"):
            for program in (pid(axis) for axis in range(3)):
                rest = term - of(program)
                step = Poly(tuple((_less(key, counter), value) for key, value in rest.terms if counter in key))
                if program in term.atoms() and program not in rest.atoms() and counter not in closure([step]):
                    yield program, counter, step


def _less(monomial: tuple[Atom, ...], factor: Atom) -> tuple[Atom, ...]:
    at = monomial.index(factor)
    return monomial[:at] + monomial[at + 1 :]


def _product(factors: Sequence[Poly]) -> Poly:
    return reduce(lambda a, b: a * b, factors, poly(1))


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


def _within_limits(tiles: Sequence[Poly], limits: Sequence[Poly], ranges: Ranges) -> list[Way]:
    """Ways to show 0 <= tile < limit for each."""
    pairs = list(zip(tiles, limits, strict=True))
    said = [_below(tile, limit, ranges) for tile, limit in pairs]
    goal = conj(*(fits for fits, _ in said))
    if all(same for _, same in said):
        return [Way(goal, "counting")]
    plain = conj(*(within(0, tile, limit) for tile, limit in pairs))
    return [Way(goal, "counting", sufficient=True), Way(plain, "counting")]


def _below(tile: Poly, limit: Poly, ranges: Ranges) -> tuple[Truth, bool]:
    """0 <= tile < limit; of a quotient a // b, or of one counted down, it is said without the quotient, and whether
    that says the same; else it is enough, for it claims also what makes every division floor: a >= 0 and b > 0.
    """
    for only in tile.atoms():
        rest = {sign: tile - of(only) * sign for sign in (1, -1)}
        sign = next((each for each in rest if only not in rest[each].atoms()), 0)
        taken = any(each.kind in ("pid", "iter") for each in closure([of(only)]))
        if only.kind not in ("div", "floordiv") or not sign or not taken:
            continue
        numerator, divisor = (arg for arg in only.args if isinstance(arg, Poly))
        low = -rest[1] if sign == 1 else rest[-1] - limit + 1
        fits = within(low * divisor, numerator, (low + limit) * divisor)
        same = only.kind == "floordiv" and ranges.positive(divisor)
        return (fits, True) if same else (conj(less(0, divisor), at_most(0, numerator), fits), False)
    return within(0, tile, limit), True


def _written(reading: Reading, who: Renaming, store: Access, tilings: tuple[Tiling, ...]) -> Truth:
    """Whoever has the element's tile is a program of the grid, and its store is active at the element's lane."""
    chosen: dict[Atom, Poly] = {each: poly(0) for each in store.loops}
    chosen |= {lane(axis): poly(0) for axis in range(len(store.shape))}
    chosen |= who.mapping
    for axis, tiling in enumerate(tilings):
        for at, step, extent in tiling.lanes:
            chosen[lane(at)] = apply("floormod", apply("floordiv", element(axis), poly(step)), poly(extent))
        if tiling.plain and tiling.plain.kind == "iter":
            chosen[tiling.plain] = apply("floordiv", element(axis), poly(tiling.block))
    writer = Renaming(chosen)
    return conj(writer.truth(conj(reading.instance(), store.active)), *hits(writer, tilings))


def element(axis: int) -> Poly:
    """The element's coordinate along an axis: any one within the extent."""
    return of(atom("iter", f"element{axis}"))


def hits(writer: Renaming, tilings: tuple[Tiling, ...]) -> Iterator[Truth]:
    """The chosen writer's coordinates are the element's: one lane or counter in two axes writes a diagonal only."""
    for axis, tiling in enumerate(tilings):
        yield equal(writer.poly(tiling.coordinate), element(axis))
