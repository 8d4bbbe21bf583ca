"""layer_norm over the last dimension: (x - mean) * rsqrt(variance + eps) * weight + bias, rounded once.

The variance is the mean of the squared distances from the mean. A row of x with NaN or an infinity gives NaN
throughout; weight, bias and eps are finite.
"""

from __future__ import annotations

from typing import Any

from specs.laws import apart, odd, scaled, shifted, shuffled
from specs.sizes import name
from specs.spec import Dim, FloatParam, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    import torch

    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) * (variance + eps).rsqrt() * weight + bias


def _framework(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    import torch

    return torch.nn.functional.layer_norm(x, (x.shape[-1],), weight, bias, eps)


def _without_bias(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "bias": inputs["bias"] * 0}, inputs["bias"].double()


LAWS = (
    Law(
        "shift",
        "adding a constant to a row leaves the row's result",
        shifted("x"),
        lambda needed, base, plain: plain,
    ),
    Law(
        "scale",
        "doubling x and quadrupling eps leaves the result",
        scaled(x=2, eps=4),
        lambda needed, base: base,
    ),
    Law(
        "weight",
        "doubling weight and bias doubles the result",
        scaled(weight=2, bias=2),
        lambda needed, base: (base[0] * 2,),
    ),
    Law("bias", "without bias the result is less by it", _without_bias, lambda bias, base: (base[0] - bias,)),
    Law(
        "permutation",
        "permuting the columns of x, weight and bias permutes the result",
        shuffled(x=1, weight=0, bias=0),
        lambda order, base: (base[0][:, order],),
    ),
    odd("x", "bias"),
    apart("row", x=0),
)

SPEC = Spec(
    name="layer_norm",
    summary="(x - mean(x)) * rsqrt(var(x) + eps) * weight + bias over the last dimension",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 1, 131072, samples=(1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(
        TensorParam("x", ("M", "N"), values=Values(special=True)),
        TensorParam("weight", ("N",)),
        TensorParam("bias", ("N",)),
        FloatParam("eps", samples=(1e-5, 1e-6, 0.1)),
    ),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("N") * 8,
    laws=LAWS,
    workloads=(
        Workload("prefill", {"M": 16384, "N": 4096}),
        Workload("wide model", {"M": 4096, "N": 16384}),
        Workload("decode", {"M": 64, "N": 8192}),
        Workload("prefill, float32", {"M": 16384, "N": 4096}, dtype="float32"),
    ),
)
