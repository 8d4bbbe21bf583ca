"""A candidate's text as a tree that is changed in place: all other letters and lines stay as they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, TypeAlias

from attrs import define, frozen

Change: TypeAlias = tuple[tuple[ast.AST, str], ...]  # nodes, none within another, and what stands there instead

_ATOMS: Final = (ast.Name, ast.Call, ast.Attribute, ast.Constant, ast.Subscript, ast.Tuple, ast.List)
_OPEN: Final = (
    ast.Assign,
    ast.AugAssign,
    ast.Return,
    ast.If,
    ast.Call,
    ast.keyword,
    ast.Expr,
    ast.Tuple,
)  # need no brackets
_LIBRARY: Final = "triton.language"


@frozen
class Line:
    """What a change made of consecutive lines; `number` counts from 1."""

    number: int
    before: str
    after: str


@define(eq=False)
class Source:
    """The text, its tree, and for every node what it stands in. Raises SyntaxError for what is no Python."""

    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def libraries(self) -> frozenset[str]:
        """The names under which the file knows triton.language."""
        names = {alias.asname or alias.name for node in ast.walk(self.tree) if isinstance(node, ast.Import)
                 for alias in node.names if alias.name == _LIBRARY}  # fmt: skip
        return frozenset(names | {_LIBRARY})

    @cached_property
    def kernels(self) -> tuple[ast.FunctionDef, ...]:
        """Functions that triton compiles."""
        return tuple(each for each in self._functions if any("jit" in ast.unparse(by) for by in each.decorator_list))

    @cached_property
    def hosts(self) -> tuple[ast.FunctionDef, ...]:
        """All other functions."""
        return tuple(each for each in self._functions if each not in self.kernels)

    @cached_property
    def _functions(self) -> tuple[ast.FunctionDef, ...]:
        return tuple(each for each in self.tree.body if isinstance(each, ast.FunctionDef))

    @cached_property
    def _lines(self) -> tuple[bytes, ...]:
        return tuple(self.text.encode().splitlines(keepends=True))

    def of(self, node: ast.AST) -> str:
        """The letters of a node, without brackets around it; on one line if it is an expression."""
        start, end = self._span(node)
        letters = self.text.encode()[start:end].decode()
        return ast.unparse(node) if "\n" in letters else letters

    def inside(self, function: ast.FunctionDef) -> Iterator[ast.AST]:
        """The nodes of a function's body, in the order of the text."""
        found = [node for statement in function.body for node in ast.walk(statement) if hasattr(node, "lineno")]
        yield from sorted(found, key=lambda node: (node.lineno, node.col_offset, -(node.end_col_offset or 0)))  # type: ignore[attr-defined]

    def called(self, node: ast.AST, *names: str) -> bool:
        """Whether it calls a function of triton's language, or a tensor's method, of one of these names."""
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names

    def plain(self, node: ast.AST, *names: str) -> bool:
        """Whether it calls one of these functions of triton's language, not a tensor's method."""
        if not self.called(node, *names):
            return False
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        return ast.unparse(node.func.value) in self.libraries

    def call(self, node: ast.Call, args: Sequence[str] | None = None, drop: Sequence[str] = (), **given: str) -> str:
        """The call with other arguments, without the keywords `drop`, with others `given`."""
        told = list(map(self.of, node.args)) if args is None else list(args)
        for keyword in node.keywords:
            if keyword.arg not in drop:
                value = given.pop(keyword.arg or "", self.of(keyword.value))
                told.append(f"{keyword.arg}={value}" if keyword.arg else f"**{value}")
        told += [f"{name}={value}" for name, value in given.items()]
        return f"{self.of(node.func)}({', '.join(told)})"

    def apply(self, change: Change) -> str:
        """The text with the change in it. Lines that it makes shorter keep their number."""
        data = self.text.encode()
        for node, new in sorted(change, key=lambda edit: self._span(edit[0]), reverse=True):
            start, end = self._span(node)
            lost = data[start:end].count(b"\n") - new.count("\n")
            if isinstance(node, ast.expr):
                new = f"({new}{chr(10) * lost})" if lost > 0 else self._bracketed(node, new)
            elif lost > 0:
                new += "\n" * lost
            data = data[:start] + new.encode() + data[end:]
        return data.decode()

    def _bracketed(self, node: ast.expr, new: str) -> str:
        start, end = self._span(node)
        data = self.text.encode()
        if data[:start].rstrip().endswith(b"(") and data[end:].lstrip().startswith(b")"):
            return new
        try:
            found = ast.parse(new, mode="eval").body
        except SyntaxError:  # `None, :` stands in brackets of its own
            return new
        return new if isinstance(found, _ATOMS) or isinstance(self.parents.get(node), _OPEN) else f"({new})"

    def _span(self, node: ast.AST) -> tuple[int, int]:
        ends = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        start, end = (sum(map(len, self._lines[: line - 1])) + column for line, column in ends)
        return start, end


def difference(before: str, after: str) -> Line:
    """The first lines that differ, as they were and as they are; other places that differ too come with them."""
    old, new = before.splitlines(), after.splitlines()
    blocks = [block for block in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if block[0] != "equal"]
    removed = [line for _, first, last, _, _ in blocks for line in old[first:last]]
    added = [line for _, _, _, first, last in blocks for line in new[first:last]]
    return Line(blocks[0][1] + 1, "\n".join(removed), "\n".join(added))
