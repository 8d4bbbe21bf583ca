"""The specs of the operators: light to import, right on small examples, obeying their own laws."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from operators import BROKEN, NAIVE

import specs
from specs.spec import ELEMENT, FLOATS, Law, Spec
from verify.case import Budget
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.shapes import shapes
from verify.numerics.trials import classes

SPECS = list(specs.ALL.values())
LAWS = [pytest.param(spec, law, id=f"{spec.name}-{law.name}") for spec in SPECS for law in spec.laws]
NAMES = {
    "softmax", "layer_norm", "rms_norm", "matmul", "attention", "attention_backward", "swiglu", "rope", "cross_entropy",
    "embedding", "cumsum", "histogram", "transpose", "row_sum", "argmax", "dropout",
}  # fmt: skip
BUDGET = Budget("test", rlimit=1, seconds=1, samples=1, elements=1 << 12, cells=1)


def test_specs_import_without_torch() -> None:
    code = "import sys, specs; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_names_are_those_of_the_entries() -> None:
    assert set(specs.ALL) <= NAMES
    assert all(name == spec.name for name, spec in specs.ALL.items())


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.name != "dropout"], ids=lambda spec: spec.name)
def test_reference_agrees_with_the_framework(spec: Spec) -> None:
    for sizes in shapes(spec, (), BUDGET):
        for kind in classes(spec):
            inputs = _doubles(make_inputs(spec, Trial("float32", tuple(sizes.items()), kind)))
            _all_agree(spec.reference(**inputs), spec.framework(**inputs))


@pytest.mark.parametrize("name", NAIVE)
def test_reference_agrees_with_loops(name: str) -> None:
    spec = specs.ALL[name]
    for seed, size in enumerate((1, 3, 4)):
        sizes = _sizes(spec, {dim.name: size + at for at, dim in enumerate(spec.dims)})
        inputs = _doubles(make_inputs(spec, Trial("float32", sizes, seed=seed)))
        _all_agree(spec.reference(**inputs), NAIVE[name](**inputs))


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_reference_obeys_the_law(spec: Spec, law: Law) -> None:
    for sizes in shapes(spec, (), BUDGET):
        inputs = make_inputs(spec, Trial("bfloat16", tuple(sizes.items())))
        changed, needed = law.transform(inputs, torch.Generator().manual_seed(0))
        runs = [_tuple(spec.reference(**_doubles(each))) for each in (inputs, *_tuple(changed))]
        for wanted, found in zip(law.expect(needed, *runs[:-1]), runs[-1], strict=True):
            assert wanted.shape == found.shape
            assert wanted.numel() == 0 or float((wanted.double() - found).abs().max()) < 1e-9 * 1e3


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_law_keeps_dtypes_and_the_domain(spec: Spec, law: Law) -> None:
    for dtype in FLOATS:
        inputs = make_inputs(spec, Trial(dtype, _sizes(spec, {dim.name: 3 for dim in spec.dims})))
        changed, _ = law.transform(inputs, torch.Generator().manual_seed(0))
        for each in _tuple(changed):
            assert each.keys() == inputs.keys()
            for param in spec.tensors:
                assert str(each[param.name].dtype) == f"torch.{dtype if param.dtype == ELEMENT else param.dtype}"


DERIVED = [param for param in LAWS if any(each.derived for each in param.values[0].tensors)]


@pytest.mark.parametrize(("spec", "law"), DERIVED)
def test_law_keeps_derived_inputs_what_they_are(spec: Spec, law: Law) -> None:
    for choice in (False, True):
        trial = Trial("float32", _sizes(spec, {dim.name: 5 for dim in spec.dims}), choices=(("causal", choice),))
        changed, _ = law.transform(make_inputs(spec, trial), torch.Generator().manual_seed(0))
        for each in _tuple(changed):
            for name, values in spec.derive(each).items():
                assert torch.allclose(each[name].double(), values, 1e-6, 1e-6), name


@pytest.mark.parametrize("name", BROKEN)
def test_every_law_refuses_a_wrong_kernel(name: str) -> None:
    spec = specs.ALL[name]
    assert BROKEN[name].keys() == {law.name for law in spec.laws}
    sizes = _sizes(spec, {dim.name: 4 + 5 * at for at, dim in enumerate(spec.dims)})
    inputs = _doubles(make_inputs(spec, Trial("float32", sizes)))
    for law in spec.laws:
        wrong = BROKEN[name][law.name]
        changed, needed = law.transform(inputs, torch.Generator().manual_seed(1))
        runs = [_tuple(wrong(**each)) for each in (inputs, *_tuple(changed))]
        wanted = law.expect(needed, *runs[:-1])
        assert max(float((one - two).abs().max()) for one, two in zip(wanted, runs[-1], strict=True)) > 1e-3, law.name


def test_dropout_keeps_the_share_that_it_should() -> None:
    """The framework draws numbers of its own, so only shares can be compared; the loops hold each number."""
    x = torch.ones(400, 250, dtype=torch.float64)
    for p in (0.5, 0.125, 0.0):
        kept = (specs.ALL["dropout"].reference(x=x, p=p, seed=7) != 0).double().mean()  # type: ignore[misc]
        assert abs(float(kept) - (1 - p)) < 6 * (p * (1 - p) / x.numel()) ** 0.5 + 1e-12


def test_rounding_never_decides_what_dropout_keeps() -> None:
    from specs.dropout import SHARES, STEP

    step = torch.tensor(STEP, dtype=torch.float32)
    for p in SHARES:
        near = torch.arange(-2000, 2000) + int(p / STEP)
        near = near[(near >= 0) & (near < 2**31)]
        rounded, whole = near.to(torch.float32) * step, near.double() * step.double()
        assert torch.equal(rounded >= p, whole >= p), p


def test_matmul_domain_holds_products_beyond_32_bits() -> None:
    domain = specs.ALL["matmul"].domain()
    sizes = dict.fromkeys(sorted(domain.names()), 1) | {"M": 2**20, "N": 2**20}
    assert domain.holds(sizes)
    assert not domain.holds(sizes | {"a.stride0": -1})
    assert not domain.holds(sizes | {"M": 2**20 + 1})


def _doubles(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _double(value) for name, value in inputs.items()}


def _sizes(spec: Spec, wanted: dict[str, int]) -> tuple[tuple[str, int], ...]:
    sizes = spec.nearest(wanted)
    assert sizes is not None
    return tuple(sizes.items())


def _double(value: Any) -> Any:
    return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def _all_agree(reference: Any, wanted: Any) -> None:
    for one, two in zip(_tuple(reference), _tuple(wanted), strict=True):
        _agree(one, two)


def _agree(reference: torch.Tensor, wanted: torch.Tensor) -> None:
    """Shapes, NaN and infinities agree, and finite numbers up to rounding in float64."""
    assert reference.shape == wanted.shape
    finite = torch.isfinite(wanted)
    assert torch.equal(torch.isnan(reference), torch.isnan(wanted))
    assert torch.equal(torch.isfinite(reference), finite)
    reference, wanted = reference.double().nan_to_num(0.0), wanted.double().nan_to_num(0.0)
    scale = float(wanted[finite].abs().max()) if bool(finite.any()) else 0.0
    assert float((reference - wanted).abs().sum()) <= 1e-9 * max(1.0, scale) * max(1, reference.numel())


def _tuple(changed: Any) -> tuple[Any, ...]:
    return changed if isinstance(changed, tuple) else (changed,)
