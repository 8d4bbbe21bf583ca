"""Regular accesses take a short way through guarded memory: it must see and do what the long way does."""

from __future__ import annotations

from typing import Any
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.executor import memory as guarded
from verify.executor.boxes import Box, box
from verify.executor.faults import Log
from verify.executor.lanes import Lanes, gathered
from verify.executor.launch import batch
from verify.executor.layout import base
from verify.executor.machine import Request
from verify.executor.memory import Guarded, Storage
from verify.executor.modes import Mode
from verify.executor.windows import Window
from verify.ir.program import Scalar
from verify.verdict import Place

LENGTH = 60
PROGRAMS = 3


@st.composite
def lines(draw: st.DrawFn, length: int) -> list[int]:
    """Offsets along one axis: evenly spaced mostly."""
    if draw(st.booleans()):
        step = draw(st.sampled_from([0, 1, 2, 4, 7, 15, -1]))
        return [step * index for index in range(length)]
    return draw(st.lists(st.integers(-2, 20), min_size=length, max_size=length))


@st.composite
def accesses(draw: st.DrawFn) -> dict[str, Any]:
    shape = (PROGRAMS, *draw(st.sampled_from([(4,), (2, 4), (8,)])))
    parts = []
    for axis, length in enumerate(shape):
        if draw(st.integers(0, 4)):
            vector = torch.tensor(draw(lines(length)))
            parts.append(vector.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    if draw(st.integers(0, 3)) == 0:  # one that varies along two axes
        table = draw(st.lists(st.integers(0, 9), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
        parts.append(torch.tensor(table).reshape(*shape[:2], *(1,) * (len(shape) - 2)))
    masks = [torch.ones((1,) * len(shape), dtype=torch.bool)]
    for axis, length in enumerate(shape):
        kind = draw(st.sampled_from(["all", "first", "any"]))
        keep = torch.arange(length) < draw(st.integers(0, length))
        if kind == "any":
            keep = torch.tensor(draw(st.lists(st.booleans(), min_size=length, max_size=length)))
        if kind != "all":
            masks.append(keep.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    if draw(st.integers(0, 3)) == 0:
        ragged = torch.rand(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))) < 0.7
        ragged[draw(st.integers(0, PROGRAMS - 1))] = True
        masks.append(ragged)
    return {
        "kind": draw(st.sampled_from(["load", "store"])), "line": draw(st.integers(1, 3)),
        "shape": shape, "masks": masks,
        "parts": [torch.full((1,) * len(shape), draw(st.integers(-1, 20))), *parts],
    }  # fmt: skip


def run(steps: list[dict[str, Any]], window: Window, short: bool) -> tuple[list[torch.Tensor], Guarded]:
    log = Log({})
    cells = torch.arange(LENGTH, dtype=torch.float32)
    written = torch.arange(LENGTH) % 9 != 8
    memory = Guarded({1: Storage(1, "x", "float32", cells, written)}, Mode.FAITHFUL, log)
    memory.begin((PROGRAMS, 1, 1), {1: (window,)}, None, None)
    results = []
    with mock.patch.object(guarded, "box", box if short else lambda *_: None), mock.patch.object(guarded, "RAGGED", 0):
        for number, step in enumerate(steps):
            shape = step["shape"]
            pointer = Lanes(gathered([base(1) + step["parts"][0] * 4, *(part * 4 for part in step["parts"][1:])]))
            mask = Lanes(gathered(step["masks"]))
            request = Request(
                step["kind"], Scalar("f32"), pointer, mask, shape[1:], batch((PROGRAMS, 1, 1), torch.arange(PROGRAMS)),
                torch.zeros(PROGRAMS, dtype=torch.int32), Place("k.py", step["line"]),
            )  # fmt: skip
            values = torch.arange(number * 100, number * 100 + torch.Size(shape).numel()).reshape(shape).float()
            if step["kind"] == "store":
                memory.store(request, values)
            else:
                loaded = memory.load(request, torch.full((1,) * len(shape), -1.0))
                results.append(loaded.expand(shape).clone())
    return results, memory


windows = st.sampled_from([Window(0, (LENGTH,), (1,)), Window(2, (7, 4), (8, 1)), Window(0, (LENGTH - 4,), (1,))])


@settings(max_examples=300, deadline=None)
@given(st.lists(accesses(), min_size=1, max_size=4), windows)
def test_the_short_way_is_the_long_way(steps: list[dict[str, Any]], window: Window) -> None:
    (short, left), (long, right) = run(steps, window, True), run(steps, window, False)
    assert {(each.kind, each.place) for each in left.log.found} == {(each.kind, each.place) for each in right.log.found}
    for a, b in zip(short, long, strict=True):
        assert torch.equal(a, b)
    if not any(each.kind == "write-conflict" for each in left.log.found):  # else it is undefined who comes last
        assert torch.equal(left.storages[1].cells, right.storages[1].cells)
    mine, other = left.storages[1].written, right.storages[1].written
    assert mine is not None and other is not None and torch.equal(mine, other)


def of(parts: list[torch.Tensor], shape: tuple[int, ...], mask: torch.Tensor) -> Box | None:
    pointer = Lanes(gathered([part * 4 for part in parts] + [torch.full((1,) * (len(shape) + 1), base(1))]))
    request = Request(
        "store", Scalar("f32"), pointer, Lanes(mask), shape, batch((4, 1, 1), torch.arange(4)),
        torch.zeros(4, dtype=torch.int32), Place("k.py", 1),
    )  # fmt: skip
    return box(request, {1: 4})


def test_rows_are_one_box_without_a_list_of_elements() -> None:
    rows, columns = torch.arange(4).reshape(4, 1) * 10, torch.arange(8).reshape(1, 8)
    found = of([rows, columns], (8,), columns < 6)
    assert found is not None and found.head is None and found.distinct
    assert (found.offset, found.high, found.sizes, found.steps) == (0, 35, (4, 6), (10, 1))
    assert found.kept == (None, slice(0, 6))


def test_rows_that_overlap_are_not_taken_for_distinct() -> None:
    rows, columns = torch.arange(4).reshape(4, 1) * 7, torch.arange(8).reshape(1, 8)
    everything = torch.ones(1, 1, dtype=torch.bool)
    found = of([rows, columns], (8,), everything)
    assert found is not None and not found.distinct
    found = of([rows], (8,), everything)  # all lanes of a program meet
    assert found is not None and not found.distinct


def test_one_element_past_the_end_is_a_fault() -> None:
    parts = [torch.full((1, 1), LENGTH - 7), torch.arange(8).reshape(1, 8)]
    everything = [torch.ones(1, 1, dtype=torch.bool)]
    step = {"kind": "load", "line": 1, "shape": (PROGRAMS, 8), "masks": everything, "parts": parts}
    results, memory = run([step], Window(0, (LENGTH,), (1,)), True)
    assert next(fault.kind for fault in memory.log.found) == "out-of-bounds"
    assert results[0][0, -1] == -1


def test_two_parts_along_one_axis_add_up() -> None:
    table = torch.arange(8).reshape(1, 8)
    mask = (torch.arange(4) == 2).reshape(4, 1)  # with one program left, both parts vary along the lanes only
    found = of([table, torch.arange(4).reshape(4, 1) * table], (8,), mask)
    assert found is not None and found.sizes == (1, 8) and (found.offset, found.high) == (0, 21)
    assert found.on(torch.arange(30)).tolist() == [[0, 3, 6, 9, 12, 15, 18, 21]]


def test_cells_may_begin_within_an_allocation() -> None:
    """An input that is not copied stands where its caller's view does."""
    cells = torch.arange(20.0)[3:15]
    even = Box(1, 2, 8, (3,), (3,), (3,), (None,), None)
    assert even.on(cells).tolist() == cells[2:9:3].tolist()
    uneven = Box(1, 2, 9, (3,), (0,), (3,), (None,), torch.tensor([0, 1, 5]))
    assert uneven.on(cells).tolist() == cells[[2, 3, 7]].tolist()
    assert Window(2, (2, 3), (4, 1)).on(cells).tolist() == [cells[2:5].tolist(), cells[6:9].tolist()]
