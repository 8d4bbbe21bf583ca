"""Forecasts: a number for what can be counted and compiled, and otherwise the reason why there is none."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

import specs
from synth.bench.forecast import forecaster
from verify.case import PROFILES

SOFTMAX = specs.find("softmax")
SOURCE = (Path(__file__).parents[3] / "examples" / "tune" / "softmax.py").read_text()


def test_what_is_asked_for_twice_takes_longer_than_the_least() -> None:
    """The example loads each row twice and stores it once: half as much again as the least traffic."""
    one = evolve(SOFTMAX, workloads=SOFTMAX.workloads[:1])
    load = one.workloads[0]
    told = forecaster(one, PROFILES["quick"], "H200")(SOURCE)
    assert load.dtype == "bfloat16"
    least = load.sizes["M"] * load.sizes["N"] * 2 * 2 / 4.8e12 * 1e6
    assert told.microseconds is not None and abs(told.microseconds / least - 1.5) < 0.01


def test_what_is_not_captured_has_no_forecast() -> None:
    told = forecaster(SOFTMAX, PROFILES["quick"], "H200")("def softmax(x):\n    raise ValueError\n")
    assert (told.microseconds, told.why) == (None, "it was not captured")
