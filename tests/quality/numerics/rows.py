"""softmax, rms_norm, layer_norm and cross_entropy: right ways to compute a row, and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch

import specs
from tests.quality.numerics.operator import Inputs, Operator, Way, of_output
from tests.quality.numerics.sums import (
    ORDERS,
    Sum,
    approximated,
    blocks,
    dropped,
    lanes,
    last_dropped,
    narrow,
    repeated,
    shuffled,
    tree,
)

BLOCK: Final = 128
LOG2_E: Final = 1.4426950408889634
SAMPLE: Final = {"M": 4, "N": 300}
SIZES: Final = ({"M": 6, "N": 1000}, {"M": 6, "N": 4096})
Exp = Callable[[torch.Tensor], torch.Tensor]


def by_exp2(x: torch.Tensor) -> torch.Tensor:
    return torch.exp2(x * torch.tensor(LOG2_E))


def by_device(x: torch.Tensor) -> torch.Tensor:
    """exp as `ex2.approx` gives it: within 2 ulp."""
    return approximated(by_exp2(x), 4)


def root_by_device(x: torch.Tensor) -> torch.Tensor:
    """1 / sqrt(x) of an approximated root (1 ulp) and an approximated division (2 ulp)."""
    return approximated(1.0 / approximated(x.sqrt(), 2), 4)


def by_reciprocal(total: torch.Tensor, count: int) -> torch.Tensor:
    return total * (1.0 / torch.tensor(float(count)))


def narrowed(dtype: torch.dtype) -> Exp:
    return lambda x: x.exp().to(dtype).float()


def softmax(x: torch.Tensor, add: Sum = blocks, exp: Exp = torch.exp, largest: Any = None) -> torch.Tensor:
    x = x.float()
    weights = exp(x - (x.amax(-1, keepdim=True) if largest is None else largest))
    return weights / add(weights).unsqueeze(-1)


def online(x: torch.Tensor, rescale: bool = True, exp: Exp = torch.exp) -> tuple[torch.Tensor, torch.Tensor]:
    """Maximum and sum of exp(x - maximum), in one pass over blocks of columns."""
    largest = torch.full_like(x[..., :1], -torch.inf)
    total = torch.zeros_like(largest)
    for block in x.split(BLOCK, -1):
        now = torch.maximum(largest, block.amax(-1, keepdim=True))
        total = total * (exp(largest - now) if rescale else 1.0) + tree(exp(block - now)).unsqueeze(-1)
        largest = now
    return largest, total


def softmax_online(x: torch.Tensor, rescale: bool = True, exp: Exp = torch.exp) -> torch.Tensor:
    x = x.float()
    largest, total = online(x, rescale, exp)
    return exp(x - largest) * (1.0 / total)


def softmax_with_pad(x: torch.Tensor) -> torch.Tensor:
    """A lane beyond the row is masked, reads 0, and is summed."""
    x = x.float()
    largest = x.amax(-1, keepdim=True)
    weights = (torch.nn.functional.pad(x, (0, 1)) - largest).exp()
    return weights[..., :-1] / blocks(weights).unsqueeze(-1)


def rms_norm(
    x: torch.Tensor, weight: torch.Tensor, eps: float, add: Sum = blocks, count: int = 0, root: Exp = torch.rsqrt
) -> torch.Tensor:
    x, weight = x.float(), weight.float()
    mean = add(x * x).unsqueeze(-1) / (count or x.shape[-1]) + torch.tensor(eps)
    return x * (root(mean) * weight)


def layer_norm(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    eps: float,
    add: Sum = blocks,
    second: Sum | None = None,
    root: Exp = torch.rsqrt,
    mean: Callable[[torch.Tensor, int], torch.Tensor] = torch.div,
) -> torch.Tensor:
    x = x.float()
    count = x.shape[-1]
    centred = x - mean(add(x).unsqueeze(-1), count)
    return scaled(centred, mean((second or add)(centred * centred).unsqueeze(-1), count), weight, bias, eps, root)


def scaled(
    centred: torch.Tensor,
    variance: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    eps: float,
    root: Exp = torch.rsqrt,
) -> torch.Tensor:
    return centred * root(variance + torch.tensor(eps)) * weight.float() + bias.float()


def welford(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    """Mean and squared distances of each block, merged one block after the other."""
    x = x.float()
    mean, squares, seen = torch.zeros_like(x[..., :1]), torch.zeros_like(x[..., :1]), 0
    for block in x.split(BLOCK, -1):
        width = block.shape[-1]
        own = tree(block).unsqueeze(-1) / width
        distances = tree((block - own).square()).unsqueeze(-1)
        gap, both = own - mean, seen + width
        mean = mean + gap * (width / both)
        squares = squares + distances + gap * gap * (seen * width / both)
        seen = both
    return scaled(x - mean, squares / seen, weight, bias, eps)


def running_welford(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    """Welford's update, one element after the other."""
    x = x.float()
    mean, squares = torch.zeros_like(x[..., :1]), torch.zeros_like(x[..., :1])
    for seen, element in enumerate(x.split(1, -1), start=1):
        gap = element - mean
        mean = mean + gap / seen
        squares = squares + gap * (element - mean)
    return scaled(x - mean, squares / x.shape[-1], weight, bias, eps)


