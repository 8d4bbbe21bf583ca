"""From TTIR text to a Program: every name resolved, every value typed, every operation placed.

Names of values are unique within their function afterwards: MLIR lets sibling regions use one name twice, and
a walker that keeps its values by name must not confuse them. The second `%x` becomes `%x~2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from attrs import field, frozen
from lark import Token

from verify.ir.forms import Form, Named, declared, read_form, read_types
from verify.ir.locations import Locations
from verify.ir.program import Attribute, Block, Function, Operation, Program, Region, Successor, Type, Value
from verify.ir.syntax import Flaw, Group, Location, Raw, RawBlock, RawRegion, flaw, read, symbol
from verify.verdict import Place

# Regions of these may leave out their last operation, which then yields nothing.
_YIELDING = ("scf.for", "scf.if")
_NOWHERE = Place("<unknown>", 0)

_Labels: TypeAlias = Mapping[str, tuple[Value, ...]]  # the arguments of a region's blocks


class ParseError(ValueError):
    """The text is no TTIR that we read. The message has line:column and the line's text."""


@lru_cache(maxsize=512)
def parse(text: str) -> Program:
    """The module of `text`, as printed by triton 3.6 to 3.9. Raises ParseError."""
    try:
        return _program(text)
    except Flaw as error:
        lines = text.split("\n")
        line = lines[error.line - 1].rstrip() if error.line <= len(lines) else ""
        shown = line if len(line) <= 200 else line[:200] + " ..."
        raise ParseError(f"TTIR {error.line}:{error.column}: {error.message}\n    {shown.strip()}") from None
    except RecursionError:
        raise ParseError("TTIR 1:1: nested too deeply to be read\n    ") from None


def _program(text: str) -> Program:
    file = read(text)
    locations = Locations(file.locations)
    raws: Iterable[Raw] = file.operations
    for raw in file.operations:
        if raw.name in ("module", "builtin.module") or raw.name == '"builtin.module"':
            regions = [item for item in raw.items if isinstance(item, RawRegion)]
            if len(file.operations) != 1 or len(regions) != 1 or len(regions[0].blocks) != 1:
                raise flaw("expected one module of one block", raw.name)
            raws = regions[0].blocks[0].operations
            locations.resolve(raw.location, _NOWHERE)
    functions = tuple(_function(raw, locations) for raw in raws)
    called = {function.name for function in functions}
    try:
        program = Program(functions)
    except ValueError as error:
        raise Flaw(str(error), 1, 1) from None
    for operation in program.operations():
        callee = operation.attributes.get("callee") if operation.name == "tt.call" else None
        if callee is not None and getattr(callee, "text", callee) not in called:
            raise Flaw(f"call of {callee}, which is not defined ({operation.place})", 1, 1)
    return program


def _function(raw: Raw, locations: Locations) -> Function:
    """`tt.func public @name(arguments) -> results attributes {...} {body}`."""
    if raw.name != "tt.func":
        raise flaw(f"expected tt.func, found {raw.name}", raw.name)
    place, _ = locations.resolve(raw.location, _NOWHERE)
    words = [item for item in raw.items if isinstance(item, Token)]
    names = [word for word in words if word.type == "SYMBOL"]
    groups = [item for item in raw.items if isinstance(item, Group)]
    bodies = [item for item in raw.items if isinstance(item, RawRegion)]
    if len(names) != 1 or not groups or len(bodies) != 1:
        raise flaw("tt.func without a name, arguments or a body", raw.name)
    arguments = declared(groups[0])
    if not arguments and groups[0].items:
        raise flaw("tt.func whose arguments do not read", groups[0].open)
    arrow = next((index for index, item in enumerate(raw.items) if item == "->"), len(raw.items))
    _, results, _ = read_types(raw.items[arrow:])
    body = _Body(locations, Place(place.file, 0))
    region = body.region(bodies[0], arguments, None)
    for item in groups[0].items:
        if isinstance(item, Location):
            locations.resolve(item, place)
    return Function(
        name=symbol(names[0]),
        arguments=region.blocks[0].arguments,
        argument_attributes=_argument_attributes(groups[0]),
        results=tuple(results or ()),
        body=region,
        public="private" not in words and "nested" not in words,
        place=place,
    )


def _argument_attributes(group: Group) -> tuple[dict[str, Attribute], ...]:
    found: list[dict[str, Attribute]] = []
    for item in group.items:
        if isinstance(item, Token) and item.type == "VALUE":
            found.append({})
        elif isinstance(item, dict):
            found[-1].update(item)
    return tuple(found)


@frozen(eq=False)
class _Scope:
    """The values that a region's text may name: its own, then those of the regions around it."""

    outer: _Scope | None
    names: dict[str, tuple[Value, ...]] = field(factory=dict)

    def find(self, token: Token) -> Value:
        name, _, index = token.partition("#")
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                values = scope.names[name]
                if int(index or 0) < len(values):
                    return values[int(index or 0)]
                raise flaw(f"{token} of {len(values)} results", token)
            scope = scope.outer
        raise flaw(f"{token} is not defined", token)


