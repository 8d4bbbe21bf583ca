"""A device's own kernels: more right ways, and some that are known to be wrong for what the specs ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

# inputs on the device -> the output in its dtype
Native: TypeAlias = Callable[..., torch.Tensor]


@contextmanager
def _products(tf32: bool, reduced: bool) -> Iterator[None]:
    """Whether float32 factors may be cut to tf32, and parts of a 16-bit product added up in 16 bits."""
    settings = torch.backends.cuda.matmul
    names = ("allow_tf32", "allow_bf16_reduced_precision_reduction", "allow_fp16_reduced_precision_reduction")
    before = [getattr(settings, name) for name in names]
    for name, value in zip(names, (tf32, reduced, reduced), strict=True):
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(settings, name, value)


def _matmul(a: torch.Tensor, b: torch.Tensor, tf32: bool = False) -> torch.Tensor:
    with _products(tf32, reduced=False):
        return a @ b


def _attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool, backend: SDPBackend = SDPBackend.MATH
) -> torch.Tensor:
    with _products(tf32=False, reduced=False), sdpa_kernel(backend):
        return functional.scaled_dot_product_attention(q, k, v, is_causal=bool(causal))


def _rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return functional.rms_norm(x, (x.shape[-1],), weight, eps)


def _layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    return functional.layer_norm(x, (x.shape[-1],), weight, bias, eps)


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, target.long(), reduction="none", ignore_index=-100)


BACKENDS: Final = {
    "math": SDPBackend.MATH,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
}
RIGHT: Final[Mapping[str, Mapping[str, Native]]] = {
    "matmul": {"cuBLAS": _matmul},
    "softmax": {"F.softmax": partial(functional.softmax, dim=-1)},
    "rms_norm": {"F.rms_norm": _rms_norm},
    "layer_norm": {"F.layer_norm": _layer_norm},
    "attention": {f"SDPA {name}": partial(_attention, backend=backend) for name, backend in BACKENDS.items()},
    "cross_entropy": {"F.cross_entropy": _cross_entropy},
    "cumsum": {"torch.cumsum": partial(torch.cumsum, dim=-1)},
}
# What the specs do not ask for: factors cut to tf32, and running sums of 16-bit numbers in 16 bits.
BUGS: Final[Mapping[str, Mapping[str, Native]]] = {"matmul": {"cuBLAS, silent tf32": partial(_matmul, tf32=True)}}
IN_OWN_DTYPE: Final = ("cumsum",)


def tables(operator: str, dtype: str) -> Iterator[tuple[str, str, Native]]:
    """The device's kernels of an operator: whether right or a bug, name, kernel."""
    for name, native in RIGHT[operator].items():
        wrong = operator in IN_OWN_DTYPE and dtype != "float32"
        yield ("bug" if wrong else "right"), (f"{name} in 16 bits" if wrong else name), native
    for name, native in BUGS.get(operator, {}).items():
        yield "bug", name, native


def run(native: Native, inputs: Mapping[str, Any], device: str) -> torch.Tensor | None:
    """The output of a device's kernel, back on the CPU; None where the device has none for such inputs."""
    there = {name: each.to(device) if isinstance(each, torch.Tensor) else each for name, each in inputs.items()}
    try:
        return native(*there.values()).cpu()
    except RuntimeError as error:
        if "No available kernel" in str(error):
            return None
        raise
