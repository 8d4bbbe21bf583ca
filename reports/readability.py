"""How hard a kernel is to read, measured on its source: size, nesting, numbers without a name, repeated passages."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from attrs import frozen

from verify.verdict import count

_NESTING: Final = (ast.For, ast.While, ast.If, ast.With, ast.Try)
_LOOPS: Final = (ast.For, ast.While)
_PASSAGE: Final = 2  # statements from which on a repetition counts
_WEIGHT: Final = 16  # statements and expressions in them from which on it does
_MOST: Final = 400  # statements that are compared with one another


@frozen
class Kernel:
    """One `@jit` function. `lines` leaves out blank ones and comments; `nesting` counts loops and branches inside."""

    name: str
    line: int
    lines: int
    statements: int
    parameters: int
    loops: int
    nesting: int


@frozen
class Number:
    """A number that no name explains, as it is written, and the lines where it stands."""

    text: str
    lines: tuple[int, ...]


@frozen
class Passage:
    """Statements that occur again word for word. `explained`: a comment stands at the repetition."""

    first: tuple[int, int]
    again: tuple[int, int]
    statements: int
    explained: bool


@frozen
class Readability:
    """The measures of all kernels of one source; `unread` says why there are none."""

    kernels: tuple[Kernel, ...] = ()
    numbers: tuple[Number, ...] = ()
    passages: tuple[Passage, ...] = ()
    unread: str = ""

    @property
    def unexplained(self) -> tuple[Passage, ...]:
        return tuple(passage for passage in self.passages if not passage.explained)

    @property
    def summary(self) -> str:
        """The measures in a line, without a full stop."""
        if self.unread:
            return self.unread
        parts = [
            count(len(self.kernels), "kernel function"),
            count(sum(each.lines for each in self.kernels), "line"),
            count(sum(each.statements for each in self.kernels), "statement"),
            count(sum(each.loops for each in self.kernels), "loop"),
            f"nesting {max(each.nesting for each in self.kernels)}",
            count(len(self.numbers), "number") + " without a name",
            count(len(self.unexplained), "repeated passage") + " without a comment",
        ]
        return ", ".join(parts)


def measure(source: str) -> Readability:
    """Measure the kernels of a candidate's source."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Readability(unread="Not measured: the source is no Python that parses here")
    kernels = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _jit(node)]
    if not kernels:
        return Readability(unread="Not measured: the kernels stand in other files, which the record does not hold")
    kernels.sort(key=lambda node: node.lineno)
    lines = source.splitlines()
    return Readability(
        tuple(_kernel(node, lines) for node in kernels), _numbers(kernels), tuple(_passages(kernels, lines))
    )


def _jit(function: ast.FunctionDef) -> bool:
    for decorator in function.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")) == "jit":
            return True
    return False


def _kernel(function: ast.FunctionDef, lines: list[str]) -> Kernel:
    end = function.end_lineno or function.lineno
    own = [line.strip() for line in lines[function.lineno - 1 : end]]
    inner = [node for statement in function.body for node in ast.walk(statement)]
    given = function.args
    return Kernel(
        function.name,
        function.lineno,
        sum(1 for line in own if line and not line.startswith("#")),
        sum(1 for node in inner if isinstance(node, ast.stmt) and not _docstring(node)),
        len([*given.posonlyargs, *given.args, *given.kwonlyargs]),
        sum(1 for node in inner if isinstance(node, _LOOPS)),
        max((_depth(statement) for statement in function.body), default=0),
    )


def _docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _depth(node: ast.AST) -> int:
    inner = max((_depth(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)), default=0)
    # `elif` is an `if` inside `else` to the tree, and no deeper to a reader.
    if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        bodies = [_depth(child) for child in node.body]
        return max(1 + max(bodies, default=0), _depth(node.orelse[0]))
    return inner + isinstance(node, _NESTING)


def _numbers(kernels: list[ast.FunctionDef]) -> tuple[Number, ...]:
    """Zero, one and powers of two speak for themselves; a default and what is given a name by itself have one."""
    found: dict[str, list[int]] = {}
    for function in kernels:
        for statement in function.body:
            for node in _unnamed(statement):
                if not _plain(node.value):
                    found.setdefault(repr(node.value), []).append(node.lineno)
    return tuple(Number(text, tuple(dict.fromkeys(lines))) for text, lines in found.items())


def _unnamed(node: ast.AST) -> Iterator[ast.Constant]:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.UnaryOp):
        value = value.operand
    if isinstance(value, ast.Constant):
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _unnamed(child)


def _plain(value: object) -> bool:
    assert isinstance(value, int | float)
    if value == 0 or not math.isfinite(value):
        return True
    if isinstance(value, int):
        return abs(value) & (abs(value) - 1) == 0
    return abs(math.frexp(value)[0]) == 0.5 and abs(value) in (0.25, 0.5, 1.0, 2.0, 4.0)


def _passages(kernels: list[ast.FunctionDef], lines: list[str]) -> Iterator[Passage]:
    """The longest runs of statements that occur twice, each pair once, none inside another."""
    blocks = [block for function in kernels for block in _blocks(function)]
    places = [(block, at) for block in blocks for at in range(len(block))][:_MOST]
    prints = {id(block[at]): ast.dump(block[at]) for block, at in places}
    weights = {id(block[at]): _weight(block[at]) for block, at in places}
    found: list[tuple[int, list[ast.stmt], list[ast.stmt]]] = []
    for (left, at), (right, to) in combinations(places, 2):
        before = at and to and prints[id(left[at - 1])] == prints[id(right[to - 1])]
        if before or prints[id(left[at])] != prints[id(right[to])]:  # a run is looked at from its start
            continue
        length = _run(left, at, right, to, prints)
        one, two = left[at : at + length], right[to : to + length]
        if length >= _PASSAGE and sum(weights[id(each)] for each in one) >= _WEIGHT:
            found.append((length, one, two))
    told: list[tuple[int, int]] = []
    for length, one, two in sorted(found, key=lambda item: _extent(item[2])[0] - _extent(item[2])[1]):
        again = _extent(two)
        if not any(first <= again[1] and again[0] <= last for first, last in told):
            told.append(again)
            yield Passage(_extent(one), again, length, _explained(again, lines))


def _blocks(function: ast.FunctionDef) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield [each for each in block if not _docstring(each)]


def _run(left: list[ast.stmt], at: int, right: list[ast.stmt], to: int, prints: dict[int, str]) -> int:
    """How many statements in a row are alike, without one run reaching into the other."""
    most = min(len(left) - at, len(right) - to, to - at if left is right else len(left))
    length = 0
    while length < most:
        one, two = prints.get(id(left[at + length])), prints.get(id(right[to + length]))
        if one is None or one != two:
            break
        length += 1
    return length


def _weight(statement: ast.stmt) -> int:
    return sum(isinstance(node, ast.stmt | ast.expr) for node in ast.walk(statement))


def _extent(statements: list[ast.stmt]) -> tuple[int, int]:
    return statements[0].lineno, statements[-1].end_lineno or statements[-1].lineno


def _explained(extent: tuple[int, int], lines: list[str]) -> bool:
    """Whether a comment for people stands above or inside."""
    return any(re.search(r"#(?!\s*(fmt|noqa|type|ruff|pragma)\b)", line) for line in lines[extent[0] - 2 : extent[1]])