def square_minus_square(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float, add: Sum = blocks
) -> torch.Tensor:
    """E[x^2] - E[x]^2: cancels where the mean is large."""
    x = x.float()
    mean, square = (add(each).unsqueeze(-1) / x.shape[-1] for each in (x, x * x))
    return scaled(x - mean, (square - mean * mean).clamp(min=0), weight, bias, eps)


def layer_norm_with_pad(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    """A lane beyond the row is masked, reads 0, and its distance from the mean is summed."""
    x = x.float()
    mean = blocks(x).unsqueeze(-1) / x.shape[-1]
    distances = (torch.nn.functional.pad(x, (0, 1)) - mean).square()
    return scaled(x - mean, blocks(distances).unsqueeze(-1) / x.shape[-1], weight, bias, eps)


def cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, add: Sum = blocks, exp: Exp = torch.exp, shift: int = 0
) -> torch.Tensor:
    x = logits.float()
    largest = x.amax(-1)
    total = add(exp(x - largest.unsqueeze(-1)))
    return loss(x, target, total.log() + largest, shift)


def cross_entropy_online(logits: torch.Tensor, target: torch.Tensor, rescale: bool = True) -> torch.Tensor:
    x = logits.float()
    largest, total = (each.squeeze(-1) for each in online(x, rescale))
    return loss(x, target, total.log() + largest)


def loss(x: torch.Tensor, target: torch.Tensor, normaliser: torch.Tensor, shift: int = 0) -> torch.Tensor:
    at = ((target.clamp(min=0) + shift) % x.shape[-1]).long().unsqueeze(-1)
    return torch.where(target == -100, 0.0, normaliser - x.gather(-1, at).squeeze(-1))


def ways(kernel: Callable[..., torch.Tensor]) -> dict[str, Way]:
    return {name: _call(partial(kernel, add=add)) for name, add in ORDERS.items()}


def sums(kernel: Callable[..., torch.Tensor]) -> dict[str, Way]:
    """The mistakes of a sum."""
    wrong = {
        "a term dropped": dropped,
        "a term twice": repeated,
        "the last term masked off": last_dropped,
        "accumulator in bfloat16": narrow(torch.bfloat16),
        "accumulator in float16": narrow(torch.float16),
    }
    return {name: _call(partial(kernel, add=add)) for name, add in wrong.items()}


def _call(kernel: Callable[..., torch.Tensor]) -> Way:
    def way(inputs: Inputs) -> torch.Tensor:
        return kernel(**inputs)

    return way


def _in_own_dtype(kernel: Callable[..., torch.Tensor], **narrowings: Any) -> Way:
    """The kernel with parts made by a factory of the inputs' dtype."""

    def way(inputs: Inputs) -> torch.Tensor:
        dtype = next(iter(inputs.values())).dtype
        return kernel(**inputs, **{name: make(dtype) for name, make in narrowings.items()})

    return way


def _eps(value: float, kernel: Callable[..., torch.Tensor]) -> Way:
    return lambda inputs: kernel(**{**inputs, "eps": value})


