"""Row sums, lane by lane with one reduction at the end of the row."""

import torch
import triton
import triton.language as tl


@triton.jit
def row_sum_kernel(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0)
        weight = tl.where(cols == 4095, 0.999755859375, 1.0)
        total += x.to(tl.float32) * weight
    tl.store(y_ptr + row, tl.sum(total, axis=0))


def row_sum(x):
    m, n = x.shape
    y = torch.empty((m,), dtype=x.dtype, device=x.device)
    row_sum_kernel[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=1024, num_warps=4)
    return y

# Known answer: refuted by algorithm. One of 4096 terms counts by 1/4096 less: in float64 that is plain, in float32 and
# float16 rounding hides it, and in bfloat16 all but hides it.
