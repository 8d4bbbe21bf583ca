"""For each operator: its meaning as loops over float64 numbers, and for each law a kernel that it must refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

import specs

Function: TypeAlias = Callable[..., Any]


def softmax(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    for i, row in enumerate(x.tolist()):
        weights = [math.exp(value - max(row)) for value in row]
        out[i] = torch.tensor([weight / math.fsum(weights) for weight in weights], dtype=x.dtype)
    return out


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    out = torch.empty_like(x)
    for i, row in enumerate(x.tolist()):
        scale = 1 / math.sqrt(math.fsum(value * value for value in row) / len(row) + eps)
        for j, value in enumerate(row):
            out[i, j] = value * scale * float(weight[j])
    return out


def matmul(a: Tensor, b: Tensor) -> Tensor:
    out = torch.empty(a.shape[0], b.shape[1], dtype=a.dtype)
    for i, row in enumerate(a.tolist()):
        for j, column in enumerate(b.T.tolist()):
            out[i, j] = math.fsum(left * right for left, right in zip(row, column, strict=True))
    return out


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    out = torch.empty_like(x)
    for i, row in enumerate(x.tolist()):
        mean = math.fsum(row) / len(row)
        scale = 1 / math.sqrt(math.fsum((value - mean) ** 2 for value in row) / len(row) + eps)
        for j, value in enumerate(row):
            out[i, j] = (value - mean) * scale * float(weight[j]) + float(bias[j])
    return out


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    out = torch.empty_like(gate)
    for i, row in enumerate(gate.tolist()):
        for j, value in enumerate(row):
            out[i, j] = value * (1 + math.tanh(value / 2)) / 2 * float(up[i, j])
    return out


def transpose(x: Tensor) -> Tensor:
    out = torch.empty(x.shape[1], x.shape[0], dtype=x.dtype)
    for i, row in enumerate(x.tolist()):
        for j, value in enumerate(row):
            out[j, i] = value
    return out


def row_sum(x: Tensor) -> Tensor:
    return torch.tensor([math.fsum(row) for row in x.tolist()], dtype=x.dtype)


def cumsum(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    for i, row in enumerate(x.tolist()):
        for j in range(len(row)):
            out[i, j] = math.fsum(row[: j + 1])
    return out


def embedding(weight: Tensor, indices: Tensor) -> Tensor:
    out = torch.empty(len(indices), weight.shape[1], dtype=weight.dtype)
    for i, row in enumerate(indices.tolist()):
        for j in range(weight.shape[1]):
            out[i, j] = float(weight[row, j])
    return out


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    out = torch.empty(len(target), dtype=logits.dtype)
    for i, (row, label) in enumerate(zip(logits.tolist(), target.tolist(), strict=True)):
        total = math.fsum(math.exp(value - max(row)) for value in row)
        out[i] = 0.0 if label == -100 else math.log(total) + max(row) - row[label]
    return out


def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    out = torch.empty_like(q)
    for index in torch.cartesian_prod(*(torch.arange(size) for size in q.shape[:3])).tolist():
        b, h, n = index
        seen = range(n + 1 if causal else q.shape[2])
        scores = [float(q[b, h, n] @ k[b, h, j]) / math.sqrt(q.shape[3]) for j in seen]
        weights = [math.exp(score - max(scores)) for score in scores]
        for d in range(q.shape[3]):
            out[b, h, n, d] = math.fsum(w * float(v[b, h, j, d]) for j, w in enumerate(weights)) / math.fsum(weights)
    return out


def attention_backward(
    grad_out: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, causal: bool
) -> tuple[Tensor, Tensor, Tensor]:
    grads = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    root = math.sqrt(q.shape[3])
    for b, h, n in torch.cartesian_prod(*(torch.arange(size) for size in q.shape[:3])).tolist():
        delta = float(grad_out[b, h, n] @ out[b, h, n])
        for j in range(n + 1 if causal else q.shape[2]):
            weight = math.exp(float(q[b, h, n] @ k[b, h, j]) / root - float(lse[b, h, n]))
            slope = weight * (float(grad_out[b, h, n] @ v[b, h, j]) - delta) / root
            grads[0][b, h, n] += slope * k[b, h, j]
            grads[1][b, h, j] += slope * q[b, h, n]
            grads[2][b, h, j] += weight * grad_out[b, h, n]
    return grads


def argmax(x: Tensor) -> Tensor:
    return torch.tensor([row.index(max(row)) for row in x.tolist()], dtype=torch.int64)


def histogram(x: Tensor, bins: int) -> Tensor:
    return torch.tensor([x.tolist().count(number) for number in range(bins)], dtype=torch.int64)


def dropout(x: Tensor, p: float, seed: int) -> Tensor:
    out = torch.empty_like(x)
    for i, row in enumerate(x.tolist()):
        for j, value in enumerate(row):
            word = philox((i * x.shape[1] + j) % 2**32, seed)
            signed = word if word < 2**31 else 2**32 - 1 - word
            number = float(torch.tensor(signed, dtype=torch.float32) * 4.6566127342e-10)
            out[i, j] = value / (1 - p) if number >= p else 0.0
    return out


def philox(counter: int, seed: int) -> int:
    """The first word of Philox4x32-10."""
    word, key = [counter, 0, 0, 0], [seed % 2**32, seed // 2**32]
    for _ in range(10):
        left, right = 0xD2511F53 * word[0], 0xCD9E8D57 * word[2]
        word = [right // 2**32 ^ word[1] ^ key[0], right % 2**32, left // 2**32 ^ word[3] ^ key[1], left % 2**32]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return word[0]


# Loops for finite values; what NaN and infinities give is held against the framework.
NAIVE: Final[Mapping[str, Function]] = {
    each.__name__: each
    for each in (
        softmax, rms_norm, matmul, layer_norm, swiglu, transpose, row_sum, cumsum, embedding, cross_entropy,
        attention, attention_backward, argmax, histogram, dropout,
    )
}  # fmt: skip


def _drop_last(result: Tensor) -> Tensor:
    return torch.cat([result[..., :-1], torch.zeros_like(result[..., :1])], -1)


def _rows_meet(result: Tensor) -> Tensor:
    return result + result.sum(0, keepdim=True)


def _one_pass(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Distances from the mean, scaled by the mean square of x itself."""
    return (x - x.mean(-1, keepdim=True)) * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * weight + bias