def _rounded_before_weight(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return rms_norm(x, torch.ones_like(weight), eps).to(x.dtype).float() * weight.float()


def _rounded_before_bias(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    whole = layer_norm(x, weight, torch.zeros_like(bias), eps)
    return whole.to(x.dtype).float() + bias.float()


SOFTMAX: Final = Operator(
    spec=specs.ALL["softmax"],
    sample=SAMPLE,
    sizes=SIZES,
    ways={
        **ways(softmax),
        "online": _call(softmax_online),
        "exp as the device's": _call(partial(softmax, exp=by_device)),
        "online, exp2": _call(partial(softmax_online, exp=by_exp2)),
    },
    bugs={
        **sums(softmax),
        **of_output(_call(softmax)),
        "missing rescale": _call(partial(softmax_online, rescale=False)),
        "maximum left out": _call(partial(softmax, largest=0.0)),
        "a masked lane summed": _call(softmax_with_pad),
        "weights rounded to the input's dtype": _in_own_dtype(softmax, exp=narrowed),
    },
    controls={"shuffled once more": _call(partial(softmax, add=shuffled(9)))},
    eager=lambda x: x.softmax(-1),
)

RMS_NORM: Final = Operator(
    spec=specs.ALL["rms_norm"],
    sample=SAMPLE,
    sizes=SIZES,
    ways={**ways(rms_norm), "root as the device's": _call(partial(rms_norm, root=root_by_device))},
    bugs={
        **sums(rms_norm),
        **of_output(_call(rms_norm)),
        "eps left out": _eps(0.0, rms_norm),
        "eps doubled": lambda inputs: rms_norm(**{**inputs, "eps": 2 * inputs["eps"]}),
        "mean over one more": lambda inputs: rms_norm(**inputs, count=inputs["x"].shape[-1] + 1),
        "rounded before the weight": _call(_rounded_before_weight),
    },
    controls={"shuffled once more": _call(partial(rms_norm, add=shuffled(9)))},
    eager=lambda x, weight, eps: torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, eps),
)

LAYER_NORM: Final = Operator(
    spec=specs.ALL["layer_norm"],
    sample=SAMPLE,
    sizes=SIZES,
    ways={
        **ways(layer_norm),
        "root as the device's": _call(partial(layer_norm, root=root_by_device)),
        "means by a reciprocal": _call(partial(layer_norm, mean=by_reciprocal)),
        "Welford, block by block": _call(welford),
        "Welford, one by one": _call(running_welford),
    },
    bugs={
        **sums(layer_norm),
        **of_output(_call(layer_norm)),
        "E[x^2] - E[x]^2": _call(square_minus_square),
        "eps left out": _eps(0.0, layer_norm),
        "a term of the variance dropped": _call(partial(layer_norm, second=dropped)),
        "a masked lane summed": _call(layer_norm_with_pad),
        "rounded before the bias": _call(_rounded_before_bias),
    },
    controls={"shuffled once more": _call(partial(layer_norm, add=shuffled(9)))},
    eager=lambda x, weight, bias, eps: torch.nn.functional.layer_norm(x, (x.shape[-1],), weight, bias, eps),
)

CROSS_ENTROPY: Final = Operator(
    spec=specs.ALL["cross_entropy"],
    sample={"M": 12, "V": 300},
    sizes=({"M": 12, "V": 1000}, {"M": 12, "V": 4096}),
    ways={
        **ways(cross_entropy),
        "online": _call(cross_entropy_online),
        "exp as the device's": _call(partial(cross_entropy, exp=by_device)),
        "blocks in lanes": _call(partial(cross_entropy, add=partial(lanes, width=64))),
    },
    bugs={
        **sums(cross_entropy),
        **of_output(_call(cross_entropy)),
        "missing rescale": _call(partial(cross_entropy_online, rescale=False)),
        "target one further": _call(partial(cross_entropy, shift=1)),
        "weights rounded to the input's dtype": _in_own_dtype(cross_entropy, exp=narrowed),
    },
    controls={"shuffled once more": _call(partial(cross_entropy, add=shuffled(9)))},
    eager=lambda logits, target: torch.nn.functional.cross_entropy(logits, target.long(), reduction="none"),
)
