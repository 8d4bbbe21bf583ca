"""Replays at sizes no machine holds, wraps of index arithmetic, and agreement with runs on real memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plans import dense, inputs, launched, matmul_plan, planned, row_plan, strided

from specs.sizes import name, size
from verify.executor.faults import Fault
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.executor.replay import NotReplayed, replay
from verify.plan import Buffer, Plan


def again(plan: Plan, sizes: dict[str, int], *programs: int, **given_more: int) -> tuple[Fault, ...]:
    launch = plan.launches[0]
    ids = [(program, 0, 0) for program in programs]
    return replay(plan, launch, launch.variants[0], sizes, ids, **given_more)


def row_sizes(m: int, n: int, stride: int) -> dict[str, int]:
    return {"M": m, "N": n, "x.stride0": stride, "x.stride1": 1}


def rows_plan(kernel: str) -> Plan:
    launch = launched(
        kernel, [(name("M") + 3) // 4],
        x_ptr=strided("x", "M", "N"), y_ptr=dense("y", "M", "N"), M="M", N="N", stride="x.stride0",
    )  # fmt: skip
    buffers = [*inputs(("x", "float32")), Buffer("y", "float32", name("M") * name("N"))]
    return planned([launch], buffers, [dense("y", "M", "N")])


def test_a_row_offset_beyond_int32_wraps() -> None:
    sizes = row_sizes(3_000_000, 8, 1000)
    found = again(rows_plan("rows"), sizes, 2_147_484 // 4)
    wraps = [fault for fault in found if fault.kind == "wrapped-index"]
    assert wraps[0].sentence == (
        "M=3000000, N=8, program 536871, lane (0, 0): i32 2147484 * 1000 wraps here and reaches the address "
        f"of the load ({wraps[0].place})"
    )
    assert any(fault.kind == "out-of-bounds" and "loads x[-" in fault.sentence for fault in found)


def test_the_last_row_that_fits_does_not_wrap() -> None:
    sizes = row_sizes(3_000_000, 8, 1000)
    assert again(rows_plan("rows"), sizes, 2_147_484 // 4 - 1) == ()
    assert again(rows_plan("rows64"), sizes, 2_147_484 // 4) == ()
    assert again(rows_plan("rows64"), sizes, (3_000_000 - 1) // 4) == ()


def test_wraps_that_only_inactive_lanes_see_are_no_faults() -> None:
    """The last block has one row; the offsets of its other three leave int32, behind the mask."""
    sizes = row_sizes(2_147_484 // 4 * 4 + 1, 8, 999)
    last = (sizes["M"] - 1) // 4
    assert (sizes["M"] + 3) * 1000 > 2**31 > (sizes["M"] - 1) * 999
    assert again(rows_plan("rows"), sizes, last) == ()


def test_wraps_that_land_inside_the_tensor_are_seen() -> None:
    """8 G elements, without memory: row 3 starts at an offset that wraps to one of row 0's."""
    sizes = row_sizes(4, 2**31 - 1, 2**31 - 1)
    assert {fault.kind for fault in again(row_plan("softmax"), sizes, 3)} == {"wrapped-index"}
    assert again(row_plan("softmax"), sizes, 1) == ()


def test_bounds_are_those_of_the_view() -> None:
    sizes = row_sizes(10**6, 3, 1000)
    found = again(row_plan("softmax_unmasked"), sizes, 10**6 - 1)
    assert [fault.kind for fault in found] == ["out-of-bounds"]
    assert found[0].sentence.startswith(
        "M=1000000, N=3, program 999999, lane 3: stores y[3000000], y has 3000000 elements"
    )
    assert again(row_plan("softmax"), sizes, 10**6 - 1) == ()


