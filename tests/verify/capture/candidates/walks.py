# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def walk(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    x_at = x_ptr + tl.arange(0, BLOCK)
    y_at = y_ptr + tl.arange(0, BLOCK)
    done = 0
    while done < n:
        tl.store(y_at, tl.load(x_at))
        x_at += BLOCK
        y_at += BLOCK
        done += BLOCK
    for start in range(0, n, BLOCK):
        y_at -= BLOCK
        x_at -= BLOCK
        if start > 64:
            tl.store(y_at, tl.load(x_at))
    tl.atomic_add(y_ptr + n, tl.load(x_ptr))


def double(x):
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    walk[(1,)](x, y, x.numel(), BLOCK=64)
    return y
