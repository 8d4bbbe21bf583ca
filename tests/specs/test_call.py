"""A launch contract on one line: every part of it reaches the spec, and what is not understood is refused."""

from __future__ import annotations

import pytest

import specs
from specs.sizes import name, size
from specs.spec import FLOATS, MAX_SIZE, ChoiceParam, Dim, FloatParam, SizeParam, TensorParam, Values


def test_every_part_reaches_the_spec() -> None:
    spec = specs.find(
        "gather(table: T[V, 64], at: int64[2 <= N <= 99].below(V), out: T[N, d64].inplace.contiguous, "
        'bins: int, eps: float, scale=0.5, mode="wide", causal=True, limit=-1, bias=None)'
    )
    assert spec.name == "gather" and spec.is_contract and not spec.outputs and spec.dtypes == FLOATS
    assert spec.dims == (Dim("V", 1, MAX_SIZE), Dim("d64", 64, 64), Dim("N", 2, 99), Dim("bins", 1, MAX_SIZE))
    assert spec.params == (
        TensorParam("table", ("V", "d64")),
        TensorParam("at", ("N",), "int64", Values(low=size(0), high=name("V"))),
        TensorParam("out", ("N", "d64"), inplace=True, contiguous=True),
        SizeParam("bins"),
        FloatParam("eps", (1.0,)),
        FloatParam("scale", (0.5,)),
        ChoiceParam("mode", ("wide",)),
        ChoiceParam("causal", (True,)),
        ChoiceParam("limit", (-1,)),
        ChoiceParam("bias", (None,)),
    )


@pytest.mark.parametrize(
    ("dims", "low", "high"),
    [("M", 1, MAX_SIZE), ("M <= 9", 1, 9), ("9 >= M", 1, 9), ("M >= 0", 0, MAX_SIZE), ("0 <= M <= 9", 0, 9)],
)
def test_sizes_have_the_range_that_is_written(dims: str, low: int, high: int) -> None:
    assert specs.find(f"f(x: T[{dims}])").dims == (Dim("M", low, high),)
    assert specs.find(f"f(x: T[{dims}], y: T[M])").dims == (Dim("M", low, high),)


def test_a_run_in_one_dtype_where_none_is_left_open() -> None:
    assert len(specs.find("f(x: bfloat16[M])").dtypes) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("f(x)", "nothing is said of x"),
        ("f(x: T)", "write x: T[M, N]"),
        ("f(x: U[M])", "a dtype is T, float32"),
        ("f(x: T[M].contigous)", "after it stands .contiguous"),
        ("f(x: T[M < 4])", "by <= or >="),
        ("f(x: T[M <= K])", "is no size"),
        ("f(x: T[M + 1])", "M + 1 is no size"),
        ("f(x: T[9 <= M <= 2])", "empty or illegal range 9..2"),
        ("f(x: int64[M].below(Q))", "which is no size"),
        ("f(x: int64[M].below(1.5))", "not 1.5"),
        ("f(x: T[M], *y)", "name each"),
        ("f(x: T[M], *, y=1)", "name each"),
        ("f(x: int = 3)", "leave one out"),
        ("f(x: float = 'a')", "is no number"),
        ("f(x=[1])", "is no number, text"),
        ("f(x: T[M]", "write function(x: T[M, N], eps=1e-6)"),
        ("f(x: T[M]) -> int", "is not one call"),
        ("f(x: T[M]): ...\ndef g()", "is not one call"),
        ("f(x: T[M], M: T[N])", "uses the name 'M' twice"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError) as error:
        specs.find(text)
    assert says in str(error.value)
