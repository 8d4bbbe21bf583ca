"""What a TTIR asks for on given sizes: bytes of its loads and stores, operations of its matrix products.

Scalars are worked out for all programs at once (an array over the grid), so a loop that starts at the
program's id is counted exactly. Masked lanes count like the others: what is asked for is at most this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from attrs import define, field, frozen

from verify.ir.program import (
    Block,
    Operation,
    Pointer,
    Program,
    Region,
    Scalar,
    Symbol,
    Type,
    element_of,
    shape_of,
)

Amount: TypeAlias = Any  # an int, or an int64 array over all programs
LARGEST_GRID: Final = 1 << 22
AXES: Final = ("x", "y", "z")


class Uncounted(Exception):
    """Something decides how often a load or store runs that the sizes alone do not tell."""


@frozen
class Counted:
    """Over the whole grid: bytes loaded, bytes stored, operations of `tt.dot` (two a multiplication)."""

    loaded: int
    stored: int
    products: int

    def __add__(self, other: Counted) -> Counted:
        mine, theirs = (self.loaded, self.stored, self.products), (other.loaded, other.stored, other.products)
        return Counted(*(one + two for one, two in zip(mine, theirs, strict=True)))


NOTHING: Final = Counted(0, 0, 0)


def count(program: Program, arguments: Mapping[int, int], grid: tuple[int, int, int]) -> Counted:
    """What one launch asks for. `arguments` gives the integer arguments by position in the TTIR function.

    Raises Uncounted naming the operation and its place where the sizes do not decide.
    """
    programs = math.prod(grid)
    if programs == 0:
        return NOTHING
    if programs > LARGEST_GRID:
        raise Uncounted(f"a grid of {programs} programs")
    walk = _Walk(grid)
    kernel = program.kernel
    for position, value in arguments.items():
        if position >= len(kernel.arguments):
            raise Uncounted(f"the TTIR takes {len(kernel.arguments)} arguments, the plan gives more")
        walk.known[kernel.arguments[position].name] = value
    walk.region(kernel.body, 1)
    total = {key: _total(amounts, programs) for key, amounts in walk.found.items()}
    return Counted(total["loaded"], total["stored"], total["products"])


@define
class _Walk:
    grid: tuple[int, int, int]
    known: dict[str, Amount] = field(factory=dict)
    found: dict[str, list[Amount]] = field(factory=lambda: {"loaded": [], "stored": [], "products": []})

    def region(self, region: Region, times: Amount) -> None:
        """Walk blocks in order; branches lead forward only (a backward one is an unstructured loop)."""
        waiting: dict[str, Amount] = {}
        for number, block in enumerate(region.blocks):
            own = times if number == 0 else waiting.pop(block.label, 0)
            for operation in block.operations:
                self.operation(operation, own)
            self._leave(block, own, waiting, {later.label for later in region.blocks[number + 1 :]})

    def operation(self, operation: Operation, times: Amount) -> None:
        moved = _moved(operation)
        if moved:
            kind, amount = moved
            self.found[kind].append(times * amount)
        elif operation.name == "scf.for":
            self._loop(operation, times)
        elif operation.name == "scf.if":
            self._branch(operation, times)
        elif operation.name in ("scf.while", "tt.call") and _moves_inside(operation):
            raise Uncounted(f"{operation.name} at {operation.place}")
        else:
            self._scalar(operation)

    def _loop(self, operation: Operation, times: Amount) -> None:
        if not _moves_inside(operation):
            return
        bounds: list[Amount] = [self.known.get(operand.name) for operand in operation.operands[:3]]
        if any(bound is None for bound in bounds):
            raise Uncounted(f"a loop whose bounds depend on more than sizes, at {operation.place}")
        low, high, step = bounds
        self.region(operation.regions[0], times * np.maximum(0, -((low - high) // step)))

    def _branch(self, operation: Operation, times: Amount) -> None:
        if not _moves_inside(operation):
            return
        condition = self.known.get(operation.operands[0].name)
        if condition is None:
            raise Uncounted(f"a branch that depends on more than sizes, at {operation.place}")
        taken = np.asarray(condition, dtype=bool).astype(np.int64)
        for region, share in zip(operation.regions, (taken, 1 - taken), strict=False):
            self.region(region, times * share)

    def _leave(self, block: Block, times: Amount, waiting: dict[str, Amount], later: set[str]) -> None:
        last = block.operations[-1]
        shares: tuple[Amount, ...] = (1,)
        if last.name == "cf.cond_br":
            condition = self.known.get(last.operands[0].name)
            if condition is None:
                raise Uncounted(f"a branch that depends on more than sizes, at {last.place}")
            taken = np.asarray(condition, dtype=bool).astype(np.int64)
            shares = (taken, 1 - taken)
        for successor, share in zip(last.successors, shares, strict=False):
            if successor.block not in later:
                raise Uncounted(f"a branch backwards, at {last.place}")
            waiting[successor.block] = waiting.get(successor.block, 0) + times * share

    def _scalar(self, operation: Operation) -> None:
        """Work out an integer scalar where all that it depends on is known; else leave it unknown."""
        if len(operation.results) != 1 or not _integer(operation.results[0].type):
            return
        name = operation.results[0].name
        if operation.name == "arith.constant":
            value = operation.attributes["value"]
            if isinstance(value, int):
                self.known[name] = int(value)
        elif operation.name in ("tt.get_program_id", "tt.get_num_programs"):
            axis = _axis(operation)
            whole = operation.name == "tt.get_num_programs"
            self.known[name] = self.grid[axis] if whole else self._ids(axis)
        elif operation.name == "arith.cmpi":
            self._compute(name, COMPARISONS.get(_word(operation.attributes["predicate"])), operation)
        else:
            self._compute(name, MEANINGS.get(operation.name), operation)

    def _compute(self, name: str, meaning: Callable[..., Amount] | None, operation: Operation) -> None:
        values = [self.known.get(operand.name) for operand in operation.operands]
        if meaning and all(value is not None for value in values):
            self.known[name] = meaning(*values)

    def _ids(self, axis: int) -> Amount:
        x, y, _ = self.grid
        programs = np.arange(math.prod(self.grid), dtype=np.int64)
        return (programs % x, programs // x % y, programs // (x * y))[axis]


def _divide(left: Amount, right: Amount) -> Amount:
    """C's division: towards zero."""
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    return np.sign(left) * np.sign(right) * (np.abs(left) // np.maximum(np.abs(right), 1))


MEANINGS: Final[Mapping[str, Callable[..., Amount]]] = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.divsi": _divide,
    "arith.remsi": lambda a, b: a - _divide(a, b) * b,
    "arith.ceildivsi": lambda a, b: -(-a // b),
    "arith.floordivsi": lambda a, b: a // b,
    "arith.minsi": np.minimum,
    "arith.maxsi": np.maximum,
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.extsi": lambda a: a,
    "arith.extui": lambda a: a,
    "arith.trunci": lambda a: a,
    "arith.index_cast": lambda a: a,
    "arith.select": np.where,
}
COMPARISONS: Final[Mapping[str, Callable[..., Amount]]] = {
    "eq": lambda a, b: np.equal(a, b),
    "ne": lambda a, b: np.not_equal(a, b),
    "slt": lambda a, b: np.less(a, b),
    "sle": lambda a, b: np.less_equal(a, b),
    "sgt": lambda a, b: np.greater(a, b),
    "sge": lambda a, b: np.greater_equal(a, b),
}
LOADS: Final = ("tt.load", "tt.descriptor_load", "tt.descriptor_gather")
STORES: Final = {"tt.store": 1, "tt.descriptor_store": 1, "tt.atomic_rmw": 1, "tt.atomic_cas": 2}


def _moved(operation: Operation) -> tuple[str, int] | None:
    """What one execution moves or multiplies, where it does."""
    if operation.name in LOADS:
        return "loaded", _bytes(operation.results[0].type)
    if operation.name in STORES:
        position = STORES[operation.name]
        # A descriptor store takes the descriptor first and the block second, like a pointer and its value.
        return "stored", _bytes(operation.operands[position].type)
    if operation.name == "tt.dot":
        left, right = (shape_of(operand.type) for operand in operation.operands[:2])
        return "products", 2 * math.prod(left) * right[-1]
    return None


def _moves_inside(operation: Operation) -> bool:
    inner = (one for region in operation.regions for block in region.blocks for one in block.operations)
    return operation.name == "tt.call" or any(_moved(one) or _moves_inside(one) for one in inner)


def _bytes(type: Type) -> int:
    element = element_of(type)
    bits = 64 if isinstance(element, Pointer) else element.bits if isinstance(element, Scalar) else 0
    return math.prod(shape_of(type)) * max(bits, 8) // 8


def _integer(type: Type) -> bool:
    return isinstance(type, Scalar) and type.integer


def _axis(operation: Operation) -> int:
    axis = operation.attributes["axis"]
    return axis if isinstance(axis, int) else AXES.index(_word(axis))


def _word(attribute: object) -> str:
    return attribute.text if isinstance(attribute, Symbol) else str(attribute)


def _total(amounts: list[Amount], programs: int) -> int:
    total = 0
    for amount in amounts:
        array = np.asarray(amount)
        total += int(array) * programs if array.ndim == 0 else int(array.sum())
    return total