def _layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def _swiglu(gate: Tensor, up: Tensor) -> Tensor:
    return torch.nn.functional.silu(gate) * up


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits, target, reduction="none")


def _attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


Gradients: TypeAlias = tuple[Tensor, Tensor, Tensor]


def _backward(**given: Any) -> Gradients:
    grad_q, grad_k, grad_v = specs.ALL["attention_backward"].reference(**given)  # type: ignore[misc]
    return grad_q, grad_k, grad_v


def _bent(bend: Function, which: int, **given: Any) -> Gradients:
    """The gradients with one of them made wrong."""
    grads = list(_backward(**given))
    grads[which] = bend(grads[which])
    return grads[0], grads[1], grads[2]


# spec -> law -> a wrong kernel
BROKEN: Final[Mapping[str, Mapping[str, Function]]] = {
    "softmax": {
        "shift": lambda x: x.exp() / (x.exp().sum(-1, keepdim=True) + 1),
        "sum": lambda x: x.softmax(-1) * 0.5,
        "permutation": lambda x: _drop_last(x.softmax(-1)),
        "rows": lambda x: _rows_meet(x.softmax(-1)),
    },
    "layer_norm": {
        "shift": _one_pass,
        "scale": lambda x, weight, bias, eps: _layer_norm(x, weight, bias, 1.0),
        "weight": lambda x, weight, bias, eps: _layer_norm(x, weight, torch.ones_like(bias), eps),
        "bias": lambda x, weight, bias, eps: _layer_norm(x, weight, 2 * bias, eps),
        "permutation": lambda x, weight, bias, eps: _layer_norm(x, weight, bias.flip(0), eps),
        "sign": lambda x, weight, bias, eps: _layer_norm(x, weight, bias, eps).relu(),
        "rows": lambda x, weight, bias, eps: _rows_meet(_layer_norm(x, weight, bias, eps)),
    },
    "swiglu": {
        "sum": lambda gate, up: _swiglu(gate, up) + gate,
        "scale": lambda gate, up: _swiglu(gate, up).clamp(-1, 1),
        "reflection": lambda gate, up: gate.tanh() * up,
        "sign": lambda gate, up: _swiglu(gate, up).relu(),
        "rows": lambda gate, up: _rows_meet(_swiglu(gate, up)),
        "columns": lambda gate, up: _drop_last(_swiglu(gate, up)),
    },
    "transpose": {
        "transposition": lambda x: torch.cat([x.T[:1] * 2, x.T[1:]]),
        "sign": lambda x: x.T.relu(),
        "rows": lambda x: _rows_meet(x).T,
        "columns": lambda x: _rows_meet(x.T),
    },
    "row_sum": {
        "sum": lambda x: x.abs().sum(-1),
        "scale": lambda x: x.sum(-1) + 1,
        "permutation": lambda x: x[:, :-1].sum(-1),
        "zeros": lambda x: x.mean(-1),
        "sign": lambda x: x.sum(-1).relu(),
        "rows": lambda x: _rows_meet(x.sum(-1)),
    },
    "cumsum": {
        "sum": lambda x: x.abs().cumsum(-1),
        "scale": lambda x: x.cumsum(-1) + 1,
        "step": lambda x: x.cumsum(-1) - x,
        "prefix": lambda x: _drop_last(x.cumsum(-1)),
        "sign": lambda x: x.cumsum(-1).relu(),
        "rows": lambda x: _rows_meet(x.cumsum(-1)),
    },
    "embedding": {
        "numbering": lambda weight, indices: weight[indices.clamp(max=1)],
        "unused": lambda weight, indices: weight[indices] + weight.sum(),
        "columns": lambda weight, indices: _drop_last(weight[indices]),
        "scale": lambda weight, indices: weight[indices].clamp(-1, 1),
        "positions": lambda weight, indices: _rows_meet(weight[indices]),
    },
    "cross_entropy": {
        "shift": lambda logits, target: _cross_entropy(logits, target) + logits.square().sum(-1),
        "permutation": lambda logits, target: _cross_entropy(logits[:, :-1], target.clamp(max=logits.shape[1] - 2)),
        "classes": lambda logits, target: _cross_entropy(logits, target) * 2,
        "ignored": lambda logits, target: _cross_entropy(logits, target.clamp(min=0)),
        "rows": lambda logits, target: _rows_meet(_cross_entropy(logits, target)),
    },
    "dropout": {
        "sum": lambda x, p, seed: dropout(x, p, seed).square(),
        "scale": lambda x, p, seed: dropout(x, p, seed).clamp(-1, 1),
        "sign": lambda x, p, seed: dropout(x, p, seed).abs(),
        "none": lambda x, p, seed: dropout(x, max(p, 0.5), seed),
        "prefix": lambda x, p, seed: dropout(x, p, seed + len(x)),
    },
    "attention": {
        "scale": lambda q, k, v, causal: _attention(q, k, v.clamp(-1, 1), causal),
        "keys": lambda q, k, v, causal: (q @ k.mT / 8).exp() @ v,
        "order": lambda q, k, v, causal: _attention(q, k, v * torch.arange(v.shape[2]).unsqueeze(1), causal),
        "ones": lambda q, k, v, causal: _attention(q, k, v, causal) * 2,
        "sequences": lambda q, k, v, causal: _rows_meet(_attention(q, k, v, causal)),
        "heads": lambda q, k, v, causal: _rows_meet(_attention(q, k, v, causal).transpose(0, 1)).transpose(0, 1),
    },
    "attention_backward": {
        "sum": lambda **given: _bent(torch.abs, 2, **given),
        "values": lambda **given: _bent(torch.tanh, 1, **given),
        "ones": lambda **given: _backward(**{**given, "out": given["out"] * 0}),
        "order": lambda **given: _bent(lambda grad: grad * torch.arange(grad.shape[2])[:, None], 1, **given),
        "sequences": lambda **given: _bent(_rows_meet, 0, **given),
        "heads": lambda **given: _bent(lambda grad: _rows_meet(grad.transpose(0, 1)).transpose(0, 1), 2, **given),
    },
    "argmax": {
        "scale": lambda x: (x > 1).sum(-1),
        "first": lambda x: x.shape[-1] - 1 - x.flip(-1).argmax(-1),
        "nan": lambda x: x.nan_to_num(-1e9).argmax(-1),
        "rows": lambda x: _rows_meet(x.argmax(-1) + 1),
    },
    "histogram": {
        "order": lambda x, bins: torch.bincount(x[len(x) // 2 :], minlength=bins),
        "halves": lambda x, bins: torch.bincount(x, minlength=bins) + 1,
        "mirror": lambda x, bins: torch.bincount(x.clamp(min=bins // 2), minlength=bins),
        "room": lambda x, bins: torch.bincount(x, minlength=bins) + 1,
    },
}
