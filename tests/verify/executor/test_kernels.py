"""Whole kernels against plain torch and Python, in both readings of floats."""

from __future__ import annotations

import math

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plans import dense, inputs, launched, matmul_plan, planned, row_plan, strided

from specs.sizes import name, size
from verify.executor import launch as launching
from verify.executor.modes import Fill, Mode, Unmodelled
from verify.executor.plan import Execution, run_plan
from verify.plan import Buffer, Copy, Glue, Plan
from verify.verdict import Place

EXACT, FAITHFUL = Mode.EXACT64, Mode.FAITHFUL
BOTH = pytest.mark.parametrize("mode", [EXACT, FAITHFUL])


def clean(execution: Execution) -> torch.Tensor:
    assert execution.faults == ()
    return execution.outputs[0]


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (5, 13), (3, 16)])
def test_softmax(mode: Mode, shape: tuple[int, int]) -> None:
    x = torch.randn(shape)
    y = clean(run_plan(row_plan("softmax"), {"x": x}, mode))
    assert y.dtype == (torch.float64 if mode is EXACT else torch.float32)
    tolerance = 1e-14 if mode is EXACT else 1e-6
    torch.testing.assert_close(y.double(), x.double().softmax(1), rtol=tolerance, atol=tolerance)


def test_strides_are_followed_and_padding_is_never_read() -> None:
    padded = torch.full((4, 16), math.nan)
    padded[:, :9] = torch.randn(4, 9)
    y = clean(run_plan(row_plan("softmax"), {"x": padded[:, :9]}, EXACT))
    torch.testing.assert_close(y, padded[:, :9].double().softmax(1))


def test_rows_of_bfloat16() -> None:
    x = torch.randn(7, 500).bfloat16()
    y = clean(run_plan(row_plan("softmax_bf16", "bfloat16"), {"x": x}, FAITHFUL))
    assert y.dtype == torch.bfloat16
    exact = x.double().softmax(1)
    assert ((y.double() - exact).abs() <= 2**-8 * exact).all()


@BOTH
@pytest.mark.parametrize("sizes", [(1, 1, 1), (16, 16, 16), (37, 21, 50), (5, 70, 33)])
def test_matmul(mode: Mode, sizes: tuple[int, int, int]) -> None:
    m, n, k = sizes
    a, b = torch.randn(m, k), torch.randn(n, k).t()
    c = clean(run_plan(matmul_plan("matmul", "float32", (16, 16)), {"a": a, "b": b}, mode))
    exact = a.double() @ b.double()
    # the dot asks for tf32, which cuts less than 2**-10 off each factor; the exact reading loses nothing
    bound = 1e-12 if mode is EXACT else 2**-9 * (a.abs().double() @ b.abs().double()) + 1e-6
    assert ((c - exact).abs() <= bound).all()
    if mode is FAITHFUL and k == 50:
        assert (c - exact).abs().max() > 1e-5


def test_matmul_of_bfloat16_accumulates_in_float32() -> None:
    a, b = torch.randn(40, 600).bfloat16(), torch.randn(600, 20).bfloat16()
    c = clean(run_plan(matmul_plan("matmul_bf16", "bfloat16", (32, 16)), {"a": a, "b": b}, FAITHFUL))
    exact = a.double() @ b.double()
    assert ((c.double() - exact).abs() <= 2**-8 * exact.abs() + 1e-3).all()


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_sums_in_half_precision_round_at_every_step(kind: str) -> None:
    dtype = {"bf16": "bfloat16", "fp16": "float16"}[kind]
    plan = planned(
        [launched(f"half_sum_{kind}", [1], x_ptr=strided("x", 512), y_ptr=dense("y", 1))],
        [*inputs(("x", dtype)), Buffer("y", dtype, size(1))],
        [dense("y", 1)],
        dtype=dtype,
    )
    ones = torch.ones(512, dtype=getattr(torch, dtype))
    assert clean(run_plan(plan, {"x": ones}, FAITHFUL)).item() == 512
    ones[0] = 300.0  # 300 + 511 is no bfloat16, and some partial sum on the way is none either
    found = clean(run_plan(plan, {"x": ones}, FAITHFUL)).item()
    assert (found == 811) == (kind == "fp16")
    assert clean(run_plan(plan, {"x": ones}, EXACT)).item() == 811


