"""The comparison: half an ulp, classes of NaN and infinity, overflow, exactness where nothing rounds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.numerics.bounded import Bounded
from verify.numerics.compare import FORMATS, compare, half_ulp
from verify.numerics.precision import Precision

NONE = Precision(0.0)
DTYPES = ("float16", "bfloat16", "float32")


def reference(values: list[float], bound: float = 0.0) -> Bounded:
    value = torch.tensor(values, dtype=torch.float64)
    return Bounded(value, torch.full_like(value, bound), NONE)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=150, deadline=None, database=None)
@given(st.floats(0, 6e4))
def test_half_ulp_is_half_the_distance_to_the_next_number(dtype: str, magnitude: float) -> None:
    kind = getattr(torch, dtype)
    below = torch.tensor(magnitude, dtype=torch.float64).to(kind)
    if float(below) > magnitude:
        below = torch.nextafter(below, torch.zeros((), dtype=kind))
    above = torch.nextafter(below, torch.tensor(math.inf, dtype=kind))
    spacing = float(above.double() - below.double())
    assert float(half_ulp(torch.tensor(magnitude, dtype=torch.float64), dtype)) == spacing / 2


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=150, deadline=None, database=None)
@given(value=st.floats(-1e5, 1e5), error=st.floats(-1, 1), bound=st.floats(1e-9, 1e3))
def test_whatever_is_within_the_bound_and_then_rounded_is_accepted(
    dtype: str, value: float, error: float, bound: float
) -> None:
    computed = torch.tensor([value + error * bound * 0.999], dtype=torch.float64)
    assert compare(computed.to(getattr(torch, dtype)), reference([value], bound), dtype).accepted


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_half_ulps_beyond_the_bound_are_refused(dtype: str) -> None:
    bits, _ = FORMATS[dtype]
    for value in (1.0, 1.7, -3.3, 100.0):
        off = value + 2.1 * abs(value) * 2.0**-bits * 2
        assert not compare(torch.tensor([off], dtype=torch.float64), reference([value], 1e-12), dtype).accepted


@pytest.mark.parametrize(
    ("output", "right", "accepted"),
    [
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (math.inf, 1.0, False),
        (1.0, math.inf, False),
        (65504.0, math.inf, False),
        (math.inf, 65519.0, False),
        (math.inf, 65520.0, True),
        (-math.inf, -70000.0, True),
        (math.inf, -70000.0, False),
        (0.0, 70000.0, False),
        (-0.0, 0.0, True),
    ],
)
def test_classes_match(output: float, right: float, accepted: bool) -> None:
    found = compare(torch.tensor([output, 0.5]), reference([right, 0.5], 1e-6), "float16")
    assert found.accepted == accepted
    assert accepted or (found.ratio > 1 and found.index == (0,))


def test_without_a_bound_only_the_right_rounding_is_accepted() -> None:
    below = float(torch.nextafter(torch.tensor(1.0), torch.tensor(0.0)))
    assert compare(torch.tensor([1.0]), reference([1.0]), "float32").accepted
    assert not compare(torch.tensor([below]), reference([1.0]), "float32").accepted
    assert compare(torch.tensor([0.1]), reference([0.1]), "float32").accepted
    assert not compare(torch.tensor([float(torch.tensor(0.1))]) + 2**-27, reference([0.1]), "float32").accepted


def test_the_worst_element_is_told_and_a_wrong_one_is_never_hidden() -> None:
    right = torch.linspace(1, 2, 12).reshape(3, 4).double()
    pairs = Bounded(right, torch.full_like(right, 1e-5), NONE)
    output = right.float()
    output[2, 1] += 3e-5
    output[0, 0] = math.nan
    found = compare(output, pairs, "float32")
    assert (found.accepted, found.index, found.ratio) == (False, (0, 0), math.inf)
    output[0, 0] = 1.0
    found = compare(output, pairs, "float32")
    assert found.index == (2, 1)
    assert 2.5 < found.ratio < 3.5
    assert found.allowed > found.bound == 1e-5


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\), the reference \(1,\)"):
        compare(torch.zeros(2), reference([0.0]), "float32")


def test_integers_must_be_equal() -> None:
    assert compare(torch.tensor([3]), reference([3.0]), "int64").accepted
    assert not compare(torch.tensor([4]), reference([3.0]), "int64").accepted


def test_an_unbounded_element_is_counted() -> None:
    found = compare(torch.tensor([7.0]), reference([1.0], math.inf), "float32")
    assert (found.accepted, found.unbounded) == (True, 1)
