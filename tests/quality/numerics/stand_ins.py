"""A spec of attention, for as long as the catalogue has none."""

from __future__ import annotations

import math
from typing import Any

import torch

import specs
from specs.sizes import name
from specs.spec import ChoiceParam, Dim, OutputSpec, Spec, TensorParam, Values


def _reference(q: Any, k: Any, v: Any, causal: bool) -> Any:
    scores = q @ k.mT * (math.log2(math.e) / math.sqrt(q.shape[-1]))
    if causal:
        hidden = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
        scores = torch.where(hidden, -torch.inf, scores)
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp2()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


SHAPE = ("B", "H", "N", "D")
ATTENTION = specs.ALL.get("attention") or Spec(
    name="attention",
    summary="softmax(q k^T / sqrt(D)) v",
    dims=tuple(Dim(each, 1, 2**20) for each in SHAPE),
    params=(*(TensorParam(each, SHAPE, values=Values(8.0)) for each in "qkv"), ChoiceParam("causal", (False, True))),
    outputs=(OutputSpec("out", SHAPE),),
    reference=_reference,
    framework=_reference,
    operations=name("N"),
    laws=(),
    workloads=(),
)
