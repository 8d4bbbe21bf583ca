"""Every kind of fault: kernels that have it, and their nearest neighbours that do not."""

from __future__ import annotations

import pytest
import torch
from small_plans import dense, inputs, launched, planned, row_plan, strided

from specs.sizes import name, size
from verify.executor import launch as launching
from verify.executor.faults import KEPT, Fault
from verify.executor.modes import Fill, Mode
from verify.executor.plan import run_plan
from verify.plan import Buffer, Copy, Plan, View
from verify.verdict import Place


def faults(plan: Plan, **given: object) -> list[Fault]:
    return list(run_plan(plan, given, Mode.FAITHFUL).faults)  # type: ignore[arg-type]


def kinds(found: list[Fault]) -> list[str]:
    return sorted({fault.kind for fault in found})


def one_buffer(kernel: str, elements: int, grid: int = 1, given_as: str = "y_ptr", **given: object) -> Plan:
    launch = launched(kernel, [grid], **{given_as: dense("y", elements)}, **given)  # type: ignore[arg-type]
    return planned([launch], [Buffer("y", "float32", size(elements))], [dense("y", elements)])


def test_a_store_without_its_mask() -> None:
    found = faults(row_plan("softmax_unmasked"), x=torch.randn(1, 3))
    assert kinds(found) == ["out-of-bounds"]
    fault = found[0]
    assert fault.sentence.startswith("M=1, N=3, program 0, lane 3: stores y[3], y has 3 elements (kernels.py:")
    access = fault.accesses[0]
    assert (access.kind, access.buffer, access.offset, access.elements) == ("store", "y", 3, 3)
    assert (access.program, access.lane) == ((0, 0, 0), (3,)) and access.place == fault.place
    assert faults(row_plan("softmax"), x=torch.randn(1, 3)) == []
    assert faults(row_plan("softmax_unmasked"), x=torch.randn(2, 16)) == []


def test_out_of_bounds_lanes_are_left_out_and_the_run_goes_on() -> None:
    x = torch.randn(1, 3)
    execution = run_plan(row_plan("softmax_unmasked"), {"x": x}, Mode.EXACT64)
    torch.testing.assert_close(execution.outputs[0], x.double().softmax(1))


def copy_rows(x: torch.Tensor, stride: str | int) -> list[Fault]:
    launch = launched(
        "rows", [(name("M") + 3) // 4],
        x_ptr=strided("x", "M", "N"), y_ptr=dense("y", "M", "N"), M="M", N="N", stride=stride,
    )  # fmt: skip
    buffers = [*inputs(("x", "float32")), Buffer("y", "float32", name("M") * name("N"))]
    return faults(planned([launch], buffers, [dense("y", "M", "N")]), x=x)


def test_the_padding_of_a_strided_view_is_out_of_bounds() -> None:
    x = torch.randn(6, 8)[:, :5]
    assert copy_rows(x, "x.stride0") == []
    found = copy_rows(x, "N")
    assert kinds(found) == ["out-of-bounds"]
    assert "M=6, N=5, program 0, lane (1, 0): loads x[5], which is between the elements of x" in found[0].sentence
    assert "strides [8, 1]" in found[0].sentence
    assert copy_rows(x.contiguous(), "N") == []


def test_a_load_beyond_the_input() -> None:
    launch = launched("shift", [1], x_ptr=strided("x", "N"), y_ptr=View("y", (size(2),), (size(1),)), N=3)
    plan = planned([launch], [*inputs(("x", "float32")), Buffer("y", "float32", size(2))], [dense("y", 2)])
    assert "program 0, lane 1: loads x[2], x has 2 elements" in faults(plan, x=torch.randn(2))[0].sentence


def test_only_the_views_of_the_launch_may_be_touched() -> None:
    """The lower half of y belongs to the plan but not to this launch."""
    part = View("y", (size(8),), (size(1),), offset=size(8))
    good = planned([launched("agree", [1], y_ptr=part, N=8)], [Buffer("y", "float32", size(16))], [part])
    assert faults(good) == []
    small = View("y", (size(4),), (size(1),), offset=size(8))
    bad = planned([launched("agree", [1], y_ptr=small, N=8)], [Buffer("y", "float32", size(16))], [part])
    assert "stores y[12], which is between the elements" in faults(bad)[0].sentence


def test_programs_that_store_to_one_element() -> None:
    found = faults(one_buffer("overlap_bad", 20, grid=3, N=20))
    assert kinds(found) == ["write-conflict"]
    assert "program 0, lane 6: stores y[6], which program 1, lane 0 stored, another value" in found[0].sentence
    assert {access.program for access in found[0].accesses} == {(0, 0, 0), (1, 0, 0)}
    assert faults(one_buffer("overlap_good", 24, grid=3, N=20)) == []


def test_programs_that_agree_on_the_value_are_told_apart() -> None:
    found = faults(one_buffer("agree", 8, grid=2, N=8))
    assert kinds(found) == ["write-conflict"] and "the same value" in found[0].sentence
    assert faults(one_buffer("agree", 8, grid=1, N=8)) == []


def test_conflicts_are_seen_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "LANES", 1)
    found = faults(one_buffer("overlap_bad", 20, grid=3, N=20))
    assert kinds(found) == ["write-conflict"]
    assert "program 1, lane 0: stores y[6], which program 0, lane 6 stored, another value" in found[0].sentence


