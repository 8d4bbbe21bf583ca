"""attention, forward: softmax(q k^T / sqrt(D)) v for each batch and head; causal rows see keys up to their own.

Inputs are finite, and small enough that scores stay below a thousand. Whoever computes in 16 bits may round the
weights to the inputs' dtype before they meet the values, as matrix units ask for; sums are in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from specs.laws import apart, scaled, taken
from specs.sizes import any_of, name
from specs.spec import Baseline, ChoiceParam, Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload

SHAPE = ("B", "H", "N", "D")
MODERATE = Values(magnitude=8.0)


def _reference(q: Any, k: Any, v: Any, causal: bool) -> Any:
    import torch

    length = q.shape[2]
    if length == 0:
        return q
    # Powers of two, as kernels take them: the scale and log2(e) are one factor, rounded once.
    scores = q @ k.mT * (math.log2(math.e) / math.sqrt(q.shape[3]))
    if causal:
        at = torch.arange(length, device=q.device)
        scores = torch.where(at[None, :] > at[:, None], -math.inf, scores)
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp2()
    return weights @ v / weights.sum(dim=-1, keepdim=True)


def _framework(q: Any, k: Any, v: Any, causal: bool) -> Any:
    import torch

    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


def _by(backend: str) -> Callable[..., Any]:
    def call(q: Any, k: Any, v: Any, causal: bool) -> Any:
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with sdpa_kernel(getattr(SDPBackend, backend)):
            return _framework(q, k, v, causal)

    return call


def _keys(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
    import torch

    # Whole numbers below 4, moved by whole numbers below 4, are exact in every dtype: moving rounds nothing.
    k = inputs["k"].clamp(-4, 4).round()
    move = torch.randint(-4, 5, (*k.shape[:2], 1, k.shape[3]), generator=generator).to(k.dtype)
    return ({**inputs, "k": k}, {**inputs, "k": k + move}), None


def _order(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    length = inputs["k"].shape[2]
    if inputs["causal"]:
        first = torch.arange((length + 1) // 2)
        return {**inputs, **{each: taken(inputs[each], first, 2) for each in "qkv"}}, first
    order = torch.randperm(length, generator=generator)
    return {**inputs, **{each: taken(inputs[each], order, 2) for each in "kv"}}, torch.arange(length)


def _ones(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    return {**inputs, "v": torch.ones_like(inputs["v"])}, torch.ones(inputs["v"].shape, dtype=torch.float64)


LAWS = (
    Law(
        "scale",
        "doubling v doubles the result",
        scaled(v=2),
        lambda needed, base: (base[0] * 2,),
    ),
    Law(
        "keys",
        "moving all keys of a head by the same vector leaves the result",
        _keys,
        lambda needed, base, whole: whole,
    ),
    Law(
        "order",
        "causal rows do not depend on what follows them; otherwise the order of keys and values does not matter",
        _order,
        lambda kept, base: (taken(base[0], kept, 2),),
    ),
    Law("ones", "where all values are one, so is the result", _ones, lambda ones, base: (ones,)),
    apart("sequence", q=0, k=0, v=0),
    apart("head", axis=1, q=1, k=1, v=1),
)

EVERY = name("B") * name("H") * name("N") * name("D") * 2  # a multiplication and an addition, in two products
HALF = EVERY * (name("N") + 1)  # row n sees n + 1 keys
TRAINING = {"B": 4, "H": 16, "N": 4096, "D": 128}
LONG = {"B": 1, "H": 16, "N": 16384, "D": 128}
NARROW = {"B": 4, "H": 32, "N": 4096, "D": 64}
CAUSAL = {"causal": True}

SPEC = Spec(
    name="attention",
    summary="softmax(q k^T / sqrt(D)) v for each batch and head; where causal, row n sees the keys 0 to n",
    dims=(
        Dim("B", 0, 1024, samples=(0, 1, 2)),
        Dim("H", 0, 1024, samples=(0, 1, 3)),
        Dim("N", 0, 131072, samples=(0, 1, 2, 17, 64, 65, 127, 129, 200)),
        Dim("D", 64, 128, samples=(64, 128)),
    ),
    params=(*(TensorParam(each, SHAPE, values=MODERATE) for each in "qkv"), ChoiceParam("causal", (False, True))),
    outputs=(OutputSpec("out", SHAPE),),
    reference=_reference,
    framework=_framework,
    operations=EVERY * 2 * name("N"),
    laws=LAWS,
    workloads=(
        Workload("training", TRAINING),
        Workload("training, causal", TRAINING, choices=CAUSAL, operations=HALF),
        Workload("long", LONG),
        Workload("long, causal", LONG, choices=CAUSAL, operations=HALF),
        Workload("training, D=64, causal", NARROW, choices=CAUSAL, operations=HALF),
        Workload("training, causal, float16", TRAINING, "float16", choices=CAUSAL, operations=HALF),
    ),
    requires=(any_of(name("D").equals(64), name("D").equals(128)),),
    baselines=(
        Baseline("SDPA flash", _by("FLASH_ATTENTION")),
        Baseline("SDPA cuDNN", _by("CUDNN_ATTENTION")),
        Baseline("SDPA efficient", _by("EFFICIENT_ATTENTION")),
    ),
)
