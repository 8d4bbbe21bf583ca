"""Row softmax in two passes over blocks of columns, without the pass for the maximum."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        total += tl.exp(x.to(tl.float32))
    row_total = tl.sum(total, axis=0)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=0.0)
        tl.store(y_ptr + row * n_cols + cols, tl.exp(x.to(tl.float32)) / row_total, mask=cols < n_cols)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_kernel[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    return y

# Known answer: refuted by numerics. Without the maximum taken off, exp overflows for logits above 88 and
# the row becomes NaN.
