"""From text to raw operations: names and items as they stand, not yet told what they mean.

The grammar is in `grammar.lark`. Tokens carry their line and column, so that every later complaint can point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import frozen
from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken, VisitError

from verify.ir.literals import Elements, read_dense, read_number
from verify.ir.program import Attribute, Scalar, Symbol
from verify.ir.types import read_type

_ALIAS: Final = re.compile(r"#[\w$]+")


class Flaw(Exception):
    """What is wrong with the text, at `line` and `column` (from 1)."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def flaw(message: str, at: Token) -> Flaw:
    return Flaw(message, at.line or 1, at.column or 1)


@frozen(eq=False)
class Location:
    """`loc(...)`: alias, file, named (the name comes first), callsite, fused or unknown, with its parts."""

    kind: str
    parts: tuple[Any, ...]
    at: Token | None


@frozen(eq=False)
class Group:
    """Items in parentheses or square brackets."""

    open: Token
    items: tuple[Item, ...]


@frozen(eq=False)
class Constant:
    """`dense<...>` in an operation's items; its type follows later."""

    elements: Elements | None


@frozen(eq=False)
class Raw:
    """One operation: `%a:2, %b` before the equals sign, the name as written, and all that follows."""

    results: Token | None
    name: Token
    items: tuple[Item, ...]
    location: Location | None


@frozen(eq=False)
class RawBlock:
    label: Token | None
    arguments: Group | None
    operations: tuple[Raw, ...]


@frozen(eq=False)
class RawRegion:
    blocks: tuple[RawBlock, ...]


Item: TypeAlias = "Token | Location | Group | Constant | RawRegion | dict[str, Attribute]"


@frozen(eq=False)
class Text:
    """A whole file: its top-level operations and the locations behind its aliases."""

    operations: tuple[Raw, ...]
    locations: dict[str, Location]


_ESCAPE = re.compile(rb'\\([0-9A-Fa-f]{2}|["\\nt])')
_SHORT = {b'"': b'"', b"\\": b"\\", b"n": b"\n", b"t": b"\t"}


def unquoted(text: str) -> str:
    """The content of a string token; MLIR escapes bytes as two hexadecimal digits."""
    if "\\" not in text:
        return text[1:-1]
    data = text[1:-1].encode()
    data = _ESCAPE.sub(lambda match: _SHORT.get(match[1]) or bytes.fromhex(match[1].decode()), data)
    return data.decode(errors="replace")


def attribute(token: Token) -> Attribute:
    """The attribute that one token denotes. Raises Flaw."""
    kind, text = token.type, str(token)
    try:
        if kind == "NUMBER":
            return read_number(text, Scalar("f64" if "." in text else "i64"))
        if kind == "ARRAY":
            return _array(text)
        if kind == "TYPE":
            return read_type(text)
    except ValueError as error:
        raise flaw(str(error), token) from None
    if kind == "STRING":
        return unquoted(text)
    if text in ("true", "false"):
        return text == "true"
    return Symbol(symbol(token)) if kind == "SYMBOL" else Symbol(text)


def symbol(token: Token) -> str:
    """The name behind `@`, which is quoted where it holds odd characters."""
    return unquoted(token[1:]) if token[1:2] == '"' else str(token[1:])


def _array(text: str) -> tuple[Attribute, ...]:
    """`array<i32: 1, 0>`."""
    element, _, values = text[len("array<") : -1].partition(":")
    type = read_type(element)
    return tuple(read_number(value.strip(), type) for value in values.split(",") if value.strip())