def control_plan() -> Plan:
    launch = launched("control", [5], x_ptr=strided("x", "N"), y_ptr=dense("y", "N"), N="N", eps=0.25)
    return planned([launch], [*inputs(("x", "float32")), Buffer("y", "float32", name("N"))], [dense("y", "N")])


def control_oracle(x: list[float], eps: float) -> list[float]:
    """The kernel `control`, one program after the other, in Python."""
    out: list[float] = []
    for program in range(5):
        if program * 8 >= len(x):
            continue
        part = x[program * 8 : program * 8 + 8]
        running, shown = 0.0, []
        for value in part:
            running += math.exp(value - max(part))
            shown.append(running + eps if eps > 0.5 else running * eps)
        i = 0
        while i < part.index(max(part)):
            i += 3
        out += [value + i + sum(range(program, 5)) for value in shown]
    return out


@settings(max_examples=60, deadline=None)
@given(
    x=st.lists(st.integers(-40, 40).map(lambda v: v / 8), min_size=1, max_size=40),
    eps=st.sampled_from([0.25, 0.5, 0.75, 2.0]),
    order=st.integers(0, 3),
)
def test_control_flow_is_that_of_one_program_after_the_other(x: list[float], eps: float, order: int) -> None:
    execution = run_plan(control_plan(), {"x": torch.tensor(x), "eps": eps}, EXACT, order=order)
    torch.testing.assert_close(clean(execution), torch.tensor(control_oracle(x, eps), dtype=torch.float64))


def test_shapes() -> None:
    x = torch.randn(16, 16)
    length = 16 * 16 + 4 * 16
    plan = planned(
        [launched("shapes", [1], x_ptr=strided("x", 16, 16), y_ptr=dense("y", length))],
        [*inputs(("x", "float32")), Buffer("y", "float32", size(length))],
        [dense("y", length)],
    )
    y = clean(run_plan(plan, {"x": x}, EXACT))
    x64 = x.double()
    r = (x64 - 2 * x64.t()).reshape(-1)
    i = torch.arange(16)
    expected = [
        r.flip(0).cumsum(0).flip(0),
        r.reshape(16, 16).sum(1),
        x64.amin(0) + x64.amax(1).tanh(),
        x64.sum(0)[(i * 3) % 16],
        (i % 2 == 0).double(),
    ]
    torch.testing.assert_close(y, torch.cat(expected))


def sort_plan() -> Plan:
    launch = launched("sorted_rows", [3], x_ptr=strided("x", 24), y_ptr=dense("y", 24))
    return planned([launch], [*inputs(("x", "float32")), Buffer("y", "float32", size(24))], [dense("y", 24)])


def test_sorting_by_bit_patterns() -> None:
    x = torch.randn(24)
    y = clean(run_plan(sort_plan(), {"x": x}, FAITHFUL))
    assert torch.equal(y.reshape(3, 8), x.reshape(3, 8).sort(1).values)


def test_bit_patterns_mean_nothing_in_exact_arithmetic() -> None:
    with pytest.raises(Unmodelled, match="the bits of a float"):
        run_plan(sort_plan(), {"x": torch.randn(24)}, EXACT)


def test_reductions_and_scans_run_their_regions() -> None:
    x = torch.tensor([3.0, 1.0, 2.0, 1.0, 0.5, 0.25, 4.0, 0.5, *range(1, 9)])
    plan = planned(
        [launched("folds", [2], x_ptr=strided("x", 16), y_ptr=dense("y", 16), z_ptr=dense("z", 2))],
        [*inputs(("x", "float32")), Buffer("y", "float32", size(16)), Buffer("z", "float32", size(2))],
        [dense("y", 16), dense("z", 2)],
    )
    execution = run_plan(plan, {"x": x}, EXACT)
    rows = x.double().reshape(2, 8)
    torch.testing.assert_close(clean(execution).reshape(2, 8), rows.cumsum(1) + rows.cumprod(1))
    torch.testing.assert_close(execution.outputs[1], rows.sum(1) + rows.prod(1) + rows.argmin(1))


