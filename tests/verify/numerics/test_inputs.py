"""Inputs: pure functions of a trial, within the spec's domain, at the strides that the layout names."""

from __future__ import annotations

import math

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import specs
from specs.sizes import name, size
from specs.spec import FLOATS, Dim, SizeParam, TensorParam, Values
from verify.numerics.controls import controls
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.numerics.layouts import LAYOUTS, lay_out
from verify.numerics.precision import declared
from verify.numerics.reference import bounded_outputs, exact_outputs
from verify.numerics.trials import classes
from verify.numerics.values import CLASSES

SOFTMAX = specs.ALL["softmax"]


@settings(max_examples=150, deadline=None, database=None)
@given(
    kind=st.sampled_from(classes(SOFTMAX)),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from(sorted(LAYOUTS)),
    rows=st.integers(0, 9),
    columns=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_inputs_repeat_and_stay_in_the_domain(
    kind: str, dtype: str, layout: str, rows: int, columns: int, seed: int
) -> None:
    trial = Trial(dtype, (("M", rows), ("N", columns)), kind, (("x", layout),), seed)
    x, again = make_inputs(SOFTMAX, trial)["x"], make_inputs(SOFTMAX, trial, poison=7.0)["x"]
    assert isinstance(x, torch.Tensor)
    assert isinstance(again, torch.Tensor)
    assert x.shape == (rows, columns)
    assert str(x.dtype) == f"torch.{dtype}"
    assert torch.equal(x, again)
    assert bool(torch.isfinite(x).all())
    assert x.numel() == 0 or float(x.double().abs().max()) <= 1e4
    sizes = bindings(SOFTMAX, {"x": x})
    assert all(stride >= 0 for stride in x.stride())
    assert (sizes["M"], sizes["N"], sizes["x.stride1"]) == (rows, columns, x.stride(1))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 4), (5,), (0, 4), (3, 0), (2, 3, 4), (1, 1)])
def test_layouts_keep_values_and_poison_the_rest(layout: str, shape: tuple[int, ...]) -> None:
    values = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
    laid = lay_out(values, layout, poison=-1.0)
    assert laid.shape == shape
    if layout != "expanded":
        assert torch.equal(laid, values)
    storage = torch.empty(0, dtype=torch.float32).set_(laid.untyped_storage())
    around = len(storage) - laid.numel()
    assert int((storage == -1.0).sum()) == (around if layout in ("padded", "stepped", "offset") else 0)


def test_layouts_differ_in_strides() -> None:
    strides = {layout: lay_out(torch.ones(3, 4), layout).stride() for layout in LAYOUTS}
    assert strides["transposed"] == (1, 3)
    assert strides["expanded"][0] == 0
    assert strides["padded"][0] > 4
    assert strides["stepped"][1] == 2
    assert lay_out(torch.ones(3, 4), "offset").storage_offset() > 0


def test_special_values_only_where_the_spec_says_so() -> None:
    assert "special" not in classes(SOFTMAX)
    open_spec = evolve(SOFTMAX, params=(TensorParam("x", ("M", "N"), values=Values(special=True)),))
    assert "special" in classes(open_spec)
    x = make_inputs(open_spec, Trial("float32", (("M", 20), ("N", 20)), "special"))["x"]
    assert isinstance(x, torch.Tensor)
    assert bool(torch.isnan(x).any())
    assert bool(torch.isinf(x).any())


def test_integers_stay_within_their_range() -> None:
    index = TensorParam("i", ("M",), dtype="int64", values=Values(low=name("N") - 3, high=name("N")))
    spec = evolve(SOFTMAX, params=(*SOFTMAX.params, index))
    i = make_inputs(spec, Trial("float32", (("M", 100), ("N", 8))))["i"]
    assert isinstance(i, torch.Tensor)
    assert sorted(set(i.tolist())) == [5, 6, 7]
    empty = evolve(SOFTMAX, params=(*SOFTMAX.params, evolve(index, values=Values(low=name("N"), high=name("N")))))
    with pytest.raises(ValueError, match="1 values are not in 8 <= v < 8"):
        make_inputs(empty, Trial("float32", (("M", 1), ("N", 8))))


@pytest.mark.parametrize(("unique", "ascending"), [(True, False), (False, True), (True, True), (False, False)])
def test_integers_are_unique_and_sorted_where_said(unique: bool, ascending: bool) -> None:
    values = Values(low=size(0), high=name("N"), unique=unique, sorted=ascending)
    index = TensorParam("i", ("M", "N"), dtype="int32", values=values)
    spec = evolve(SOFTMAX, params=(index,))
    for layout in LAYOUTS:
        i = make_inputs(spec, Trial("float32", (("M", 3), ("N", 40)), layouts=(("i", layout),)))["i"]
        assert isinstance(i, torch.Tensor)
        rows = i.tolist()
        assert all((sorted(row) == list(range(40))) is unique for row in rows)
        assert all((sorted(row) == row) is ascending for row in rows)
    alone = evolve(SOFTMAX, params=(evolve(index, dims=("N",)),))
    i = make_inputs(alone, Trial("float32", (("M", 3), ("N", 40)), layouts=(("i", "expanded"),)))["i"]
    assert isinstance(i, torch.Tensor)
    assert (len(set(i.tolist())) == 40) is unique


