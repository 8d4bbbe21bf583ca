"""Where a new cell is opened: sizes outside of the cells so far, small and row-major where that can be had."""

from __future__ import annotations

import pytest

import specs
from specs.sizes import Condition, all_of, name
from specs.spec import packed
from verify.capture.capture import wishes
from verify.symbolic.sizes import point_outside


def outside(spec_name: str, *cells: Condition) -> dict[str, int]:
    spec = specs.find(spec_name)
    point = point_outside(spec.domain(), cells, wishes(spec))
    assert point is not None and spec.domain().holds(point) and not any(cell.holds(point) for cell in cells)
    return point


@pytest.mark.parametrize("spec_name", ["softmax", "matmul", "attention", "attention_backward"])
def test_sizes_are_small_and_tensors_row_major(spec_name: str) -> None:
    point = outside(spec_name)
    assert all(2 <= point[dim.name] <= 300 for dim in specs.find(spec_name).dims)
    for param in specs.find(spec_name).tensors:
        for axis, stride in enumerate(packed(param.dims)):
            assert point[param.stride(axis)] == stride.evaluate(point), (param.name, axis)


def test_a_wish_that_the_cells_exclude_does_not_spoil_the_others() -> None:
    """Rows of q lie one behind another in the only cell: k's and v's still do."""
    row = name("q.stride2").equals(name("D"))
    point = outside("attention", all_of(row))
    assert point["q.stride2"] != point["D"]
    assert point["k.stride2"] == point["v.stride2"] == point["D"]


def test_a_tensor_may_ask_for_other_sizes_than_those_wished_for_before() -> None:
    """Whatever is row-major with fewer than 16 columns is in the cell; sizes were chosen before that counted."""
    point = outside("softmax", name("N") < 16)
    assert point["x.stride0"] == point["N"] >= 16


def test_nothing_is_outside_of_the_whole_domain() -> None:
    spec = specs.find("attention")
    assert point_outside(spec.domain(), [spec.domain()], wishes(spec)) is None
