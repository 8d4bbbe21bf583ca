"""Running sums, row by row, block after block with what stands before it."""

import torch
import triton
import triton.language as tl


@triton.jit
def scan_rows(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    dtype = y_ptr.dtype.element_ty
    before = tl.zeros((), dtype=dtype)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
        y = before.to(tl.float32) + tl.cumsum(x, axis=0)
        tl.store(y_row + cols, y, mask=mask)
        before = (before.to(tl.float32) + tl.sum(x, axis=0)).to(dtype)


def cumsum(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    scan_rows[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=512, num_warps=4)
    return y

# Known answer: refuted by numerics. What stands before a block is rounded to the output's dtype, as if it had
# been read back from the result: in 16-bit dtypes every block starts with the rounding errors of all before
# it.