class _Body:
    """Reads the regions of one function."""

    def __init__(self, locations: Locations, default: Place) -> None:
        self.locations, self.default = locations, default
        self.taken: dict[str, int] = {}  # how often a name was used in this function
        self.pending: set[str] = set()  # values of open blocks that are not computed yet

    def region(self, raw: RawRegion, named: Sequence[Named], outer: _Scope | None) -> Region:
        """A region whose first block has the `named` arguments besides those that its label declares."""
        scope = _Scope(outer)
        shells = []
        for index, block in enumerate(raw.blocks):
            own = [*(named if index == 0 else ()), *(declared(block.arguments) if block.arguments else ())]
            arguments = tuple(self._argument(name, type, scope) for name, type in own)
            forms = [self._results(operation, scope) for operation in block.operations]
            shells.append((block, arguments, forms))
        labels = {_label(block): arguments for block, arguments, _ in shells}
        if len(labels) != len(shells):
            raise flaw("two blocks of one label", next(block.label for block in raw.blocks if block.label))
        blocks = []
        for block, arguments, forms in shells:
            self.pending.update(value.name for _, values in forms for value in values)
            operations = [
                self._operation(operation, form, values, scope, labels)
                for operation, (form, values) in zip(block.operations, forms, strict=True)
            ]
            blocks.append(Block(_label(block), arguments, tuple(operations)))
            self._check_locations(block)
        return Region(tuple(blocks))

    def _argument(self, name: Token, type: Type | Token, scope: _Scope) -> Value:
        known = scope.find(type).type if isinstance(type, Token) else type
        return self._define(str(name), [known], name, scope)[0]

    def _define(self, name: str, types: Sequence[Type], at: Token, scope: _Scope) -> tuple[Value, ...]:
        if name in scope.names:
            raise flaw(f"{name} is defined twice", at)
        self.taken[name] = self.taken.get(name, 0) + 1
        unique = name if self.taken[name] == 1 else f"{name}~{self.taken[name]}"
        if len(types) == 1:
            values: tuple[Value, ...] = (Value(unique, types[0]),)
        else:
            values = tuple(Value(f"{unique}#{index}", type) for index, type in enumerate(types))
        scope.names[name] = values
        return values

    def _results(self, raw: Raw, scope: _Scope) -> tuple[Form, tuple[Value, ...]]:
        """Defines what `raw` computes; branches may name it before its line."""
        packs = re.findall(r"(%[\w$.-]+)(?::(\d+))?", raw.results) if raw.results is not None else []
        sizes = [min(int(size or 1), 10_000) for _, size in packs]
        form = read_form(raw, sum(sizes))
        values: list[Value] = []
        for (name, _), size in zip(packs, sizes, strict=True):
            types = form.results[len(values) : len(values) + size]
            values.extend(self._define(name, types, raw.results or raw.name, scope))
        return form, tuple(values)

    def _operation(self, raw: Raw, form: Form, results: tuple[Value, ...], scope: _Scope, labels: _Labels) -> Operation:
        place, stack = self.locations.resolve(raw.location, self.default)
        operands = tuple(self._use(token, scope) for token in form.operands)
        successors = tuple(self._successor(*target, scope, labels) for target in form.successors)
        regions = tuple(self.region(inner, named, scope) for inner, named in form.regions)
        if form.name in _YIELDING:
            regions = tuple(_yielding(region, place) for region in regions)
        self.pending.difference_update(value.name for value in results)
        label = self.locations.label(raw.location)
        return Operation(form.name, operands, results, form.attributes, regions, successors, place, stack, label)

    def _use(self, token: Token, scope: _Scope) -> Value:
        value = scope.find(token)
        if value.name in self.pending:
            raise flaw(f"{token} is used before it is defined", token)
        return value

    def _successor(self, label: Token, arguments: Sequence[Token], scope: _Scope, labels: _Labels) -> Successor:
        if label not in labels:
            raise flaw(f"block {label} is not defined", label)
        if len(labels[label]) != len(arguments):
            raise flaw(f"block {label} wants {len(labels[label])} arguments", label)
        return Successor(str(label), tuple(self._use(token, scope) for token in arguments))

    def _check_locations(self, block: RawBlock) -> None:
        for item in block.arguments.items if block.arguments is not None else ():
            if isinstance(item, Location):
                self.locations.resolve(item, self.default)


def _yielding(region: Region, place: Place) -> Region:
    """The region with the `scf.yield` that the text leaves out where nothing is yielded."""
    block = region.blocks[-1]
    if block.operations and block.operations[-1].name == "scf.yield":
        return region
    end = Operation("scf.yield", (), (), {}, (), (), place)
    return Region((*region.blocks[:-1], Block(block.label, block.arguments, (*block.operations, end))))


def _label(block: RawBlock) -> str:
    return str(block.label) if block.label is not None else "^bb0"
