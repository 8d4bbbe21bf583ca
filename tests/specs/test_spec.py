"""Specs cannot hold a contradiction: every wrong one raises ValueError with the value in its message."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

import specs
from specs.sizes import any_of, name, size
from specs.spec import ChoiceParam, Dim, FloatParam, OutputSpec, SizeParam, TensorParam, Values, Workload

SOFTMAX = specs.ALL["softmax"]
X = TensorParam("x", ("M", "N"))


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"name": "soft max"}, "soft max"),
        ({"params": (X, X)}, "'x' twice"),
        ({"params": (TensorParam("x", ("M", "Q")),)}, "Q"),
        ({"params": (TensorParam("x", ("M", "N"), dtype="float31"),)}, "float31"),
        ({"params": (X, SizeParam("bins"))}, "['bins'] are no dims"),
        ({"params": (X, SizeParam("N"), SizeParam("N"))}, "'N' twice"),
        ({"outputs": ()}, "needs outputs"),
        ({"reference": None}, "no reference"),
        ({"outputs": (OutputSpec("out", ("Z",)),)}, "Z"),
        ({"dtypes": ("float33",)}, "float33"),
        ({"dtypes": ("int32",)}, "int32"),
        ({"accumulate": "int32"}, "int32"),
        ({"requires": (name("Q") <= 1,)}, "Q <= 1"),
        ({"workloads": (Workload("w", {"M": 1}),)}, "['M']"),
        ({"workloads": (Workload("w", {"M": 1, "N": 131073}),)}, "N=131073"),
        ({"workloads": (Workload("w", {"M": 1, "N": 1}, dtype="float64"),)}, "float64"),
        ({"laws": (SOFTMAX.laws[0], SOFTMAX.laws[0])}, "'shift' twice"),
    ],
)
def test_contradictory_specs_do_not_exist(change: dict[str, Any], value: str) -> None:
    evolve(SOFTMAX)  # the nearest right one does
    with pytest.raises(ValueError, match="spec") as error:
        evolve(SOFTMAX, **change)
    assert value in str(error.value)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: Dim("M", 3, 2), "3..2"),
        (lambda: Dim("M", -1, 2), "-1..2"),
        (lambda: Dim("M", 0, 2**31), "2147483648"),
        (lambda: Dim("M", 0, 5, samples=(6,)), "[6]"),
        (lambda: Dim("a b", 0, 5), "a b"),
        (lambda: FloatParam("eps", ()), "eps"),
        (lambda: FloatParam("eps", (float("nan"),)), "nan"),
        (lambda: ChoiceParam("causal", ()), "causal"),
        (lambda: Values(magnitude=-2.5), "-2.5"),
        (lambda: Values(magnitude=float("inf")), "inf"),
        (lambda: TensorParam("x", ("M", "N"), values=Values(unique=True)), "'T'"),
        (lambda: TensorParam("x", (), dtype="int32", values=Values(sorted=True)), "0 dims"),
        (lambda: Values(low=size(3), high=size(3)), "3 <= v < 3"),
        (lambda: TensorParam("y", ("M",), dtype="int32", derived=lambda x: x), "'y' is derived"),
    ],
)
def test_contradictory_parts_do_not_exist(make: Any, value: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as error:
        make()
    assert value in str(error.value)


def test_sizes_that_have_no_unique_values_are_not_in_the_domain() -> None:
    index = TensorParam("i", ("M", "N"), "int32", Values(low=size(0), high=name("M"), unique=True))
    domain = evolve(SOFTMAX, params=(index,)).domain()
    fits = {"M": 4, "N": 4, "i.stride0": 0, "i.stride1": 1}
    assert domain.holds(fits)
    assert not domain.holds({**fits, "N": 5})  # five different values below four
    assert not domain.holds({**fits, "i.stride1": 0})  # one element seen four times
    assert domain.holds({**fits, "N": 1, "i.stride1": 0})


def test_dims_that_others_determine() -> None:
    assert evolve(SOFTMAX, requires=(name("N").equals(name("M") * 2), name("M") <= name("N"))).tied == {"N"}
    assert specs.ALL["rope"].tied == {"D"}


def test_nearest_sizes_that_the_spec_admits() -> None:
    half = evolve(SOFTMAX, requires=(name("N").equals(name("M") * 2),))
    assert half.nearest({"M": 3, "N": 5}) == {"M": 3, "N": 6}
    some = evolve(SOFTMAX, requires=(any_of(name("N").equals(64), name("N").equals(128)), name("M") < name("N")))
    assert some.nearest({"M": 5, "N": 100}) == {"M": 5, "N": 128}
    assert some.nearest({"M": 500, "N": 3}) == {"M": 63, "N": 64}
    assert evolve(SOFTMAX, requires=((name("M") * name("N")) <= 10,)).nearest({"M": 4, "N": 4}) is None
    assert SOFTMAX.nearest({"M": 4, "N": 131073}) is None
