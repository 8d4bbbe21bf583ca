"""What a load, a store or an atomic touches: the tile, in coordinates of the tensor, and which lanes take part."""

from __future__ import annotations

from attrs import frozen

from reports.text import listed
from reports.walk.spelling import UNKNOWN, Speller, plain
from verify.symbolic.layout import coordinates, folded
from verify.symbolic.reading import Reading
from verify.symbolic.terms import TRUE, Poly, Truth, at_most, less
from verify.symbolic.trace import Access


@frozen
class Tile:
    """An access in words: `x[row, start : start + 4096]`, and which lanes are left out, if any are."""

    text: str
    masked: str


def tile(reading: Reading, access: Access, speller: Speller) -> Tile:
    """The tile of one access."""
    window = folded(reading.window(access), access.offset)
    split = coordinates(access.offset, window)
    extents = dict(enumerate(access.shape))
    mask = access.mask.content if isinstance(access.mask.content, Truth) else TRUE
    if split is None:
        place = speller.place(access.offset, extents)
        apart = f"elements of {window.buffer} at offsets that do not split into its dimensions"
        return Tile(apart if place == UNKNOWN else f"{window.buffer} at offset {place}", _masked(mask, {}, speller))
    divided = plain([mask, *split])
    split, mask = tuple(map(divided.poly, split)), divided.truth(mask)
    places = ", ".join(speller.place(at, extents) for at in split)
    ends: dict[Truth, Poly | None] = {}
    for at, size in zip(split, window.sizes, strict=True):
        ends |= {less(at, size): size, at_most(0, at): None}
    merged = ", neighbouring dimensions taken as one," if len(window.sizes) < len(reading.window(access).sizes) else ""
    return Tile(f"{window.buffer}[{places}]{merged}", _masked(mask, ends, speller))


def _masked(mask: Truth, ends: dict[Truth, Poly | None], speller: Speller) -> str:
    """Which lanes take part: `below M and N`, `where …`; empty where all do."""
    parts = mask.parts if mask.kind == "and" else (mask,)
    beyond = [speller.size(size) for part in parts if (size := ends.get(part)) is not None]
    others = [speller.truth(part) for part in parts if part not in ends and part != TRUE]
    told = [f"positions below {listed(list(dict.fromkeys(beyond)))}"] if beyond else []
    told += [f"lanes where {listed(list(dict.fromkeys(others)))}"] if others else []
    return " and ".join(told)
