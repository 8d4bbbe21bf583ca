"""Each rule against exact rational arithmetic: for operands within their bounds, rounded once in float32, the
result lies within the result's bound."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from verify.numerics.bounded import Bounded, Unruled
from verify.numerics.precision import IMAGINED, Precision
from verify.numerics.rules import ALIASES, TABLE

FLOAT32 = Precision(2.0**-24, 2.0**-149, 2.0**-126, "float32")
numbers = st.floats(-1e4, 1e4, width=32)
errors = st.floats(0, 1, width=32)
sides = st.sampled_from([-1, 0, 1])


def bounded(values: list[float], bounds: list[float] | None = None) -> Bounded:
    value = torch.tensor(values, dtype=torch.float64)
    bound = torch.zeros_like(value) if bounds is None else torch.tensor(bounds, dtype=torch.float64)
    return Bounded(value, bound, FLOAT32)


def float32(value: Fraction) -> Fraction:
    """The exact number rounded once. (Through float64: innocuous but within 2^-53 of a tie.)"""
    return Fraction(float(torch.tensor(float(value), dtype=torch.float64).float()))


def within(result: Bounded, computed: Fraction, exact: Fraction) -> bool:
    """Whether `computed` is within the bound of the exact value; float64's own error is granted."""
    bound = Fraction(float(result.bound)) if float(result.bound) < float("inf") else None
    granted = abs(exact) * Fraction(2) ** -52 + Fraction(2) ** -1000
    return bound is None or abs(computed - Fraction(float(result.value))) <= bound + granted


LARGEST = Fraction(torch.finfo(torch.float32).max)
RATIONAL: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
}


@pytest.mark.parametrize("name", RATIONAL)
@settings(max_examples=150, deadline=None, database=None)
@given(x=numbers, y=numbers, bx=errors, by=errors, sx=sides, sy=sides)
def test_arithmetic_against_fractions(name: str, x: float, y: float, bx: float, by: float, sx: int, sy: int) -> None:
    result = getattr(torch, name)(bounded([x], [bx]), bounded([y], [by]))[0]
    actual_x, actual_y = Fraction(x) + sx * Fraction(bx), Fraction(y) + sy * Fraction(by)
    if name == "div" and (y == 0 or actual_y == 0 or abs(y) <= by):
        return
    exact = RATIONAL[name](actual_x, actual_y)
    if abs(exact) > LARGEST:  # float32 has no such number
        return
    assert within(result, float32(exact), exact)


@settings(max_examples=150, deadline=None, database=None)
@given(terms=st.lists(numbers, min_size=1, max_size=40), order=st.randoms(use_true_random=False))
def test_sums_in_any_order_against_fractions(terms: list[float], order: object) -> None:
    result = bounded(terms).sum(dim=-1)
    shuffled = list(terms)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    total = Fraction(0)
    for term in shuffled:
        total = float32(total + Fraction(term))
    assert within(result, total, sum(map(Fraction, terms), Fraction(0)))


@settings(max_examples=100, deadline=None, database=None)
@given(terms=st.lists(numbers, min_size=1, max_size=40), width=st.integers(1, 8))
def test_running_sums_in_blocks_against_fractions(terms: list[float], width: int) -> None:
    """Each block is scanned by doubling distances; what stands before it is added afterwards."""
    result, before, exact = bounded(terms).cumsum(dim=-1), Fraction(0), Fraction(0)
    for start in range(0, len(terms), width):
        sums, distance = [Fraction(term) for term in terms[start : start + width]], 1
        while distance < len(sums):
            sums = sums[:distance] + [
                float32(left + right) for left, right in zip(sums[:-distance], sums[distance:], strict=True)
            ]
            distance *= 2
        for at, inside in enumerate(sums, start):
            exact += Fraction(terms[at])
            last = float32(before + inside)
            assert within(result[at], last, exact)
        before = last


@settings(max_examples=100, deadline=None, database=None)
@given(
    pairs=st.lists(st.tuples(st.floats(-100, 100, width=32), st.floats(-100, 100, width=32)), min_size=1, max_size=30)
)
@example(pairs=[(0.015625, 1.4324318841701347e-38)])  # a product below the smallest normal number
def test_products_of_matrices_against_fractions(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    result = (bounded(a).unsqueeze(0) @ bounded(b).unsqueeze(1))[0, 0]
    total = Fraction(0)
    for x, y in pairs:
        total = float32(total + float32(Fraction(x) * Fraction(y)))
    assert within(result, total, sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0)))


