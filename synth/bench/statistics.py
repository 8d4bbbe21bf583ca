"""When a ratio of times is evidence: paired ratios with order-statistic intervals, against the kernel's own noise."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final, Literal

from attrs import frozen

from reports.measurement import Timing

FEWEST: Final = 6  # below this no pair of order statistics encloses the median with 95% confidence


@frozen
class Interval:
    """A median and the order statistics that enclose the true median with at least 95% confidence."""

    median: float
    low: float
    high: float


@frozen
class Gap:
    """Baseline time over kernel time, paired round by round, and what it is worth.

    `noise` is the factor by which the kernel differed from itself in the same run; `word` is `no evidence`
    unless the whole interval lies beyond it.
    """

    ratio: Interval
    noise: float
    word: Literal["faster", "slower", "no evidence"]


def interval(samples: Sequence[float]) -> Interval:
    """The median of positive samples with its interval. Raises ValueError for fewer than `FEWEST` of them."""
    if len(samples) < FEWEST:
        raise ValueError(f"{len(samples)} samples, an interval needs at least {FEWEST}")
    found = Timing.of("samples", samples)
    return Interval(found.median, found.low, found.high)


def spread(samples: Sequence[float]) -> float:
    """Interquartile range over the median; 0 for constant samples."""
    low, _, high = quantiles(samples, n=4, method="inclusive")
    return (high - low) / median(samples)


def compare(kernel: Sequence[float], again: Sequence[float], baseline: Sequence[float]) -> Gap:
    """The Kernel Gap of `kernel` against `baseline`; `again` is the kernel's second self in the same rounds.

    The three hold one time per round, in the same order of rounds.
    """
    if not len(kernel) == len(again) == len(baseline):
        raise ValueError(f"unpaired rounds: {len(kernel)}, {len(again)}, {len(baseline)}")
    ratio = interval([theirs / ours for ours, theirs in zip(kernel, baseline, strict=True)])
    noise = noise_factor(kernel, again)
    if ratio.low > noise:
        return Gap(ratio, noise, "faster")
    if ratio.high < 1 / noise:
        return Gap(ratio, noise, "slower")
    return Gap(ratio, noise, "no evidence")


def noise_factor(kernel: Sequence[float], again: Sequence[float]) -> float:
    """By what factor, at least 1, the kernel differs from itself: the far end of the interval of its ratio."""
    control = interval([second / first for first, second in zip(kernel, again, strict=True)])
    return max(control.high, 1 / control.low, 1.0)