def test_two_programs_that_meet() -> None:
    y = dense("y", "N")
    bad = planned([launched("overlap_bad", ["N"], y_ptr=y, N="N")], [Buffer("y", "float32", name("N"))], [y])
    n = {"N": 10**9}
    found = again(bad, n, 10**8, 10**8 + 1)
    assert [fault.kind for fault in found] == ["write-conflict"]
    assert {access.program[0] for access in found[0].accesses} == {10**8, 10**8 + 1}
    assert {access.offset for access in found[0].accesses} == {(10**8 + 1) * 6}
    assert again(bad, n, 10**8) == () and again(bad, n, 10**8, 10**8 + 5) == ()
    good = planned([launched("overlap_good", ["N"], y_ptr=y, N="N")], [Buffer("y", "float32", name("N"))], [y])
    assert again(good, n, 10**8, 10**8 + 1) == ()


def test_reading_what_another_program_writes() -> None:
    x = strided("x", "N")
    plan = planned([launched("shift", [name("N") // 8], x_ptr=x, y_ptr=x, N="N")], inputs(("x", "float32")), [x])
    sizes = {"N": 10**9, "x.stride0": 1}
    assert [fault.kind for fault in again(plan, sizes, 5, 6)] == ["read-write-conflict"]
    assert again(plan, sizes, 5, 8) == ()


def test_long_loops_are_not_replayed() -> None:
    plan = matmul_plan("matmul", "float32", (16, 16))
    sizes = {"M": 1, "N": 16, "K": 2**30, "a.stride0": 2**30, "a.stride1": 1, "b.stride0": 16, "b.stride1": 1}
    with pytest.raises(NotReplayed, match="more than 10 iterations"):
        again(plan, sizes, 0, steps=10)
    assert again(plan, sizes | {"K": 160, "a.stride0": 160}, 0, steps=10) == ()


def test_a_fault_before_the_limit_is_still_told() -> None:
    plan = matmul_plan("matmul", "float32", (16, 16))
    sizes = {"M": 16, "N": 16, "K": 2**30, "a.stride0": 2**28, "a.stride1": 1, "b.stride0": 16, "b.stride1": 1}
    found = again(plan, sizes, 0, steps=3)
    assert "wrapped-index" in [fault.kind for fault in found]


def test_sizes_beyond_any_memory_are_not_replayed() -> None:
    with pytest.raises(NotReplayed, match="more than any memory"):
        again(row_plan("softmax"), row_sizes(2**31 - 1, 16, 2**31 - 1), 0)


def test_programs_outside_of_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"program \(5, 0, 0\) is not in the grid"):
        again(row_plan("softmax"), row_sizes(5, 3, 3), 5)


def test_loaded_values_are_the_given_one() -> None:
    x, h, old = strided("x", "N"), dense("h", 10), dense("old", "N")
    launch = launched("count", [1], x_ptr=x, h_ptr=h, old_ptr=old, N="N")
    buffers = [*inputs(("x", "int32")), Buffer("h", "int32", size(10)), Buffer("old", "int32", name("N"))]
    plan = planned([launch], buffers, [h])
    sizes = {"N": 16, "x.stride0": 1}
    assert again(plan, sizes, 0, loaded=7) == ()
    assert "updates atomically h[10], h has 10 elements" in again(plan, sizes, 0, loaded=10)[0].sentence


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.sampled_from(["softmax", "softmax_unmasked"]),
    m=st.integers(1, 4),
    n=st.integers(1, 20),
    padding=st.integers(0, 3),
)
def test_replays_agree_with_runs(kernel: str, m: int, n: int, padding: int) -> None:
    """On all programs of a small launch, phantom memory finds what guarded memory finds."""
    x = torch.zeros(m, n + padding)[:, :n]
    plan = row_plan(kernel)
    ran = run_plan(plan, {"x": x}, Mode.FAITHFUL).faults
    replayed = again(plan, row_sizes(m, n, n + padding), *range(m))
    assert {fault.kind for fault in replayed} == {fault.kind for fault in ran}
    bounds = [fault.sentence for fault in ran if fault.kind == "out-of-bounds"]
    assert [fault.sentence for fault in replayed if fault.kind == "out-of-bounds"] == bounds
