"""The small algebra never says more than evaluation does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from specs.sizes import ARITHMETIC, COMPARISONS, Condition, Size, all_of, any_of, name, none_of, size
from verify.capture.algebra import decided, interval, narrowed, negated, same, simplified

NAMES = ("a", "b", "c")
RANGES = {"a": (0, 6), "b": (1, 5), "c": (-3, 3)}
values = st.fixed_dictionaries({each: st.integers(*RANGES[each]) for each in NAMES})
leaves = st.sampled_from([name(each) for each in NAMES]) | st.integers(-4, 17).map(size)
sizes = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda kind, left, right: Size(kind, parts=(left, right)),
        st.sampled_from(sorted(ARITHMETIC)),
        inner,
        inner,
    ),
    max_leaves=6,
)
conditions = st.recursive(
    st.builds(
        lambda kind, left, right: Condition(kind, sides=(left, right)),
        st.sampled_from(sorted(COMPARISONS)),
        sizes,
        sizes,
    ),
    lambda inner: st.builds(all_of, inner, inner) | st.builds(any_of, inner, inner) | st.builds(none_of, inner),
    max_leaves=4,
)


def value(part: Size, at: dict[str, int]) -> int | None:
    try:
        return part.evaluate(at)
    except ZeroDivisionError:
        return None


@settings(max_examples=400, deadline=None, derandomize=True)
@given(sizes, values)
def test_simplified_is_equal_and_in_its_interval(part: Size, at: dict[str, int]) -> None:
    exact = value(part, at)
    if exact is None:
        return
    assert value(simplified(part), at) in (exact, None)
    low, high = interval(part, RANGES)
    assert (low is None or low <= exact) and (high is None or exact <= high)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conditions, values)
def test_decided_and_negated_agree_with_evaluation(condition: Condition, at: dict[str, int]) -> None:
    try:
        holds = condition.holds(at)
    except ZeroDivisionError:
        return
    assert decided(condition, RANGES) in (None, holds)
    assert negated(condition).holds(at) is not holds
    if holds:
        tighter = narrowed(RANGES, condition)
        assert all(
            (low is None or low <= at[key]) and (high is None or at[key] <= high)
            for key, (low, high) in tighter.items()
        )


def test_what_should_be_seen() -> None:
    m, n = name("M"), name("N")
    assert simplified((m * n) // n) == m and simplified((n * m) % m) == size(0)
    assert same(m * n + 2 * n, n * (m + 2)) and not same(m, n)
    assert decided(m * n >= 0, {"M": (0, 9), "N": (0, 9)}) is True
    assert decided(m.equals(n), {"M": (0, 9), "N": (0, 9)}) is None
