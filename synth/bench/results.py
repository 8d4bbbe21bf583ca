"""What a run of the trusted runner brings back: raw samples, what was checked, and the device's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from synth.bench.device import State
from synth.bench.floor import Ceilings, Limit, Work

KERNEL: Final = "kernel"
AGAIN: Final = "kernel again"  # the A/A control


class Rejected(Exception):
    """The run does not count: times below the floor, clocks that disagree, outputs that are wrong."""


class Wrong(Rejected):
    """The kernel did on the device what it must not: a wrong output, a changed input, a stray write."""


@frozen
class Run:
    """One workload. `seconds` holds one time per kept round and contestant, in the same order of rounds.

    `checked` counts the timed outputs of the kernel, two a round, that were held against the float64
    reference (themselves, or by another output of equal bits); `dropped` says why rounds were left out;
    `started` says how each contestant was started.
    """

    workload: str
    dtype: str
    sizes: Mapping[str, int]
    configs: Mapping[str, str]
    seconds: Mapping[str, tuple[float, ...]]
    started: Mapping[str, str]
    checked: int
    dropped: tuple[str, ...]
    bitwise: bool  # two runs on equal inputs gave equal bits every time
    work: Work
    floor: Limit
    limit: Limit
    before: State
    after: State
    notes: tuple[str, ...] = ()


@frozen
class Refused:
    """One workload whose times do not count, and why. `wrong` says that the kernel itself is at fault."""

    workload: str
    reason: str
    wrong: bool


@frozen
class Report:
    """All workloads of one bundle on one device."""

    bundle: str
    spec: str
    label: str
    device: str
    versions: Mapping[str, str]
    ceilings: Ceilings
    runs: tuple[Run, ...]
    refused: tuple[Refused, ...]
    seconds: float
