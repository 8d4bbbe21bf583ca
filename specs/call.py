"""A launch contract on one line: what a function is given, written as Python would write its parameters.

    softmax(x: T[M, N <= 65536])
    gated(a: bfloat16[M, 4096].contiguous, b: bfloat16[M, 4096].contiguous, eps=1e-6, mode="gelu")
    gather(table: T[V, D], at: int64[N].below(V), out: T[N, D].inplace, N: int)

`T` stands for each of float32, float16 and bfloat16 in turn; sizes are 1 or more unless a comparison says otherwise.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from attrs import define, evolve, field

from specs.sizes import Size, name, size
from specs.spec import (
    DTYPES,
    ELEMENT,
    FLOATS,
    MAX_SIZE,
    ChoiceParam,
    Dim,
    FloatParam,
    Param,
    SizeParam,
    Spec,
    TensorParam,
    Values,
)  # fmt: skip

_SAMPLE: Final = 1.0  # of a float of which nothing is said


def is_call(text: str) -> bool:
    """Whether a spec's text is a call, and neither a name nor a place in a file."""
    return re.match(r"\s*\w+\s*\(", text) is not None


def read(text: str) -> Spec:
    """The launch contract that the text is. Raises ValueError saying what is wrong and what to write instead."""
    try:
        tree = ast.parse(f"def {text}: ...")
    except SyntaxError as error:
        raise ValueError(f"call {text!r}: {error.msg}; write function(x: T[M, N], eps=1e-6)") from None
    if len(tree.body) != 1 or not isinstance(function := tree.body[0], ast.FunctionDef) or function.returns:
        raise ValueError(f"call {text!r} is not one call: write function(x: T[M, N], eps=1e-6)")
    reading = _Reading(text)
    given = function.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
        raise reading.wrong("of parameters that are passed by position nothing is left open: name each")
    nothing: list[ast.expr | None] = [None] * (len(given.args) - len(given.defaults))
    params = [reading.param(arg, value) for arg, value in zip(given.args, [*nothing, *given.defaults], strict=True)]
    reading.check()
    element = any(isinstance(each, TensorParam) and each.dtype == ELEMENT for each in params)
    dtypes = FLOATS if element else FLOATS[:1]  # without a T, one run is as good as three
    return Spec(function.name, f"what is given by {text}", tuple(reading.dims.values()), tuple(params), dtypes=dtypes)


@define(eq=False)
class _Reading:
    text: str
    dims: dict[str, Dim] = field(factory=dict)
    bounds: list[str] = field(factory=list)  # sizes that integers are said to lie below

    def wrong(self, why: str) -> ValueError:
        return ValueError(f"call {self.text!r}: {why}")

    def param(self, arg: ast.arg, default: ast.expr | None) -> Param:
        if arg.annotation is None:
            return self.constant(arg.arg, default)
        if isinstance(arg.annotation, ast.Name) and arg.annotation.id == "float":
            return FloatParam(arg.arg, (self.number(default) if default else _SAMPLE,))
        if default is not None:
            raise self.wrong(f"{arg.arg} has a type and a value: leave one out")
        if isinstance(arg.annotation, ast.Name) and arg.annotation.id == "int":
            self.dims.setdefault(arg.arg, Dim(arg.arg, 1, MAX_SIZE))
            return SizeParam(arg.arg)
        return self.tensor(arg.arg, arg.annotation)

    def constant(self, named: str, value: ast.expr | None) -> Param:
        if value is None:
            raise self.wrong(
                f"nothing is said of {named}: write {named}: T[M, N], {named}: float, {named}: int or {named}=1"
            )
        found = self.literal(value)
        return FloatParam(named, (found,)) if isinstance(found, float) else ChoiceParam(named, (found,))

    def literal(self, node: ast.expr) -> bool | int | float | str | None:
        try:
            found = ast.literal_eval(node)
        except ValueError:
            found = ()
        if not isinstance(found, bool | int | float | str | None):
            raise self.wrong(f"{ast.unparse(node)} is no number, text, True, False or None")
        return found

    def number(self, node: ast.expr) -> float:
        found = self.literal(node)
        if isinstance(found, float | int):
            return float(found)
        raise self.wrong(f"{found!r} is no number")

    def tensor(self, named: str, node: ast.expr) -> TensorParam:
        """`dtype[dims]` and what is said after it."""
        match node:
            case ast.Attribute(inner, "contiguous"):
                return evolve(self.tensor(named, inner), contiguous=True)
            case ast.Attribute(inner, "inplace"):
                return evolve(self.tensor(named, inner), inplace=True)
            case ast.Call(ast.Attribute(inner, "below"), [limit], []):
                high = self.limit(limit)
                return evolve(self.tensor(named, inner), values=Values(low=size(0), high=high))
            case ast.Subscript(ast.Name(dtype), dims) if dtype in (ELEMENT, *DTYPES):
                listed = dims.elts if isinstance(dims, ast.Tuple) else [dims]
                return TensorParam(named, tuple(self.dim(each) for each in listed), dtype)
        known = f"a dtype is T, {', '.join(DTYPES)}; after it stands .contiguous, .inplace or .below(N)"
        raise self.wrong(f"{named} is given {ast.unparse(node)}; write {named}: T[M, N]; {known}")

    def limit(self, node: ast.expr) -> Size:
        if isinstance(node, ast.Name):
            self.bounds.append(node.id)
            return name(node.id)
        found = self.literal(node)
        if isinstance(found, int):
            return size(found)
        raise self.wrong(f"integers lie below a size, not {found!r}")

    def dim(self, node: ast.expr) -> str:
        """A size: a name, a number, or a comparison of one name with numbers."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            fixed = Dim(f"d{node.value}", node.value, node.value)
            return self.dims.setdefault(fixed.name, fixed).name
        terms = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node]
        names = [each.id for each in terms if isinstance(each, ast.Name)]
        if len(names) != 1:
            raise self.wrong(f"{ast.unparse(node)} is no size: write M, 4096 or 1 <= M <= 65536")
        dim = self.dims.get(names[0], Dim(names[0], 1, MAX_SIZE))
        if isinstance(node, ast.Compare):
            for left, sign, right in zip(terms, node.ops, terms[1:], strict=False):
                dim = self.within(dim, left, sign, right)
        self.dims[dim.name] = dim
        return dim.name

    def within(self, dim: Dim, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Dim:
        """The dim with one comparison more."""
        ahead = isinstance(left, ast.Name)
        value = self.literal(right if ahead else left)
        if not isinstance(sign, ast.LtE | ast.GtE) or not isinstance(value, int):
            raise self.wrong(f"{dim.name} is compared with whole numbers, by <= or >=")
        upper = isinstance(sign, ast.LtE) == ahead
        return evolve(dim, high=value) if upper else evolve(dim, low=value)

    def check(self) -> None:
        """Sizes that integers lie below are sizes of something."""
        for each in self.bounds:
            if each not in self.dims:
                raise self.wrong(f"integers lie below {each}, which is no size of a tensor and no int here")
