"""What values are called in the source: the variables that the compiler names, seen through splats and broadcasts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from attrs import frozen

from reports.text import listed
from reports.walk.words import ENDS
from verify.ir.program import Dense, Operation, Program, Region, Scalar, Value, element_of

SHAPING: Final = frozenset({"tt.splat", "tt.unsplat", "tt.broadcast", "tt.expand_dims", "tt.reshape"})
CASTS: Final = frozenset({"arith.extf", "arith.truncf", "arith.extsi", "arith.extui", "arith.trunci", "tt.fp_to_fp"})
_NUMBERED: Final = re.compile(r"%(.+?)(_\d+)?(#\d+)?(~\d+)?")
_UNNAMED: Final = re.compile(r"(arg)?\d+|c_?-?\d.*|cst.*|true|false")


@frozen(eq=False)
class Sources:
    """The values of one program: what makes them, what uses them, what the source calls them."""

    program: Program
    parameters: Mapping[str, str]  # of the kernel: the value's name -> the parameter's

    @cached_property
    def makers(self) -> Mapping[str, Operation]:
        return {result.name: operation for operation in self.program.operations() for result in operation.results}

    @cached_property
    def uses(self) -> Mapping[str, tuple[Operation, ...]]:
        found: dict[str, list[Operation]] = {}
        for operation in self.program.operations():
            for value in (*operation.operands, *(each for to in operation.successors for each in to.arguments)):
                found.setdefault(value.name, []).append(operation)
        return {name: tuple(users) for name, users in found.items()}

    @cached_property
    def starts(self) -> Mapping[str, Value]:
        """What loops carry: the argument's name -> the value that it starts from."""
        found: dict[str, Value] = {}
        for operation in self.program.operations():
            if operation.name in ("scf.for", "scf.while"):
                arguments, starts = carried(operation)
                found |= {argument.name: start for argument, start in zip(arguments, starts, strict=False)}
        return found

    def seen(self, value: Value) -> Value:
        """The value before it was only spread over lanes."""
        while (maker := self.makers.get(value.name)) is not None and maker.name in SHAPING:
            value = maker.operands[0]
        return value

    def name(self, value: Value) -> str:
        """The source's name of the value, or the number that it is; empty where it has neither."""
        value = self.seen(value)
        if value.name in self.parameters:
            return self.parameters[value.name]
        maker = self.makers.get(value.name)
        if maker is None:
            return self._argument(value)
        if maker.name in ("scf.for", "scf.while", "scf.if"):
            return self._left(maker, maker.results.index(value))
        number = constant(maker)
        if number is not None:
            return number
        # A part of what a statement assigns has the same label as the whole, and its line.
        part = any(user.label == maker.label and user.place.line == maker.place.line for user in self._users(value))
        return "" if part else maker.label

    def whole(self, value: Value) -> str:
        """The variable that is assigned this very value: a part of what is assigned has the same label."""
        maker = self.makers[value.name]
        part = any(user.label == maker.label for user in self.uses.get(value.name, ()))
        return "" if part else maker.label

    def _left(self, control: Operation, at: int) -> str:
        """What a loop or a branch leaves behind: what its body calls the value."""
        if control.name == "scf.if":
            last = control.regions[0].blocks[0].operations[-1]
            return self.name(last.operands[at]) if at < len(last.operands) else ""
        if control.name == "scf.for":
            return self._argument(control.regions[0].blocks[0].arguments[at + 1])
        return self._argument(control.regions[1].blocks[0].arguments[at])

    def _argument(self, value: Value) -> str:
        """A block's argument, or one of the many results of a loop: only the printed name tells."""
        found = _NUMBERED.fullmatch(value.name)
        assert found is not None
        stem = found[1]
        start = self.starts.get(value.name)
        if start is not None and (maker := self.makers.get(start.name)) and maker.label == f"{stem}{found[2] or ''}":
            return maker.label  # a name that ends in a number of its own
        return "" if _UNNAMED.fullmatch(stem) else stem

    def inputs(self, operations: list[Operation]) -> list[str]:
        """The names of the floats and truths that the operations take from elsewhere, each once."""
        own = {result.name for operation in operations for result in operation.results}
        taken = [self.seen(value) for each in operations for value in each.operands if value.name not in own]
        names = (self.name(value) for value in taken if value.name not in own and not indexing(value))
        return list(dict.fromkeys(filter(None, names)))

    def outputs(self, operations: list[Operation]) -> list[Value]:
        """The values that operations elsewhere use."""
        own = set(operations)
        results = [each for operation in operations if operation.name not in SHAPING for each in operation.results]
        return [each for each in results if any(user not in own for user in self.uses.get(each.name, ()))]

    def _users(self, value: Value) -> Iterator[Operation]:
        """What uses the value to compute another one, seen through spreading and casts."""
        for user in self.uses.get(value.name, ()):
            if user.name in SHAPING or user.name in CASTS:
                yield from self._users(user.results[0])
            elif user.name not in ENDS:
                yield user


def carried(loop: Operation) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The arguments that a loop's body carries from round to round, and what they start from."""
    arguments = loop.regions[0].blocks[0].arguments
    if loop.name == "scf.for":
        return arguments[1:], loop.operands[3:]
    return arguments, loop.operands


def indexing(value: Value) -> bool:
    """Whether the value is a whole number or a pointer, and no truth."""
    element = element_of(value.type)
    return not isinstance(element, Scalar) or (element.integer and element.bits > 1)


def constant(operation: Operation) -> str | None:
    """The number that the operation is, if it is one."""
    value = operation.attributes.get("value") if operation.name == "arith.constant" else None
    if isinstance(value, Dense):
        value = value.elements[0] if value.splat else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None if value is None else str(value).lower()
    return figure(value)


def figure(value: int | float) -> str:
    """A number as the source would have it."""
    if isinstance(value, int) or value != value or abs(value) == float("inf"):
        return str(value)
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.9g}"


def inside(region: Region) -> Iterator[Operation]:
    """Every operation of a region, outer before inner."""
    for block in region.blocks:
        for operation in block.operations:
            yield operation
            for inner in operation.regions:
                yield from inside(inner)


def words(names: list[str], most: int = 6) -> str:
    """The names as a list; the rest of a long one as a number."""
    shown = names[:most]
    return listed(shown if len(shown) == len(names) else [*shown, f"{len(names) - most} more"])
