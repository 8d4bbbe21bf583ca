"""Row softmax whose first kernel writes down how far every row goes, and whose second one reads it."""

import torch
import triton
import triton.language as tl


@triton.jit
def write_lengths(length_ptr, n_rows, n_cols, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(length_ptr + rows, tl.zeros((BLOCK,), dtype=tl.int32) + n_cols, mask=rows < n_rows)


@triton.jit
def softmax_kernel(x_ptr, y_ptr, length_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    length = tl.load(length_ptr + row)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    x_row = x_ptr + row * row_stride
    peak = float("-inf")
    total = 0.0
    for start in range(0, length, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < length, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(peak, tl.max(x, axis=0))
        total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher), axis=0)
        peak = higher
    for start in range(0, length, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < length, other=float("-inf")).to(tl.float32)
        tl.store(y_ptr + row * n_cols + cols, tl.exp(x - peak) / total, mask=cols < length)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    length = torch.empty((m,), dtype=torch.int32, device=x.device)
    write_lengths[(triton.cdiv(m, 1024),)](length, m, n, BLOCK=1024)
    softmax_kernel[(m,)](x, y, length, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    return y

# Known answer: unknown to bounds and the gates after it: the loop ends where a loaded number says, and what
# one kernel wrote is not known when the next is read.
