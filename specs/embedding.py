"""embedding: row `indices[m]` of a table for every m. Nothing is computed, so NaN and infinities pass through."""

from __future__ import annotations

from typing import Any

from specs.laws import apart, scaled, taken
from specs.sizes import name, size
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(weight: Any, indices: Any) -> Any:
    return weight[indices]


def _framework(weight: Any, indices: Any) -> Any:
    import torch

    return torch.nn.functional.embedding(indices, weight)


def _renumbered(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    order = torch.randperm(inputs["weight"].shape[0], generator=generator)
    return {**inputs, "weight": inputs["weight"][order], "indices": order.argsort()[inputs["indices"]]}, None


def _unused(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    used = torch.zeros(inputs["weight"].shape[0], 1, dtype=torch.bool)
    used[inputs["indices"]] = True
    return {**inputs, "weight": torch.where(used, inputs["weight"], torch.tensor(7.0).to(inputs["weight"].dtype))}, None


def _columns(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    order = torch.randperm(inputs["weight"].shape[1], generator=generator)
    return {**inputs, "weight": inputs["weight"][:, order]}, order


LAWS = (
    Law(
        "numbering",
        "the same rows under other numbers give the same result",
        _renumbered,
        lambda needed, base: base,
        bitwise=True,
    ),
    Law(
        "unused",
        "rows that no index names do not matter",
        _unused,
        lambda needed, base: base,
        bitwise=True,
    ),
    Law(
        "columns",
        "permuting the table's columns permutes the result's",
        _columns,
        lambda order, base: (taken(base[0], order, 1),),
        bitwise=True,
    ),
    Law(
        "scale",
        "doubling the table doubles the result",
        scaled(weight=2),
        lambda needed, base: (base[0] * 2,),
        bitwise=True,
    ),
    apart("position", indices=0),
)

SPEC = Spec(
    name="embedding",
    summary="row indices[m] of weight for every m; every index is a row of the table",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("V", 1, 2**24, samples=(1, 2, 17, 1000)),
        Dim("D", 0, 65536, samples=(0, 1, 2, 17, 127, 128, 129, 1000)),
    ),
    params=(
        TensorParam("weight", ("V", "D"), values=Values(special=True), least=size(0)),
        TensorParam("indices", ("M",), "int64", Values(low=size(0), high=name("V"))),
    ),
    outputs=(OutputSpec("out", ("M", "D")),),
    reference=_reference,
    framework=_framework,
    operations=size(0),
    laws=LAWS,
    workloads=(
        Workload("prefill", {"M": 16384, "V": 128256, "D": 4096}),
        Workload("decode", {"M": 64, "V": 128256, "D": 8192}),
        Workload("recommender", {"M": 262144, "V": 4194304, "D": 128}),
        Workload("prefill, float32", {"M": 16384, "V": 128256, "D": 4096}, dtype="float32"),
    ),
)
