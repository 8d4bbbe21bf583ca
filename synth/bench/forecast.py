"""What a candidate might take on a device, without one: a guide for the order of a search, never a measurement.

The larger of memory and arithmetic, as in `model`, where memory counts what the kernel's loads and stores ask for,
caches left aside, and what its threads spill and load again. Caches, latency and occupancy are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

from specs.spec import Spec, Workload
from synth.bench.model import PEAKS, Peak, launched_variants, model, names_at, rate_of, roofline
from synth.proposers.tune import Forecast
from verify.capture.capture import capture
from verify.case import Budget, Candidate
from verify.native.launch import LaunchError
from verify.plan import Plan

WARP: Final = 32


def forecaster(spec: Spec, budget: Budget, device: str) -> Callable[[str], Forecast]:
    """The forecast of a source: the geometric mean over the spec's workloads."""
    return partial(_forecast, spec, budget, PEAKS[device])


def _forecast(spec: Spec, budget: Budget, peak: Peak, source: str) -> Forecast:
    captured = capture(spec, Candidate(source, spec.name, "point.py"), budget)
    if not spec.workloads:
        return Forecast(None, f"{spec.name} has no workloads")
    if not captured.plans:
        return Forecast(None, "it was not captured")
    try:
        times = [_workload(spec, captured.plans, load, peak) for load in spec.workloads]
    except LaunchError as failure:
        return Forecast(None, str(failure))
    except _Untold as reason:
        return Forecast(None, str(reason))
    return Forecast(math.exp(sum(map(math.log, times)) / len(times)))


class _Untold(Exception):
    """A workload of which the model does not say what it takes."""


def _workload(spec: Spec, plans: tuple[Plan, ...], load: Workload, peak: Peak) -> float:
    """Microseconds of one workload."""
    told = model(spec, plans, load, peak)
    if told.requested is None or told.spills is None:
        raise _Untold(f"{load.name}: {told.note}")
    names, threads = names_at(spec, load.sizes), 0
    for _, variant in launched_variants(spec, plans, load):
        threads += math.prod(size.evaluate(names) for size in variant.grid) * variant.num_warps * WARP
    moved = max(told.bytes, told.requested) + 2 * told.spills * threads
    seconds, _ = roofline(moved, told.operations, rate_of(spec, load.dtype, peak), peak)
    return seconds * 1e6
