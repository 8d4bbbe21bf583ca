"""What a run of the trusted runner brings back: raw samples, what was checked, and the device's state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import evolve, frozen
from cattrs import BaseValidationError

from reports.measurement import Measurement, Model, Timed
from synth.bench.device import State
from synth.bench.floor import Ceilings, Limit, Work, fraction
from synth.bench.statistics import against, noise_factor, timing
from verify.native.child import Answer
from verify.native.codec import CONVERTER

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


@frozen
class Elsewhere:
    """What another machine found about a sealed bundle: its report and its native checks."""

    report: Report
    native: Answer


def timed_elsewhere(path: Path) -> dict[str, Elsewhere]:
    """By bundle digest, what `synth.bench.device_check` wrote to `path`. Raises ValueError for any other file."""
    try:
        rows = json.loads(path.read_bytes())
        whole = [row for row in rows if row["report"] and row["native"]]
        found = [
            Elsewhere(CONVERTER.structure(row["report"], Report), CONVERTER.structure(row["native"], Answer))
            for row in whole
        ]
    except (OSError, ValueError, KeyError, TypeError, BaseValidationError) as error:
        raise ValueError(f"{path} holds no device results: {error}") from None
    return {each.report.bundle: each for each in found}


def measurement_elsewhere(found: Elsewhere, predicted: tuple[Model, ...]) -> Measurement:
    """The times of another machine, unless its native checks found something wrong."""
    if found.native.findings:
        first = found.native.findings[0]
        return Measurement.not_counted(f"on {found.native.device}: {first.sentence}")
    if found.native.refusal or found.native.failures:
        reason = found.native.refusal or found.native.failures[0]
        return Measurement.not_counted(f"native checks on {found.native.device} did not finish: {reason}")
    measured = measurement_of(found.report, predicted)
    note = f"native checks on this device: {found.native.runs} runs, nothing wrong"
    return evolve(measured, workloads=tuple(evolve(each, notes=(*each.notes, note)) for each in measured.workloads))


def measurement_of(report: Report, predicted: tuple[Model, ...]) -> Measurement:
    """The runner's report as a measurement. A wrong output on the device takes all its times with it."""
    wrong = [refused for refused in report.refused if refused.wrong]
    if wrong:
        return Measurement.not_counted(f"on {report.device}, {wrong[0].workload}: {wrong[0].reason}")
    if not report.runs:
        reason = report.refused[0].reason if report.refused else "the runner timed no workload"
        return Measurement.not_run(f"on {report.device}: {reason}", predicted)
    return Measurement.measured(_device(report), [timed(report, run) for run in report.runs], predicted)


def timed(report: Report, run: Run) -> Timed:
    """One workload's samples as medians, intervals and gaps."""
    kernel, again = run.seconds[KERNEL], run.seconds[AGAIN]
    rivals = [name for name in run.seconds if name not in (KERNEL, AGAIN)]
    own = timing(KERNEL, kernel)
    reached, by = fraction(own.median / 1e6, run.work, run.dtype, report.ceilings)
    return Timed(
        run.workload,
        run.dtype,
        dict(run.sizes),
        own,
        tuple(against(name, kernel, again, run.seconds[name]) for name in rivals),
        reached,
        by,
        run.after.clock,
        run.after.memory_clock,
        run.after.temperature,
        run.after.power,
        (_how(run, kernel, again), *run.notes),
    )


def _how(run: Run, kernel: tuple[float, ...], again: tuple[float, ...]) -> str:
    ways = ", ".join(sorted(set(run.started.values())))
    bits = "equal bits" if run.bitwise else "bits that differ"
    return (
        f"{len(kernel)} rounds kept, {len(run.dropped)} dropped; {run.checked} of the timed outputs held "
        f"against the reference, all against their twins ({bits}); started by {ways}; "
        f"the kernel against itself: within a factor {noise_factor(kernel, again):.4f}"
    )


def _device(report: Report) -> str:
    driver = report.runs[0].after.driver
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"{report.device} ({versions}{f', driver {driver}' if driver else ''})"
