"""matmul: the product of two matrices, summed in float32 and rounded once; float32 factors stay whole."""

from __future__ import annotations

from typing import Any, Final

from specs.laws import additive, odd, shuffled
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Workload

# A million rows and columns is far beyond practice, their M*N exceeds 2^31 by far (32-bit offsets wrap), and
# yet the tiles fit a one-dimensional launch grid, so that a proof for all shapes asks for nothing impossible.
LONGEST: Final = 2**20


def _reference(a: Any, b: Any) -> Any:
    return a @ b


def _identity(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    a, b = inputs["a"], inputs["b"]
    eye = torch.eye(b.shape[0], b.shape[1], dtype=b.dtype)
    product = torch.zeros(a.shape[0], b.shape[1], dtype=a.dtype)
    shared = min(b.shape)
    product[:, :shared] = a[:, :shared]
    return {**inputs, "b": eye}, product


def _halves(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
    left, right = inputs["a"].clone(), inputs["a"].clone()
    half = left.shape[1] // 2
    left[:, half:] = 0
    right[:, :half] = 0
    return ({**inputs, "a": left}, {**inputs, "a": right}), None


def _transpose(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "a": inputs["b"].T, "b": inputs["a"].T}, None


LAWS = (
    additive("a"),
    Law(
        "identity",
        "multiplying by ones on the diagonal gives the columns of a",
        _identity,
        lambda product, base: (product,),
    ),
    Law(
        "permutation",
        "permuting the columns of a with the rows of b leaves the result",
        shuffled(a=1, b=0),
        lambda needed, base: base,
    ),
    Law(
        "halves",
        "the results over the two halves of K add up to the whole",
        _halves,
        lambda needed, base, left: (base[0] - left[0],),
    ),
    Law(
        "transposition",
        "the product of the transposes in turn is the transpose of the product",
        _transpose,
        lambda needed, base: (base[0].T,),
    ),
    odd("a"),
)

SPEC = Spec(
    name="matmul",
    summary="a @ b",
    dims=(
        Dim("M", 0, LONGEST, samples=(0, 1, 17, 33, 64, 65, 130)),
        Dim("N", 0, LONGEST, samples=(0, 1, 16, 31, 64, 129)),
        Dim("K", 0, LONGEST, samples=(0, 1, 15, 32, 65, 257)),
    ),
    params=(TensorParam("a", ("M", "K")), TensorParam("b", ("K", "N"))),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_reference,
    operations=name("M") * name("N") * name("K") * 2,
    laws=LAWS,
    workloads=(
        Workload("square", {"M": 4096, "N": 4096, "K": 4096}),
        Workload("large square", {"M": 8192, "N": 8192, "K": 8192}),
        Workload("feed-forward", {"M": 4096, "N": 14336, "K": 4096}),
        Workload("decode", {"M": 16, "N": 4096, "K": 4096}),
    ),
)