def test_lanes_of_one_store_that_meet() -> None:
    found = faults(one_buffer("folded_bad", 8))
    assert kinds(found) == ["write-conflict"]
    assert "program 0, lane 0: stores y[0], which program 0, lane 1 stored" in found[0].sentence
    assert faults(one_buffer("folded_good", 8)) == []


def shifted(target: str) -> Plan:
    """y[i] = x[i + 1]; in place where `target` is x."""
    y = strided("x", "N") if target == "x" else dense("y", "N")
    launch = launched("shift", [(name("N") + 7) // 8], x_ptr=strided("x", "N"), y_ptr=y, N="N")
    buffers = [*inputs(("x", "float32")), Buffer("y", "float32", name("N"))]
    return planned([launch], buffers, [y])


@pytest.mark.parametrize("lanes", [1, 1 << 19])
def test_one_program_reads_what_another_writes(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "LANES", lanes)
    found = faults(shifted("x"), x=torch.randn(20))
    assert kinds(found) == ["read-write-conflict"]
    assert {access.program[0] for access in found[0].accesses} == {0, 1}
    assert {access.kind for access in found[0].accesses} == {"load", "store"}
    assert faults(shifted("y"), x=torch.randn(20)) == []
    assert faults(shifted("x"), x=torch.randn(8)) == []  # one program: each lane loads before any stores


def test_a_store_then_a_load_by_another_lane_needs_a_barrier() -> None:
    def mirrored(kernel: str) -> list[Fault]:
        plan = planned([launched(kernel, [1], x_ptr=strided("x", 16))], inputs(("x", "float32")), [strided("x", 16)])
        return faults(plan, x=torch.randn(16))

    found = mirrored("mirror_bad")
    assert kinds(found) == ["read-write-conflict"]
    assert "lane 0: loads x[15], which program 0, lane 15 stored at" in found[0].sentence
    assert "with no barrier between" in found[0].sentence
    assert mirrored("mirror_good") == []


def test_atomics_that_acquire_and_release_put_programs_in_order() -> None:
    def last_block(kernel: str) -> list[Fault]:
        buffers = [
            *inputs(("x", "float32")), Buffer("part", "float32", size(4)),
            Buffer("c", "int32", size(1), fill=0), Buffer("y", "float32", size(1)),
        ]  # fmt: skip
        launch = launched(
            kernel, [4],
            x_ptr=strided("x", 64), part_ptr=dense("part", 4), c_ptr=dense("c", 1), y_ptr=dense("y", 1),
        )  # fmt: skip
        plan = planned([launch], buffers, [dense("y", 1)])
        x = torch.randn(64)
        execution = run_plan(plan, {"x": x}, Mode.EXACT64)
        torch.testing.assert_close(execution.outputs[0], x.double().sum().reshape(1))
        return list(execution.faults)

    assert last_block("last_block") == []
    assert kinds(last_block("last_block_relaxed")) == ["read-write-conflict"]
    assert kinds(last_block("last_block_release")) == ["read-write-conflict"]


def test_memory_that_nobody_wrote() -> None:
    def read_back(*steps: object) -> list[Fault]:
        read = launched("spoiled_read", [1], s_ptr=dense("s", 8), y_ptr=dense("y", 8))
        buffers = [*inputs(("x", "float32")), Buffer("s", "float32", size(8)), Buffer("y", "float32", size(8))]
        plan = planned([*steps, read], buffers, [dense("y", 8)])  # type: ignore[list-item]
        return faults(plan, x=torch.randn(8))

    found = read_back()
    assert kinds(found) == ["unwritten-read"]
    assert "program 0, lane 0: loads s[0], which nobody has written" in found[0].sentence
    assert "lane 5: loads s[5]" in read_back(launched("agree", [1], y_ptr=dense("s", 8), N=5))[0].sentence
    assert read_back(launched("agree", [1], y_ptr=dense("s", 8), N=8)) == []
    assert read_back(Copy(strided("x", 8), dense("s", 8), Place("host.py", 2))) == []


def test_a_host_copy_of_memory_that_nobody_wrote() -> None:
    step = Copy(dense("s", 8), dense("y", 8), Place("host.py", 2))
    buffers = [Buffer("s", "float32", size(8)), Buffer("y", "float32", size(8))]
    found = faults(planned([step], buffers, [dense("y", 8)]))
    assert [fault.sentence for fault in found] == ["the copy reads s[0], which nobody has written (host.py:2)"]


def test_only_the_first_faults_of_a_place_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "LANES", 1)
    found = faults(one_buffer("overlap_bad", 20, grid=12, N=1000))
    assert sum(fault.kind == "write-conflict" for fault in found) <= KEPT
    assert sum(fault.kind == "out-of-bounds" for fault in found) == KEPT


@pytest.mark.parametrize("fill", list(Fill))
def test_clean_runs_are_clean_for_every_fill(fill: Fill) -> None:
    assert run_plan(row_plan("softmax"), {"x": torch.randn(4, 11)}, Mode.FAITHFUL, fill=fill).faults == ()
