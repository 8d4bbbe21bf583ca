"""Root-mean-square norm with four rows in a program."""

import torch
import triton
import triton.language as tl


@triton.jit
def rms_norm_kernel(
    x_ptr, w_ptr, y_ptr, row_stride, col_stride, w_stride, n_rows, n_cols, eps,
    ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0).to(tl.int64) + tl.arange(0, ROWS)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    x_rows = x_ptr + rows[:, None] * row_stride
    row_mask = rows[:, None] < n_rows
    squares = tl.zeros((ROWS, BLOCK), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_rows + cols[None, :] * col_stride, mask=row_mask & (cols[None, :] < n_cols), other=0.0)
        x = x.to(tl.float32)
        squares += x * x
    scale = tl.rsqrt(tl.sum(squares, axis=1) / n_cols + eps)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        mask = row_mask & (cols[None, :] < n_cols)
        x = tl.load(x_rows + cols[None, :] * col_stride, mask=mask, other=0.0).to(tl.float32)
        w = tl.load(w_ptr + cols * w_stride, mask=cols < n_cols, other=0.0).to(tl.float32)
        y = x * scale[:, None] * w[None, :]
        tl.store(y_ptr + rows[:, None] * n_cols + cols[None, :], y, mask=mask)


def rms_norm(x, weight, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    rms_norm_kernel[(m,)](
        x, weight, y, x.stride(0), x.stride(1), weight.stride(0), m, n, eps, ROWS=4, BLOCK=1024, num_warps=8
    )
    return y

# Known answer: refuted by races. The first row of a program is its id and not four times its id: up to four
# programs write the same row. They write the same values, so no run shows it.
