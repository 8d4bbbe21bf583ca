"""Reading a kernel symbolically: one run over its operations yields every memory access with its conditions.

The reading is of one generic program instance, one generic iteration of each loop, one generic lane of each tensor.
Program ids, iteration numbers and lane coordinates are atoms, so a claim about the trace is a claim about them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import define, field, frozen

from verify.ir.program import Block, Operation, Program, Scalar, Type, Value, element_of, shape_of
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.terms import FALSE, TRUE, Atom, Poly, Truth, atom, conj, lane, less, of, opaque_truth, pid
from verify.symbolic.values import Descriptor, Lane, Untracked
from verify.verdict import Place


@frozen(eq=False)
class Access:
    """One load, store or atomic operation, at a generic lane of a generic execution.

    `path` holds where the operation is executed, `mask` where the lane takes part. `epoch` counts the barriers
    read before it.
    """

    kind: str  # load, store, atomic
    pointer: str
    offset: Poly
    path: Truth
    mask: Lane
    address: Lane
    value: Lane | None
    shape: tuple[int, ...]
    loops: tuple[Atom, ...]
    epoch: int
    operation: Operation

    @property
    def place(self) -> Place:
        return self.operation.place

    @property
    def active(self) -> Truth:
        return conj(self.path, self.mask.truth)


@frozen(eq=False)
class Decision:
    """A value that control depends on (branch, loop bound, divisor, assumption) and what must hold of it."""

    what: str
    value: Lane
    path: Truth
    shape: tuple[int, ...]
    place: Place
    holds: Truth = TRUE  # a condition of its own, such as divisor != 0
    least: Truth = TRUE  # what must hold of a hint about lanes at least, in whatever groups the compiler takes them


@frozen(eq=False)
class Barrier:
    """A point where all threads of a program wait for each other, reached where `path` holds."""

    path: Truth
    loops: tuple[Atom, ...]


@frozen(eq=False)
class Described:
    """A descriptor that the kernel makes where `path` holds; `item` is an element's size in bytes."""

    descriptor: Descriptor
    value: Lane  # what could spoil it
    path: Truth
    loops: tuple[Atom, ...]
    item: int
    operation: Operation

    @property
    def place(self) -> Place:
        return self.operation.place


@frozen(eq=False)
class Trace:
    """All accesses and decisions of one TTIR. `unmodelled` lists operations without a symbolic meaning."""

    accesses: tuple[Access, ...]
    decisions: tuple[Decision, ...]
    unmodelled: tuple[tuple[str, Place], ...]
    grid: tuple[Poly, Poly, Poly]
    ranges: Ranges
    barriers: tuple[Barrier, ...] = ()
    described: tuple[Described, ...] = ()
    values: Mapping[str, Lane] = field(factory=dict)  # what each value of the kernel's own function is, by its name


