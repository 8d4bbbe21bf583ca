"""rms_norm over the last dimension: x * rsqrt(mean(x^2) + eps) * weight, row by row, rounded once."""

from __future__ import annotations

from functools import cache
from typing import Any

from specs.sizes import name
from specs.spec import Baseline, Dim, FloatParam, Inputs, Law, OutputSpec, Spec, TensorParam, Workload


def _reference(x: Any, weight: Any, eps: float) -> Any:
    return x * ((x * x).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight


def _framework(x: Any, weight: Any, eps: float) -> Any:
    import torch

    return torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, eps)


@cache
def _compile() -> Any:
    import torch

    return torch.compile(_framework)


def _compiled(x: Any, weight: Any, eps: float) -> Any:
    return _compile()(x, weight, eps)


def _scale(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "x": inputs["x"] * 2, "eps": inputs["eps"] * 4}, None


def _double_weight(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "weight": inputs["weight"] * 2}, None


def _permute(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    order = torch.randperm(inputs["x"].shape[1], generator=generator)
    return {**inputs, "x": inputs["x"][:, order], "weight": inputs["weight"][order]}, order


def _some_rows(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    count = inputs["x"].shape[0]
    rows = torch.randperm(count, generator=generator)[: (count + 1) // 2]
    return {**inputs, "x": inputs["x"][rows]}, rows


LAWS = (
    Law(
        "scale",
        "doubling x and quadrupling eps leaves the result",
        _scale,
        lambda needed, base: base,
    ),
    Law(
        "weight",
        "doubling the weight doubles the result",
        _double_weight,
        lambda needed, base: (base[0] * 2,),
    ),
    Law(
        "permutation",
        "permuting the columns of x and weight permutes the result",
        _permute,
        lambda order, base: (base[0][:, order],),
    ),
    Law(
        "sign",
        "negating x negates the result",
        lambda inputs, generator: ({**inputs, "x": -inputs["x"]}, None),
        lambda needed, base: (-base[0],),
        bitwise=True,
    ),
    Law(
        "rows",
        "a row's result is the same whatever the other rows are, how many there are and where it stands",
        _some_rows,
        lambda rows, base: (base[0][rows],),
        bitwise=True,
    ),
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
    baselines=(Baseline("eager", _framework), Baseline("torch.compile", _compiled)),
)
