"""Where an index wraps is told exactly: not below, and always above."""

from __future__ import annotations

import pytest
from attrs import evolve
from questions import BUDGET, Asked, kernel, question, tensor
from test_gaps import F32, ONE, PID, put
from test_probes import probe, tiles

from specs.sizes import Size, name
from verify.symbolic.obligations import overflow
from verify.symbolic.reading import readings
from verify.symbolic.settle import solver
from verify.symbolic.threshold import threshold
from verify.verdict import Outcome

M, N = name("M"), name("N")
LARGE = {"M": (0, 1 << 20), "N": (0, 1 << 20)}


def rows() -> Asked:
    """y[p * N + j] for short rows, and a great many of them."""
    lines = (*ONE, PID, "%r = arith.muli %p, %N : i32", "scf.for %j = %c0 to %N step %c1 : i32 {",
             "%d = arith.addi %r, %j : i32", *put("%y", "%d"), "}")  # fmt: skip
    text = kernel(f"%y: {F32}, %N: i32", *lines)
    return question(text, (M,), dims={"M": (0, 2**31 - 1), "N": (0, 16)}, outputs={"y": ("M", "N")})


def told(whole: Asked) -> set[str]:
    """The thresholds of all operations behind the accesses."""
    ask = solver(whole.case, BUDGET)
    asked = [each for reading in readings(whole.case) for each in overflow(reading)]
    return {threshold(each, ask) for each in asked if each.wrap is not None}


def test_rows_wrap_with_the_number_of_elements() -> None:
    assert told(rows()) == {"M * N > 2^31", "M * N - N > 2^31 - 1"}  # the sum, and the product before it


def test_a_tile_of_a_grid_wraps_at_its_last_element() -> None:
    outputs = {"y": ("M", "N")}
    whole = probe("square_tile", "good", [tiles(M), tiles(N)], LARGE,
                  inputs=[tensor("x", "M", "N")], outputs=outputs)  # fmt: skip
    assert told(whole) >= {"M * N - N > 2^31 - 1", "M * N > 2^31"}
    assert "; it wraps exactly where M * N" in whole.witness("overflow")


def test_no_threshold_is_told_that_is_not_exact() -> None:
    """Every other program writes: at M * N = 2^31 + 1 it depends on which is the last."""
    lines = (*ONE, PID, "%c2 = arith.constant 2 : i32", "%h = arith.remsi %p, %c2 : i32",
             "%m = arith.cmpi eq, %h, %c0 : i32", "%d = arith.muli %p, %N : i32",
             *put("%y", "%d", mask="%m"))  # fmt: skip
    text = kernel(f"%y: {F32}, %N: i32", *lines)
    whole = question(text, (M,), dims=LARGE, outputs={"y": ("M", "N")})
    assert told(whole) == {""}


@pytest.mark.parametrize(("axis", "outcome"), [(0, Outcome.PROVED), (1, Outcome.REFUTED), (2, Outcome.REFUTED)])
def test_only_the_first_axis_of_a_grid_may_be_long(axis: int, outcome: Outcome) -> None:
    grid: list[Size | int] = [1, 1, 1]
    grid[axis] = N
    lines = (*ONE, f"%p = tt.get_program_id {'xyz'[axis]} : i32", *put("%y", "%p"))
    whole = question(kernel(f"%y: {F32}", *lines), grid, dims={"N": (0, 70_000)})
    assert whole.outcome("overflow") is outcome
    if outcome is Outcome.REFUTED:
        assert "at most 65535 can start" in whole.witness("overflow")


@pytest.mark.parametrize(("warps", "outcome"), [(32, Outcome.PROVED), (64, Outcome.REFUTED)])
def test_a_program_has_no_more_threads_than_the_hardware(warps: int, outcome: Outcome) -> None:
    whole = question(kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p")), dims={"N": (0, 9)})
    (plan,) = whole.case.capture.plans
    (launch,) = plan.launches
    variants = tuple(evolve(each, num_warps=warps) for each in launch.variants)
    changed = evolve(plan, steps=(evolve(launch, variants=variants),))
    case = evolve(whole.case, capture=evolve(whole.case.capture, answers=(changed,)))
    assert Asked(case).outcome("overflow") is outcome
    assert any("threads" in each.claim for reading in readings(case) for each in overflow(reading))
