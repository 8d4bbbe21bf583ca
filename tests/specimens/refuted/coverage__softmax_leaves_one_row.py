"""Row softmax in three passes over blocks of columns: maximum, sum, quotient."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols

    peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        peak = tl.maximum(peak, x.to(tl.float32))
    row_peak = tl.max(peak, axis=0)

    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        total += tl.exp(x.to(tl.float32) - row_peak)
    row_total = tl.sum(total, axis=0)

    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        y = tl.exp(x.to(tl.float32) - row_peak) / row_total
        tl.store(y_row + cols, y, mask=(cols < n_cols) & (row != 70000))


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_kernel[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    return y

# Known answer: refuted by coverage. Row 70000 is never written.
