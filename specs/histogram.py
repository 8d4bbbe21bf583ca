"""histogram: how many of the integers 0 to bins - 1 in a list are equal to each. Counts are exact."""

from __future__ import annotations

from typing import Any

from specs.sizes import name, size
from specs.spec import Dim, Inputs, Law, OutputSpec, SizeParam, Spec, TensorParam, Values, Workload


def _reference(x: Any, bins: int) -> Any:
    import torch

    return torch.bincount(x, minlength=bins)


def _shuffled(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    return {**inputs, "x": inputs["x"][torch.randperm(len(inputs["x"]), generator=generator)]}, None


def _halves(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
    half = len(inputs["x"]) // 2
    return ({**inputs, "x": inputs["x"][:half]}, {**inputs, "x": inputs["x"][half:]}), None


def _mirrored(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "x": inputs["bins"] - 1 - inputs["x"]}, None


def _room(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "bins": inputs["bins"] + 3}, None


def _emptied(needed: Any, base: Any) -> tuple[Any, ...]:
    import torch

    return (torch.cat([base[0], torch.zeros(3, dtype=base[0].dtype)]),)


LAWS = (
    Law("order", "the order of the list does not matter", _shuffled, lambda needed, base: base, bitwise=True),
    Law(
        "halves",
        "the counts of two halves of the list add up",
        _halves,
        lambda needed, base, left: (base[0] - left[0],),
        bitwise=True,
    ),
    Law(
        "mirror",
        "counting from the last bin mirrors the result",
        _mirrored,
        lambda needed, base: (base[0].flip(0),),
        bitwise=True,
    ),
    Law("room", "bins that nothing falls into stay empty", _room, _emptied, bitwise=True),
)

SPEC = Spec(
    name="histogram",
    summary="for each bin how many elements of x are equal to its number; every element is a bin",
    dims=(
        Dim("N", 0, 2**31 - 1, samples=(0, 1, 2, 17, 1000, 1023, 1025, 4097)),
        Dim("bins", 1, 65536, samples=(1, 2, 17, 256, 1000)),
    ),
    params=(
        TensorParam("x", ("N",), "int64", Values(low=size(0), high=name("bins"))),
        SizeParam("bins"),
    ),
    outputs=(OutputSpec("counts", ("bins",), "int64"),),
    reference=_reference,
    framework=_reference,
    operations=name("N"),
    laws=LAWS,
    workloads=(
        Workload("bytes", {"N": 2**26, "bins": 256}, dtype="float32"),
        Workload("experts", {"N": 2**20, "bins": 64}, dtype="float32"),
        Workload("vocabulary", {"N": 2**24, "bins": 32768}, dtype="float32"),
    ),
    dtypes=("float32",),
)
