"""Running sums: several short rows in a program, a long row block after block with what stands before it."""

import torch
import triton
import triton.language as tl


@triton.jit
def scan_short(x_ptr, y_ptr, n_rows, n_cols, row_stride, col_stride, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = tl.arange(0, BLOCK)
    mask = (rows[:, None] < n_rows) & (cols[None, :] < n_cols)
    x = tl.load(x_ptr + rows[:, None] * row_stride + cols.to(tl.int64)[None, :] * col_stride, mask=mask, other=0.0)
    y = tl.cumsum(x.to(tl.float32), axis=1)
    tl.store(y_ptr + rows[:, None] * n_cols + cols[None, :], y, mask=mask)


@triton.jit
def scan_long(x_ptr, y_ptr, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    before = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_row + cols, before + tl.cumsum(x, axis=0), mask=mask)
        before += tl.sum(x, axis=0)


def cumsum(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if n <= 256:
        rows = 8
        scan_short[(triton.cdiv(m, rows),)](
            x, y, m, n, x.stride(0), x.stride(1), ROWS=rows, BLOCK=256, num_warps=4
        )
    else:
        scan_long[(m,)](x, y, n, x.stride(0), x.stride(1), BLOCK=4096, num_warps=8)
    return y

# Known answer: admitted.
