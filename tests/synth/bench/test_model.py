"""Counted bytes are exactly those a person would count, and what cannot be counted is not guessed."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import SPEC, case, dossier, plan

import specs
from reports.measurement import NOT_RUN
from specs.spec import Workload
from synth.bench import measure as stage
from synth.bench import model as predicting
from synth.bench.counting import Counted, Uncounted, count
from synth.bench.model import PEAKS, model, models, rate_of, roofline
from verify.capture.targets import Rejected, Resources
from verify.ir.parse import parse

# One row a program; the columns in blocks of 256, read twice and written once.
ROWS = """
module {
  tt.func public @rows(%x: !tt.ptr<bf16>, %y: !tt.ptr<f32>, %rows: i32, %columns: i32) {
    %zero = arith.constant 0 : i32
    %block = arith.constant 256 : i32
    %xs = tt.splat %x : !tt.ptr<bf16> -> tensor<256x!tt.ptr<bf16>>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<256x!tt.ptr<f32>>
    scf.for %start = %zero to %columns step %block : i32 {
      %one = tt.load %xs : tensor<256x!tt.ptr<bf16>>
      scf.yield
    }
    scf.for %start = %zero to %columns step %block : i32 {
      %two = tt.load %xs : tensor<256x!tt.ptr<bf16>>
      %wide = arith.extf %two : tensor<256xbf16> to tensor<256xf32>
      tt.store %ys, %wide : tensor<256x!tt.ptr<f32>>
      scf.yield
    }
    tt.return
  }
}
"""
# Programs stride over the rows; a scalar of four bytes a row.
PERSISTENT = """
module {
  tt.func public @rows(%x: !tt.ptr<f32>, %rows: i32) {
    %first = tt.get_program_id x : i32
    %step = tt.get_num_programs x : i32
    scf.for %row = %first to %rows step %step : i32 {
      %value = tt.load %x : !tt.ptr<f32>
      scf.yield
    }
    tt.return
  }
}
"""
# Programs beyond the rows return at once.
EARLY = """
module {
  tt.func public @rows(%x: !tt.ptr<f32>, %rows: i32) {
    %id = tt.get_program_id x : i32
    %beyond = arith.cmpi sge, %id, %rows : i32
    cf.cond_br %beyond, ^bb1, ^bb2
  ^bb1:
    tt.return
  ^bb2:
    %value = tt.load %x : !tt.ptr<f32>
    tt.store %x, %value : !tt.ptr<f32>
    tt.return
  }
}
"""
# How often it loads is read from memory.
DATA = """
module {
  tt.func public @rows(%x: !tt.ptr<i32>, %y: !tt.ptr<f32>, %rows: i32, %columns: i32) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %often = tt.load %x : !tt.ptr<i32>
    scf.for %i = %zero to %often step %one : i32 {
      %value = tt.load %x : !tt.ptr<i32>
      scf.yield
    }
    tt.return
  }
}
"""


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_loops_are_counted_exactly(rows: int, columns: int) -> None:
    blocks = -(-columns // 256)
    found = count(parse(ROWS), {2: rows, 3: columns}, (rows, 1, 1))
    assert found == Counted(2 * rows * blocks * 256 * 2, rows * blocks * 256 * 4, 0)


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(1, 300))
def test_loops_from_the_programs_own_id_are_counted_exactly(rows: int, programs: int) -> None:
    assert count(parse(PERSISTENT), {1: rows}, (programs, 1, 1)) == Counted(4 * rows, 0, 0)


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 300))
def test_programs_that_return_early_move_nothing(rows: int, programs: int) -> None:
    working = min(rows, programs)
    assert count(parse(EARLY), {1: rows}, (programs, 1, 1)) == Counted(4 * working, 4 * working, 0)


def test_what_data_decides_is_not_counted() -> None:
    with pytest.raises(Uncounted, match="a loop whose bounds depend on more than sizes"):
        count(parse(DATA), {}, (1, 1, 1))


def test_an_argument_that_is_not_known_is_not_guessed() -> None:
    with pytest.raises(Uncounted):
        count(parse(ROWS), {2: 4}, (4, 1, 1))


def _needs(answer: Any) -> Any:
    return lambda jobs: dict.fromkeys(jobs, answer)


def _plan(ttir: str) -> Any:
    """The hand-made plan over a TTIR of four arguments."""
    own = plan("bfloat16")
    launch = own.launches[0]
    parameters = ("x_ptr", "y_ptr", "rows", "columns")
    variants = tuple(evolve(one, ttir=ttir, parameters=parameters) for one in launch.variants)
    return evolve(own, steps=(evolve(launch, variants=variants),))


LOAD = Workload("scores", {"M": 16384, "N": 4096})


def test_a_models_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "compile_all", _needs(Resources(40, 8, 1024)))
    found = model(SPEC, (_plan(ROWS),), LOAD, PEAKS["H200"])
    assert (found.bytes, found.operations) == (2 * 16384 * 4096 * 2, 5 * 16384 * 4096)
    assert found.requested == 16384 * 4096 * (2 + 2 + 4)
    assert (found.registers, found.spills, found.shared) == (40, 8, 1024)
    assert found.microseconds == pytest.approx(268_435_456 / 4.8e12 * 1e6) and found.limit == "memory"
    assert (found.target, found.note) == ("H200 (sm_90)", "")


def test_a_model_says_what_it_could_not_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "compile_all", _needs(Rejected("too much shared memory")))
    found = model(SPEC, (_plan(DATA),), LOAD, PEAKS["MI300X"])
    assert (found.requested, found.registers) == (None, None)
    assert "not counted" in found.note and "does not compile for gfx942: too much shared" in found.note


def test_a_workload_without_a_plan_is_said_to_have_none() -> None:
    found = model(SPEC, (plan("float16"),), LOAD, PEAKS["H100"])
    assert "no captured plan covers dtype bfloat16" in found.note and found.requested is None


def test_the_roofline_takes_the_larger_time() -> None:
    peak = PEAKS["H200"]
    assert roofline(int(4.8e6), 1, 1e15, peak) == (pytest.approx(1e-6), "memory")
    assert roofline(1, int(1e9), 1e15, peak) == (pytest.approx(1e-6), "arithmetic")


def test_float32_products_run_at_tf32_only_where_the_spec_allows_it() -> None:
    matmul = specs.ALL["matmul"]
    assert rate_of(matmul, "float32", PEAKS["H100"]) == pytest.approx(66.9e12)
    assert rate_of(evolve(matmul, tf32=True), "float32", PEAKS["H100"]) == pytest.approx(494.7e12)


def test_without_a_device_an_admitted_case_is_modelled_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "compile_all", _needs(Resources(40, 0, 0)))
    monkeypatch.setattr(stage, "present", lambda: False)
    own = case()
    found = stage.measure(own, dossier(own))
    assert (found.word, found.reason, found.workloads) == (NOT_RUN, "no device", ())
    assert [one.workload for one in found.models] == [load.name for load in SPEC.workloads]


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(KeyError, match="H900"):
        models(SPEC, (), "H900")
