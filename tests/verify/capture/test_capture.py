"""Capture with real, locked-in children: cells, variants, and the ends that only the parent can see."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
import torch
from attrs import evolve

from specs import find
from specs.spec import Dim, SizeParam
from tests.verify.capture.small import SPECIMENS, candidate, captured, double
from verify.capture.capture import capture
from verify.capture.sandbox import Limits
from verify.case import PROFILES, Candidate, Case
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.gates.bounds import bounds
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.plan import CompileFailure, Copy, FloatArgument, Unsupported, Violation
from verify.verdict import Outcome


def test_copies_split_only_on_contiguity() -> None:
    found = captured("copies")
    assert not found.uncovered
    packed = found.plans[0]
    assert str(packed.cell) == "x.stride0 == N and x.stride1 == 1"
    assert not any(isinstance(step, Copy) for step in packed.steps)
    assert all(any(isinstance(step, Copy) for step in plan.steps) for plan in found.plans[1:])
    cells = [plan.cell for plan in found.plans]
    for strides in ((5, 1), (1, 3), (0, 0), (7, 2)):
        point = {"M": 3, "N": 5, "x.stride0": strides[0], "x.stride1": strides[1]}
        assert sum(cell.holds(point) for cell in cells) == 1


def test_every_power_of_two_is_a_cell() -> None:
    found = captured("by_power", double(columns=64))
    blocks = sorted(int(plan.launches[0].variants[-1].constants["BLOCK"]) for plan in found.plans)
    assert blocks == [1, 2, 4, 8, 16, 32, 64]
    empty = [answer for answer in found.answers if isinstance(answer, CompileFailure)]
    assert [answer.cell.holds({"N": n}) for answer in empty for n in (0, 1)] == [True, False]
    assert len(found.uncovered) == 1 and "does not compile" in found.uncovered[0]


def test_wide_counts_get_a_cell_of_their_own() -> None:
    found = captured("copies", double(rows=2**31 - 1))
    types = {plan.launches[0].argument("n").type: plan for plan in found.plans}  # type: ignore[union-attr]
    assert types.keys() == {"i32", "i64"}
    assert not types["i32"].cell.holds({"M": 2**30, "N": 4096, "x.stride0": 4096, "x.stride1": 1})


def test_autotune_gives_a_group_of_variants_for_each_config() -> None:
    found = captured("tuned", double(columns=256))
    assert not found.uncovered
    for plan in found.plans:
        (launch,) = plan.launches
        assert [variant.constants["BLOCK"] for variant in launch.variants] == ["64", "128"]
        assert [variant.num_warps for variant in launch.variants] == [4, 2]
        assert [str(variant.grid[1]) for variant in launch.variants] == ["(N + 63) // 64", "(N + 127) // 128"]
        assert len({variant.config for variant in launch.variants}) == 2
    assert {plan.launches[0].variants[0].constants["EVEN"] for plan in found.plans} == {"True", "False"}


def test_no_launch_at_any_size() -> None:
    first = captured("no_launch").answers[0]
    assert isinstance(first, Violation) and first.rule == "no-launch"


def test_what_launches_a_kernel_of_gluon_is_not_read_and_not_refuted() -> None:
    found = captured("gluon_kernel")
    assert not [answer for answer in found.answers if isinstance(answer, Violation)]
    assert {answer.what for answer in found.answers if isinstance(answer, Unsupported)} == {
        "a launch of a GluonJITFunction, whose IR begins at TTGIR",
        "a tensor descriptor of Gluon, whose IR begins at TTGIR",
    }


def _forked() -> list[str]:
    """Capture children that are there: what the nursery, which waits for the next capture, has forked."""
    asked = ["ps", "-eww", "-o", "pid=,ppid=,args="]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in told.splitlines() if "capture/child.py" in line]
    nurseries = {pid for pid, parent, _ in rows if parent == str(os.getpid())}
    return [pid for pid, parent, _ in rows if parent in nurseries]


def test_a_hanging_import_ends_in_time_and_leaves_nothing() -> None:
    (answer,) = captured("hangs", limits=Limits(first=2.0)).answers
    assert isinstance(answer, Violation) and answer.rule == "failure" and "2 seconds" in answer.what
    until = time.monotonic() + 10  # a busy machine takes its time to end what was killed
    while _forked() and time.monotonic() < until:
        time.sleep(0.1)
    assert not _forked()


def test_a_float_parameter_passes_through() -> None:
    source = (SPECIMENS / "admitted" / "rms_norm__looped.py").read_text()
    found = capture(find("rms_norm"), Candidate(source, "rms_norm", "rms_norm__looped.py"), PROFILES["quick"])
    assert len(found.plans) == 3 and not found.uncovered
    floats = [each for each in found.plans[0].launches[0].arguments if isinstance(each, FloatArgument)]
    assert [each.param for each in floats] == ["eps"]


def test_specialised_variants_for_timed_shapes() -> None:
    source = (SPECIMENS / "admitted" / "softmax__looped.py").read_text()
    found = capture(find("softmax"), Candidate(source, "softmax", "softmax__looped.py"), PROFILES["quick"])
    assert len(found.plans) == 3 and not found.uncovered
    special, generic = found.plans[0].launches[0].variants
    wanted = {"x.stride1 == 1", "x.address % 16 == 0", "x.stride0 % 16 == 0", "N % 16 == 0"}
    assert {str(part) for part in special.condition.parts} == wanted
    assert special.constants["col_stride"] == "1" and "col_stride" not in special.parameters
    assert str(generic.condition) == "true" and "tt.divisibility" not in generic.ttir
    assert special.ttir.count("tt.divisibility") == 4  # x, its row stride, n, and the output, which is ours


def test_a_size_parameter_reaches_the_kernel_as_the_callers_number() -> None:
    plain = double(columns=64)
    spec = evolve(plain, dims=(*plain.dims, Dim("seed", 0, 2**20)), params=(*plain.params, SizeParam("seed")))
    found = captured("seeded", spec)
    assert not found.uncovered
    for seed in (0, 7):
        inputs = make_inputs(spec, Trial("float32", (("M", 3), ("N", 5), ("seed", seed)), layouts=(("x", "offset"),)))
        names = bindings(spec, inputs)
        (plan,) = [plan for plan in found.plans if plan.cell.holds(names)]
        for mode in (Mode.EXACT64, Mode.FAITHFUL):
            ran = run_plan(plan, inputs, mode)
            assert not ran.faults
            assert torch.equal(ran.outputs[0].float(), inputs["x"] + 2 * seed + 1)


def test_a_stride_set_to_zero_is_a_place_to_start_from() -> None:
    """The kernel adds the offsets along that axis itself, as a gather does: its bound is the caller's tensor."""
    (launch,) = captured("restrided").plans[0].launches
    view = launch.argument("x_ptr").view  # type: ignore[union-attr]
    assert [str(each) for each in view.strides] == ["x.stride0", "x.stride1"]


@pytest.mark.parametrize(("mask", "outcome"), [("lanes < n", Outcome.PROVED), ("lanes <= n", Outcome.REFUTED)])
def test_the_bound_of_such_a_view_is_the_tensor(mask: str, outcome: Outcome) -> None:
    source = candidate("restrided").source.replace("inside = lanes < n", f"inside = {mask}")
    spec, profile = double(), PROFILES["quick"]
    found = capture(spec, one := Candidate(source, "double", "restrided.py"), profile)
    verdicts = bounds(Case(spec, one, found), profile)
    assert {each.outcome for each in verdicts if "load" in each.claim} == {outcome}
