"""cumsum: running sums along each row, the element itself included, in float32, each rounded once.

From a NaN on, or once both infinities have been met, a row's sums are NaN.
"""

from __future__ import annotations

from typing import Any

from specs.laws import additive, apart, odd, scaled
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(x: Any) -> Any:
    return x.cumsum(dim=-1)


def _first_columns(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    kept = (inputs["x"].shape[1] + 1) // 2
    return {**inputs, "x": inputs["x"][:, :kept]}, kept


def _step(x: Any, base: Any) -> Any:
    import torch

    return torch.cat([x[:, :1].double(), base[0][:, :-1] + x[:, 1:].double()], 1)


LAWS = (
    additive("x"),
    Law("scale", "doubling x doubles the result", scaled(x=2), lambda needed, base: (base[0] * 2,)),
    Law(
        "step",
        "each sum is the one before it and the element",
        lambda inputs, generator: (inputs, inputs["x"]),
        lambda x, base: (_step(x, base),),
    ),
    Law(
        "prefix",
        "the first columns alone have the first columns of the result",
        _first_columns,
        lambda kept, base: (base[0][:, :kept],),
    ),
    odd("x"),
    apart("row", x=0),
)

SPEC = Spec(
    name="cumsum",
    summary="running sums over the last dimension",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 0, 131072, samples=(0, 1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(TensorParam("x", ("M", "N"), values=Values(special=True)),),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_reference,
    operations=name("M") * name("N"),
    laws=LAWS,
    workloads=(
        Workload("hidden states", {"M": 16384, "N": 4096}),
        Workload("many short rows", {"M": 262144, "N": 256}),
        Workload("probabilities", {"M": 1024, "N": 131072}),
        Workload("hidden states, float32", {"M": 16384, "N": 4096}, dtype="float32"),
    ),
)
