"""The pieces: timings, the gate table, buffer strips, the environment."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports import environment, tally
from reports.html import ratio
from reports.measurement import Measurement, Timed, Timing
from reports.record import shortfall
from reports.strip import strips
from reports.text import visible
from verify.verdict import Access, Outcome, Place, Verdict


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60))
def test_a_timing_lies_within_its_interval(samples):
    found = Timing.of("kernel", samples)

    assert min(samples) <= found.low <= found.median <= found.high <= max(samples)


def test_the_interval_is_the_one_of_the_tables():
    found = Timing.of("kernel", list(range(1, 101)))

    assert (found.low, found.median, found.high) == (40, 50.5, 61)


@pytest.mark.parametrize("samples", [(), (0.0,), (-1.0,), (float("nan"),), (float("inf"),)])
def test_times_that_are_none_are_refused(samples):
    with pytest.raises(ValueError, match="finite positive samples"):
        Timing.of("kernel", samples)


def test_a_gap_is_the_ratio_of_the_medians():
    kernel, eager = Timing.of("kernel", [2.0]), Timing.of("eager", [6.0])
    timed = Timed.of("rows", "float32", {"M": 1}, kernel, [eager])

    assert timed.against[0].gap == 3.0
    with pytest.raises(ValueError, match="not the medians' ratio"):
        evolve(timed, against=(evolve(timed.against[0], gap=4.0),))
    with pytest.raises(ValueError, match="physical limit"):
        evolve(timed, fraction=1.2)


def test_measurements_without_a_reason_or_times_are_refused():
    with pytest.raises(ValueError, match="unknown bench word 'fast'"):
        Measurement("fast")
    with pytest.raises(ValueError, match="0 timed workloads"):
        Measurement("measured", device="H200")
    with pytest.raises(ValueError, match="with the reason ''"):
        Measurement.not_run("")


def test_buckets_sum_to_the_total(examples):
    for record in (examples.admitted(), examples.refuted(), examples.inconclusive()):
        rows = tally.tally(record)

        assert [row.gate for row in rows] == list(tally.CLAIMS)
        assert sum(tally.totals(rows).values()) == sum(max(1, len(row.verdicts)) for row in rows)
        assert all(row.total == sum(row.counts.values()) for row in rows)


def test_a_row_is_enough_only_if_the_dossier_says_so(examples):
    for record in (examples.admitted(), examples.refuted(), examples.inconclusive()):
        short = [row.gate for row in tally.tally(record) if not row.enough]

        assert sorted(short) == sorted(record.dossier.missing)


def test_a_gate_that_says_not_run_has_not_run(examples):
    silent = Verdict("native", Outcome.UNKNOWN, "c", "", "not run: no device")
    unsure = Verdict("native", Outcome.UNKNOWN, "c", "", "the budget was spent")

    assert (tally.bucket(silent), tally.bucket(unsure)) == ("not run", "unknown")
    assert tally.CLAIMS.keys() == tally.BRIEFS.keys()


@given(st.integers(0, 2**40), st.lists(st.integers(-(2**40), 2**41), min_size=1, max_size=5))
def test_a_strip_shows_every_access_on_the_right_side_of_the_edge(elements, offsets):
    place = Place("x.py", 1)
    drawn = strips(Access("store", "out", offset, elements, (0, 0, 0), (), place) for offset in offsets)

    assert len(drawn) == 1
    squares = drawn[0].squares
    assert {square.index for square in squares if square.marks} == set(offsets)
    assert all(square.inside == (0 <= square.index < elements) for square in squares)
    assert [square.x for square in squares] == sorted({square.x for square in squares})
    assert len(squares) < 40 and squares[-1].x + drawn[0].side <= drawn[0].width


def test_the_environment_tells_nothing_of_whose_machine_it_is():
    found = environment.collect(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    text = repr(found)

    assert found.time == "2026-11-23T12:00:00Z"
    assert found.packages["z3-solver"]
    assert "/" not in text and socket.gethostname() not in text


def test_outside_a_checkout_there_is_no_revision(tmp_path):
    assert environment._checkout_state(tmp_path) == (None, None)


def test_unseen_letters_are_spelled_out():
    assert visible("a\u202eb\u200bc\x1b[0m\n\t\u00e9") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+001B⟩[0m\n\té"


def test_what_is_missing_is_said(examples):
    assert shortfall(examples.inconclusive().dossier) == (
        "undefined is unknown, needs to be proved; laws is crashed, needs to be tested; fuzz did not run"
    )
    assert shortfall(examples.refuted().dossier) == "refuted by bounds, races"
    assert shortfall(examples.admitted().dossier) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.61, "0.61"),
        (0.0, "0.00"),
        (1.0, "1.00"),
        (0.998, "0.998"),
        (1.002, "1.002"),
        (3e-7, "3e-07"),
        (2.5, "2.50"),
    ],
)
def test_a_ratio_is_never_rounded_across_the_limit(value, text):
    assert ratio(value) == text