@pytest.mark.parametrize("shape", [(16, 16), (20, 37), (1, 1)])
def test_descriptors(shape: tuple[int, int]) -> None:
    x = torch.randn(shape)
    grid = [(name("M") + 15) // 16, (name("N") + 15) // 16]
    plan = planned(
        [launched("tiles", grid, x_ptr=dense("x", "M", "N"), y_ptr=dense("y", "M", "N"), M="M", N="N")],
        [*inputs(("x", "float32")), Buffer("y", "float32", name("M") * name("N"))],
        [dense("y", "M", "N")],
    )
    assert torch.equal(clean(run_plan(plan, {"x": x}, FAITHFUL)), x * 2)


def test_atomics_give_old_values_in_order() -> None:
    x = torch.randint(0, 8, (50,), dtype=torch.int32)
    h, old = Buffer("h", "int32", size(10), fill=0), Buffer("old", "int32", name("N"))
    launch = launched(
        "count", [(name("N") + 15) // 16],
        x_ptr=strided("x", "N"), h_ptr=dense("h", 10), old_ptr=dense("old", "N"), N="N",
    )  # fmt: skip
    plan = planned([launch], [*inputs(("x", "int32")), h, old], [dense("h", 10), dense("old", "N")])
    execution = run_plan(plan, {"x": x}, FAITHFUL)
    counts = clean(execution)
    assert counts[:8].tolist() == torch.bincount(x, minlength=8).tolist()
    assert counts[8] == x.max() and counts[9] == x.sum()
    seen: dict[int, int] = {}
    for value, before in zip(x.tolist(), execution.outputs[1].tolist(), strict=True):
        assert before == seen.get(value, 0)
        seen[value] = before + 1
    # in another order each access sees other counts, but all together see the same ones
    orders = [run_plan(plan, {"x": x}, FAITHFUL, order=order) for order in range(1, 5)]
    assert any(not torch.equal(run.outputs[1], execution.outputs[1]) for run in orders)
    for run in orders:
        assert torch.equal(clean(run), counts)
        for value in range(8):
            assert run.outputs[1][x == value].sort()[0].tolist() == list(range(int(counts[value])))


def test_inputs_are_left_alone_by_kernels_that_store_to_them() -> None:
    x = strided("x", 16)
    plan = planned([launched("mirror_good", [1], x_ptr=x)], inputs(("x", "float32")), [x])
    given_x = torch.arange(16.0)
    assert torch.equal(clean(run_plan(plan, {"x": given_x}, FAITHFUL)), torch.arange(16.0).flip(0) + 1)
    assert torch.equal(given_x, torch.arange(16.0))


@BOTH
def test_chunks_change_nothing(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = torch.randn(70, 40), torch.randn(40, 50)
    plans = [(matmul_plan("matmul", "float32", (16, 16)), {"a": a, "b": b}), (row_plan("softmax"), {"x": a[:, :9]})]
    for plan, given_inputs in plans:
        whole = clean(run_plan(plan, given_inputs, mode))
        for lanes in (1, 300, 1000):
            monkeypatch.setattr(launching, "LANES", lanes)
            assert torch.equal(clean(run_plan(plan, given_inputs, mode)), whole)
            assert torch.equal(clean(run_plan(plan, given_inputs, mode, order=7)), whole)
        monkeypatch.undo()


def test_undefined_lanes_hold_the_fill() -> None:
    x = torch.randn(2, 9)
    results = {fill: clean(run_plan(row_plan("softmax_no_other"), {"x": x}, EXACT, fill=fill)) for fill in Fill}
    assert results[Fill.NAN].isnan().all() and results[Fill.ONES].isnan().all()
    assert not torch.equal(results[Fill.HUGE], results[Fill.ZERO])
    good = {fill: clean(run_plan(row_plan("softmax"), {"x": x}, EXACT, fill=fill)) for fill in Fill}
    assert all(torch.equal(y, good[Fill.ZERO]) for y in good.values())


def test_what_nobody_writes_is_told() -> None:
    plan = planned(
        [launched("agree", [1], y_ptr=dense("y", 8), N=5)], [Buffer("y", "float32", size(8))], [dense("y", 8)]
    )
    execution = run_plan(plan, {}, EXACT)
    assert execution.faults == ()
    assert execution.written[0].tolist() == [True] * 5 + [False] * 3
    assert execution.outputs[0][5:].isnan().all()


def test_dropout_draws_the_same_for_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(1000)
    launch = launched(
        "dropout", [(name("N") + 63) // 64], x_ptr=strided("x", "N"), y_ptr=dense("y", "N"), N="N", p=0.5, seed=3
    )
    plan = planned([launch], [*inputs(("x", "float32")), Buffer("y", "float32", name("N"))], [dense("y", "N")])
    y = clean(run_plan(plan, {"x": x}, FAITHFUL))
    assert set(y.tolist()) == {0.0, 2.0} and 400 < int((y == 0).sum()) < 600
    monkeypatch.setattr(launching, "LANES", 100)
    assert torch.equal(clean(run_plan(plan, {"x": x}, FAITHFUL)), y)


def test_host_copies_and_glue() -> None:
    here = Place("host.py", 4)
    flipped, half = dense("t", "N", "M"), Buffer("t", "float32", name("M") * name("N"))
    x = strided("x", "M", "N")
    transposed = evolve(x, sizes=x.sizes[::-1], strides=x.strides[::-1])
    total = Glue("sum", (flipped,), dense("s", "M"), {"dim": 0}, here)
    plan = planned(
        [Copy(transposed, flipped, here), total],
        [*inputs(("x", "float32")), half, Buffer("s", "float32", name("M"))],
        [flipped, dense("s", "M")],
    )
    given_x = torch.randn(4, 6)
    execution = run_plan(plan, {"x": given_x}, EXACT)
    assert torch.equal(clean(execution), given_x.t().double())
    torch.testing.assert_close(execution.outputs[1], given_x.double().sum(1))


def test_inputs_that_do_not_fit_are_refused() -> None:
    plan = planned([], [*inputs(("x", "float32"))], [strided("x", "M", "N")], cell=name("N") <= 4)
    with pytest.raises(ValueError, match=r"the plan is not for .*N=9"):
        run_plan(plan, {"x": torch.randn(2, 9)}, EXACT)
    with pytest.raises(ValueError, match="captured for float32"):
        run_plan(plan, {"x": torch.randn(2, 3).half()}, EXACT)
    with pytest.raises(ValueError, match="not a tensor"):
        run_plan(plan, {}, EXACT)


def test_inputs_are_never_changed() -> None:
    x = torch.zeros(16)
    launch = launched("mirror_good", [1], x_ptr=strided("x", 16))
    plan = planned([launch], inputs(("x", "float32")), [strided("x", 16)])
    assert torch.equal(clean(run_plan(plan, {"x": x}, FAITHFUL)), torch.ones(16))
    assert torch.equal(x, torch.zeros(16))


def test_a_grid_that_no_machine_runs_is_refused() -> None:
    from types import SimpleNamespace

    from verify.executor.launch import PROGRAMS, batches

    flow = SimpleNamespace(widest=1, lanes=1)
    with pytest.raises(ValueError, match="too large to be run"):
        next(batches((2**31 - 1, 65535, 65535), flow, 0))  # type: ignore[arg-type]
    assert sum(len(each.numbers) for each in batches((3, 2, 2), flow, 1)) == 12 < PROGRAMS  # type: ignore[arg-type]
