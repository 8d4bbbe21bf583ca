"""row_sum: the sum of each row, in float32, rounded once; of an empty row 0.

A row with NaN or with both infinities sums to NaN, one with a single kind of infinity to that infinity.
"""

from __future__ import annotations

from typing import Any

from specs.laws import additive, apart, odd, scaled, shuffled
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(x: Any) -> Any:
    return x.sum(dim=-1)


def _spread(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    x = inputs["x"]
    return {**inputs, "x": torch.stack((x, torch.zeros_like(x)), dim=2).flatten(1)}, None


LAWS = (
    additive("x"),
    Law("scale", "doubling x doubles the result", scaled(x=2), lambda needed, base: (base[0] * 2,)),
    Law("permutation", "permuting the columns leaves the result", shuffled(x=1), lambda order, base: base),
    Law("zeros", "a zero after every element leaves the result", _spread, lambda needed, base: base),
    odd("x"),
    apart("row", x=0),
)

SPEC = Spec(
    name="row_sum",
    summary="the sum over the last dimension",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 0, 2**20, samples=(0, 1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(TensorParam("x", ("M", "N"), values=Values(special=True)),),
    outputs=(OutputSpec("out", ("M",)),),
    reference=_reference,
    framework=_reference,
    operations=name("M") * name("N"),
    laws=LAWS,
    workloads=(
        Workload("hidden states", {"M": 16384, "N": 4096}),
        Workload("many short rows", {"M": 262144, "N": 256}),
        Workload("long rows", {"M": 256, "N": 262144}),
        Workload("hidden states, float32", {"M": 16384, "N": 4096}, dtype="float32"),
    ),
)