@pytest.mark.parametrize(
    "name", ["exp", "exp2", "log", "sqrt", "rsqrt", "tanh", "sigmoid", "silu", "abs", "neg", "relu"]
)
@settings(max_examples=100, deadline=None, database=None)
@given(x=st.floats(-80, 80, width=32), bx=st.floats(0, 0.5, width=32), side=sides)
def test_functions_at_the_ends_of_their_interval(name: str, x: float, bx: float, side: int) -> None:
    if name in ("log", "sqrt", "rsqrt"):
        x = abs(x) + 0.75
    function = torch.nn.functional.silu if name == "silu" else getattr(torch, name)
    result = function(bounded([x], [bx]))
    computed = function(torch.tensor([x + side * bx], dtype=torch.float64))
    if name not in ("abs", "neg", "relu"):  # these round nothing
        computed = computed.float().double()
    granted = 1e-12  # float64's own roundings in this test
    assert bool(((computed - result.value).abs() <= result.bound + granted).all())


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.tuples(numbers, errors, sides), min_size=1, max_size=20))
def test_largest_and_smallest(cells: list[tuple[float, float, int]]) -> None:
    pairs = bounded([x for x, _, _ in cells], [b for _, b, _ in cells])
    actual = torch.tensor([x + side * b for x, b, side in cells], dtype=torch.float64)
    for found, exact in ((pairs.amax(dim=0), actual.amax(0)), (pairs.amin(dim=0), actual.amin(0))):
        assert float((found.value - exact).abs()) <= float(found.bound) * (1 + 1e-15) + 1e-12


def test_small_whole_numbers_are_exact_and_large_ones_are_not() -> None:
    a = torch.randint(-1, 2, (4, 300)).double()
    pairs = Bounded.exact(a, FLOAT32)
    assert float((pairs @ pairs.T).bound.max()) == 0
    assert float(pairs.sum(-1).bound.max()) == 0
    large = Bounded.exact(a * 2.0**16 + a, FLOAT32)
    assert float((large @ large.T).bound.max()) > 0
    halves = Bounded.exact(a + 0.1, FLOAT32)
    assert float(halves.sum(-1).bound.max()) > 0


def test_a_sum_of_one_term_rounds_nothing() -> None:
    assert float(bounded([0.1]).sum(dim=-1).bound) == 0
    assert float(bounded([0.1, 0.2]).sum(dim=-1).bound) > 0


def test_cutting_factors_to_tf32_is_covered_only_where_allowed() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(8, 64, generator=generator), torch.rand(64, 8, generator=generator))
    cut = [(each.view(torch.int32) & ~0x1FFF).view(torch.float32).double() for each in (a, b)]
    error = (cut[0] @ cut[1] - a.double() @ b.double()).abs()
    strict = Bounded.exact(a, FLOAT32) @ Bounded.exact(b, FLOAT32)
    tf32 = Precision(2.0**-24, 2.0**-149, 2.0**-126, "float32", 2.0**-10)
    loose = Bounded.exact(a, tf32) @ Bounded.exact(b, tf32)
    assert bool((error > strict.bound).all())
    assert bool((error <= loose.bound).all())


def test_infinities_and_nan_carry_no_bound() -> None:
    pairs = bounded([float("-inf"), 0.0, float("nan")])
    weights = pairs.exp()
    assert weights.value[0] == 0
    assert float(weights.bound[0]) <= 2.0**-125
    assert float(weights.bound[2]) == 0
    assert float((bounded([1.0]) / bounded([0.0])).bound) == 0
    assert float((bounded([1.0]) / bounded([0.5], [0.5])).bound) == float("inf")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: torch.lgamma(x), "torch.lgamma, which has no error bound"),
        (lambda x: x.cumprod(0), ".cumprod, which has no error bound"),
        (lambda x: x.sum(dim=0, dtype=torch.float64), "in a form that has no error bound"),
        (lambda x: x**3, "a power of 3"),
        (lambda x: x.to(torch.float32), "rounds to torch.float32"),
        (lambda x: x / 3.0 > x / 3.0 + 1e-12, "closer than their error bounds"),
        (lambda x: x.max(0), "amax has an error bound"),
    ],
)
def test_names_what_it_has_no_rule_for(call: Callable[[Bounded], object], says: str) -> None:
    with pytest.raises(Unruled) as error:
        call(bounded([1.0, 2.0]))
    assert says in str(error.value)


def test_structure_moves_values_and_bounds_alike() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    pairs = Bounded(x.double(), x.double() / 10, FLOAT32)
    for move in (
        lambda t: t.transpose(0, 2),
        lambda t: t.unsqueeze(1).expand(2, 5, 3, 4),
        lambda t: t.reshape(6, 4)[1::2],
        lambda t: t[..., None].permute(3, 0, 2, 1).flatten(1),
        lambda t: torch.cat([t, t.flip(0)], 1),
        lambda t: torch.where(x > 3, t, t.roll(1, 0)),
    ):
        moved = move(pairs)
        assert torch.equal(moved.value, move(x.double()))
        assert torch.equal(moved.bound, move(x.double() / 10))


def test_the_imagined_precision_scales_the_same_bounds() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 70, generator=generator)
    wide = Bounded.exact(x, FLOAT32).exp().sum(-1)
    thin = Bounded.exact(x, IMAGINED).exp().sum(-1)
    ratio = wide.bound / thin.bound * (1e-10 * 2.0**24)
    # Half units in the last place are between u/2 and u of a number; the imagined precision has u of it. Which bits
    # are rounded off is known of float32 only.
    assert bool(((ratio > 0.5) & (ratio < 1.1)).all())


def test_every_rule_tells_its_formula() -> None:
    assert all(rule.bound for rule in TABLE.values())
    assert all(name in TABLE for name in ALIASES.values())
