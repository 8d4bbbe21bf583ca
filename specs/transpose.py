"""transpose: the columns of a matrix as the rows of a new one. NaN and infinities move like other elements."""

from __future__ import annotations

from typing import Any, Final

from specs.laws import apart, odd
from specs.sizes import size
from specs.spec import Dim, Law, OutputSpec, Spec, TensorParam, Values, Workload

LONGEST: Final = 2**20  # beyond practice; M*N passes 2^31 by far and the tiles of a launch still fit its grid


def _reference(x: Any) -> Any:
    return x.transpose(0, 1)


def _framework(x: Any) -> Any:
    import torch

    return x.T.clone(memory_format=torch.contiguous_format)


LAWS = (
    Law(
        "transposition",
        "transposing x transposes the result",
        lambda inputs, generator: ({**inputs, "x": inputs["x"].T}, None),
        lambda needed, base: (base[0].T,),
        bitwise=True,
    ),
    odd("x"),
    apart("row", axis=1, x=0),
    apart("column", axis=0, x=1),
)

SPEC = Spec(
    name="transpose",
    summary="x.T in new memory",
    dims=(
        Dim("M", 0, LONGEST, samples=(0, 1, 17, 63, 64, 65, 130)),
        Dim("N", 0, LONGEST, samples=(0, 1, 16, 31, 64, 129)),
    ),
    params=(TensorParam("x", ("M", "N"), values=Values(special=True)),),
    outputs=(OutputSpec("out", ("N", "M")),),
    reference=_reference,
    framework=_framework,
    operations=size(0),
    laws=LAWS,
    workloads=(
        Workload("square", {"M": 8192, "N": 8192}),
        Workload("tall", {"M": 65536, "N": 1024}),
        Workload("weights", {"M": 4096, "N": 14336}),
        Workload("square, float32", {"M": 8192, "N": 8192}, dtype="float32"),
    ),
)
