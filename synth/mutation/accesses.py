"""Bugs in where and whether a kernel reads and writes: masks, addresses, stores, atomics, barriers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from synth.mutation.text import Change, Source

_OFF_BY_ONE: Final = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_REVERSED: Final = {ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "=="}
_ATOMICS: Final = ("atomic_add", "atomic_max", "atomic_min", "atomic_and", "atomic_or", "atomic_xor")


def without_mask(name: str, source: Source, node: ast.AST) -> Iterator[Change]:
    """An access called `name` that goes everywhere."""
    if source.plain(node, name) and has(node, "mask"):
        assert isinstance(node, ast.Call)
        yield ((node, source.call(node, drop=("mask", "other"))),)


def mask_part(source: Source, node: ast.AST) -> Iterator[Change]:
    """One of two conditions of a mask is forgotten."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
        yield ((node, source.of(node.left)),)
        yield ((node, source.of(node.right)),)


def mask_or(source: Source, node: ast.AST) -> Iterator[Change]:
    """Either condition will do where both must hold."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
        yield ((node, f"{side(source, node.left)} | {side(source, node.right)}"),)


def off_by_one(source: Source, node: ast.AST) -> Iterator[Change]:
    """`<` for `<=`, or the other way round."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OFF_BY_ONE:
        yield _compared(source, node, _OFF_BY_ONE[type(node.ops[0])])


def inverted(source: Source, node: ast.AST) -> Iterator[Change]:
    """A comparison says the opposite."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _REVERSED:
        yield _compared(source, node, _REVERSED[type(node.ops[0])])


def other_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """Lanes that the mask leaves out hold anything."""
    if source.plain(node, "load") and has(node, "other"):
        assert isinstance(node, ast.Call)
        yield ((node, source.call(node, drop=("other",))),)


def other_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Lanes that the mask leaves out hold a number that counts."""
    if source.plain(node, "load") and (value := has(node, "other")) is not None:
        zero = isinstance(value, ast.Constant) and value.value == 0
        yield ((value, "1" if zero and isinstance(value.value, int) else "1.0" if zero else "0.0"),)  # type: ignore[attr-defined]


def boundary_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """A block pointer is not clipped to its tensor."""
    if source.plain(node, "load", "store") and has(node, "boundary_check"):
        assert isinstance(node, ast.Call)
        yield ((node, source.call(node, drop=("boundary_check", "padding_option"))),)


def stride_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """An index is not multiplied by its stride."""
    if (factor := _scaled(source, node)) is not None:
        assert isinstance(node, ast.BinOp)
        yield ((node, source.of(node.left if factor is node.right else node.right)),)


def next_row(source: Source, node: ast.AST) -> Iterator[Change]:
    """The row, or another index that a stride belongs to, is one too large."""
    if (factor := _scaled(source, node)) is not None:
        assert isinstance(node, ast.BinOp)
        index = node.left if factor is node.right else node.right
        yield ((index, f"{side(source, index)} + 1"),)


def strides_exchanged(source: Source, node: ast.AST) -> Iterator[Change]:
    """Two indices take each other's stride."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return
    factors = [each for side in _terms(node) if (each := _scaled(source, side)) is not None]
    names = [source.of(each) for each in factors]
    if len(factors) > 1 and names[0] != names[1]:
        yield (factors[0], names[1]), (factors[1], names[0])


def axes_exchanged(source: Source, node: ast.AST) -> Iterator[Change]:
    """`[:, None]` for `[None, :]`, or the other way round."""
    if isinstance(node, ast.Subscript) and (told := source.of(node.slice).replace(" ", "")) in (":,None", "None,:"):
        yield ((node.slice, "None, :" if told == ":,None" else ":, None"),)


def program_axis(source: Source, node: ast.AST) -> Iterator[Change]:
    """The program's number along another axis of the grid."""
    if source.plain(node, "program_id") and (axis := _first(node, "axis")) is not None:
        yield ((axis, {"0": "1", "1": "0"}.get(source.of(axis), "0")),)


def widening_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """An index stays 32 bits wide."""
    if not isinstance(node, ast.Call) or not node.args or not source.of(node.args[-1]).endswith("int64"):
        return
    if source.plain(node, "cast"):
        yield ((node, source.of(node.args[0])),)
    elif source.called(node, "to"):
        assert isinstance(node.func, ast.Attribute)
        yield ((node, source.of(node.func.value)),)


