"""Inputs that follow from others, and comparing a run part by part, on host memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve

import specs
from specs.spec import Inputs
from verify.native import parts as cutting
from verify.native.accept import objection
from verify.native.inputs import blank, refill
from verify.native.parts import of_inputs, parts
from verify.native.points import points
from verify.numerics.reference import exact_outputs

SPEC = specs.ALL["attention_backward"]
SIZES = {"B": 2, "H": 3, "N": 9, "D": 64}


def _drawn(dtype: str = "float32", **strides: tuple[int, ...]) -> dict[str, Any]:
    inputs = blank(SPEC, SIZES, dtype, "cpu", strides, {"causal": True})
    refill(SPEC, inputs, SIZES, torch.Generator().manual_seed(3))
    return inputs


def _right(inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return tuple(each.float() for each in exact_outputs(SPEC, inputs))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two heads of one sequence are a part."""
    monkeypatch.setattr(cutting, "MOST", 10 * 2 * 9 * 9 * 64)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_derived_inputs_follow_those_that_are_drawn(dtype: str, small: None) -> None:
    inputs = _drawn(dtype, out=(9 * 3 * 130, 9 * 130, 130, 2), lse=(1, 18, 2))
    for name, values in SPEC.derive(inputs).items():
        assert torch.equal(inputs[name], values.to(inputs[name].dtype))
    assert not torch.equal(inputs["out"], _drawn(dtype)["q"])


def test_derived_inputs_are_never_seen_in_a_layout_that_repeats_others() -> None:
    two = evolve(SPEC, dims=(evolve(SPEC.dims[0], samples=(2,)), *SPEC.dims[1:]))
    expanded = [point for point in points(two) if point.layout == "expanded rows" and 0 not in point.sizes.values()]
    assert expanded
    for point in expanded:
        assert point.strides["q"][0] == 0 and 0 not in (*point.strides["out"], *point.strides["lse"])


def test_parts_cover_everything_once(small: None) -> None:
    every = parts(SPEC, SIZES)
    assert len(every) == 4
    seen = torch.zeros(2, 3, 9)
    for part in every:
        seen[part["B"], part["H"], part["N"]] += 1
        assert of_inputs(SPEC, _drawn(), part)["lse"].shape == seen[part["B"], part["H"], part["N"]].shape
    assert bool((seen == 1).all())


def test_what_cannot_be_told_apart_is_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(parts(SPEC, SIZES)) == 1
    monkeypatch.setattr(cutting, "MOST", 1)
    assert {(part["N"].stop, part["D"].stop) for part in parts(SPEC, SIZES)} == {(9, 64)}
    assert len(parts(specs.ALL["histogram"], {"N": 5, "bins": 3})) == 1


def test_part_by_part_gives_what_the_whole_gives(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = _drawn()
    outputs = _right(inputs)
    assert objection(SPEC, inputs, outputs) is None
    outputs[1][1, 2, 4, 5] += 1e-3
    told = objection(SPEC, inputs, outputs)
    assert told is not None and told.startswith("grad_k[1, 2, 4, 5] is")
    monkeypatch.setattr(cutting, "MOST", 1 << 60)
    assert objection(SPEC, inputs, outputs) == told


def test_only_the_parts_that_are_asked_for_are_compared(small: None) -> None:
    inputs = _drawn()
    outputs = _right(inputs)
    outputs[0][1, 2, 0, 0] += 1.0
    with_it = [part for part in parts(SPEC, SIZES) if part["B"].stop == 2 and part["H"].stop == 3]
    others = [part for part in parts(SPEC, SIZES) if part not in with_it]
    assert objection(SPEC, inputs, outputs, others) is None
    assert objection(SPEC, inputs, outputs, with_it) is not None


def test_shapes_and_dtypes_are_looked_at_before_parts(small: None) -> None:
    inputs = _drawn()
    outputs = _right(inputs)
    assert "declared is (2, 3, 9, 64)" in str(objection(SPEC, inputs, (outputs[0][:1], *outputs[1:])))
    assert "dtype torch.float64" in str(objection(SPEC, inputs, (outputs[0].double(), *outputs[1:])))
    assert "2 outputs" in str(objection(SPEC, inputs, outputs[:2]))


def test_wide_tensors_are_cut_however_little_is_computed_of_them() -> None:
    spec, sizes = specs.ALL["cross_entropy"], {"M": 8192, "V": 128256}
    rows = [part["M"] for part in parts(spec, sizes)]
    assert len(rows) > 1 and all((each.stop - each.start) * sizes["V"] <= cutting.WIDEST for each in rows)
    assert sum(each.stop - each.start for each in rows) == sizes["M"]
