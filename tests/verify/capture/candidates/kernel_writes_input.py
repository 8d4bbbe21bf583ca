# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def store_all(ptr, n, value, BLOCK: tl.constexpr):
    lanes = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(ptr + lanes, value, mask=lanes < n)


def double(x):
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    store_all[(1,)](x, x.numel(), 1.0, BLOCK=64)
    return y
