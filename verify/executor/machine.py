"""The state of a kernel that runs for a batch of programs, and how it goes through blocks of operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeAlias

import torch
from attrs import define, field, frozen

from verify.executor.faults import Log
from verify.executor.lanes import Held, Lanes, over_lanes
from verify.executor.modes import Exhausted, Fill, Mode, Unmodelled
from verify.ir.program import Attribute, Block, Operation, Program, Scalar, Symbol, Value
from verify.verdict import Place


@frozen(eq=False)
class Batch:
    """The programs that run together: `ids` (programs, 3); `numbers` (programs,) counts along the grid."""

    grid: tuple[int, int, int]
    ids: torch.Tensor
    numbers: torch.Tensor

    @property
    def count(self) -> int:
        return len(self.numbers)


@frozen(eq=False)
class Request:
    """One memory operation of all programs. `pointer` and `mask` broadcast to (programs, *lanes)."""

    kind: str  # load, store, atomic
    element: Scalar
    pointer: Lanes
    mask: Lanes
    shape: tuple[int, ...]
    batch: Batch
    barriers: torch.Tensor  # how many barriers each program has passed
    place: Place
    acquires: bool = False
    releases: bool = False
    sums: bool = False  # an atomic addition whose old value nobody reads
    masked: bool = True  # the operation has a mask of its own

    @property
    def addresses(self) -> torch.Tensor:
        return self.pointer.data

    @property
    def active(self) -> torch.Tensor:
        return self.mask.data


class Memory(Protocol):
    """What addresses mean. Accesses out of bounds are reported and then masked off."""

    def load(self, request: Request, other: torch.Tensor) -> torch.Tensor:
        """The values read, `other` where not active."""

    def store(self, request: Request, values: torch.Tensor) -> None: ...

    def update(
        self, request: Request, values: tuple[torch.Tensor, ...], change: Change, other: torch.Tensor
    ) -> torch.Tensor:
        """Atomically replaces each element `old` by `change(old, *values)`, one lane after the other in the
        order of programs and lanes. Gives the old values, `other` where not active."""


Change: TypeAlias = Callable[..., torch.Tensor]
Meaning: TypeAlias = Callable[["Machine", Operation, Sequence[Lanes]], "Sequence[Held]"]


@define(eq=False)
class Machine:
    """Runs `program` over a batch. `values` is the frame of the current function, by SSA name.

    `active` masks programs, None being all; values of inactive programs are meaningless.
    """

    program: Program
    meanings: Mapping[str, Meaning]
    mode: Mode
    fill: Fill
    memory: Memory
    log: Log
    batch: Batch
    steps: int  # the most iterations that its loops may take, nested ones counted together
    unused: frozenset[str] = frozenset()  # SSA names that nothing reads
    values: dict[str, Held] = field(factory=dict)
    active: torch.Tensor | None = None
    barriers: torch.Tensor = field(init=False)
    spent: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.barriers = torch.zeros(self.batch.count, dtype=torch.int32)

    def read(self, value: Value) -> Held:
        return self.values[value.name]

    def lanes(self, value: Value, place: Place) -> Lanes:
        """A value that has to be data. Raises Unmodelled for a descriptor."""
        held = self.values[value.name]
        if not isinstance(held, Lanes):
            raise Unmodelled("a tensor descriptor as a plain value", place)
        return held

    def bind(self, names: Sequence[Value], held: Sequence[Held]) -> None:
        for value, content in zip(names, held, strict=True):
            self.values[value.name] = content

    def block(self, block: Block) -> Operation:
        """Runs all operations but the last, which is returned: it says where control goes."""
        for operation in block.operations[:-1]:
            self.step(operation)
        return block.operations[-1]

    def step(self, operation: Operation) -> None:
        meaning = self.meanings.get(operation.name)
        if meaning is None:
            raise Unmodelled(operation.name, operation.place)
        operands = [self.values[operand.name] for operand in operation.operands]
        self.bind(operation.results, meaning(self, operation, operands))  # type: ignore[arg-type]

    @contextmanager
    def under(self, mask: torch.Tensor | None) -> Iterator[None]:
        """Only the programs of `mask` are active inside; None means all of the batch."""
        before, self.active = self.active, mask
        try:
            yield
        finally:
            self.active = before

    def spend(self, place: Place) -> None:
        """Count an iteration. Raises Exhausted when there were too many."""
        self.spent += 1
        if self.spent > self.steps:
            raise Exhausted(self.steps, place)

    def mask(self, axes: int) -> torch.Tensor:
        """The active programs, to stand against a value of `axes` axes."""
        everyone = torch.ones(1, dtype=torch.bool) if self.active is None else self.active
        return over_lanes(everyone, axes)

    def check_wrap(self, value: Lanes, what: str, place: Place, active: torch.Tensor | None = None) -> None:
        """Reports integer arithmetic that left its type on an active lane and reaches `what`."""
        if value.wrap is None:
            return
        lanes = value.wrap.lanes & self.mask(value.axes)
        if active is not None:
            lanes = lanes & active
        if bool(lanes.any()):
            self.log.wrapped(value.wrap, lanes, what, self.batch, place)


def integer(attribute: Attribute) -> int:
    """An attribute that has to be a number."""
    assert isinstance(attribute, int)
    return attribute


def word(attribute: Attribute) -> str:
    """An attribute that has to be a word."""
    return attribute.text if isinstance(attribute, Symbol) else str(attribute)
