"""A gap is evidence only beyond the kernel's own noise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.bench.statistics import FEWEST, against, interval, noise_factor, spread

times = st.floats(min_value=1e-6, max_value=1.0)
rounds = st.lists(st.tuples(times, times, times), min_size=FEWEST, max_size=60)


@settings(deadline=None)
@given(st.lists(times, min_size=FEWEST, max_size=80))
def test_the_interval_encloses_the_median_and_lies_among_the_samples(samples: list[float]) -> None:
    found = interval(samples)
    assert min(samples) <= found.low <= found.median <= found.high <= max(samples)
    assert found.low in samples and found.high in samples


def test_too_few_samples_give_no_interval() -> None:
    with pytest.raises(ValueError, match="5 samples"):
        interval([1.0] * 5)


def test_six_samples_need_all_of_them() -> None:
    found = interval([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])
    assert (found.low, found.median, found.high) == (1.0, 3.5, 6.0)


@settings(deadline=None)
@given(rounds)
def test_noise_is_never_below_one(samples: list[tuple[float, float, float]]) -> None:
    kernel, again, _ = zip(*samples, strict=True)
    assert noise_factor(kernel, again) >= 1.0
    assert noise_factor(kernel, kernel) == 1.0


@settings(deadline=None)
@given(rounds)
def test_a_rival_equal_to_the_control_is_never_evidence(samples: list[tuple[float, float, float]]) -> None:
    kernel, again, _ = zip(*samples, strict=True)
    assert against("rival", kernel, again, again).word == "no evidence"


@settings(deadline=None)
@given(rounds)
def test_the_word_follows_from_the_interval(samples: list[tuple[float, float, float]]) -> None:
    found = against("rival", *zip(*samples, strict=True))
    assert found.low is not None and found.high is not None and found.noise is not None
    assert (found.word == "faster") == (found.low > found.noise)
    assert (found.word == "slower") == (found.high < 1 / found.noise)


def test_a_clear_gap_counts_and_a_gap_within_the_noise_does_not() -> None:
    quiet = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.0]
    noisy = [1.0, 1.4, 0.7, 1.0, 1.5, 0.6, 1.3, 0.7]
    double, slight = [2.0] * 8, [1.2] * 8
    assert against("r", [1.0] * 8, quiet, double).word == "faster"
    assert against("r", [1.0] * 8, noisy, slight).word == "no evidence"
    assert against("r", double, [2.0] * 8, [1.0] * 8).word == "slower"


def test_unpaired_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="unpaired rounds: 8, 8, 7"):
        against("r", [1.0] * 8, [1.0] * 8, [1.0] * 7)


def test_spread_is_relative() -> None:
    assert spread([1.0] * 9) == 0.0
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)
