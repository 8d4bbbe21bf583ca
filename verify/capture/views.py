"""Where the elements of a view lie: strides and offsets under slicing, reshaping and permuting.

Every question about a size goes through the session, which keeps the answer as a guard. The strides of an
axis of one element may differ from torch's: no element depends on them, and the plan is what runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from specs.sizes import Size, all_of, any_of, size
from verify.capture.algebra import divides, same, simplified
from verify.capture.session import Session
from verify.plan import View

WHOLE: Final = 2**62  # torch writes an open end of a slice as the largest integer


class NotViewable(Exception):
    """The new shape cannot be had without a copy."""


def count(sizes: Sequence[Size]) -> Size:
    """The number of elements."""
    total = size(1)
    for each in sizes:
        total = total * each
    return simplified(total)


def packed(sizes: Sequence[Size]) -> tuple[Size, ...]:
    """Row-major strides."""
    return tuple(count(sizes[axis + 1 :]) for axis in range(len(sizes)))


def axis_of(axis: int, rank: int) -> int:
    """A possibly negative axis as a plain one."""
    if not -rank <= axis < rank:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {axis})")
    return axis % rank


def permuted(view: View, order: Sequence[int]) -> View:
    axes = [axis_of(axis, len(view.sizes)) for axis in order]
    return evolve(view, sizes=tuple(view.sizes[a] for a in axes), strides=tuple(view.strides[a] for a in axes))


def swapped(view: View, first: int, second: int) -> View:
    rank = len(view.sizes)
    if not rank:
        return view
    order = list(range(rank))
    first, second = axis_of(first, rank), axis_of(second, rank)
    order[first], order[second] = order[second], order[first]
    return permuted(view, order)


def unsqueezed(view: View, axis: int) -> View:
    axis = axis_of(axis, len(view.sizes) + 1)
    stride = simplified(view.sizes[axis] * view.strides[axis]) if axis < len(view.sizes) else size(1)
    return evolve(
        view,
        sizes=(*view.sizes[:axis], size(1), *view.sizes[axis:]),
        strides=(*view.strides[:axis], stride, *view.strides[axis:]),
    )


def squeezed(session: Session, view: View, axes: Sequence[int] | None) -> View:
    """Without the asked axes (all of them for None) that have one element."""
    rank = len(view.sizes)
    asked = set(range(rank)) if axes is None else {axis_of(axis, rank) for axis in axes}
    kept = [a for a in range(rank) if a not in asked or not session.decide(view.sizes[a].equals(1))]
    return evolve(view, sizes=tuple(view.sizes[a] for a in kept), strides=tuple(view.strides[a] for a in kept))


def expanded(session: Session, view: View, sizes: Sequence[Size]) -> View:
    lead = len(sizes) - len(view.sizes)
    if lead < 0:
        raise RuntimeError(f"expand: {len(sizes)} sizes for a tensor of {len(view.sizes)} dimensions")
    strides: list[Size] = [size(0)] * lead
    result: list[Size] = list(sizes[:lead])
    for wanted, old, stride in zip(sizes[lead:], view.sizes, view.strides, strict=True):
        if wanted == size(-1) or same(wanted, old) or session.decide(wanted.equals(old)):
            result.append(old)
            strides.append(stride)
        elif session.decide(old.equals(1)):
            result.append(wanted)
            strides.append(size(0))
        else:
            raise RuntimeError(f"The expanded size of the tensor ({wanted}) must match the existing size ({old})")
    return evolve(view, sizes=tuple(result), strides=tuple(strides))


def selected(session: Session, view: View, axis: int, index: Size) -> View:
    axis = axis_of(axis, len(view.sizes))
    length = view.sizes[axis]
    if not session.decide(all_of(size(0) - length <= index, index < length)):
        raise IndexError(f"index {index} is out of bounds for dimension {axis} with size {length}")
    at = index if session.decide(index >= 0) else index + length
    return evolve(
        view,
        sizes=(*view.sizes[:axis], *view.sizes[axis + 1 :]),
        strides=(*view.strides[:axis], *view.strides[axis + 1 :]),
        offset=simplified(view.offset + at * view.strides[axis]),
    )


def sliced(session: Session, view: View, axis: int, start: Size | None, end: Size | None, step: int) -> View:
    axis = axis_of(axis, len(view.sizes))
    if step <= 0:
        raise ValueError("slice step must be positive")
    length = view.sizes[axis]
    first = _clamped(session, start, length, size(0))
    last = _clamped(session, end, length, length)
    extent = last - first if session.decide(first <= last) else size(0)
    if step > 1:
        extent = (extent + (step - 1)) // step
    sizes = (*view.sizes[:axis], simplified(extent), *view.sizes[axis + 1 :])
    strides = (*view.strides[:axis], simplified(view.strides[axis] * step), *view.strides[axis + 1 :])
    return evolve(view, sizes=sizes, strides=strides, offset=simplified(view.offset + first * view.strides[axis]))


def inferred(session: Session, sizes: Sequence[Size], elements: Size) -> tuple[Size, ...]:
    """The sizes with their -1 worked out. Raises RuntimeError where they do not fit the element count."""
    wanted = list(sizes)
    holes = [axis for axis, each in enumerate(wanted) if each == size(-1)]
    if len(holes) > 1:
        raise RuntimeError("only one dimension can be inferred")
    known = count([each for axis, each in enumerate(wanted) if axis not in holes])
    if not holes:
        if not same(known, elements) and not session.decide(known.equals(elements)):
            raise RuntimeError(f"shape {[str(each) for each in wanted]} is invalid for input of size {elements}")
        return tuple(wanted)
    if session.decide(known.equals(0)):
        raise RuntimeError("cannot infer a dimension of a tensor of 0 elements")
    rest = simplified(elements % known)
    if rest != size(0) and not session.decide(rest.equals(0)):
        raise RuntimeError(f"shape with {known} elements a row is invalid for input of size {elements}")
    wanted[holes[0]] = simplified(elements // known)
    return tuple(wanted)


def viewed(session: Session, view: View, sizes: Sequence[Size]) -> View:
    """The same elements under another shape. Raises NotViewable where the strides do not allow it."""
    wanted = inferred(session, sizes, count(view.sizes))
    if len(wanted) == len(view.sizes) and all(same(a, b) for a, b in zip(wanted, view.sizes, strict=True)):
        return view
    if session.value(count(view.sizes)) == 0 and session.decide(count(view.sizes).equals(0)):
        return evolve(view, sizes=wanted, strides=packed(wanted))
    strides: list[Size] = []
    old, new = len(view.sizes) - 1, len(wanted) - 1
    while new >= 0 or old >= 0:
        old, new = _regroup(session, view, wanted, old, new, strides)
    return evolve(view, sizes=wanted, strides=tuple(reversed(strides)))


def _regroup(
    session: Session, view: View, wanted: Sequence[Size], old: int, new: int, strides: list[Size]
) -> tuple[int, int]:
    """Match the shortest run of old axes with a run of new axes of as many elements; innermost axes first."""
    if old < 0 or (view.sizes[max(old, 0)] == size(1) and (new < 0 or wanted[new] != size(1))):
        if old >= 0:
            return old - 1, new
        strides.append(size(1))  # what is left over has one element
        return old, new - 1
    if new < 0:
        return old - 1, new
    if wanted[new] == size(1):
        strides.append(view.strides[old])
        return old, new - 1
    have, want = view.sizes[old], wanted[new]
    base, reach = view.strides[old], have * view.strides[old]
    old -= 1
    taken = [wanted[new]]
    new -= 1
    while not same(have, want):
        inside, around = old >= 0 and divides(have, want), new >= 0 and divides(want, have)
        if not (inside or around) and session.decide(have.equals(want)):
            break
        if inside or (not around and session.decide(have < want)):
            if old < 0:
                raise NotViewable
            base, reach = _merged(session, view, old, have, base, reach)
            have = have * view.sizes[old]
            old -= 1
        else:
            if new < 0:
                raise NotViewable
            taken.append(wanted[new])
            want = want * wanted[new]
            new -= 1
    step = base
    for extent in taken:
        strides.append(simplified(step))
        step = step * extent
    return old, new


def _merged(session: Session, view: View, axis: int, have: Size, base: Size, reach: Size) -> tuple[Size, Size]:
    """Base stride and reach once `axis` joins the run of `have` elements inside it, leaving no gap."""
    extent, stride = view.sizes[axis], view.strides[axis]
    if same(stride, reach) or session.decide(stride.equals(reach)):
        return base, reach * extent
    if session.decide(extent.equals(1)):
        return base, reach
    if session.decide(have.equals(1)):
        return stride, extent * stride
    raise NotViewable


def is_packed(session: Session, view: View) -> bool:
    """Whether the view is row-major without gaps.

    torch also says so when an axis of one element has another stride. Asking for that would split every
    cell, and nothing is lost: the plan then copies a tensor that is as good as its copy.
    """
    wanted = packed(view.sizes)
    unequal = [(have, want) for have, want in zip(view.strides, wanted, strict=True) if not same(have, want)]
    return session.decide(all_of(*(have.equals(want) for have, want in unequal)))


def kept_order(session: Session, view: View) -> tuple[Size, ...]:
    """The strides that `empty_like` and `clone` give: no gaps, axes in the order of the old strides.

    A stride of 0 keeps its neighbours' order; of equal strides the longer axis comes out further out.
    """
    if view.strides == packed(view.sizes):
        return view.strides
    order = list(reversed(range(len(view.sizes))))  # innermost first
    for position in range(1, len(order)):
        at = position
        for below in range(position - 1, -1, -1):
            inner, outer = order[below], order[at]
            first, second = view.strides[inner], view.strides[outer]
            swap = all_of(
                first.differs(0),
                second.differs(0),
                any_of(first > second, all_of(first.equals(second), view.sizes[inner] > view.sizes[outer])),
            )
            if session.decide(swap):
                order[below], order[at] = outer, inner
                at = below
            elif below == 0 or session.decide(all_of(first.differs(0), second.differs(0), first < second)):
                break
    strides = [size(0)] * len(order)
    step = size(1)
    for axis in order:
        strides[axis] = simplified(step)
        step = step * view.sizes[axis]
    return tuple(strides)


def _clamped(session: Session, at: Size | None, length: Size, default: Size) -> Size:
    if at is None or (at.kind == "const" and at.value >= WHOLE):
        return length if at is not None else default
    if session.decide(at < 0):
        at = at + length
        return at if session.decide(at >= 0) else size(0)
    return at if session.decide(at <= length) else length
