"""A witness's accesses as a page shows them: each with its line, its program and lane, its element and its mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from reports.record import CandidatePart
from reports.source import Line, line_of
from verify.verdict import Access, Held, Witness

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# By whether the operation has a mask. A fault is reported of active lanes only, so a mask that is there is true.
MASKS: Final = {
    True: "true: the mask lets this lane through",
    False: "none: every lane is active",
    None: "not recorded",
}


@frozen
class Seen:
    """One access. `line` is its line in the candidate's source, 0 where it has none."""

    letter: str
    access: Access
    line: int
    source: Line | None
    index: str
    mask: str

    @property
    def inside(self) -> bool:
        return 0 <= self.access.offset < self.access.elements

    @property
    def lanes(self) -> str:
        return ", ".join(map(str, self.access.lane)) or "one for the whole program"

    @property
    def program(self) -> str:
        """The program's ids, without those of axes that the others leave at 0."""
        x, y, z = self.access.program
        return str(x) if y == z == 0 else f"({x}, {y}, {z})"


def seen(candidate: CandidatePart, witness: Witness, source: tuple[Line, ...]) -> tuple[Seen, ...]:
    """The witness's accesses, lettered as its drawing letters them."""
    return tuple(_seen(candidate, witness, source))


def _seen(candidate: CandidatePart, witness: Witness, source: tuple[Line, ...]) -> Iterator[Seen]:
    for number, access in enumerate(witness.accesses):
        line = line_of(candidate, access.place)
        text = source[line - 1] if 0 < line <= len(source) else None
        index = next((_index(access, held) for held in witness.held if held.name == access.buffer), "")
        yield Seen(LETTERS[number % 26], access, line, text, index, MASKS[access.masked])


def _index(access: Access, held: Held) -> str:
    """Where the element would lie in a packed tensor, by its sizes; empty for other tensors."""
    packed, step = True, 1
    for size, stride in zip(reversed(held.sizes), reversed(held.strides), strict=True):
        packed &= stride == step or size == 1
        step *= size
    if len(held.sizes) < 2 or not packed or 0 in held.sizes or access.offset < 0:
        return ""
    index: list[int] = []
    rest = access.offset
    for size in reversed(held.sizes[1:]):
        index.insert(0, rest % size)
        rest //= size
    return f"[{', '.join(map(str, [rest, *index]))}]"
