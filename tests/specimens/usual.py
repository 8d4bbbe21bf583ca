"""The usual test of a generated kernel: five normal inputs, one power-of-two shape, allclose 1e-2, float32.

Run as a program of its own, since Triton reads TRITON_INTERPRET when it is imported:
`TRITON_INTERPRET=1 python usual.py SPEC FILE SPEC FILE ...` prints one line `FILE passes|fails` each.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch

TOLERANCE: Final = 1e-2
SHAPES: Final = {
    "softmax": ((16, 1024),),
    "rms_norm": ((16, 1024), (1024,)),
    "matmul": ((512, 128), (128, 128)),
}
SCALARS: Final[dict[str, tuple[float, ...]]] = {"rms_norm": (1e-6,)}
FRAMEWORK: Final[dict[str, Callable[..., torch.Tensor]]] = {
    "softmax": lambda x: torch.softmax(x, dim=-1),
    "rms_norm": lambda x, weight, eps: torch.nn.functional.rms_norm(x, x.shape[-1:], weight, eps),
    "matmul": torch.matmul,
}


def normal_inputs(spec: str) -> Iterator[tuple[Any, ...]]:
    """Five draws of normally distributed arguments."""
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        tensors = [torch.randn(shape, generator=generator) for shape in SHAPES[spec]]
        yield (*tensors, *SCALARS.get(spec, ()))


def passes(spec: str, path: str) -> bool:
    entry = runpy.run_path(path)[spec]
    wanted = FRAMEWORK[spec]
    draws = normal_inputs(spec)
    return all(torch.allclose(entry(*given), wanted(*given), TOLERANCE, TOLERANCE) for given in draws)


if __name__ == "__main__":
    pairs = iter(sys.argv[1:])
    for spec, path in zip(pairs, pairs, strict=True):
        print(path, "passes" if passes(spec, path) else "fails", flush=True)
