"""Compile one variant's TTIR for a device with Triton's own compiler. Only this module here needs triton."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
import triton
from triton.backends.compiler import GPUTarget

from verify.plan import Variant


class Kernel(Protocol):
    """A compiled kernel: `kernel[grid](*arguments)` starts it on torch's current stream."""

    def __getitem__(self, grid: tuple[int, int, int]) -> Callable[..., None]: ...


def compile_variant(variant: Variant) -> Kernel:
    """The variant's kernel for the current device. Raises whatever Triton raises when it does not compile."""
    options = (variant.num_warps, variant.num_stages, variant.num_ctas)
    kernel: Kernel = _compile(variant.ttir, *options, _current_target())
    return kernel


@lru_cache(maxsize=256)
def _compile(ttir: str, num_warps: int, num_stages: int, num_ctas: int, target: tuple[str, int | str, int]) -> Any:
    with TemporaryDirectory(prefix="kernelproof-ttir-") as folder:
        path = Path(folder) / "kernel.ttir"
        path.write_text(ttir)
        options = {"num_warps": num_warps, "num_stages": num_stages, "num_ctas": num_ctas}
        kernel = triton.compile(str(path), target=GPUTarget(*target), options=options)
    kernel.src.signature = as_launched(kernel.src.signature)
    # Descriptors made inside a kernel need scratch memory from the host, by way of Triton's allocator.
    triton.set_allocator(lambda size, align, stream: torch.empty(size, dtype=torch.uint8, device="cuda"))
    return kernel


def as_launched(signature: Mapping[int, str]) -> dict[int, str]:
    """The types of what the kernel is called with, given those of the TTIR function.

    A tensor descriptor is one argument to Triton's launcher, under another spelling; to the function it is followed
    by its sizes and strides.
    """
    types = iter(signature.values())
    launched: list[str] = []
    for type in types:
        if type.startswith("!tt.tensordesc<"):
            *block, element = type.removeprefix("!tt.tensordesc<").removeprefix("tensor<").rstrip(">").split("x")
            for _ in range(2 * len(block)):
                next(types)
            type = f"tensordesc<{element}[{', '.join(block)}]>"
        launched.append(type)
    return dict(enumerate(launched))


def _current_target() -> tuple[str, int | str, int]:
    if torch.version.hip:
        return "hip", torch.cuda.get_device_properties().gcnArchName.split(":")[0], 64
    major, minor = torch.cuda.get_device_capability()
    return "cuda", major * 10 + minor, 32
