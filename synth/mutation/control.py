"""Bugs in loops and branches of a kernel, and in how the host code launches it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from synth.mutation.text import Change, Source

_FILLED: Final = ("zeros", "full", "ones", "zeros_like", "full_like", "ones_like")


def loop_late(source: Source, node: ast.AST) -> Iterator[Change]:
    """The first trip is left out."""
    if (found := _range(source, node)) is not None:
        start, _, step = found
        yield _ranged(node, found, start=step if start == "0" else f"{start} + {step}")


def loop_short(source: Source, node: ast.AST) -> Iterator[Change]:
    """The last trip is left out."""
    if (found := _range(source, node)) is not None:
        yield _ranged(node, found, stop=f"{found[1]} - {found[2]}")


def loop_off_by_one(source: Source, node: ast.AST) -> Iterator[Change]:
    """The loop ends one element too early."""
    if (found := _range(source, node)) is not None and found[2] != "1":
        yield _ranged(node, found, stop=f"{found[1]} - 1")


def loop_long(source: Source, node: ast.AST) -> Iterator[Change]:
    """A trip too many."""
    if (found := _range(source, node)) is not None:
        yield _ranged(node, found, stop=f"{found[1]} + {found[2]}")


def loop_once(source: Source, node: ast.AST) -> Iterator[Change]:
    """The loop is left after its first trip."""
    if (found := _range(source, node)) is not None:
        start, stop, step = found
        ends = step if start == "0" else f"{start} + {step}"
        yield _ranged(node, found, stop=f"min({stop}, {ends})")


def step_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Every second trip is left out."""
    if (found := _range(source, node)) is not None:
        yield _ranged(node, found, step=f"2 * {found[2]}")


def update_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """A value that the loop carries stays as it was."""
    if isinstance(node, ast.AugAssign) or _carried(source, node):
        yield ((node, "pass"),)


def overwritten(source: Source, node: ast.AST) -> Iterator[Change]:
    """The last value instead of the sum of all."""
    if isinstance(node, ast.AugAssign):
        yield ((node, f"{source.of(node.target)} = {source.of(node.value)}"),)
    elif source.plain(node, "dot") and isinstance(node, ast.Call):
        if len(node.args) > 2:
            yield ((node, source.call(node, [source.of(each) for each in node.args[:2]])),)
        elif any(keyword.arg == "acc" for keyword in node.keywords):
            yield ((node, source.call(node, drop=("acc",))),)


def doubled(source: Source, node: ast.AST) -> Iterator[Change]:
    """What is added is added twice."""
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Assign) and source.plain(node.value, "dot")):
        yield ((node, f"{source.of(node)}; {source.of(node)}"),)


def branch_inverted(source: Source, node: ast.AST) -> Iterator[Change]:
    """The other branch is taken."""
    if isinstance(node, ast.If):
        yield ((node.test, f"not ({source.of(node.test)})"),)


def ceiling_to_floor(source: Source, node: ast.AST) -> Iterator[Change]:
    """The last block, where it is not full, has no program or trip."""
    if source.called(node, "cdiv") and isinstance(node, ast.Call) and len(node.args) == 2:
        over, by = (f"({source.of(each)})" if isinstance(each, ast.BinOp) else source.of(each) for each in node.args)
        yield ((node, f"({over} // {by})"),)


def block_beside_grid(source: Source, node: ast.AST) -> Iterator[Change]:
    """The grid is made for blocks twice as large."""
    if source.called(node, "cdiv") and isinstance(node, ast.Call) and len(node.args) == 2:
        yield ((node.args[1], f"2 * {source.of(node.args[1])}"),)


def grid_short(source: Source, node: ast.AST) -> Iterator[Change]:
    """A program too few."""
    for size in _grid(source, node):
        yield ((size, f"{source.of(size)} - 1"),)


def grid_long(source: Source, node: ast.AST) -> Iterator[Change]:
    """A program too many."""
    for size in _grid(source, node):
        yield ((size, f"{source.of(size)} + 1"),)


def block_halved(source: Source, node: ast.AST) -> Iterator[Change]:
    """A block too small for the row."""
    if source.called(node, "next_power_of_2"):
        yield ((node, f"({source.of(node)} // 2)"),)


def limit_moved(source: Source, node: ast.AST) -> Iterator[Change]:
    """The host code takes a kernel for rows that it was not made for."""
    if isinstance(node, ast.Compare) and isinstance(limit := node.comparators[0], ast.Constant):
        value = limit.value
        yield from [((limit, f"{value + 1}"),)] if isinstance(value, int) and value > 1 else []


def other_stride(source: Source, node: ast.AST) -> Iterator[Change]:
    """The stride of another axis is handed over."""
    if source.called(node, "stride", "size") and isinstance(node, ast.Call) and len(node.args) == 1:
        axis = node.args[0]
        if isinstance(axis, ast.Constant) and axis.value in (0, 1):
            yield ((axis, str(1 - axis.value)),)


def arguments_exchanged(source: Source, node: ast.AST) -> Iterator[Change]:
    """Two neighbouring arguments of a launch take each other's place."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
        plain = [each for each in node.args if not isinstance(each, ast.Starred)]
        for left, right in pairwise(plain):
            if source.of(left) != source.of(right):
                yield (left, source.of(right)), (right, source.of(left))


def start_unwritten(source: Source, node: ast.AST) -> Iterator[Change]:
    """Memory that must begin with a value begins with any."""
    if source.called(node, *_FILLED) and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = "empty_like" if node.func.attr.endswith("_like") else "empty"
        args = [source.of(each) for each in node.args[:1]]
        told = source.call(node, args, drop=("fill_value",))
        yield ((node, told.replace(f".{node.func.attr}(", f".{name}(", 1)),)


def _range(source: Source, node: ast.AST) -> tuple[str, str, str] | None:
    """Start, stop and step of a loop."""
    if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Call) or node.iter.keywords:
        return None
    if source.of(node.iter.func) not in ("range", *(f"{each}.range" for each in source.libraries)):
        return None
    match [source.of(each) for each in node.iter.args]:
        case [stop]:
            return "0", stop, "1"
        case [start, stop]:
            return start, stop, "1"
        case [start, stop, step]:
            return start, stop, step
    return None


def _ranged(node: ast.AST, found: tuple[str, str, str], **given: str) -> Change:
    assert isinstance(node, ast.For) and isinstance(node.iter, ast.Call)
    start, stop, step = (given.get(name, told) for name, told in zip(("start", "stop", "step"), found, strict=True))
    return ((node.iter, f"range({start}, {stop}, {step})"),)


def _carried(source: Source, node: ast.AST) -> bool:
    """Whether a loop assigns a name that has a value before it."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    name, around = node.targets[0].id, source.parents.get(node)
    if not isinstance(around, ast.For):
        return False
    function: ast.AST = around
    while not isinstance(function, ast.FunctionDef):
        function = source.parents[function]
    named = (each for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return any(each.id == name and each.lineno < around.lineno for each in named)


def _grid(source: Source, node: ast.AST) -> list[ast.expr]:
    """The sizes of a launch's grid, where it is written out at the launch or assigned to a name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
        return node.func.slice.elts if isinstance(node.func.slice, ast.Tuple) else []
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and source.of(node.targets[0]) == "grid":
        return node.value.elts
    return []
