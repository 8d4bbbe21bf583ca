"""The table of all operations that the executor knows. What is not in it is Unmodelled."""

from __future__ import annotations

from typing import Final

from verify.executor import accesses, control, floats, integers, own, products, reductions, shapes, tiles
from verify.executor.machine import Meaning

MEANINGS: Final[dict[str, Meaning]] = {
    **integers.MEANINGS,
    **floats.MEANINGS,
    **shapes.MEANINGS,
    **reductions.MEANINGS,
    **products.MEANINGS,
    **accesses.MEANINGS,
    **tiles.MEANINGS,
    **control.MEANINGS,
}
BOUNDED: Final[dict[str, Meaning]] = {**MEANINGS, **own.MEANINGS}
