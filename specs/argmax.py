"""argmax over the last dimension: where the largest element stands, the first one of equals.

As in the framework a NaN counts as larger than everything, so the first NaN of a row is where its maximum stands;
the two zeros are equal. Infinities are numbers like others.
"""

from __future__ import annotations

from typing import Any

from specs.laws import apart, scaled
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(x: Any) -> Any:
    return x.argmax(dim=-1)


def _repeated(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    return {**inputs, "x": torch.cat([inputs["x"], inputs["x"]], -1)}, None


def _beaten(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    x = inputs["x"]
    at = torch.randint(0, x.shape[1], (x.shape[0], 1), generator=generator)
    return {**inputs, "x": x.scatter(1, at, float("nan"))}, at.squeeze(1)


LAWS = (
    Law(
        "scale",
        "doubling a row leaves where its maximum stands",
        scaled(x=2),
        lambda needed, base: base,
        bitwise=True,
    ),
    Law(
        "first",
        "a row followed by itself has its maximum in the first half",
        _repeated,
        lambda needed, base: base,
        bitwise=True,
    ),
    Law(
        "nan",
        "where a row has one NaN, that is its maximum",
        _beaten,
        lambda at, base: (at,),
        bitwise=True,
    ),
    apart("row", x=0),
)

SPEC = Spec(
    name="argmax",
    summary="the index of the largest element over the last dimension, the first of equals; NaN is larger than all",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 1, 262144, samples=(1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(TensorParam("x", ("M", "N"), values=Values(special=True)),),
    outputs=(OutputSpec("index", ("M",), "int64"),),
    reference=_reference,
    framework=_reference,
    operations=name("M") * name("N"),
    laws=LAWS,
    workloads=(
        Workload("greedy decoding", {"M": 512, "N": 128256}),
        Workload("classifier", {"M": 65536, "N": 1000}),
        Workload("router", {"M": 262144, "N": 128}),
        Workload("greedy decoding, float32", {"M": 512, "N": 128256}, dtype="float32"),
    ),
)
