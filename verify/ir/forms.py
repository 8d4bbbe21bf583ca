"""What the items of an operation say: operands, attributes, types, regions, branch targets.

One reader serves all operations, custom and generic, known and unknown; the tables of `operations` say where
an operation differs. Only a few custom forms want a reader of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from attrs import evolve, field, frozen
from lark import Token

from verify.ir.literals import read_dense, read_number
from verify.ir.operations import BOOLEAN, COUNTS, DEFAULTS, ENUMS, FILLERS, OPERANDS, RESULTS, WORDS
from verify.ir.program import Attribute, Scalar, Symbol, Type
from verify.ir.syntax import (
    Constant,
    Group,
    Item,
    Raw,
    RawRegion,
    attribute,
    flaw,
    unquoted,
)
from verify.ir.types import read_type, short_type

# The argument of a region's first block that the operation's own syntax names, with its type or with the
# value whose type it shares.
Named: TypeAlias = "tuple[Token, Type | Token]"


@frozen(eq=False)
class Form:
    """An operation's items, told apart. Operands carry no type: a value's definition says it."""

    name: str
    operands: tuple[Token, ...] = ()
    results: tuple[Type, ...] = ()
    attributes: Mapping[str, Attribute] = field(factory=dict)
    regions: tuple[tuple[RawRegion, tuple[Named, ...]], ...] = ()
    successors: tuple[tuple[Token, tuple[Token, ...]], ...] = ()


def read_form(raw: Raw, count: int) -> Form:
    """The form of `raw`, whose text names `count` results. Raises Flaw."""
    name = unquoted(raw.name) if raw.name.type == "STRING" else str(raw.name)
    special = SPECIAL.get(name) if raw.name.type == "NAME" else None
    form = special(raw, count) if special is not None else _general(raw, name, count)
    least, most = OPERANDS.get(name, (0, len(form.operands)))
    if not least <= len(form.operands) <= most:
        raise flaw(f"{name} with {len(form.operands)} operands", raw.name)
    return form


class _Walk:
    """The reader of an operation's items before its types."""

    def __init__(self, raw: Raw, name: str) -> None:
        self.raw, self.name = raw, name
        self.operands: list[Token] = []
        self.groups: list[int] = []  # operands of each bracketed group
        self.marks: dict[str, int] = {}  # bare word -> number of operands before it
        self.attributes: dict[str, Attribute] = {}
        self.literals: list[Item] = []
        self.regions: list[tuple[RawRegion, tuple[Named, ...]]] = []
        self.named: list[Named] = []
        self.successors: list[tuple[Token, tuple[Token, ...]]] = []
        self.words = list(WORDS.get(name, ())) if raw.name.type == "NAME" else []
        self.holds_regions = any(isinstance(item, RawRegion) for item in raw.items)

    def read(self, items: Sequence[Item]) -> None:
        index = 0
        while index < len(items):
            item, after = items[index], items[index + 1] if index + 1 < len(items) else None
            if isinstance(item, Token):
                index += self._token(item, after, items[index + 2] if index + 2 < len(items) else None)
            else:
                self._other(item)
                index += 1

    def _token(self, item: Token, after: Item | None, third: Item | None) -> int:
        """Reads what begins with `item`; returns the number of items that were used."""
        kind = item.type
        follows = after.type if isinstance(after, Token) else ""
        if kind == "VALUE":
            return self._value(item, follows, third)
        if kind == "LABEL":
            self.successors.append((item, tuple(values_of(after)) if isinstance(after, Group) else ()))
            return 2 if isinstance(after, Group) else 1
        if kind == "NAME" and follows == "EQUALS":
            self.attributes[str(item)] = self._valued(third, item)
            return 3
        if kind == "NAME" and follows == "ANGLE":
            assert isinstance(after, Token)
            self.attributes[str(item)] = Symbol(str(after)[1:-1])
            return 2
        if kind in ("NAME", "STRING", "SYMBOL"):
            self._word(item)
        elif kind in ("NUMBER", "ARRAY", "OPAQUE", "ALIAS", "TYPE"):
            self.literals.append(item)
        return 1

    def _value(self, item: Token, follows: str, third: Item | None) -> int:
        if follows == "EQUALS" and isinstance(third, Token) and third.type == "VALUE":
            self.named.append((item, third))
            self.operands.append(third)
            return 3
        self.operands.append(item)
        return 1

    def _word(self, item: Token) -> None:
        if self.words:
            value = attribute(item)
            self.attributes[self.words.pop(0)] = value
        elif item in FILLERS:
            return
        elif item.type == "NAME" and item not in ("true", "false"):
            self.marks[str(item)] = len(self.operands)
            self.attributes.setdefault(str(item), True)
        else:
            self.literals.append(item)

    def _valued(self, item: Item | None, key: Token) -> Attribute:
        if isinstance(item, dict):
            return item
        if not isinstance(item, Token):
            raise flaw(f"{key} without a value", key)
        return attribute(item)

    def _other(self, item: Item) -> None:
        if isinstance(item, dict):
            self.attributes.update(item)
        elif isinstance(item, RawRegion):
            self.regions.append((item, tuple(self.named)))
            self.named.clear()
        elif isinstance(item, Group):
            declared = self._declared(item)
            if declared:
                self.named.extend(declared)
                return
            before = len(self.operands)
            self.read(item.items)
            self.groups.append(len(self.operands) - before)
        elif isinstance(item, Constant):
            self.literals.append(item)

    def _declared(self, group: Group) -> list[Named]:
        """`(%a: i32, %b: f32)` before a region declares the arguments of its first block."""
        if not self.holds_regions or group.open != "(":
            return []
        return declared(group)


