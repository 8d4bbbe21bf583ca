"""Root-mean-square norm with one block per row; the block is tuned."""

import torch
import triton
import triton.language as tl


@triton.autotune(
    configs=[
        triton.Config({"BLOCK": 1024}, num_warps=4),
        triton.Config({"BLOCK": 131072}, num_warps=32),
    ],
    key=["n_cols"],
)
@triton.jit
def rms_norm_kernel(x_ptr, w_ptr, y_ptr, row_stride, col_stride, w_stride, n_cols, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK).to(tl.int64)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=mask, other=0.0).to(tl.float32)
    w = tl.load(w_ptr + cols * w_stride, mask=mask, other=0.0).to(tl.float32)
    mean_square = tl.sum(x * x, axis=0) / n_cols
    y = x / tl.sqrt(mean_square + eps) * w
    tl.store(y_ptr + row * n_cols + cols, y, mask=mask)


def rms_norm(x, weight, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    rms_norm_kernel[(m,)](
        x, weight, y, x.stride(0), x.stride(1), weight.stride(0), n, eps
    )
    return y

# Known answer: refuted by coverage. One of the two configurations has blocks of 1024 columns and leaves
# wider rows unfinished; which one runs is decided by a stopwatch.
