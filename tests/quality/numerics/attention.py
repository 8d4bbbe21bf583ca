"""attention: right ways to go over the keys, and wrong ones."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final

import torch

import specs
from tests.quality.numerics.operator import Inputs, Operator, Way, of_output
from tests.quality.numerics.rows import Exp, by_device, by_exp2
from tests.quality.numerics.sums import Sum, backwards, blocks, lanes, sequential, shuffled, tf32, tree

BLOCK: Final = 64


def scores(
    q: torch.Tensor, k: torch.Tensor, causal: bool, add: Sum = blocks, shift: int = 0, scale: float = 1.0
) -> torch.Tensor:
    """q k^T / sqrt(D), with -inf where a query may not look; `shift` lets it look that much further."""
    found = add(q.unsqueeze(-2) * k.unsqueeze(-3)) * torch.tensor(scale * q.shape[-1] ** -0.5)
    hidden = torch.ones(found.shape[-2:], dtype=torch.bool).triu(1 + shift)
    return found.masked_fill(hidden, -torch.inf) if causal else found


def in_one_pass(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool,
    add: Sum = blocks,
    exp: Exp = torch.exp,
    **changes: Any,
) -> torch.Tensor:
    """All scores at once; sums over D and over the keys in the order `add`."""
    q, k, v = q.float(), k.float(), v.float()
    found = scores(q, k, causal, add, **changes)
    weights = exp(found - found.amax(-1, keepdim=True))
    return add(weights.unsqueeze(-2) * v.mT.unsqueeze(-3)) / add(weights).unsqueeze(-1)


def in_blocks(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool,
    exp: Exp = torch.exp,
    **options: Any,
) -> torch.Tensor:
    return over_blocks(scores(q.float(), k.float(), causal), v, exp, **options)


def over_blocks(
    found: torch.Tensor,
    v: torch.Tensor,
    exp: Exp = torch.exp,
    factors: torch.dtype | None = None,
    accumulator: torch.dtype = torch.float32,
    rescale: bool = True,
    width: int = BLOCK,
) -> torch.Tensor:
    """Blocks of keys with a running maximum; `factors`: weights are rounded to it before they meet v."""
    largest = torch.full_like(found[..., :1], -torch.inf)
    total, result = torch.zeros_like(largest), torch.zeros(*found.shape[:-1], v.shape[-1])
    for part, values in zip(found.split(width, -1), v.float().split(width, -2), strict=True):
        now = torch.maximum(largest, part.amax(-1, keepdim=True).clamp(min=-1e30))
        weights = exp(part - now)
        again = exp(largest - now)
        total = total * again + tree(weights).unsqueeze(-1)
        weights = weights if factors is None else weights.to(factors).float()
        result = (result * (again if rescale else 1.0) + weights @ values).to(accumulator).float()
        largest = now
    return result / total


def by_powers_of_two(inputs: Inputs, whole: bool = False, patience: float = 0.0, width: int = BLOCK) -> torch.Tensor:
    """Weights in the inputs' dtype, that of the largest score not always one. A `whole` maximum makes rescaling exact;
    with `patience` results are rescaled only when the maximum has risen by more than that."""
    q, k, v = (inputs[name].float() for name in ("q", "k", "v"))
    found = scores(q, k, inputs["causal"]) * math.log2(math.e)
    stands = torch.full_like(found[..., :1], -torch.inf)
    total, result = torch.zeros_like(stands), torch.zeros(*found.shape[:-1], v.shape[-1])
    for part, values in zip(found.split(width, -1), v.split(width, -2), strict=True):
        largest = part.amax(-1, keepdim=True).clamp(min=-1e30)
        largest = torch.maximum(stands, largest.ceil() if whole else largest)
        now = torch.where(largest > stands + patience, largest, stands)
        weights, again = (part - now).exp2(), (stands - now).exp2()
        total = total * again + tree(weights).unsqueeze(-1)
        result = result * again + weights.to(inputs["q"].dtype).float() @ values
        stands = now
    return result / total


def in_parts(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool, merged: int = 4) -> torch.Tensor:
    """Four parts of the keys beside each other, merged by their maxima and sums: split-KV."""
    found = scores(q.float(), k.float(), causal)
    whole = found.amax(-1, keepdim=True)
    total, result = torch.zeros_like(whole), torch.zeros(*found.shape[:-1], v.shape[-1])
    for part, values in list(zip(found.chunk(4, -1), v.float().chunk(4, -2), strict=True))[:merged]:
        largest = part.amax(-1, keepdim=True).clamp(min=-1e30)
        weights, again = (part - largest).exp(), (largest - whole).exp()
        total = total + tree(weights).unsqueeze(-1) * again
        result = result + weights @ values * again
    return result / total


def _dropped(change: int, **inputs: Any) -> torch.Tensor:
    """A key in the middle left out (0) or met twice (2)."""
    middle = inputs["k"].shape[-2] // 2
    keep = [at for at in range(inputs["k"].shape[-2]) for _ in range(change if at == middle else 1)]
    q, k, v, causal = (inputs[name] for name in ("q", "k", "v", "causal"))
    found = scores(q.float(), k.float(), causal)[..., keep]
    weights = (found - found.amax(-1, keepdim=True)).exp()
    return weights @ v.float()[..., keep, :] / tree(weights).unsqueeze(-1)


def _tf32(inputs: Inputs) -> torch.Tensor:
    factors = {name: tf32(inputs[name]) for name in ("q", "k", "v")}
    return in_one_pass(**factors, causal=inputs["causal"])


def _call(kernel: Any, **options: Any) -> Way:
    return lambda inputs: kernel(**inputs, **options)


def _own(width: int) -> Way:
    return lambda inputs: in_blocks(**inputs, factors=inputs["q"].dtype, width=width)


def _normalised(inputs: Inputs) -> torch.Tensor:
    """softmax in float32, rounded; then the product."""
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    weights = scores(q.float(), k.float(), inputs["causal"]).softmax(-1)
    return weights.to(v.dtype).float() @ v.float()


def _backwards(inputs: Inputs) -> torch.Tensor:
    """From the last key to the first, so that other maxima stand for a while."""
    q, k, v = inputs["q"].float(), inputs["k"].float(), inputs["v"]
    found = scores(q, k, inputs["causal"]).flip(-1)
    return over_blocks(found, v.flip(-2), factors=v.dtype)


def _narrow(inputs: Inputs) -> torch.Tensor:
    dtype = torch.float16 if inputs["q"].dtype == torch.float16 else torch.bfloat16
    return in_blocks(**inputs, accumulator=dtype)


def _eager(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> torch.Tensor:
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=bool(causal))


def sizes(keys: int) -> dict[str, int]:
    return {"B": 1, "H": 2, "N": keys, "D": 64}


ATTENTION: Final = Operator(
    spec=specs.ALL["attention"],
    sample=sizes(40),
    sizes=(sizes(72), sizes(200)),
    ways={
        "sequential": _call(in_one_pass, add=sequential),
        "backwards": _call(in_one_pass, add=backwards),
        "shuffled": _call(in_one_pass, add=shuffled(1)),
        "lanes": _call(in_one_pass, add=lanes),
        "exp as the device's": _call(in_one_pass, exp=by_device),
        "online": _call(in_blocks),
        "online, exp2": _call(in_blocks, exp=by_exp2),
        **{f"online by {width}, weights in the inputs' dtype": _own(width) for width in (16, 32, 64, 128)},
        "weights in the inputs' dtype": _normalised,
        "backwards, weights in the inputs' dtype": _backwards,
        "a whole maximum, weights in the inputs' dtype": partial(by_powers_of_two, whole=True),
        "rescaled now and then, weights in the inputs' dtype": partial(by_powers_of_two, patience=8.0),
        "split over keys": _call(in_parts),
    },
    bugs={
        "a key dropped": partial(lambda inputs: _dropped(0, **inputs)),
        "a key twice": partial(lambda inputs: _dropped(2, **inputs)),
        "the last part of split keys lost": _call(in_parts, merged=3),
        "accumulator narrow": _narrow,
        "silent tf32": _tf32,
        "missing rescale": _call(in_blocks, rescale=False),
        "mask one too far": _call(in_one_pass, shift=1),
        "mask one too near": lambda inputs: _near(**inputs),
        "scale left out": lambda inputs: in_one_pass(**inputs, scale=inputs["q"].shape[-1] ** 0.5),
        "scale of D + 1": lambda inputs: in_one_pass(**inputs, scale=(1 + 1 / inputs["q"].shape[-1]) ** -0.5),
        **of_output(_call(in_blocks)),
    },
    controls={"shuffled once more": _call(in_one_pass, add=shuffled(9))},
    eager=_eager,
)


def _near(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> torch.Tensor:
    """A query does not see its own key; the first, which sees no other, is right."""
    right = in_one_pass(q, k, v, causal)
    if not causal:
        return right
    return torch.cat([right[..., :1, :], in_one_pass(q, k, v, causal, shift=-1)[..., 1:, :]], -2)
