"""Bugs in what a kernel computes: neutral elements, precision, rescaling, terms, reductions, constants."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from synth.mutation.accesses import has, side
from synth.mutation.text import Change, Source

_REDUCTIONS: Final = {"sum": "max", "max": "sum", "min": "max", "xor_sum": "sum", "maximum": "minimum",
                      "minimum": "maximum", "argmax": "argmin", "argmin": "argmax", "cumsum": "cumprod",
                      "cumprod": "cumsum"}  # fmt: skip
_FUNCTIONS: Final = {"exp": "exp2", "exp2": "exp", "log": "log2", "log2": "log", "sqrt": "rsqrt", "rsqrt": "sqrt",
                     "sin": "cos", "cos": "sin", "sigmoid": "exp", "erf": "exp", "abs": "exp", "floor": "ceil",
                     "ceil": "floor"}  # fmt: skip
_OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}


def start_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """An accumulator does not begin with the neutral element."""
    if source.plain(node, "zeros"):
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        shape, *dtype = map(source.of, node.args)
        new = source.call(node, [shape, "1", *dtype])
        yield ((node, new.replace(".zeros(", ".full(", 1)),)
    elif source.plain(node, "full"):
        assert isinstance(node, ast.Call)
        if len(node.args) > 1:
            yield ((node.args[1], _other_number(source, node.args[1])),)
    elif isinstance(node, ast.Assign) and _number(node.value) is not None:
        yield ((node.value, _other_number(source, node.value)),)


def branches_exchanged(source: Source, node: ast.AST) -> Iterator[Change]:
    """`where` takes the one value for the other."""
    if source.plain(node, "where") and isinstance(node, ast.Call) and len(node.args) == 3:
        condition, yes, no = map(source.of, node.args)
        yield ((node, source.call(node, [condition, no, yes])),)


def accumulator_narrowed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Sums are kept in half precision."""
    if source.plain(node, "zeros", "full") and isinstance(node, ast.Call):
        for value in [*node.args, *(each.value for each in node.keywords)]:
            if source.of(value).endswith("float32"):
                yield ((value, source.of(value).replace("float32", "float16")),)


def cast_narrowed(source: Source, node: ast.AST) -> Iterator[Change]:
    """A value is rounded to half precision where it is widened."""
    if source.called(node, "to", "cast") and isinstance(node, ast.Call) and node.args:
        value = node.args[-1]
        if source.of(value).endswith("float32"):
            yield ((value, source.of(value).replace("float32", "float16")),)


def cast_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """What follows is computed in the input's precision."""
    if source.called(node, "to") and isinstance(node, ast.Call) and node.args:
        assert isinstance(node.func, ast.Attribute)
        wide = source.of(node.args[0]).endswith(("float32", "float64"))
        yield from [((node, source.of(node.func.value)),)] if wide else []


def result_rounded(source: Source, node: ast.AST) -> Iterator[Change]:
    """The result is rounded to bfloat16 on its way out."""
    if source.plain(node, "store") and isinstance(node, ast.Call) and len(node.args) > 1:
        assert isinstance(node.func, ast.Attribute)
        yield ((node.args[1], f"({source.of(node.args[1])}).to({source.of(node.func.value)}.bfloat16)"),)


def tf32(source: Source, node: ast.AST) -> Iterator[Change]:
    """Products of float32 numbers keep ten bits of them."""
    if source.plain(node, "dot") and isinstance(node, ast.Call):
        yield ((node, source.call(node, drop=("allow_tf32",), input_precision='"tf32"')),)


def maximum_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """The exponent is taken without the maximum off."""
    if source.plain(node, "exp", "exp2") and isinstance(node, ast.Call) and node.args:
        inner = node.args[0]
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub):
            yield ((inner, source.of(inner.left)),)


def rescale_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """What was summed under another maximum is not brought to the new one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if source.plain(one, "exp", "exp2"):
                yield ((node, source.of(other)),)


def factor_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """A factor or a divisor is forgotten."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield ((node, source.of(node.left)),)
        if isinstance(node.op, ast.Mult):
            yield ((node, source.of(node.right)),)


def term_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """A term of a sum or difference is forgotten."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield ((node, source.of(node.left)),)
        if isinstance(node.op, ast.Add):
            yield ((node, source.of(node.right)),)


def eps_dropped(source: Source, node: ast.AST) -> Iterator[Change]:
    """The small number that keeps a divisor from zero is forgotten."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if "eps" in source.of(one).lower() and isinstance(one, ast.Name):
                yield ((node, source.of(other)),)


