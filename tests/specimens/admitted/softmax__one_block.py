"""Row softmax: the whole row in one block up to 8192 columns, block after block beyond that."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_block(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf"))
    x = x.to(tl.float32)
    e = tl.exp(x - tl.max(x, axis=0))
    y = e / tl.sum(e, axis=0)
    tl.store(y_ptr + row * n_cols + cols, y, mask=mask)


@triton.jit
def softmax_loop(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    peak = float("-inf")
    total = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=float("-inf"))
        x = x.to(tl.float32)
        higher = tl.maximum(peak, tl.max(x, axis=0))
        total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher), axis=0)
        peak = higher
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf")).to(tl.float32)
        tl.store(y_row + cols, tl.exp(x - peak) / total, mask=mask)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if m == 0 or n == 0:
        return y
    if n <= 8192:
        block = triton.next_power_of_2(n) if n > 1024 else 1024
        warps = 8 if n > 2048 else 4
        softmax_block[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=block, num_warps=warps)
    else:
        softmax_loop[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=8192, num_warps=16)
    return y

# Known answer: admitted.
