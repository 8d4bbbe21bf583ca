# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def either(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    lanes = tl.arange(0, BLOCK)
    here = y_ptr
    if n > 64:
        here = x_ptr
    tl.store(here + lanes, 1.0, mask=lanes < n)


def double(x):
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    either[(1,)](x, y, x.numel(), BLOCK=64)
    return y
