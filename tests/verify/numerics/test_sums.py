"""Sums of thousands of terms: float32 evaluations, one after the other, stay within the bound; less stays beyond it."""

from __future__ import annotations

import math

import numpy
import pytest
import torch

from verify.numerics import rules  # noqa: F401  gives `Bounded` its rules
from verify.numerics.bounded import Bounded
from verify.numerics.precision import Precision
from verify.numerics.sums import alike, half_spacing, quantum

FLOAT32 = Precision(2.0**-24, 2.0**-149, 2.0**-126, "float32")
N = 4096


def _random(seed: int) -> torch.Tensor:
    return torch.rand(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Rows whose roundings do not behave like independent ones: each was once rejected, or would be by the square root.
TERMS = {
    "one value": torch.full((N,), 0.1),
    "two values, one after the other": torch.cat([torch.full((N // 2,), 0.1), torch.full((N // 2,), 0.7)]),
    "whole numbers and a bit": torch.arange(N) % 97 + 0.3,
    "many too small to count": torch.cat([torch.tensor([3e4]), 1e-3 * _random(0)[1:]]),
    "of every size": 10 ** (6 * _random(1) - 3),
    "falling": _random(2).sort(descending=True).values,
    "cancelling": torch.cat([_random(3)[: N // 2], -_random(3)[: N // 2]]),
}


def one_after_the_other(terms: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(numpy.add.accumulate(terms.float().numpy(), axis=-1)).double()


def test_welford_rounds_its_mean_even_where_a_sum_is_exact() -> None:
    """Few whole values add up exactly; a mean that is updated one by one does not, and was once rejected."""
    x = (
        16
        * torch.tensor([-625.0, 625.0, 624.0, 0.0])[
            torch.randint(0, 4, (6, N), generator=torch.Generator().manual_seed(1))
        ]
    )
    mean, squares = torch.zeros(6), torch.zeros(6)
    for seen, element in enumerate(x.unbind(-1), start=1):
        gap = element - mean
        mean = mean + gap / seen
        squares = squares + gap * (element - mean)
    variance, middle = torch.var_mean(Bounded.exact(x, FLOAT32), dim=-1, correction=0)
    assert bool(((squares.double() / N - variance.value).abs() <= variance.bound).all())
    assert bool(((mean.double() - middle.value).abs() <= middle.bound).all())


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("computed", [False, True])
def test_every_order_is_within_the_bound(name: str, computed: bool) -> None:
    terms = TERMS[name].float().double()
    own = 2.0**-24 * terms.abs() if computed else torch.zeros_like(terms)
    row, sizes = Bounded(terms, own, FLOAT32), torch.arange(N)
    for order in (sizes, sizes.flip(0), torch.randperm(N, generator=torch.Generator().manual_seed(4))):
        found = one_after_the_other(terms[order])[-1]
        exact = row.sum(dim=-1)
        assert abs(found - exact.value) <= exact.bound
    running = row.cumsum(dim=-1)
    assert bool(((one_after_the_other(terms) - running.value).abs() <= running.bound).all())


def test_the_bound_of_a_sum_of_4096_sees_what_is_wrong_by_ten_millionths() -> None:
    terms = _random(5)
    exact = Bounded.exact(terms.float(), FLOAT32).sum(dim=-1)
    assert float(exact.bound) < 1e-5 * float(exact.value)


def test_multiples_of_a_power_of_two_are_added_exactly() -> None:
    eighths = torch.randint(-64, 65, (3, N), generator=torch.Generator().manual_seed(6)).double() / 8
    pairs = Bounded.exact(eighths, FLOAT32)
    assert float(pairs.sum(dim=-1).bound.max()) == 0
    assert float(pairs.cumsum(dim=-1).bound.max()) == 0
    assert float((pairs @ pairs.mT).bound.max()) == 0
    assert float(Bounded.exact(eighths + 2.0**-20, FLOAT32).sum(dim=-1).bound.max()) > 0
    left, right = (Bounded.exact(torch.tensor([[each]]), FLOAT32) for each in (7.006492321624085e-45, 0.5))
    assert float((left @ right).bound) > 0  # halfway between two subnormal numbers
    assert quantum(torch.tensor([0.75, 0.0, -6.0, 40.0], dtype=torch.float64)) == 0.25
    assert quantum(torch.zeros(2, 0, dtype=torch.float64)).tolist() == [math.inf, math.inf]


def test_half_a_unit_and_equal_terms() -> None:
    values = torch.tensor([0.0, 1.0, 1.5, -4.0, 7.9], dtype=torch.float64)
    assert half_spacing(values, FLOAT32).tolist() == [0.0, 2.0**-24, 2.0**-24, 2.0**-22, 2.0**-22]
    assert float(alike(torch.tensor([1.0, 1.0, 1.0, 2.0, 0.0, 0.0]))) == pytest.approx(10 / 4)


def test_welford_is_within_the_bound_of_a_variance_and_the_difference_of_squares_is_not() -> None:
    x = (1000 + 0.1 * _random(7)).float()
    mean, squares = torch.zeros(()), torch.zeros(())
    for seen, element in enumerate(x, start=1):
        gap = element - mean
        mean = mean + gap / seen
        squares = squares + gap * (element - mean)
    exact, _ = torch.var_mean(Bounded.exact(x, FLOAT32), dim=-1, correction=0)
    assert abs(float(squares) / N - float(exact.value)) <= float(exact.bound)
    means = (one_after_the_other(each)[-1] / N for each in (x * x, x))
    wrong = float(next(means)) - float(next(means)) ** 2
    assert abs(wrong - float(exact.value)) > float(exact.bound)


def test_axis_zero_is_an_axis() -> None:
    x = Bounded.exact(torch.arange(6.0).reshape(2, 3), FLOAT32)
    assert torch.sum(x, dim=0).shape == (3,)
    assert x.amax(dim=0).value.tolist() == [3, 4, 5]
