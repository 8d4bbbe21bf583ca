"""From a flat offset back to coordinates: the split that turns a non-linear address claim into linear ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

from attrs import frozen

from verify.symbolic.reading import Window
from verify.symbolic.terms import (
    TRUE,
    Atom,
    Monomial,
    Poly,
    Truth,
    at_most,
    closure,
    conj,
    disj,
    lane,
    less,
    of,
    pid,
    poly,
    within,
)


@frozen(eq=False)
class Tiling:
    """A store's coordinate along one axis: `start + block * tile + place`, with `place` made of lanes.

    `lanes` are the lane axes with their step within the block, innermost first. `start` is the same in all
    programs and iterations: where the second half of a row begins, say.
    """

    coordinate: Poly
    block: int
    tile: Poly
    lanes: tuple[tuple[int, int, int], ...]  # lane axis, step, extent
    start: Poly

    @property
    def plain(self) -> Atom | None:
        """The program id or loop counter that is the tile, when it is just that."""
        atoms = self.tile.atoms()
        if self.tile.constant == 0 or len(atoms) != 1:
            return None
        (only,) = atoms
        return only if self.tile == of(only) and only.kind in ("pid", "iter") else None

    def persistent(self, grid: tuple[Poly, Poly, Poly]) -> tuple[Atom, Atom] | None:
        """Program id and loop counter when the tile is `program + counter * programs`."""
        for program, extent in zip(map(pid, range(3)), grid, strict=True):
            rounds = self.tile - of(program)
            for counter in (each for each in rounds.atoms() if each.kind == "iter"):
                if rounds == of(counter) * extent:
                    return program, counter
        return None

    def exhibits(self, grid: tuple[Poly, Poly, Poly]) -> bool:
        """Whether the program and iteration that have a given tile can be named."""
        return self.tile.constant is not None or self.plain is not None or self.persistent(grid) is not None


def coordinates(offset: Poly, window: Window) -> tuple[Poly, ...] | None:
    """Integers c with offset = sum of c[k] * stride[k], found by reading; None when the offset does not split.

    The split is exact but not the only one: coordinates outside the sizes do not mean that the offset is.
    """
    found: list[Poly] = [poly(0)] * len(window.sizes)
    rest = offset

    def order(axis: int) -> tuple[bool, int, int]:  # an axis of one element takes only what no other does
        return window.sizes[axis].constant != 1, *_weight(window.strides[axis])

    axes = sorted(range(len(window.sizes)), key=order, reverse=True)
    for at, axis in enumerate(axes):
        stride = window.strides[axis]
        part, rest = _divide(rest, stride)
        if any(window.strides[later] == stride and window.sizes[later].constant != 1 for later in axes[at + 1 :]):
            # Two axes step alike (one has a single element, and it is open which): lanes run along the inner one.
            lanes = Poly(tuple(item for item in part.terms if any(each.kind == "lane" for each in item[0])))
            part, rest = part - lanes, rest + lanes * stride
        found[axis] = part
    return _carried(found, window) if rest == poly(0) else None


def _carried(found: list[Poly], window: Window) -> tuple[Poly, ...]:
    """The same place, where an inner coordinate counts down from the end: (b + 1, -1 - i) is (b, size - 1 - i)."""
    for outer, inner in pairwise(range(len(found))):
        ahead = any(not monomial and coefficient > 0 for monomial, coefficient in found[outer].terms)
        below = bool(found[inner].terms) and all(coefficient < 0 for _, coefficient in found[inner].terms)
        if ahead and below and window.strides[outer] == window.sizes[inner] * window.strides[inner]:
            found[outer], found[inner] = found[outer] - 1, found[inner] + window.sizes[inner]
    return tuple(found)


def folded(window: Window, *offsets: Poly) -> Window:
    """The same elements with fewer axes: two without a gap become one where no offset steps along the outer one.

    A kernel that counts over both at once (`program // 8` over batch and head) leaves the inner axis, not the tensor.
    """
    for inner, outer in permutations(reversed(range(len(window.sizes))), 2):
        sizes, strides = list(window.sizes), list(window.strides)
        gapless = strides[outer] == sizes[inner] * strides[inner] and sizes[outer].constant != 1
        splits = [coordinates(offset, window) for offset in offsets] if gapless else []
        if gapless and all(split is not None and split[outer] == poly(0) for split in splits):
            sizes[inner] = sizes[outer] * sizes[inner]
            del sizes[outer], strides[outer]
            return folded(Window(window.buffer, tuple(sizes), tuple(strides), window.origin), *offsets)
    return window


def inside(coordinates: tuple[Poly, ...], window: Window) -> Truth:
    """Every coordinate is within its size."""
    return conj(*(within(0, at, size) for at, size in zip(coordinates, window.sizes, strict=True)))


def packed(window: Window) -> bool:
    """Whether the window is row-major without gaps, so that its offsets are exactly 0 .. elements - 1."""
    step = poly(1)
    for size, stride in reversed(list(zip(window.sizes, window.strides, strict=True))):
        if size.constant != 1 and stride != step and _without_floor(stride) != _without_floor(step):
            return False
        step = step * size
    return True


def elements(window: Window) -> Poly:
    """How many elements the window has."""
    count = poly(1)
    for size in window.sizes:
        count = count * size
    return count


def tile(offset: Poly, shape: Sequence[int], window: Window) -> tuple[Tiling, ...] | None:
    """How an access of this shape is made of blocks, per coordinate (or along a packed window as a whole)."""
    split = coordinates(offset, window)
    if split is None and packed(window):
        split = (offset,)
    if split is None:
        return None
    tilings = [_axis(at, shape) for at in split]
    return None if None in tilings else tuple(each for each in tilings if each is not None)


def _axis(at: Poly, shape: Sequence[int]) -> Tiling | None:
    steps: dict[int, int] = {}
    rest = at
    for axis in range(len(shape)):
        own = lane(axis)
        factor = next((coefficient for monomial, coefficient in at.terms if monomial == (own,)), 0)
        if factor:
            steps[axis] = factor
            rest = rest - of(own) * factor
    if any(each.kind == "lane" for each in closure([rest])):
        return None
    block = 1
    lanes = []
    for axis, step in sorted(steps.items(), key=lambda item: item[1]):
        if step != block:
            return None
        lanes.append((axis, step, shape[axis]))
        block *= shape[axis]
    start = Poly(tuple(item for item in rest.terms if item[1] % block))
    if any(each.kind in ("pid", "iter") for each in closure([start])):
        return None
    tiles = Poly(tuple((key, coefficient // block) for key, coefficient in (rest - start).terms))
    return Tiling(at, block, tiles, tuple(lanes), start)


def apart(window: Window) -> Truth:
    """Enough for no two elements of the window to share an address: each axis steps over all that is inside it."""
    if packed(window):
        return TRUE
    reach, parts = poly(0), []
    axes = sorted(range(len(window.sizes)), key=lambda axis: _weight(window.strides[axis]))
    for axis in axes:
        size, stride = window.sizes[axis], window.strides[axis]
        if size.constant != 1:
            parts.append(disj(at_most(size, 1), less(reach, stride)))
            reach = reach + (size - 1) * stride
    return disj(conj(*parts), *(at_most(size, 0) for size in window.sizes))


def span(window: Window) -> Poly:
    """One more than the largest offset of an element, for a window that has elements."""
    reach = poly(1)
    for size, stride in zip(window.sizes, window.strides, strict=True):
        reach = reach + (size - 1) * stride
    return reach


def _weight(stride: Poly) -> tuple[int, int]:
    monomial, coefficient = stride.terms[0] if stride.terms else ((), 0)
    return len(monomial), coefficient


def _divide(term: Poly, stride: Poly) -> tuple[Poly, Poly]:
    """Quotient and rest of the monomials of `term` that the stride's only monomial divides."""
    if len(stride.terms) != 1:
        return poly(0), term
    ((factor, scale),) = stride.terms
    quotient, rest = [], []
    for monomial, coefficient in term.terms:
        left = _without(monomial, factor)
        if left is None or coefficient % scale:
            rest.append((monomial, coefficient))
        else:
            quotient.append((left, coefficient // scale))
    return Poly(tuple(quotient)) + 0, Poly(tuple(rest))


def _without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    left = list(monomial)
    for each in factor:
        if each not in left:
            return None
        left.remove(each)
    return tuple(left)


def _without_floor(stride: Poly) -> Poly:
    """torch gives an empty axis the stride max(1, size); with an empty axis there is no element to place."""
    if len(stride.terms) != 1:
        return stride
    ((monomial, scale),) = stride.terms
    plain = poly(scale)
    for each in monomial:
        inner = [arg for arg in each.args if isinstance(arg, Poly)]
        floored = each.kind == "max" and poly(1) in inner
        plain = plain * (next(arg for arg in inner if arg != poly(1)) if floored else Poly((((each,), 1),)))
    return plain
