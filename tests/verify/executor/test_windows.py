"""Membership of a strided window by arithmetic against its elements listed one by one."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.sizes import name, size
from verify.executor.windows import SEARCH, Undecided, Window, window
from verify.plan import View

windows = st.integers(0, 3).flatmap(
    lambda axes: st.builds(
        Window,
        st.integers(0, 5),
        st.tuples(*[st.integers(0, 5)] * axes),
        st.tuples(*[st.integers(0, 12)] * axes),
    )
)


@settings(max_examples=400, deadline=None)
@given(windows)
def test_contains_exactly_its_elements(part: Window) -> None:
    places = itertools.product(*(range(length) for length in part.sizes))
    elements = {part.offset + sum(i * s for i, s in zip(at, part.strides, strict=True)) for at in places}
    around = torch.arange(-3, 160)
    assert [int(value) for value in around[part.contains(around)]] == sorted(elements)
    assert part.end == max(elements, default=part.offset - 1) + 1
    if part.dense:
        assert elements == set(range(part.offset, part.end))


def test_contains_at_sizes_beyond_memory() -> None:
    part = Window(0, (2**31 - 1, 1000), (2**31 - 1, 2))
    last = (2**31 - 2) * (2**31 - 1) + 999 * 2
    asked = torch.tensor([0, 1, 1998, 2000, 2**31 - 1, last, last + 2])
    assert part.contains(asked).tolist() == [True, False, True, False, True, True, False]


def test_overlapping_axes_are_solved_by_their_remainders() -> None:
    part = Window(0, (10**6, 10**6), (6, 10))
    assert part.contains(torch.tensor([0, 2, 4, 6, 16, 15, 10**6])).tolist() == [
        True, False, False, True, True, False, True,
    ]  # fmt: skip


def test_a_search_that_would_take_too_long_is_not_made() -> None:
    part = Window(0, (10 * SEARCH, 10 * SEARCH, 10 * SEARCH), (7, 6, 5))
    with pytest.raises(Undecided):
        part.contains(torch.tensor([10**5]))


def test_views_with_negative_parts_are_refused() -> None:
    view = View("x", (name("N") - 5,), (size(1),))
    assert window(view, {"N": 7}) == Window(0, (2,), (1,))
    with pytest.raises(ValueError, match="negative"):
        window(view, {"N": 3})
