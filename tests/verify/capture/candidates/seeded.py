# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def add(x_ptr, y_ptr, row, col, n_cols, seed, BLOCK: tl.constexpr):
    lanes = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + tl.program_id(0) * row + lanes * col, mask=lanes < n_cols)
    tl.store(y_ptr + tl.program_id(0) * n_cols + lanes, x + seed, mask=lanes < n_cols)


def double(x, seed):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    add[(m,)](x, y, x.stride(0), x.stride(1), n, 2 * seed + 1, BLOCK=4096)
    return y
