"""Weighted means in 16 bits: no rounding of the weights is refused, and errors that none explains are."""

from __future__ import annotations

import math

import pytest
import torch
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

import specs
from tests.quality.numerics.attention import ATTENTION
from verify.numerics.bounded import Bounded
from verify.numerics.compare import compare, half_ulp, judged
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.means import unexplained
from verify.numerics.precision import declared
from verify.numerics.reference import bounded_outputs
from verify.numerics.values import CLASSES, OPPOSED, SPECIAL

SPEC = specs.find("attention")
NARROW = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def tried(dtype: str, values: str, keys: int, causal: bool, seed: int) -> tuple[dict[str, object], Bounded]:
    sizes = {"B": 1, "H": 2, "N": keys, "D": 64}
    inputs = make_inputs(SPEC, Trial(dtype, tuple(sizes.items()), values, seed=seed, choices=(("causal", causal),)))
    (reference,) = bounded_outputs(SPEC, inputs, declared(SPEC, dtype))
    return inputs, reference


def rounding_weights(inputs: dict[str, object], scale: float, normalised: bool, of_rounded: bool) -> torch.Tensor:
    """Attention whose weights are scaled, rounded to the inputs' dtype, and divided by a sum of theirs."""
    q, k, v = (inputs[name] for name in "qkv")
    assert isinstance(q, torch.Tensor) and isinstance(k, torch.Tensor) and isinstance(v, torch.Tensor)
    scores = q.float() @ k.float().mT * (math.log2(math.e) / math.sqrt(q.shape[-1]))
    if inputs["causal"]:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
    weights = (scores - scores.amax(-1, keepdim=True)).exp2() * scale
    if normalised:
        weights = weights / weights.sum(-1, keepdim=True)
    rounded = weights.to(q.dtype).float()
    total = (rounded if of_rounded else weights).sum(-1, keepdim=True)
    return (rounded @ v.float() / total).to(q.dtype)


@settings(max_examples=150, deadline=None, database=None)
@given(
    dtype=st.sampled_from(sorted(NARROW)),
    values=st.sampled_from([kind for kind in CLASSES if kind not in (SPECIAL, OPPOSED)]),
    keys=st.sampled_from([1, 2, 3, 17, 64, 65, 130]),
    causal=st.booleans(),
    seed=st.integers(0, 2**16),
    scale=st.floats(0.5, 256),
    normalised=st.booleans(),
    of_rounded=st.booleans(),
)
@example(dtype="float16", values="large", keys=200, causal=False, seed=1, scale=1.0, normalised=True, of_rounded=False)
@example(dtype="bfloat16", values="wide", keys=17, causal=False, seed=4, scale=1.3, normalised=False, of_rounded=True)
@example(dtype="bfloat16", values="ramp", keys=200, causal=True, seed=1, scale=1.5, normalised=False, of_rounded=True)
def test_weights_may_be_rounded_at_any_scale(
    dtype: str, values: str, keys: int, causal: bool, seed: int, scale: float, normalised: bool, of_rounded: bool
) -> None:
    inputs, reference = tried(dtype, values, keys, causal, seed)
    output = rounding_weights(inputs, scale, normalised, of_rounded)
    found = compare(output, reference, dtype)
    assert found.accepted or not found.given_row, found


MISSED = [
    ("float16", "large", 72, False, 0),
    ("float16", "ramp", 72, True, 0),
    ("float16", "wide", 200, True, 1),
    ("bfloat16", "large", 200, True, 1),
    ("bfloat16", "subnormal", 72, True, 0),
]


@pytest.mark.parametrize(("dtype", "values", "keys", "causal", "seed"), MISSED)
def test_a_result_kept_in_16_bits_is_refused_though_each_element_is_near(
    dtype: str, values: str, keys: int, causal: bool, seed: int
) -> None:
    inputs, reference = tried(dtype, values, keys, causal, seed)
    output = ATTENTION.bugs["accumulator narrow"](inputs).to(NARROW[dtype])
    _, wrong = judged(output.double(), reference.value, reference.bound, dtype)
    assert not wrong.any()
    found = compare(output, reference, dtype)
    assert not found.accepted and found.given_row and found.ratio > 1
    assert abs(found.value - found.reference) > found.allowed
    reference.weighted = None
    assert compare(output, reference, dtype).accepted


def test_it_is_the_weights_that_explain_a_right_result() -> None:
    inputs, reference = tried("bfloat16", "normal", 64, False, 3)
    output = rounding_weights(inputs, 1.3, False, False).double()
    room = reference.weighted.rest.bound + half_ulp(reference.value.abs() + reference.bound, "bfloat16")
    error = output - reference.value
    assert (error.abs() > room).any()
    assert unexplained(output, error, room, reference.weighted) is None
    exact = evolve(reference.weighted, weights=reference.weighted.weights * 2.0**-20)
    assert unexplained(output, error, room, exact) is not None


def test_only_a_quotient_by_a_number_a_row_is_a_weighted_mean() -> None:
    p = declared(SPEC, "bfloat16")
    x, v = (Bounded.exact(torch.rand(4, 4), p) for _ in range(2))
    weights = x.exp()
    product = weights @ v
    assert product.weighted.total is None  # which nobody judges by it
    assert (product / weights.sum(dim=-1, keepdim=True)).weighted.total.shape == (4, 1)
    assert (product / weights).weighted is None and (product * 2.0).weighted is None and (x @ v).weighted is None
