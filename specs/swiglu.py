"""swiglu: silu(gate) * up, element by element, in float32, rounded once.

`gate` may hold NaN and infinities: NaN and -inf give NaN, as -inf * 0 does; +inf gives an infinity of the sign
of `up`, and NaN where `up` is zero. `up` is finite: an infinity times a gate that underflows has no one answer.
"""

from __future__ import annotations

from typing import Any

from specs.laws import additive, apart, odd, scaled
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(gate: Any, up: Any) -> Any:
    return gate * gate.sigmoid() * up


def _framework(gate: Any, up: Any) -> Any:
    import torch

    return torch.nn.functional.silu(gate) * up


def _reflect(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "gate": -inputs["gate"]}, inputs["gate"].double() * inputs["up"].double()


LAWS = (
    additive("up"),
    Law("scale", "doubling up doubles the result", scaled(up=2), lambda needed, base: (base[0] * 2,)),
    Law(
        "reflection",
        "negating the gate takes the product of gate and up away from the result",
        _reflect,
        lambda product, base: (base[0] - product,),
    ),
    odd("up"),
    apart("row", gate=0, up=0),
    apart("column", axis=1, gate=1, up=1),
)

SPEC = Spec(
    name="swiglu",
    summary="silu(gate) * up",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 0, 131072, samples=(0, 1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(
        TensorParam("gate", ("M", "N"), values=Values(special=True)),
        TensorParam("up", ("M", "N")),
    ),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("N") * 5,
    laws=LAWS,
    workloads=(
        Workload("prefill", {"M": 8192, "N": 14336}),
        Workload("small model", {"M": 16384, "N": 4096}),
        Workload("decode", {"M": 64, "N": 14336}),
        Workload("prefill, float32", {"M": 8192, "N": 14336}, dtype="float32"),
    ),
)
