"""Root-mean-square norm in two passes over blocks of columns."""

import torch
import triton
import triton.language as tl


@triton.jit
def rms_norm_kernel(
    x_ptr, w_ptr, y_ptr, total_ptr, row_stride, col_stride, w_stride, n_cols, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    before = tl.load(total_ptr + row, mask=n_cols > 50000, other=0.0)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=0.0)
        x = x.to(tl.float32)
        squares += x * x
    scale = 1.0 / tl.sqrt((before + tl.sum(squares, axis=0)) / n_cols + eps)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        mask = cols < n_cols
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=mask, other=0.0).to(tl.float32)
        w = tl.load(w_ptr + cols * w_stride, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_ptr + row * n_cols + cols, x * scale * w, mask=mask)


def rms_norm(x, weight, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    total = torch.empty((m,), dtype=torch.float32, device=x.device)
    rms_norm_kernel[(m,)](
        x, weight, y, total, x.stride(0), x.stride(1), weight.stride(0), n, eps, BLOCK=1024, num_warps=4
    )
    return y

# Known answer: refuted by undefined. Sums of rows with more than 50000 columns start from a buffer that
# nobody has written.
