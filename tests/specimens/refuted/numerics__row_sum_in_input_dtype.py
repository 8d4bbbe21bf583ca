"""Row sums, lane by lane, with one reduction at the end."""

import torch
import triton
import triton.language as tl


@triton.jit
def sum_rows(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    total = tl.zeros((BLOCK,), dtype=x_ptr.dtype.element_ty)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        total += tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0)
    tl.store(y_ptr + row, tl.sum(total.to(tl.float32), axis=0))


def row_sum(x):
    m, n = x.shape
    y = torch.empty((m,), dtype=x.dtype, device=x.device)
    sum_rows[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=512, num_warps=4)
    return y

# Known answer: refuted by numerics. Each lane adds up its terms in the input's dtype, with 8 or 11 bits for
# the 16-bit ones; only the last reduction is in float32.
