"""Specs of operators that the catalogue does not have yet."""

from __future__ import annotations

from typing import Any

import torch

import specs
from specs.sizes import name
from specs.spec import ChoiceParam, Dim, OutputSpec, Spec, TensorParam, Values


def spec_of(operator: str) -> Spec:
    return specs.ALL.get(operator) or STAND_INS[operator]


def _attention(q: Any, k: Any, v: Any, causal: bool) -> Any:
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if causal:
        hidden = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
        scores = torch.where(hidden, -torch.inf, scores)
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


def _spec(operator: str, dims: Any, params: Any, output: tuple[str, ...], reference: Any) -> Spec:
    return Spec(
        operator, "", dims, params, (OutputSpec("out", output),), reference, reference, name(dims[0].name), (), ()
    )


ROWS = (Dim("M", 0, 2**20), Dim("N", 1, 2**20))
STAND_INS = {
    "attention": _spec(
        "attention",
        (Dim("B", 0, 64), Dim("H", 0, 64), Dim("N", 1, 2**20), Dim("D", 1, 256)),
        (
            *(TensorParam(tensor, ("B", "H", "N", "D"), values=Values(100.0)) for tensor in "qkv"),
            ChoiceParam("causal", (False, True)),
        ),
        ("B", "H", "N", "D"),
        _attention,
    ),
}
