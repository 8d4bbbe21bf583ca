"""Row sums, several short rows in a program, that tells the compiler that each row starts at a multiple of 16 elements."""

import torch
import triton
import triton.language as tl


@triton.jit
def sum_short(x_ptr, y_ptr, n_rows, n_cols, row_stride, col_stride, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = tl.arange(0, BLOCK)
    mask = (rows[:, None] < n_rows) & (cols[None, :] < n_cols)
    places = tl.multiple_of(rows[:, None] * row_stride + cols.to(tl.int64)[None, :] * col_stride, (1, 16))
    x = tl.load(x_ptr + places, mask=mask, other=0.0)
    tl.store(y_ptr + rows, tl.sum(x.to(tl.float32), axis=1), mask=rows < n_rows)


@triton.jit
def sum_long(x_ptr, y_ptr, n_cols, row_stride, col_stride, TILE: tl.constexpr, LANES: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    tile = tl.arange(0, TILE)[:, None] * LANES + tl.arange(0, LANES)[None, :]
    total = tl.zeros((LANES,), dtype=tl.float32)
    for start in range(0, n_cols, TILE * LANES):
        cols = start + tile
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0)
        total += tl.sum(x.to(tl.float32), axis=0)
    tl.store(y_ptr + row, tl.sum(total, axis=0))


def row_sum(x):
    m, n = x.shape
    y = torch.empty((m,), dtype=x.dtype, device=x.device)
    if n <= 256:
        rows = 32
        sum_short[(triton.cdiv(m, rows),)](
            x, y, m, n, x.stride(0), x.stride(1), ROWS=rows, BLOCK=256, num_warps=8
        )
    elif n <= 4096:
        sum_short[(m,)](x, y, m, n, x.stride(0), x.stride(1), ROWS=1, BLOCK=4096, num_warps=8)
    else:
        sum_long[(m,)](x, y, n, x.stride(0), x.stride(1), TILE=4, LANES=8192, num_warps=32)
    return y

# Known answer: refuted by undefined. With a stride of 17 the second row starts at element 17.
