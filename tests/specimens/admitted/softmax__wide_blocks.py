"""Row softmax: the whole row in one block up to 16384 columns, two passes of 16384 columns each beyond that."""

import torch
import triton
import triton.language as tl

LOWEST = tl.constexpr(-3.4028234663852886e38)  # a finite start keeps (-inf) - (-inf) out of lanes without a column


@triton.jit
def softmax_block(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf"))
    x = x.to(tl.float32)
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(y_ptr + row * n_cols + cols, e * (1.0 / tl.sum(e, axis=0)), mask=mask)


@triton.jit
def softmax_loop(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    lanes = tl.arange(0, BLOCK)
    peak = tl.full((BLOCK,), LOWEST, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=float("-inf"))
        x = x.to(tl.float32)
        higher = tl.maximum(peak, x)
        total = total * tl.exp(peak - higher) + tl.exp(x - higher)
        peak = higher
    row_peak = tl.max(peak, axis=0)
    scale = 1.0 / tl.sum(total * tl.exp(peak - row_peak), axis=0)

    # The second reading is the last, and results are not read at all: the cache is left to rows still to be read again.
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        mask = cols < n_cols
        x = tl.load(
            x_row + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf"), eviction_policy="evict_first"
        ).to(tl.float32)
        tl.store(y_row + cols, tl.exp(x - row_peak) * scale, mask=mask, cache_modifier=".cs")


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if n <= 1024:
        softmax_block[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    elif n <= 4096:
        softmax_block[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=4096, num_warps=8)
    elif n <= 16384:
        softmax_block[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=16384, num_warps=16)
    else:
        softmax_loop[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=16384, num_warps=32)
    return y

# Known answer: admitted.
