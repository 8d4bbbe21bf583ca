"""rms_norm over the last dimension: x * rsqrt(mean(x^2) + eps) * weight, row by row, rounded once."""

from __future__ import annotations

from typing import Any

from specs.laws import apart, odd, scaled, shuffled
from specs.sizes import name
from specs.spec import Dim, FloatParam, Law, OutputSpec, Spec, TensorParam, Workload


def _reference(x: Any, weight: Any, eps: float) -> Any:
    return x * ((x * x).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight


def _framework(x: Any, weight: Any, eps: float) -> Any:
    import torch

    return torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, eps)


LAWS = (
    Law(
        "scale",
        "doubling x and quadrupling eps leaves the result",
        scaled(x=2, eps=4),
        lambda needed, base: base,
    ),
    Law(
        "weight",
        "doubling the weight doubles the result",
        scaled(weight=2),
        lambda needed, base: (base[0] * 2,),
    ),
    Law(
        "permutation",
        "permuting the columns of x and weight permutes the result",
        shuffled(x=1, weight=0),
        lambda order, base: (base[0][:, order],),
    ),
    odd("x"),
    apart("row", x=0),
)

SPEC = Spec(
    name="rms_norm",
    summary="x * rsqrt(mean(x^2) + eps) * weight over the last dimension",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 1, 131072, samples=(1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(
        TensorParam("x", ("M", "N")),
        TensorParam("weight", ("N",)),
        FloatParam("eps", samples=(1e-6, 1e-5, 0.1)),
    ),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("N") * 4,
    laws=LAWS,
    workloads=(
        Workload("prefill", {"M": 16384, "N": 4096}),
        Workload("wide model", {"M": 4096, "N": 16384}),
        Workload("decode", {"M": 64, "N": 8192}),
        Workload("prefill, float32", {"M": 16384, "N": 4096}, dtype="float32"),
    ),
)
