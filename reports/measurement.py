"""What came of the bench stage: times that count, or the reason why there are none, with a model instead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median as median_of
from typing import Final

from attrs import field, frozen

MEASURED: Final = "measured"
NOT_COUNTED: Final = "not counted"  # the dossier does not admit the candidate
NOT_RUN: Final = "not run"  # nothing hindered it but the machine, or nobody asked
WORDS: Final = (MEASURED, NOT_COUNTED, NOT_RUN)


@frozen
class Model:
    """A prediction for one workload on one target, from counting and compiling. It is never a measurement.

    `bytes` and `operations` are the least that the spec's work asks for: each input read and each output
    written once. `requested` counts the bytes of all loads and stores in the IR, caches included; None where
    sizes alone do not decide how often they run. Registers (a thread), spills (bytes a thread) and shared
    memory (bytes a program) come from compiling for the target, None where its compiler does not tell.
    `microseconds` is the roofline: the time that `limit` (`memory` or `arithmetic`) alone would take.
    """

    workload: str
    target: str
    bytes: int
    operations: int
    registers: int | None
    spills: int | None
    shared: int | None
    microseconds: float
    limit: str
    requested: int | None = None
    note: str = ""


@frozen
class Timing:
    """Times of one implementation in microseconds; `low..high` is the median's 95 % confidence interval."""

    name: str
    median: float
    low: float
    high: float
    samples: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if not self.samples or not all(math.isfinite(sample) and sample > 0 for sample in self.samples):
            raise ValueError(f"timing {self.name!r} needs finite positive samples, got {self.samples[:4]}")
        if not self.low <= self.median <= self.high:
            raise ValueError(f"timing {self.name!r}: median {self.median} outside {self.low}..{self.high}")
        if not math.isclose(self.median, median_of(self.samples), rel_tol=1e-9):
            raise ValueError(f"timing {self.name!r}: {self.median} is not the median of its samples")

    @classmethod
    def of(cls, name: str, samples: Sequence[float]) -> Timing:
        """From samples alone. The interval comes from order statistics: it assumes no distribution.

        Below six samples no pair of them reaches 95 %; the interval is then their whole range.
        """
        ordered = sorted(samples)
        if not ordered:
            raise ValueError(f"timing {name!r} needs finite positive samples, got ()")
        low, high = ordered[0], ordered[-1]
        count = len(ordered)
        tail = 0
        for rank in range(count // 2):
            tail += math.comb(count, rank)
            if 40 * tail > 2**count:  # 2 * P(fewer than rank+1 samples below the median) > 5 %
                break
            low, high = ordered[rank], ordered[count - 1 - rank]
        return cls(name, median_of(ordered), low, high, tuple(samples))


@frozen
class Against:
    """A baseline and the Kernel Gap to it: its median over the kernel's; above 1 the kernel is ahead.

    `low..high` is the 95 % confidence interval of the ratio, round by round; `noise` the factor (at least 1)
    by which the kernel differed from itself in the same run. None where no control was run.
    """

    baseline: Timing
    gap: float
    low: float | None = None
    high: float | None = None
    noise: float | None = None

    @property
    def word(self) -> str:
        """`faster`, `slower`, or `no evidence` unless the whole interval lies beyond the noise."""
        if self.low is not None and self.noise is not None and self.low > self.noise:
            return "faster"
        if self.high is not None and self.noise is not None and self.high < 1 / self.noise:
            return "slower"
        return "no evidence"


@frozen
class Timed:
    """One workload, kernel and baselines interleaved in one run on the same inputs.

    `fraction` is the share of the physical limit named by `limit` that the kernel reaches. Clocks in MHz and
    temperature in degrees Celsius and power in watts are those at the end of the run; None where the device
    does not tell. `notes` says how it was timed: what was checked, left out, or did not run.
    """

    workload: str
    dtype: str
    sizes: Mapping[str, int]
    kernel: Timing
    against: tuple[Against, ...]
    fraction: float | None = None
    limit: str = ""
    clock: float | None = None
    memory_clock: float | None = None
    temperature: float | None = None
    power: float | None = None
    notes: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        for rival in self.against:
            if not math.isclose(rival.gap, rival.baseline.median / self.kernel.median, rel_tol=1e-9):
                raise ValueError(f"gap {rival.gap} to {rival.baseline.name!r} is not the medians' ratio")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(f"workload {self.workload!r} reaches {self.fraction} of its physical limit")

    @classmethod
    def of(
        cls,
        workload: str,
        dtype: str,
        sizes: Mapping[str, int],
        kernel: Timing,
        baselines: Sequence[Timing],
        *,
        fraction: float | None = None,
        limit: str = "",
        clock: float | None = None,
        memory_clock: float | None = None,
        temperature: float | None = None,
    ) -> Timed:
        """With the gaps worked out from the medians."""
        against = tuple(Against(rival, rival.median / kernel.median) for rival in baselines)
        return cls(workload, dtype, dict(sizes), kernel, against, fraction, limit, clock, memory_clock, temperature)


@frozen
class Measurement:
    """What came of the bench stage, in one of three words.

    `measured` has timed workloads and the device; `not counted` and `not run` have a reason and no times.
    Models may stand beside any word but `not counted`.
    """

    word: str
    reason: str = ""
    models: tuple[Model, ...] = ()
    device: str = ""
    workloads: tuple[Timed, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        if self.word not in WORDS:
            raise ValueError(f"unknown bench word {self.word!r}; known: {', '.join(WORDS)}")
        if not (self.word == MEASURED) == bool(self.workloads) == bool(self.device):
            times = f"{len(self.workloads)} timed workloads on {self.device!r}"
            raise ValueError(f"bench is {self.word!r} with {times}")
        if (self.word == MEASURED) == bool(self.reason):
            raise ValueError(f"bench is {self.word!r} with the reason {self.reason!r}")
        if self.word == NOT_COUNTED and self.models:
            raise ValueError("what is not counted has no model either")

    @classmethod
    def measured(cls, device: str, workloads: Sequence[Timed], models: Sequence[Model] = ()) -> Measurement:
        """Times that count."""
        return cls(MEASURED, "", tuple(models), device, tuple(workloads))

    @classmethod
    def not_run(cls, reason: str, models: Sequence[Model] = ()) -> Measurement:
        """Admitted, yet not timed: `no device`, or nobody asked."""
        return cls(NOT_RUN, reason, tuple(models))

    @classmethod
    def not_counted(cls, reason: str) -> Measurement:
        """Not admitted, so no time of it counts."""
        return cls(NOT_COUNTED, reason)
