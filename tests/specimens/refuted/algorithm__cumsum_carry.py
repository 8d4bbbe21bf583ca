"""Running sums, row by row, block after block with what stands before it."""

import torch
import triton
import triton.language as tl


@triton.jit
def scan_rows(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    before = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_row + cols, before + tl.cumsum(x, axis=0), mask=mask)
        before = tl.sum(x, axis=0)


def cumsum(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    scan_rows[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=512, num_warps=4)
    return y

# Known answer: refuted by algorithm. What stands before a block is only the block before it; from the third
# block on the first is missing.