class _Shaper(Transformer):  # type: ignore[misc]  # lark is not typed
    """Turns each grammar rule into its raw class while the parser runs; no tree is built."""

    def start(self, children: list[Any]) -> Text:
        operations = tuple(child for child in children if isinstance(child, Raw))
        return Text(operations, dict(child for child in children if isinstance(child, tuple)))

    def alias(self, children: list[Any]) -> tuple[str, Location] | None:
        value = children[-1]
        return (str(children[0]), value) if isinstance(value, Location) else None

    def operation(self, children: list[Any]) -> Raw:
        results = children.pop(0) if children[0].type == "RESULTS" else None
        location = children.pop() if isinstance(children[-1], Location) else None
        return Raw(results, children[0], tuple(children[1:]), location)

    def group(self, children: list[Any]) -> Group:
        return Group(children[0], tuple(children[1:]))

    def region(self, children: list[Any]) -> RawRegion:
        plain = tuple(child for child in children if isinstance(child, Raw))
        blocks = tuple(child for child in children if isinstance(child, RawBlock))
        return RawRegion((RawBlock(None, None, plain), *blocks) if plain or not blocks else blocks)

    def block(self, children: list[Any]) -> RawBlock:
        arguments = children[1] if isinstance(children[1], Group) else None
        return RawBlock(children[0], arguments, tuple(child for child in children if isinstance(child, Raw)))

    def dictionary(self, children: list[Any]) -> dict[str, Attribute]:
        return dict(child for child in children if isinstance(child, tuple))

    def entry(self, children: list[Any]) -> tuple[str, Attribute]:
        name = unquoted(children[0]) if children[0].type == "STRING" else str(children[0])
        return name, _valued(children[1]) if len(children) > 1 else True

    def typed(self, children: list[Any]) -> Attribute:
        first, *rest = children
        try:
            if isinstance(first, Constant):
                return read_dense(first.elements, read_type(rest[1])) if rest else Symbol("dense")
            if not rest or first.type == "STRING":
                return attribute(first)
            return read_number(first, read_type(rest[1]))
        except ValueError as error:
            raise flaw(str(error), rest[0] if rest else first) from None

    def sequence(self, children: list[Any]) -> tuple[Attribute, ...]:
        return tuple(_valued(child) for child in children[1:] if not _is(child, "COMMA"))

    def dense(self, children: list[Any]) -> Constant:
        return Constant(children[0] if children else None)

    def elements(self, children: list[Any]) -> Sequence[Elements]:
        return [child for child in children[1:] if not _is(child, "COMMA")]

    def location(self, children: list[Any]) -> Location:
        return _placed(children[0])

    def file(self, children: list[Any]) -> Location:
        numbers = [child for child in children if child.type == "NUMBER"]
        for number in numbers:
            if not re.fullmatch(r"\d{1,9}", number):
                raise flaw(f"{number} is no line or column", number)
        return Location("file", (unquoted(children[0]), int(numbers[0]), int(numbers[1])), children[0])

    def named(self, children: list[Any]) -> Location:
        inner = (_placed(children[2]),) if len(children) > 1 else ()
        return Location("named", (unquoted(children[0]), *inner), children[0])

    def callsite(self, children: list[Any]) -> Location:
        callee, caller = (_placed(child) for child in children if not _is(child, "LPAR"))
        return Location("callsite", (callee, caller), callee.at)

    def fused(self, children: list[Any]) -> Location:
        drop = ("ANGLE", "LSQB", "COMMA")
        parts = tuple(_placed(child) for child in children if not _is(child, *drop))
        return Location("fused", parts, parts[0].at)

    def unknown(self, children: list[Any]) -> Location:
        return Location("unknown", (), None)


def _valued(child: Any) -> Attribute:
    return attribute(child) if isinstance(child, Token) else child


def _placed(child: Any) -> Location:
    if isinstance(child, Location):
        return child
    if child.type == "FILE_LOCATION":
        _, file, numbers = child.split('"')
        _, line, column = numbers[:-1].split(":")
        return Location("file", (file, int(line), int(column)), child)
    aliases = tuple(Location("alias", (name,), child) for name in _ALIAS.findall(child.rpartition('"')[2]))
    if child.type == "NAMED_LOCATION":
        return Location("named", (child.split('"')[1], *aliases), child)
    return Location("callsite", aliases, child) if child.type == "CALLSITE_LOCATION" else aliases[0]


def _is(child: Any, *kinds: str) -> bool:
    return isinstance(child, Token) and child.type in kinds


@lru_cache(maxsize=1)
def _reader() -> Lark:
    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False, transformer=_Shaper())


def read(text: str) -> Text:
    """The raw operations of a module's text. Raises Flaw."""
    try:
        file: Any = _reader().parse(text + "\n")
    except UnexpectedCharacters as error:
        raise Flaw(f"unexpected character {error.char!r}", error.line, error.column) from None
    except UnexpectedToken as error:
        if error.token.type != "$END":
            raise flaw(f"unexpected {str(error.token).strip() or 'end of line'!r}", error.token) from None
        raise Flaw("the text ends in the middle", text.count("\n") + 1, 1) from None
    except UnexpectedEOF:
        raise Flaw("the text ends in the middle", text.count("\n") + 1, 1) from None
    except VisitError as error:
        if isinstance(error.orig_exc, Flaw):
            raise error.orig_exc from None
        raise
    assert isinstance(file, Text)  # what the shaper makes of `start`
    return file