def eps_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """It is twice as large."""
    if isinstance(node, ast.Name) and "eps" in node.id.lower() and isinstance(node.ctx, ast.Load):
        yield ((node, f"2 * {node.id}"),)


def reduction_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Another reduction."""
    yield from _renamed(source, node, _REDUCTIONS)


def function_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Another function of one number."""
    yield from _renamed(source, node, _FUNCTIONS)


def operator_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Another sign between two operands."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield ((node, f"{side(source, node.left)} {_OPERATORS[type(node.op)]} {side(source, node.right)}"),)


def constant_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """A number in the kernel is another one."""
    if isinstance(node, ast.Constant) and isinstance(value := node.value, int | float) and not isinstance(value, bool):
        parent = source.parents[node]
        named = source.called(parent, "program_id", "num_programs", "arange", "expand_dims")
        axis = isinstance(parent, ast.keyword) and parent.arg != "other"
        if not (named or axis or isinstance(parent, ast.Subscript | ast.Tuple)):
            yield ((node, repr(value + 1 if isinstance(value, int) else value * 1.01 or 0.01)),)


def axis_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """A reduction along the other axis."""
    if source.called(node, *_REDUCTIONS):
        axis = has(node, "axis")
        if isinstance(axis, ast.Constant) and axis.value in (0, 1):
            yield ((axis, str(1 - axis.value)),)


def divisor_is_block(source: Source, node: ast.AST) -> Iterator[Change]:
    """A mean over the block instead of what it holds."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Name):
        function: ast.AST = node
        while not isinstance(function, ast.FunctionDef):
            function = source.parents[function]
        for each in function.args.args:
            if each.annotation is not None and "constexpr" in ast.unparse(each.annotation):
                yield ((node.right, each.arg),)


def operands_exchanged(source: Source, node: ast.AST) -> Iterator[Change]:
    """The right factor on the left: of a product of matrices, a difference or a quotient."""
    if source.plain(node, "dot") and isinstance(node, ast.Call) and len(node.args) > 1:
        left, right, *more = map(source.of, node.args)
        yield ((node, source.call(node, [right, left, *more])),)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div):
        sign = "-" if isinstance(node.op, ast.Sub) else "/"
        yield ((node, f"{side(source, node.right)} {sign} {side(source, node.left)}"),)


def operand_transposed(source: Source, node: ast.AST) -> Iterator[Change]:
    """A factor of a product of matrices is turned, or not turned."""
    if source.plain(node, "dot") and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        for factor in node.args[:2]:
            if source.called(factor, "trans") and isinstance(factor, ast.Call) and factor.args:
                yield ((factor, source.of(factor.args[0])),)
            else:
                yield ((factor, f"{source.of(node.func.value)}.trans({source.of(factor)})"),)


def ties_changed(source: Source, node: ast.AST) -> Iterator[Change]:
    """Of equal values another one is chosen."""
    if source.called(node, "argmax", "argmin", "max", "min") and isinstance(node, ast.Call):
        told = has(node, "tie_break_left") or has(node, "return_indices_tie_break_left")
        if told is not None or source.called(node, "argmax", "argmin"):
            yield ((node, source.call(node, drop=("tie_break_left",), tie_break_left="False")),)


def _renamed(source: Source, node: ast.AST, names: Mapping[str, str]) -> Iterator[Change]:
    if source.called(node, *names) and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        value, name = node.func.value, node.func.attr
        if source.plain(node, name) or not isinstance(value, ast.Name) or value.id not in ("torch", "math", "triton"):
            yield ((node.func, f"{source.of(value)}.{names[name]}"),)


def _number(node: ast.expr) -> float | None:
    """The value of a number, `-1.0` and `float("-inf")` included."""
    try:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            return float(ast.literal_eval(node.args[0]))
        value = ast.literal_eval(node)
    except (ValueError, IndexError, SyntaxError, TypeError):
        return None
    return value if type(value) in (int, float) else None


def _other_number(source: Source, node: ast.expr) -> str:
    value = _number(node)
    if value == 0:
        return "1" if isinstance(value, int) else "1.0"
    return "0" if isinstance(value, int) else "0.0"