def test_marks_stand_beside_the_range() -> None:
    index = TensorParam("i", ("M",), dtype="int64", values=Values(low=size(0), high=name("N"), also=(-100,)))
    spec = evolve(SOFTMAX, params=(*SOFTMAX.params, index))
    i = make_inputs(spec, Trial("float32", (("M", 200), ("N", 3))))["i"]
    assert isinstance(i, torch.Tensor)
    assert sorted(set(i.tolist())) == [-100, 0, 1, 2]
    only = make_inputs(spec, Trial("float32", (("M", 5), ("N", 0))))["i"]
    assert isinstance(only, torch.Tensor)
    assert set(only.tolist()) == {-100}


def _third(x: torch.Tensor) -> torch.Tensor:
    return x / 3


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("of", LAYOUTS)
def test_derived_inputs_follow_the_others_in_every_layout(layout: str, of: str) -> None:
    """Also where the input that they follow shows other values than were drawn, being expanded."""
    y = TensorParam("y", ("M", "N"), derived=_third)
    spec = evolve(SOFTMAX, params=(y, *SOFTMAX.params))
    trial = Trial("bfloat16", (("M", 4), ("N", 6)), layouts=(("x", of), ("y", layout)))
    inputs = make_inputs(spec, trial)
    x, found = inputs["x"], inputs["y"]
    assert isinstance(x, torch.Tensor) and isinstance(found, torch.Tensor)
    assert list(inputs) == ["y", "x"]
    assert torch.equal(found, (x.double() / 3).bfloat16())
    assert found.stride() != (6, 1) or layout in ("contiguous", "expanded", "offset")


def test_a_size_parameter_is_the_dim() -> None:
    dims, params = (*SOFTMAX.dims, Dim("bins", 1, 9)), (*SOFTMAX.params, SizeParam("bins"))
    spec = evolve(SOFTMAX, dims=dims, params=params, workloads=())
    inputs = make_inputs(spec, Trial("float32", (("M", 2), ("N", 3), ("bins", 7))))
    assert inputs["bins"] == 7
    assert bindings(spec, inputs)["bins"] == 7


def test_magnitudes_are_respected() -> None:
    spec = evolve(SOFTMAX, params=(TensorParam("x", ("M", "N"), values=Values(magnitude=2.0)),))
    for kind in classes(spec):
        x = make_inputs(spec, Trial("float32", (("M", 9), ("N", 9)), kind))["x"]
        assert isinstance(x, torch.Tensor)
        assert float(x.abs().max()) <= 2.0


@pytest.mark.parametrize(
    ("change", "value"), [({"values": "nrmal"}, "nrmal"), ({"layouts": (("x", "twisted"),)}, "twisted")]
)
def test_unknown_trials_do_not_exist(change: dict[str, object], value: str) -> None:
    with pytest.raises(ValueError, match=value):
        Trial("float32", (), **change)  # type: ignore[arg-type]


def test_every_class_is_told_apart_from_trivial_outputs_somewhere() -> None:
    """With all specs together, no class of values is without evidence."""
    shown = set()
    for spec in specs.ALL.values():
        near = spec.nearest({dim.name: 24 if len(spec.dims) < 4 else 4 for dim in spec.dims})
        assert near is not None
        sizes = tuple(near.items())
        for kind in classes(spec):
            inputs = make_inputs(spec, Trial("float32", sizes, kind))
            pairs = bounded_outputs(spec, inputs, declared(spec, "float32"))[0]
            if controls(pairs, inputs, "float32").evidence:
                shown.add(kind)
    assert shown >= set(CLASSES) - {"special", "equal", "subnormal", "constant rows"}


def test_opposed_values_drive_what_is_computed_from_them_far_below_zero() -> None:
    spec = specs.ALL["attention_backward"]
    sizes = tuple({"B": 2, "H": 1, "N": 17, "D": 64}.items())
    for dtype in spec.dtypes:
        lse = make_inputs(spec, Trial(dtype, sizes, "opposed", seed=3))["lse"]
        assert lse.max() < math.log(torch.finfo(torch.float32).tiny)  # exp(-lse), the weight of a zero, overflows
        assert torch.isfinite(lse).all()
    assert "opposed" in classes(spec) and "opposed" not in classes(specs.ALL["attention"])


def test_the_result_for_other_inputs_is_a_control() -> None:
    spec = specs.ALL["softmax"]
    trial = Trial("float32", (("M", 3), ("N", 5)))
    inputs = make_inputs(spec, trial)
    (pairs,) = bounded_outputs(spec, inputs, declared(spec, "float32"))
    (other,) = exact_outputs(spec, make_inputs(spec, evolve(trial, seed=1)))
    assert "previous result" in controls(pairs, inputs, "float32", other).rejected
    (same,) = exact_outputs(spec, inputs)
    found = controls(pairs, inputs, "float32", same)
    assert "previous result" not in (*found.rejected, *found.accepted)


def test_controls_that_are_right_do_not_apply_and_accepted_ones_spoil_the_case() -> None:
    spec = specs.ALL["matmul"]
    zeros = {"a": torch.zeros(3, 4), "b": torch.zeros(4, 5)}
    found = controls(bounded_outputs(spec, zeros, declared(spec, "float32"))[0], zeros, "float32")
    assert "zeros" not in (*found.rejected, *found.accepted)
    assert found.evidence
    empty = {"a": torch.zeros(0, 4), "b": torch.zeros(4, 5)}
    assert not controls(bounded_outputs(spec, empty, declared(spec, "float32"))[0], empty, "float32").evidence
    tiny = {"a": torch.full((2, 3), 2.0**-80), "b": torch.full((3, 2), 2.0**-80)}
    found = controls(bounded_outputs(spec, tiny, declared(spec, "float32"))[0], tiny, "float32")
    assert found.evidence == ("zeros" not in found.accepted)
