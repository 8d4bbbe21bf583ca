"""When a ratio of times is evidence: its order-statistic interval held against the kernel's own noise."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final

from attrs import frozen

from reports.measurement import Against, Timing

FEWEST: Final = 6  # below this no pair of order statistics encloses the median with 95% confidence


@frozen
class Interval:
    """A median and the order statistics that enclose the true median with at least 95% confidence."""

    median: float
    low: float
    high: float


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


def against(name: str, kernel: Sequence[float], again: Sequence[float], baseline: Sequence[float]) -> Against:
    """The Kernel Gap of `kernel` against `baseline`; `again` is the kernel's second self in the same rounds.

    The three hold one time in seconds per round, in the same order of rounds.
    """
    if not len(kernel) == len(again) == len(baseline):
        raise ValueError(f"unpaired rounds: {len(kernel)}, {len(again)}, {len(baseline)}")
    ratio = interval([theirs / ours for ours, theirs in zip(kernel, baseline, strict=True)])
    rival, own = timing(name, baseline), timing("kernel", kernel)
    return Against(rival, rival.median / own.median, ratio.low, ratio.high, noise_factor(kernel, again))


def timing(name: str, seconds: Sequence[float]) -> Timing:
    """Samples in seconds as a timing in microseconds."""
    return Timing.of(name, [sample * 1e6 for sample in seconds])


def noise_factor(kernel: Sequence[float], again: Sequence[float]) -> float:
    """By what factor, at least 1, the kernel differs from itself: the far end of its ratio's interval."""
    control = interval([second / first for first, second in zip(kernel, again, strict=True)])
    return max(control.high, 1 / control.low, 1.0)
