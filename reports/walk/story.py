"""A walk through one launch, as data: sentences, each tied to the lines that it is about."""

from __future__ import annotations

from attrs import frozen


@frozen
class Step:
    """One sentence about lines `first` to `last` of `file`; 0 where the IR does not say.

    `depth` counts the loops and branches around it.
    """

    first: int
    last: int
    depth: int
    text: str
    file: str = ""

    @property
    def where(self) -> str:
        """`line 14`, `lines 18–21`; empty where it is not known."""
        if not self.first:
            return ""
        return f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"


@frozen
class Walk:
    """What one variant of one launch does. `variant` says which one was read, `program` what one program covers.

    `operations` counts those of its TTIR. `unread` says why there are no steps, where there are none.
    """

    kernel: str
    variant: str
    operations: int = 0
    program: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    unread: str = ""