def _general(raw: Raw, name: str, count: int) -> Form:
    heading, signature = _split(raw.items)
    walk = _Walk(raw, name)
    walk.read(heading)
    inputs, outputs, rest = read_types(signature)
    walk.read([item for item in rest if isinstance(item, (dict, RawRegion))])
    attributes = {**DEFAULTS.get(name, {}), **_named_numbers(name, walk.attributes)}
    if name == "arith.constant" and "value" not in attributes:
        attributes["value"], inputs = _constant(raw, walk.literals, inputs)
    elif walk.literals:
        attributes["literals"] = tuple(_literal(item) for item in walk.literals)
    if name in COUNTS and raw.name.type == "NAME":
        attributes["operand_counts"] = COUNTS[name](walk.groups, len(walk.operands))
    elif "operandSegmentSizes" in attributes:
        attributes["operand_counts"] = attributes.pop("operandSegmentSizes")
    return Form(
        name,
        tuple(walk.operands),
        _results(raw, name, count, inputs, outputs),
        attributes,
        tuple(walk.regions),
        tuple(walk.successors),
    )


def _split(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Heading and types: parted by the last colon, or by the first arrow where there is no colon."""
    kinds = [item.type if isinstance(item, Token) else "" for item in items]
    if "COLON" in kinds:
        at = len(kinds) - 1 - kinds[::-1].index("COLON")
        return items[:at], items[at + 1 :]
    at = kinds.index("ARROW") if "ARROW" in kinds else len(kinds)
    return items[:at], items[at:]


def read_types(items: Sequence[Item]) -> tuple[list[Type], list[Type] | None, Sequence[Item]]:
    """Types before and after the arrow (None without one), and the items from the first that is no type.

    `to` of casts counts as an arrow.
    """
    inputs: list[Type] = []
    outputs: list[Type] | None = None
    for index, item in enumerate(items):
        if isinstance(item, Token) and (item.type == "ARROW" or item == "to"):
            outputs = [] if outputs is None else outputs
        elif isinstance(item, Group):
            inner, none, rest = read_types(item.items)
            if none is not None or rest:
                raise flaw("expected a list of types", item.open)
            (inputs if outputs is None else outputs).extend(inner)
        elif isinstance(item, Token) and item.type in ("NAME", "TYPE", "ANGLE") and item not in FILLERS:
            (inputs if outputs is None else outputs).append(type_of(item))
        elif not (isinstance(item, Token) and item.type in ("COMMA", "OTHER")):
            return inputs, outputs, items[index:]
    return inputs, outputs, ()


def type_of(token: Token) -> Type:
    """The type that one token denotes. Raises Flaw."""
    try:
        return short_type(str(token)) if token.type == "ANGLE" else read_type(str(token))
    except ValueError as error:
        raise flaw(str(error), token) from None


def _results(raw: Raw, name: str, count: int, inputs: list[Type], outputs: list[Type] | None) -> tuple[Type, ...]:
    if count == 0:
        return ()
    try:
        if outputs is not None:
            types = outputs
        elif name in RESULTS and inputs:
            types = [RESULTS[name](inputs)]
        else:
            types = inputs if len(inputs) == count else inputs[-1:]
    except ValueError as error:
        raise flaw(str(error), raw.name) from None
    if len(types) == 1:
        types = types * count  # tt.split writes the type of both halves once
    if len(types) != count:
        raise flaw(f"{name} names {count} results but has {len(types)} types", raw.name)
    return tuple(types)


def _constant(raw: Raw, literals: list[Item], types: list[Type]) -> tuple[Attribute, list[Type]]:
    if len(literals) != 1 or len(types) > 1:
        raise flaw("arith.constant wants one value and its type", raw.name)
    item, type = literals[0], types[0] if types else BOOLEAN
    try:
        if isinstance(item, Constant):
            return read_dense(item.elements, type), [type]
        return read_number(str(item), type), [type]
    except ValueError as error:
        raise flaw(str(error), raw.name) from None


def _literal(item: Item) -> Attribute:
    return attribute(item) if isinstance(item, Token) else Symbol("dense")


def _named_numbers(name: str, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    for key, value in attributes.items():
        words = ENUMS.get((name, key), ())
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words):
            attributes[key] = Symbol(words[value])
    return attributes


def values_of(group: Group) -> list[Token]:
    """The values of `(%a, %b : i32, f32)`."""
    return [item for item in group.items if isinstance(item, Token) and item.type == "VALUE"]


def declared(group: Group) -> list[Named]:
    """The arguments of `(%a: i32 {attributes} loc(...), %b: f32)`; empty for other groups."""
    found: list[Named] = []
    items = group.items
    for index, item in enumerate(items):
        if isinstance(item, Token) and item.type == "VALUE":
            follow = items[index + 1 : index + 3]
            if len(follow) < 2 or not isinstance(follow[1], Token) or follow[0] != ":":
                return []
            found.append((item, type_of(follow[1])))
    return found


def _loop(raw: Raw, count: int) -> Form:
    """`scf.for %i = %a to %b step %c iter_args(%x = %y, ...) -> (types) : i32 {...}`.

    The operands are a, b, c and the initial values; without a type the induction variable is an `index`.
    """
    items = raw.items
    stop = next((i for i, item in enumerate(items) if isinstance(item, RawRegion) or item in ("->", ":")), -1)
    if stop < 0:
        raise flaw("scf.for without a body", raw.name)
    walk = _Walk(raw, "scf.for")
    walk.read(items[:stop])
    _, types, rest = read_types(items[stop:])
    induction: Type = Scalar("index")
    if len(rest) > 1 and rest[0] == ":" and isinstance(rest[1], Token):
        induction = type_of(rest[1])
    names, inner = [name for name, _ in walk.named], [induction, *(types or ())]
    if not len(names) == len(inner) == len(walk.operands) - 2 or count != len(inner) - 1:
        raise flaw("scf.for whose iteration arguments, initial values and types differ in number", raw.name)
    walk.named = list(zip(names, inner, strict=True))
    unsigned = "unsigned" in walk.marks
    walk.attributes.clear()
    walk.read([item for item in rest if isinstance(item, (dict, RawRegion))])
    attributes = {**walk.attributes, **({"unsignedCmp": True} if unsigned else {})}
    return Form("scf.for", tuple(walk.operands), tuple(inner[1:]), attributes, tuple(walk.regions))


def _dot_scaled(raw: Raw, count: int) -> Form:
    """`%a scale %sa, %b scale %sb, %c`, either scale left out; operands a, b, c and the scales there are."""
    form = _general(raw, "tt.dot_scaled", count)
    plain: list[Token] = []
    scales: dict[int, Token] = {}
    tokens = [item for item in raw.items if isinstance(item, Token)]
    values = [token for token in tokens if token.type == "VALUE" or token == "scale"]
    for before, item in zip([None, *values], values, strict=False):
        if before == "scale":
            scales[len(plain) - 1] = item
        elif item != "scale":
            plain.append(item)
    if len(plain) != 3 or not scales.keys() <= {0, 1}:
        raise flaw("tt.dot_scaled without its three matrices", raw.name)
    rename = {"lhs": "a_elem_type", "rhs": "b_elem_type"}
    attributes = {rename.get(key, key): value for key, value in form.attributes.items() if key != "scale"}
    attributes["operand_counts"] = (1, 1, 1, int(0 in scales), int(1 in scales))
    return evolve(form, operands=(*plain, *(scales[side] for side in sorted(scales))), attributes=attributes)


def _descriptor_write(raw: Raw, count: int) -> Form:
    """`%descriptor[%i, %j], %source`; operands descriptor, source, indices, as in generic syntax."""
    form = _general(raw, str(raw.name), count)
    if len(form.operands) < 2:
        raise flaw(f"{raw.name} with {len(form.operands)} operands", raw.name)
    descriptor, *indices, source = form.operands
    attributes = {**form.attributes, "operand_counts": (1, 1, len(indices))}
    return evolve(form, operands=(descriptor, source, *indices), attributes=attributes)


SPECIAL: Mapping[str, Callable[[Raw, int], Form]] = {
    "scf.for": _loop,
    "tt.dot_scaled": _dot_scaled,
    "tt.descriptor_store": _descriptor_write,
    "tt.descriptor_reduce": _descriptor_write,
}
