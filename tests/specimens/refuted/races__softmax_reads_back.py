"""Row softmax in three passes over blocks: maximum, sum, quotient; exponentials stay in memory."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, y_ptr, scratch_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    scratch_row = scratch_ptr + row * n_cols

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
        e = tl.exp(x.to(tl.float32) - row_peak)
        tl.store(scratch_row + cols, e, mask=cols < n_cols)
        total += e
    row_total = tl.sum(total, axis=0)

    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        e = tl.load(scratch_row + (n_cols - 1 - cols), mask=cols < n_cols, other=0.0)
        y = e / row_total
        tl.store(y_row + (n_cols - 1 - cols), y, mask=cols < n_cols)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    scratch = torch.empty((m, n), dtype=torch.float32, device=x.device)
    softmax_kernel[(m,)](x, y, scratch, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    return y

# Known answer: refuted by races. What a program stores it loads again in another order with no barrier
# between: another thread may not have written it yet.
