"""Knobs of a candidate: constants of its module that may take other values.

    BLOCK = 1024  # tune: 256, 512, 1024, 2048
    WARPS = 4  # tune: 2, 4, 8

The file is a candidate as it stands. A point is one choice for every knob; its source differs in these constants only.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

MARK: Final = re.compile(r"#\s*tune:(?P<choices>.*)$")
MOST: Final = 4096  # points of one candidate


class KnobError(ValueError):
    """A knob that cannot be read: says which line and what is wrong with it."""


@frozen
class Knob:
    """A constant of the module: the value it has, and those that it may have, in the order in which they are given."""

    name: str
    line: int  # 1-based
    columns: tuple[int, int]  # of the value, in characters
    value: Any
    choices: tuple[Any, ...]


@frozen
class Point:
    """A choice for every knob, by name, and the source that has it."""

    values: Mapping[str, Any] = field(converter=dict)
    source: str = field(repr=False)

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.values.items())


def knobs(source: str) -> tuple[Knob, ...]:
    """The knobs of a module, in order of their lines. Raises KnobError, or SyntaxError where it is no module."""
    assigned = {node.lineno: node for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    found = [_knob(line, text, assigned.get(line), source) for line, text in _marked(source)]
    for one, other in itertools.combinations(found, 2):
        if one.name == other.name:
            raise KnobError(f"line {other.line}: {other.name} is a knob already, in line {one.line}")
    return tuple(found)


def points(source: str, found: tuple[Knob, ...]) -> Iterator[Point]:
    """Every point, the candidate as it stands first, the last knob changing fastest. Raises KnobError for too many."""
    number = 1
    for knob in found:
        number *= len(knob.choices)
    if number > MOST:
        raise KnobError(f"{number} points, at most {MOST} are searched: give some knobs fewer values")
    own = tuple(knob.value for knob in found)
    for values in (
        own,
        *(each for each in itertools.product(*(knob.choices for knob in found)) if not _same(each, own)),
    ):
        yield Point({knob.name: value for knob, value in zip(found, values, strict=True)}, _set(source, found, values))


def apart(one: Mapping[str, Any], other: Mapping[str, Any], found: tuple[Knob, ...]) -> int:
    """How many steps lie between two points, a step being the next choice of one knob."""
    places = ((knob.choices.index(one[knob.name]), knob.choices.index(other[knob.name])) for knob in found)
    return sum(abs(here - there) for here, there in places)


def _marked(source: str) -> Iterator[tuple[int, str]]:
    """Lines with a comment that makes a knob, and the choices as written. A `#` within a string is none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (mark := MARK.match(token.string)):
            yield token.start[0], mark["choices"].strip()


def _knob(line: int, text: str, node: ast.Assign | None, source: str) -> Knob:
    if node is None or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        raise KnobError(f"line {line}: `# tune:` stands behind an assignment to one name at the module's top level")
    name, value = node.targets[0].id, node.value
    if not isinstance(value, ast.Constant) or value.end_lineno != line:
        raise KnobError(f"line {line}: {name} is a knob, so its value is a constant in that line")
    try:
        choices = ast.literal_eval(f"({text},)") if text else ()
    except (ValueError, SyntaxError):
        raise KnobError(f"line {line}: the values of {name} are constants with commas between, not {text!r}") from None
    if not any(_same(value.value, each) for each in choices):
        raise KnobError(f"line {line}: {name} is {value.value!r}, which is not among its values ({text})")
    if len({repr(each) for each in choices}) < len(choices):
        raise KnobError(f"line {line}: {name} has a value twice ({text})")
    written = source.splitlines()[line - 1].encode()
    columns = len(written[: value.col_offset].decode()), len(written[: value.end_col_offset].decode())
    return Knob(name, line, columns, value.value, choices)


def _same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # True == 1, and yet is another value


def _set(source: str, found: tuple[Knob, ...], values: tuple[Any, ...]) -> str:
    lines = source.splitlines(keepends=True)
    for knob, value in zip(found, values, strict=True):
        if _same(value, knob.value):
            continue  # the candidate as it stands keeps its spelling
        start, end = knob.columns
        text = lines[knob.line - 1]
        lines[knob.line - 1] = text[:start] + repr(value) + text[end:]
    return "".join(lines)
