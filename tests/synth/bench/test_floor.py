"""What no run can beat, and times that claim to."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specs
from specs.spec import Workload
from synth.bench.floor import MATRIX_MARGIN, Ceilings, Work, floor, fraction, impossible, limit, work_of

CEILINGS = Ceilings(copy=4e12, read=4.4e12, matrix={"bfloat16": 8e14}, cache=50_000_000, start=2e-6)


def test_work_of_softmax_is_one_read_and_one_write() -> None:
    work = work_of(specs.ALL["softmax"], Workload("w", {"M": 16384, "N": 4096}))
    assert (work.read, work.written) == (134_217_728, 134_217_728)
    assert work.operations == 5 * 16384 * 4096


def test_work_of_rms_norm_counts_the_weight_in_the_workloads_dtype() -> None:
    work = work_of(specs.ALL["rms_norm"], Workload("w", {"M": 8, "N": 64}, dtype="float32"))
    assert (work.read, work.written) == (8 * 64 * 4 + 64 * 4, 8 * 64 * 4)


def test_work_of_matmul() -> None:
    work = work_of(specs.ALL["matmul"], Workload("w", {"M": 2, "N": 3, "K": 5}))
    assert (work.read, work.written, work.operations) == (2 * (10 + 15), 12, 60)


def test_the_floor_of_a_memory_bound_work() -> None:
    work = Work(134_217_728, 134_217_728, 5 * 16384 * 4096)
    assert limit(work, "bfloat16", CEILINGS).seconds == pytest.approx(268_435_456 / 4e12)
    least = floor(work, "bfloat16", CEILINGS)
    assert (least.by, least.seconds) == ("memory", pytest.approx((268_435_456 - 50_000_000) / 4.4e12))


def test_the_floor_of_matrix_work_leaves_a_margin() -> None:
    work = Work(1000, 1000, 2 * 8192**3)
    assert limit(work, "bfloat16", CEILINGS).by == "arithmetic"
    assert floor(work, "bfloat16", CEILINGS).seconds == pytest.approx(2 * 8192**3 / 8e14 / MATRIX_MARGIN)


def test_tiny_work_cannot_beat_starting_at_all() -> None:
    assert floor(Work(8, 8, 8), "bfloat16", CEILINGS).by == "start"


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, 1e-9])
def test_impossible_times_are_named(seconds: float) -> None:
    assert impossible(seconds, floor(Work(10**9, 10**9, 1), "bfloat16", CEILINGS))


@settings(deadline=None)
@given(
    st.integers(1, 10**10),
    st.integers(1, 10**10),
    st.integers(0, 10**15),
    st.floats(min_value=1.0, max_value=100.0),
)
def test_the_floor_is_below_the_limit_and_shares_are_at_most_one(
    read: int, written: int, operations: int, slower: float
) -> None:
    work = Work(read, written, operations)
    least = floor(work, "bfloat16", CEILINGS)
    assert least.seconds <= limit(work, "bfloat16", CEILINGS).seconds
    seconds = least.seconds * slower
    assert impossible(seconds, least) is None
    share, _ = fraction(seconds, work, "bfloat16", CEILINGS)
    assert 0 < share <= 1
