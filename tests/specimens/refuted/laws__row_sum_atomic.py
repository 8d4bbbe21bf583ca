"""Row sums with several programs to a row: each adds its part to a float32 total."""

import torch
import triton
import triton.language as tl


@triton.jit
def add_parts(x_ptr, total_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0)
    tl.atomic_add(total_ptr + row, tl.sum(x.to(tl.float32), axis=0))


@triton.jit
def round_totals(total_ptr, y_ptr, n_rows, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = rows < n_rows
    tl.store(y_ptr + rows, tl.load(total_ptr + rows, mask=mask, other=0.0), mask=mask)


def row_sum(x):
    m, n = x.shape
    total = torch.zeros((m,), dtype=torch.float32, device=x.device)
    y = torch.empty((m,), dtype=x.dtype, device=x.device)
    block = 256
    add_parts[(m, triton.cdiv(n, block))](x, total, n, x.stride(0), x.stride(1), BLOCK=block, num_warps=4)
    round_totals[(triton.cdiv(m, 1024),)](total, y, m, BLOCK=1024, num_warps=4)
    return y

# Known answer: refuted by laws. Float32 atomics add the parts in the order in which programs happen to end,
# so from three parts on the same input gives different bits from run to run. Each of them is within the
# bound.