def false_hint(source: Source, node: ast.AST) -> Iterator[Change]:
    """The compiler is told that an offset is a multiple of 16, which it may not be."""
    if _scaled(source, node) is not None:
        library, told = min(source.libraries, key=len), source.of(node)
        yield ((node, f"{library}.multiple_of({told}, {'(16, 16)' if 'None' in told else '16'})"),)


def shifted(name: str, source: Source, node: ast.AST) -> Iterator[Change]:
    """An access called `name` goes to the element behind the right one."""
    if source.plain(node, name) and (pointer := _first(node, "pointer")) is not None:
        yield ((pointer, f"{source.of(pointer)} + 1"),)


def dropped(names: tuple[str, ...], source: Source, node: ast.AST) -> Iterator[Change]:
    """A call for its effect, of one of these names, is left out."""
    if isinstance(node, ast.Expr) and source.plain(node.value, *names):
        yield ((node, "pass"),)


def atomic_to_store(source: Source, node: ast.AST) -> Iterator[Change]:
    """What stood there is lost, instead of added to."""
    if source.plain(node, *_ATOMICS):
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        told = source.call(node, drop=("sem", "scope"))
        yield ((node, told.replace(f".{node.func.attr}(", ".store(", 1)),)


def atomic_to_update(source: Source, node: ast.AST) -> Iterator[Change]:
    """Load, add and store, between which other programs come."""
    if not source.plain(node, "atomic_add"):
        return
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if len(node.args) > 1:
        library, (at, value) = source.of(node.func.value), map(source.of, node.args[:2])
        masked = "" if (mask := has(node, "mask")) is None else f", mask={source.of(mask)}"
        yield ((node, f"{library}.store({at}, {library}.load({at}{masked}) + {value}{masked})"),)


def atomic_other(source: Source, node: ast.AST) -> Iterator[Change]:
    """Another atomic operation."""
    if source.plain(node, *_ATOMICS):
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        other = "atomic_add" if node.func.attr != "atomic_add" else "atomic_max"
        yield ((node.func, f"{source.of(node.func.value)}.{other}"),)


def relaxed(source: Source, node: ast.AST) -> Iterator[Change]:
    """An atomic orders nothing any more."""
    if source.plain(node, *_ATOMICS, "atomic_xchg", "atomic_cas"):
        assert isinstance(node, ast.Call)
        order = has(node, "sem")
        if order is None or "relaxed" not in source.of(order):
            yield ((node, source.call(node, sem='"relaxed"')),)


def has(node: ast.AST, name: str) -> ast.expr | None:
    """The value of a call's keyword."""
    assert isinstance(node, ast.Call)
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _first(node: ast.AST, name: str) -> ast.expr | None:
    assert isinstance(node, ast.Call)
    return node.args[0] if node.args else has(node, name)


def _compared(source: Source, node: ast.Compare, sign: str) -> Change:
    # Operators are no nodes with a place: the whole comparison is written again.
    rest = "".join(
        f" {_spelt(op)} {side(source, right)}" for op, right in zip(node.ops[1:], node.comparators[1:], strict=True)
    )
    return ((node, f"{side(source, node.left)} {sign} {side(source, node.comparators[0])}{rest}"),)


def _spelt(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]


def side(source: Source, node: ast.expr) -> str:
    """An operand, in brackets unless it is a word or a call."""
    told = source.of(node)
    return f"({told})" if isinstance(node, ast.BinOp | ast.Compare | ast.BoolOp | ast.IfExp | ast.UnaryOp) else told


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node


def _scaled(source: Source, node: ast.AST) -> ast.Name | None:
    """The factor of a product that is a run-time parameter of the kernel: a stride, or a size that is one."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return None
    sides = [side for side in (node.right, node.left) if isinstance(side, ast.Name)]
    return next((side for side in sides if side.id in _parameters(source, node)), None)


def _parameters(source: Source, node: ast.AST) -> frozenset[str]:
    function: ast.AST = node
    while not isinstance(function, ast.FunctionDef):
        function = source.parents[function]
    return frozenset(each.arg for each in function.args.args if "constexpr" not in ast.unparse(each.annotation or each))
