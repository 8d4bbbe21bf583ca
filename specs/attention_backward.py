"""attention, backward: the gradients of q, k and v, from that of the output and from what the forward pass left.

`out` is softmax(q k^T / sqrt(D)) v, rounded to the inputs' dtype, and `lse` the natural logarithm of the weights' sum,
as FlashAttention returns it: log(sum(exp(q k^T / sqrt(D)))), float32. The gradients are functions of what is given:

    P = exp(q k^T / sqrt(D) - lse)    delta = rowsum(grad_out out)    dS = P (grad_out v^T - delta) / sqrt(D)
    grad_q = dS k    grad_k = dS^T q    grad_v = P^T grad_out

Whoever computes in 16 bits may round P and dS to the inputs' dtype before they meet k, q and grad_out, as matrix units
ask for; sums are in float32.
"""

from __future__ import annotations

import math
from typing import Any

from specs.laws import additive, apart, taken
from specs.sizes import any_of, name
from specs.spec import Baseline, ChoiceParam, Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload

SHAPE = ("B", "H", "N", "D")
MODERATE = Values(magnitude=8.0)


def _reference(grad_out: Any, q: Any, k: Any, v: Any, out: Any, lse: Any, causal: bool) -> tuple[Any, Any, Any]:
    # Powers of two, as kernels take them: the scale and log2(e) are one factor, rounded once.
    scores = q @ k.mT * (math.log2(math.e) / math.sqrt(q.shape[3]))
    weights = _seen(scores - lse.unsqueeze(-1) * math.log2(math.e), causal).exp2()
    delta = (grad_out * out).sum(-1, keepdim=True)
    slopes = weights * (grad_out @ v.mT - delta) * (1 / math.sqrt(q.shape[3]))
    return slopes @ k, slopes.mT @ q, weights.mT @ grad_out


def _seen(scores: Any, causal: bool) -> Any:
    """`scores`, minus infinity where a causal row does not look."""
    import torch

    if not causal:
        return scores
    at = torch.arange(scores.shape[-1], device=scores.device)
    return torch.where(at[None, :] > at[:, None], -math.inf, scores)


def _lse(grad_out: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
    """log(sum(exp(q k^T / sqrt(D)))) over the keys that a row sees"""
    return _seen(q @ k.mT / math.sqrt(q.shape[3]), causal).logsumexp(-1)


def _out(grad_out: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
    """softmax(q k^T / sqrt(D)) v over the keys that a row sees"""
    return _seen(q @ k.mT / math.sqrt(q.shape[3]), causal).softmax(-1) @ v


def _framework(grad_out: Any, q: Any, k: Any, v: Any, out: Any, lse: Any, causal: bool) -> Any:
    import torch

    aten = torch.ops.aten
    if not q.numel():  # of which torch's own divides by zero and takes the process along
        return q.clone(), k.clone(), v.clone()
    if not q.is_cuda:
        lse = lse.to(q.dtype) if q.dtype == torch.float64 else lse
        return aten._scaled_dot_product_flash_attention_for_cpu_backward(grad_out, q, k, v, out, lse, 0.0, causal)
    unused = torch.empty(2, dtype=torch.uint64, device=q.device)  # the state of dropout
    length = q.shape[2]
    return aten._scaled_dot_product_flash_attention_backward(
        grad_out, q, k, v, out, lse, None, None, length, length, 0.0, causal, unused, unused[:0]
    )


def _cudnn(grad_out: Any, q: Any, k: Any, v: Any, out: Any, lse: Any, causal: bool) -> Any:
    import torch

    unused, length = torch.empty((), dtype=torch.int64, device=q.device), q.shape[2]
    return torch.ops.aten._scaled_dot_product_cudnn_attention_backward(
        grad_out, q, k, v, out, lse.unsqueeze(-1), unused, unused, None, None, None, length, length, 0.0, causal
    )


def _order(inputs: Inputs, generator: Any) -> tuple[Any, Any]:
    import torch

    length = inputs["k"].shape[2]
    if not inputs["causal"]:
        order = torch.randperm(length, generator=generator)
        return {**inputs, **{each: taken(inputs[each], order, 2) for each in "kv"}}, (False, order)
    first, rows = torch.arange((length + 1) // 2), ("grad_out", "q", "k", "v", "out", "lse")
    silent = torch.where(torch.arange(length)[:, None] < len(first), inputs["grad_out"], 0)
    shorter = {**inputs, **{each: taken(inputs[each], first, 2) for each in rows}}
    return ({**inputs, "grad_out": silent}, shorter), (True, first)


def _reordered(needed: Any, *runs: Any) -> Any:
    causal, which = needed
    return tuple(taken(each, which, 2) if causal or place else each for place, each in enumerate(runs[-1]))


def _doubled(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "v": inputs["v"] * 2, "out": inputs["out"] * 2}, None


def _ones(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    # Weights sum up to one, so the output of ones is ones.
    ones = {each: torch.ones_like(inputs[each]) for each in ("v", "out")}
    return {**inputs, **ones}, torch.zeros(inputs["q"].shape, dtype=torch.float64)


LAWS = (
    additive("grad_out"),
    Law(
        "values",
        "doubling v, and so the output, doubles grad_q and grad_k and leaves grad_v",
        _doubled,
        lambda needed, base: (base[0] * 2, base[1] * 2, base[2]),
    ),
    Law(
        "ones",
        "where all values are one, so is the output: q and k have no gradient, and v has the same",
        _ones,
        lambda none, base: (none, none, base[2]),
    ),
    Law(
        "order",
        "causal: rows without a gradient add nothing to what is before them; otherwise keys and values have no order",
        _order,
        _reordered,
    ),
    apart("sequence", grad_out=0, q=0, k=0, v=0, out=0, lse=0),
    apart("head", axis=1, grad_out=1, q=1, k=1, v=1, out=1, lse=1),
)

EVERY = name("B") * name("H") * name("N") * name("D") * 5  # a multiplication and an addition, in five products
HALF = EVERY * (name("N") + 1)  # row n sees n + 1 keys
TRAINING = {"B": 4, "H": 16, "N": 4096, "D": 128}
LONG = {"B": 1, "H": 16, "N": 16384, "D": 128}
NARROW = {"B": 4, "H": 32, "N": 4096, "D": 64}
CAUSAL = {"causal": True}

SPEC = Spec(
    name="attention_backward",
    summary="the gradients of q, k and v through softmax(q k^T / sqrt(D)) v, from its output and log-sum-exp",
    dims=(
        Dim("B", 0, 1024, samples=(0, 1, 2)),
        Dim("H", 0, 1024, samples=(0, 1, 3)),
        Dim("N", 0, 131072, samples=(0, 1, 17, 64, 65, 129)),
        Dim("D", 64, 128, samples=(64, 128)),
    ),
    params=(
        *(TensorParam(each, SHAPE, values=MODERATE) for each in ("grad_out", "q", "k", "v")),
        TensorParam("out", SHAPE, values=MODERATE, derived=_out),
        TensorParam("lse", SHAPE[:3], dtype="float32", derived=_lse),
        ChoiceParam("causal", (False, True)),
    ),
    outputs=tuple(OutputSpec(f"grad_{each}", SHAPE) for each in "qkv"),
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
        Baseline("SDPA flash backward", _framework),
        Baseline("SDPA cuDNN backward", _cudnn),
    ),
)
