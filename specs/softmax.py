"""softmax over the last dimension: exp(x - max) / sum of it, row by row."""

from __future__ import annotations

from typing import Any

from specs.laws import apart, shifted, shuffled
from specs.sizes import name
from specs.spec import Dim, Law, OutputSpec, Spec, TensorParam, Workload


def _reference(x: Any) -> Any:
    if x.shape[-1] == 0:
        return x
    weights = (x - x.amax(dim=-1, keepdim=True)).exp()
    return weights / weights.sum(dim=-1, keepdim=True)


def _framework(x: Any) -> Any:
    return x.softmax(dim=-1)


LAWS = (
    Law(
        "shift",
        "adding a constant to a row leaves the row's result",
        shifted("x"),
        lambda needed, base, plain: plain,
    ),
    Law(
        "sum",
        "every row sums to one",
        lambda inputs, generator: (inputs, None),
        lambda needed, base: (base[0] - base[0].sum(dim=-1, keepdim=True) + 1.0,),
    ),
    Law(
        "permutation",
        "permuting the columns permutes the result",
        shuffled(x=1),
        lambda order, base: (base[0][:, order],),
    ),
    apart("row", x=0),
)

SPEC = Spec(
    name="softmax",
    summary="exp(x - max(x)) / sum(exp(x - max(x))) over the last dimension",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 0, 131072, samples=(0, 1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(TensorParam("x", ("M", "N")),),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("N") * 5,
    laws=LAWS,
    workloads=(
        Workload("attention scores", {"M": 16384, "N": 4096}),
        Workload("long rows", {"M": 4096, "N": 16384}),
        Workload("vocabulary", {"M": 1024, "N": 131072}),
        Workload("attention scores, float32", {"M": 16384, "N": 4096}, dtype="float32"),
    ),
)
