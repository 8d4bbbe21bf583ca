"""dropout with a seed: an element is kept, over 1 - p, where its random number is at least p; else it is zero.

The random number of an element is what `tl.rand(seed, position)` gives: Philox4x32 with ten rounds on the element's
row-major position, of which the low 32 bits count, and the seed as key. So the same seed drops the same elements.
"""

from __future__ import annotations

from typing import Any, Final

from specs.laws import additive, odd, scaled
from specs.sizes import name
from specs.spec import Dim, FloatParam, Inputs, Law, OutputSpec, SizeParam, Spec, TensorParam, Workload

WORD: Final = 0xFFFFFFFF
FACTORS: Final = (0xD2511F53, 0xCD9E8D57)  # Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3
KEYS: Final = (0x9E3779B9, 0xBB67AE85)
ROUNDS: Final = 10
STEP: Final = 4.6566127342e-10  # times 2^31 it is still below one in float32


def uniform(count: int, seed: int, device: Any = None) -> Any:
    """The random numbers in [0, 1) of positions 0..count-1, as float64 that float32 can hold."""
    import torch

    first = torch.arange(count, dtype=torch.int64, device=device) & WORD
    second, third, fourth = torch.zeros(3, 1, dtype=torch.int64, device=device)
    key, other = seed & WORD, seed >> 32 & WORD
    for _ in range(ROUNDS):
        # int64 products wrap, which leaves both halves of the unsigned product right once they are masked.
        left, right = first * FACTORS[0], third * FACTORS[1]
        first, second, third, fourth = (
            (right >> 32 & WORD) ^ second ^ key,
            right & WORD,
            (left >> 32 & WORD) ^ fourth ^ other,
            left & WORD,
        )
        key, other = key + KEYS[0] & WORD, other + KEYS[1] & WORD
    signed = torch.where(first > WORD >> 1, WORD - first, first)  # -x - 1 of the same bits as a negative int32
    return (signed.to(torch.float32) * STEP).double()


def _reference(x: Any, p: float, seed: int) -> Any:
    import torch

    rows, columns = x.shape
    kept = (uniform(rows * columns, seed, x.device) >= p).reshape(rows, columns)
    return torch.where(kept, x / (1 - p), 0.0)


def _framework(x: Any, p: float, seed: int) -> Any:
    import torch

    return torch.nn.functional.dropout(x, p)  # with random numbers of its own


def _without(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "p": 0.0}, inputs["x"]


def _prefix(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    rows = (inputs["x"].shape[0] + 1) // 2
    return {**inputs, "x": inputs["x"][:rows]}, rows


LAWS = (
    additive("x"),
    Law("scale", "doubling x doubles the result", scaled(x=2), lambda needed, base: (base[0] * 2,), bitwise=True),
    odd("x"),
    Law("none", "with p = 0 everything is kept as it is", _without, lambda x, base: (x,), bitwise=True),
    Law(
        "prefix",
        "the first rows are the same whatever rows follow: the position alone decides",
        _prefix,
        lambda rows, base: (base[0][:rows],),
        bitwise=True,
    ),
)

# At these values, and not at most others, rounding never decides: the least number that is at least p is the same
# one whether numbers are rounded to float32 or not.
SHARES: Final = (0.5, 0.125, 0.0)

SPEC = Spec(
    name="dropout",
    summary="x / (1 - p) where tl.rand(seed, position) >= p, else 0",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("N", 0, 131072, samples=(0, 1, 2, 17, 127, 128, 129, 1000)),
        Dim("seed", 0, 2**31 - 1, samples=(0, 1, 42, 2**31 - 1)),
    ),
    params=(TensorParam("x", ("M", "N")), FloatParam("p", samples=SHARES), SizeParam("seed")),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("N") * 2,
    laws=LAWS,
    workloads=(
        Workload("hidden states", {"M": 16384, "N": 4096, "seed": 42}),
        Workload("attention scores", {"M": 65536, "N": 2048, "seed": 42}),
        Workload("hidden states, float32", {"M": 16384, "N": 4096, "seed": 42}, dtype="float32"),
    ),
)