@define(eq=False)
class Tracer:
    """The state of one reading."""

    program: Program
    ranges: Ranges
    grid: tuple[Poly, Poly, Poly]
    loads: Mapping[str, Range]  # pointer argument -> range of the integers that a load from it gives
    shows: Callable[[Truth], bool]  # whether a claim holds in every program, wherever control is
    changing: frozenset[str] = frozenset()  # pointer arguments to memory that the launch writes
    environment: dict[str, Lane] = field(factory=dict)
    path: Truth = TRUE
    loops: tuple[Atom, ...] = ()
    barriers: list[Barrier] = field(factory=list)
    calls: tuple[str, ...] = ()  # the calls that are being followed, outermost first
    numbers: dict[Operation, int] = field(factory=dict)
    accesses: list[Access] = field(factory=list)
    decisions: list[Decision] = field(factory=list)
    described: list[Described] = field(factory=list)
    unmodelled: dict[tuple[str, Place], None] = field(factory=dict)
    returned: list[tuple[Truth, list[Lane]]] = field(factory=list)
    recording: bool = True

    def trace(self) -> Trace:
        """Read the kernel; its arguments are already in the environment."""
        from verify.symbolic.control import run_region  # control and the tracer need each other

        try:
            run_region(self, self.program.kernel.body)
        except Untracked:
            self.unmodelled[("a branch on a value that is not followed", self.program.kernel.place)] = None
        return Trace(
            tuple(self.accesses), tuple(self.decisions), tuple(self.unmodelled), self.grid, self.ranges,
            tuple(self.barriers), tuple(self.described), self.environment,
        )  # fmt: skip

    def values(self, operands: Sequence[Value]) -> list[Lane]:
        return [self.environment[operand.name] for operand in operands]

    def bind(self, names: Sequence[Value], values: Sequence[Lane]) -> None:
        for name, value in zip(names, values, strict=True):
            self.environment[name.name] = value

    def run_block(self, block: Block) -> Operation:
        """Run a block's operations and give back its terminator, which is not run."""
        from verify.symbolic.hints import heed
        from verify.symbolic.meanings import MEANINGS

        for operation in block.operations[:-1]:
            meaning = MEANINGS.get(operation.name, _unmodelled)
            try:
                results = meaning(self, operation, self.values(operation.operands))
            except Untracked:
                results = _unmodelled(self, operation, [])
            self.bind(operation.results, results)
            heed(self, operation)
        return block.operations[-1]

    def mark(self, operation: Operation) -> str:
        """A name for what one execution of the operation gives: its own, and another in every call of its function."""
        number = self.numbers.setdefault(operation, len(self.numbers))
        return ".".join((*self.calls, str(number)))

    def local(self, value: Value) -> str:
        """The value's name, another one in every call of its function."""
        return ".".join((*self.calls, value.name))

    def give_up(self, operation: Operation, what: str = "") -> None:
        """Note that an operation has no meaning here: whatever is concluded from the trace is UNKNOWN."""
        self.unmodelled[(what or operation.name, operation.place)] = None

    def context(self, rank: int) -> tuple[Poly, ...]:
        """What an unknown value may depend on: program, iterations, lanes."""
        return tuple(of(each) for each in (*map(pid, range(3)), *self.loops, *map(lane, range(rank))))

    def unknown(
        self, operation: Operation, type: Type, index: int = 0, *sources: Lane, within: tuple[int, int] | None = None
    ) -> Lane:
        """A value of the type about which nothing else is known; of an integer perhaps an inclusive range."""
        from verify.symbolic.values import tainted

        element, rank = element_of(type), len(shape_of(type))
        label = f"{operation.name}@{self.mark(operation)}#{index}"
        if element == Scalar("i1"):
            return tainted(opaque_truth(label, self.context(rank)), *sources)
        if isinstance(element, Scalar) and element.integer:
            width = str(element.bits) if within is None else f"{within[0]}..{within[1]}"
            unknown = atom("opaque", f"int:{label}:{width}", self.context(rank))
            return tainted(of(unknown), *sources)
        return tainted(None, *sources)

    def unknown_index(self, operation: Operation, rank: int) -> Poly:
        """An index that an operation picked by rules we do not follow."""
        return of(atom("opaque", f"int:pick:{self.mark(operation)}:64", self.context(rank)))

    def ranges_over(self, shape: Sequence[int]) -> Ranges:
        """The ranges with this shape's lane coordinates bounded."""
        return self.ranges.overlaid({lane(axis): (0, extent - 1) for axis, extent in enumerate(shape)})

    def learn_positive(self, divisor: Poly) -> None:
        """Keep in the ranges that a divisor, a multiple of one atom, is positive in every program, if it is.

        Only then are its quotients encoded simply: z3 finds little about a division by something unsigned.
        """
        if len(divisor.terms) != 1 or self.ranges.positive(divisor):
            return
        ((factors, coefficient),) = divisor.terms
        if len(factors) == 1 and coefficient > 0 and self.shows(less(0, of(factors[0]))):
            self.ranges = self.ranges.overlaid({factors[0]: (1, self.ranges.atom(factors[0])[1])})

    def record(self, access: Access) -> None:
        if self.recording:
            self.accesses.append(access)

    def describe(self, made: Described) -> None:
        if self.recording:
            self.described.append(made)

    def decide(
        self,
        what: str,
        value: Lane,
        operation: Operation,
        shape: tuple[int, ...] = (),
        holds: Truth = TRUE,
        least: Truth = TRUE,
    ) -> None:
        """Record that control or meaning depends on the value, if anything could be wrong with it."""
        if self.recording and (value.undef != FALSE or value.wraps or holds != TRUE):
            self.decisions.append(Decision(what, value, self.path, shape, operation.place, holds, least))

    @contextmanager
    def under(self, condition: Truth) -> Iterator[None]:
        """Inside, the path is narrowed by the condition."""
        outer = self.path
        self.path = conj(outer, condition)
        try:
            yield
        finally:
            self.path = outer

    @contextmanager
    def silently(self) -> Iterator[None]:
        """Inside, nothing is recorded: a first run over a loop body to learn how it steps."""
        recording, path, passed, self.recording = self.recording, self.path, len(self.barriers), False
        try:
            yield
        finally:  # what an inner loop's end told of placeholders must not narrow the path of the run that counts
            self.recording, self.path = recording, path
            del self.barriers[passed:]


def _unmodelled(tracer: Tracer, operation: Operation, operands: Sequence[Lane]) -> list[Lane]:
    tracer.give_up(operation)
    return [tracer.unknown(operation, value.type, at) for at, value in enumerate(operation.results)]
