"""The specs of the three operators: light to import, right on small examples, obeying their own laws."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import specs
from specs.spec import ELEMENT, FLOATS, Law, Spec
from verify.case import Budget
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.shapes import shapes
from verify.numerics.trials import classes

SPECS = list(specs.ALL.values())
LAWS = [pytest.param(spec, law, id=f"{spec.name}-{law.name}") for spec in SPECS for law in spec.laws]
BUDGET = Budget("test", rlimit=1, seconds=1, samples=1, elements=1 << 12, cells=1)


def test_specs_import_without_torch() -> None:
    code = "import sys, specs; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_names_are_those_of_the_entries() -> None:
    assert set(specs.ALL) == {"softmax", "rms_norm", "matmul"}
    assert all(name == spec.name for name, spec in specs.ALL.items())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_reference_agrees_with_the_framework(spec: Spec) -> None:
    for sizes in shapes(spec, (), BUDGET):
        for kind in classes(spec):
            trial = Trial("float32", tuple(sizes.items()), kind)
            inputs = {
                name: value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
                for name, value in make_inputs(spec, trial).items()
            }
            reference, framework = spec.reference(**inputs), spec.framework(**inputs)
            assert reference.shape == framework.shape
            scale = framework.abs().amax() if framework.numel() else torch.tensor(0.0)
            assert float((reference - framework).abs().sum()) <= 1e-9 * max(1.0, float(scale)) * reference.numel()


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_reference_obeys_the_law(spec: Spec, law: Law) -> None:
    for sizes in shapes(spec, (), BUDGET):
        inputs = make_inputs(spec, Trial("bfloat16", tuple(sizes.items())))
        changed, needed = law.transform(inputs, torch.Generator().manual_seed(0))
        variants = changed if isinstance(changed, tuple) else (changed,)
        runs = [(_exact(spec, each),) for each in (inputs, *variants)]
        for wanted, found in zip(law.expect(needed, *runs[:-1]), runs[-1], strict=True):
            assert wanted.shape == found.shape
            assert wanted.numel() == 0 or float((wanted.double() - found).abs().max()) < 1e-9 * 1e3


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_law_keeps_dtypes_and_the_domain(spec: Spec, law: Law) -> None:
    for dtype in FLOATS:
        sizes = spec.nearest({dim.name: 3 for dim in spec.dims})
        assert sizes is not None
        inputs = make_inputs(spec, Trial(dtype, tuple(sizes.items())))
        changed, _ = law.transform(inputs, torch.Generator().manual_seed(0))
        for each in changed if isinstance(changed, tuple) else (changed,):
            assert each.keys() == inputs.keys()
            for param in spec.tensors:
                assert str(each[param.name].dtype) == f"torch.{dtype if param.dtype == ELEMENT else param.dtype}"


def test_laws_refuse_a_wrong_softmax() -> None:
    """Each exact law of softmax catches the kernel that it is there for."""
    spec = specs.ALL["softmax"]
    wrong = {
        "shift": lambda x: x.exp() / (x.exp().sum(-1, keepdim=True) + 1),
        "sum": lambda x: x.softmax(-1) * 0.5,
        "permutation": lambda x: torch.cat([x[..., :-1].softmax(-1), torch.zeros_like(x[..., :1])], -1),
    }
    inputs = {"x": torch.randn(4, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)}
    for law in spec.laws:
        if law.name in wrong:
            changed, needed = law.transform(inputs, torch.Generator().manual_seed(1))
            runs = [(wrong[law.name](each["x"]),) for each in (inputs, *_tuple(changed))]
            difference = law.expect(needed, *runs[:-1])[0] - runs[-1][0]
            assert float(difference.abs().max()) > 1e-3, law.name


def test_matmul_domain_holds_products_beyond_32_bits() -> None:
    domain = specs.ALL["matmul"].domain()
    sizes = dict.fromkeys(sorted(domain.names()), 1) | {"M": 2**20, "N": 2**20}
    assert domain.holds(sizes)
    assert not domain.holds(sizes | {"a.stride0": -1})
    assert not domain.holds(sizes | {"M": 2**20 + 1})


def _exact(spec: Spec, inputs: object) -> torch.Tensor:
    assert isinstance(inputs, dict)
    exact = {
        name: value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }
    result = spec.reference(**exact)
    assert isinstance(result, torch.Tensor)
    return result


def _tuple(changed: object) -> tuple[dict[str, torch.Tensor], ...]:
    return changed if isinstance(changed, tuple) else (changed,)  # type: ignore[return-value]
