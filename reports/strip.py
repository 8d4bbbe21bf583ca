"""A buffer drawn as a strip of elements, with the ones that a witness touches, where they are wrong."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from attrs import frozen

from verify.verdict import Access

_WHOLE: Final = 16  # a span of up to this many elements is drawn without gaps
_MARKED: Final = 6  # at most this many accesses are drawn on one strip
_GAP: Final = 26
_PAD: Final = 10


@frozen
class Square:
    """One element: its index, where it is drawn, whether the buffer holds it, and whose access it is."""

    index: int
    x: int
    inside: bool
    marks: str


@frozen
class Strip:
    """Squares of `side` width from left to right; `gaps` hide elements, `edges` bound the buffer."""

    buffer: str
    elements: int
    side: int
    width: int
    squares: tuple[Square, ...]
    gaps: tuple[int, ...]
    edges: tuple[int, ...]

    @property
    def title(self) -> str:
        marked = [f"{square.marks} at {square.index}" for square in self.squares if square.marks]
        return f"{self.buffer} has {self.elements} elements; accesses: {', '.join(marked)}"


def strips(accesses: Iterable[Access]) -> tuple[Strip, ...]:
    """One strip for each buffer that the accesses touch. They are lettered in order: A, B, C."""
    lettered = [(chr(ord("A") + index % 26), access) for index, access in enumerate(accesses)]
    buffers = dict.fromkeys((access.buffer, access.elements) for _, access in lettered)
    return tuple(
        _strip(
            name,
            elements,
            [pair for pair in lettered if (pair[1].buffer, pair[1].elements) == (name, elements)],
        )
        for name, elements in buffers
    )


def _strip(name: str, elements: int, accesses: list[tuple[str, Access]]) -> Strip:
    marks: dict[int, str] = {}
    for letter, access in accesses[:_MARKED]:
        marks[access.offset] = marks.get(access.offset, "") + letter
    shown = _shown(elements, sorted(marks))
    side = max(30, 8 * max(len(str(index)) for index in shown) + 10)
    x, squares, gaps, edges = _PAD, [], [], []
    previous = None
    for index in shown:
        if previous is not None and index > previous + 1:
            gaps.append(x + _GAP // 2)
            x += _GAP
        squares.append(Square(index, x, 0 <= index < elements, marks.get(index, "")))
        if index in (0, elements):
            edges.append(x)
        x += side
        previous = index
    if previous == elements - 1:
        edges.append(x)
    return Strip(name, elements, side, x + _PAD, tuple(squares), tuple(gaps), tuple(dict.fromkeys(edges)))


def _shown(elements: int, touched: list[int]) -> list[int]:
    low, high = min([0, *touched]), max([elements - 1, *touched])
    if high - low < _WHOLE:
        return list(range(low, high + 1))
    near = {0, 1, elements - 2, elements - 1, elements}
    near |= {index + step for index in touched for step in (-1, 0, 1)}
    shown = sorted(index for index in near if low <= index <= high)
    # A gap that hides one element takes as much room as the element.
    lone = [left + 1 for left, right in pairwise(shown) if right == left + 2]
    return sorted([*shown, *lone])
