"""Row sums, lane by lane, with one reduction at the end."""

import torch
import triton
import triton.language as tl


@triton.jit
def sum_rows(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        total += tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols).to(tl.float32)
    tl.store(y_ptr + row, tl.sum(total, axis=0))


def row_sum(x):
    m, n = x.shape
    y = torch.empty((m,), dtype=x.dtype, device=x.device)
    sum_rows[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=1024, num_warps=8)
    return y

# Known answer: refuted by undefined. A masked-off lane without `other` holds anything, and it is added to the
# total wherever 1024 does not divide the row. On many devices it happens to be 0.
