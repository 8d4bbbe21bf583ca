"""The roofline of a record: the rates that its run measured, worked back from what the record holds."""

from __future__ import annotations

import math
import re

import pytest

from reports.measurement import Measurement, Model, Timed, Timing
from reports.roofline import roofline
from synth.bench.floor import Ceilings, Work, fraction

CEILINGS = Ceilings(
    copy=3e12, read=3.2e12, matrix={"bfloat16": 8e14, "float16": 7e14}, cache=50_000_000, start=2e-6
)  # fmt: skip
WIDE = ("wide", "bfloat16", Work(1 << 28, 1 << 28, 1 << 30), 250.0)  # waits for memory
SQUARE = ("square", "bfloat16", Work(1 << 26, 1 << 25, 1 << 37), 200.0)  # waits for arithmetic
HALF = ("half", "float16", Work(1 << 26, 1 << 25, 1 << 37), 230.0)
SMALL = ("small", "bfloat16", Work(1 << 10, 1 << 10, 1 << 12), 5.0)  # waits for its start
COPY = ("copy", "bfloat16", Work(1 << 28, 1 << 28, 0), 200.0)


def bench(*loads: tuple[str, str, Work, float]) -> Measurement:
    """Held against `CEILINGS` as the bench does it."""
    timed, models = [], []
    for name, dtype, work, microseconds in loads:
        share, by = fraction(microseconds / 1e6, work, dtype, CEILINGS)
        timed.append(Timed.of(name, dtype, {}, Timing.of("kernel", [microseconds]), [], fraction=share, limit=by))
        models.append(Model(name, "H200 (sm_90)", work.bytes, work.operations, None, None, None, 1.0, by))
    return Measurement.measured("a device", timed, models)


def test_the_roofs_are_the_rates_that_the_run_measured():
    drawn = roofline(bench(WIDE, SQUARE, HALF))

    titles = [roof.title for roof in drawn.roofs]
    assert titles == [
        "copies: 3 TB/s",
        "matrix products, bfloat16: 800 Top/s",
        "matrix products, float16: 700 Top/s",
    ]
    copies, products = drawn.roofs[0].ends, drawn.roofs[1].ends
    assert copies[2:] == products[:2], "the highest products end the copies"


def test_a_dot_lies_at_its_share_below_its_roof():
    drawn = roofline(bench(WIDE, SQUARE))

    square, (_, level, _, _) = drawn.dots[1], drawn.roofs[1].ends
    marks = {text: y for y, text in drawn.up}
    decade = marks["10 T"] - marks["100 T"]
    assert square.timed.fraction == pytest.approx(SQUARE[2].operations / 8e14 / 200e-6)
    assert (square.y - level) / decade == pytest.approx(-math.log10(square.timed.fraction), abs=0.01)
    assert square.intensity == SQUARE[2].operations / SQUARE[2].bytes


def test_a_roof_that_no_workload_was_held_against_is_not_drawn():
    assert [roof.title for roof in roofline(bench(SQUARE, SMALL)).roofs] == ["matrix products, bfloat16: 800 Top/s"]
    assert roofline(bench(SMALL)).roofs == ()
    in_cache = ("fast", "bfloat16", WIDE[2], WIDE[2].bytes / CEILINGS.copy * 0.95e6)
    assert roofline(bench(in_cache)).roofs == (), "the floor is no copy"


def test_work_without_arithmetic_has_no_place():
    assert roofline(bench(COPY)) is None
    assert roofline(bench(COPY, WIDE)).left_out == ("copy",)
    assert roofline(bench(COPY, SQUARE)).roofs[0].title == "copies: 3 TB/s"
    assert roofline(Measurement.not_run("no device", bench(WIDE).models)) is None


def test_neighbours_share_a_label():
    twin = ("twin", *WIDE[1:3], WIDE[3] * 1.01)

    assert [text for _, _, text in roofline(bench(WIDE, SQUARE, twin)).labels] == ["1, 3", "2"]


def test_everything_lies_inside_the_drawing():
    for loads in ((WIDE,), (SQUARE,), (SMALL, WIDE), (WIDE, SQUARE, HALF, SMALL)):
        drawn = roofline(bench(*loads))
        points = [(dot.x, dot.y) for dot in drawn.dots] + [roof.ends[:2] for roof in drawn.roofs]
        points += [roof.ends[2:] for roof in drawn.roofs]
        assert all(76 <= x <= 588 and 12 <= y <= 274 for x, y in points), (loads, points)
        assert all(re.fullmatch(r"[\d.]+ [kMGTP]?", text) for _, text in drawn.across + drawn.up)
