"""Root-mean-square norm: the whole row in one block up to 16384 columns, two passes beyond that."""

import torch
import triton
import triton.language as tl


@triton.jit
def rms_norm_block(x_ptr, w_ptr, y_ptr, row_stride, col_stride, w_stride, n_cols, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=0.0)
    x = x.to(tl.float32)
    w = tl.load(w_ptr + cols.to(tl.int64) * w_stride, mask=mask, other=0.0).to(tl.float32)
    mean_square = tl.sum(x * x, axis=0) / n_cols
    y = x * (1.0 / tl.sqrt(mean_square + eps)) * w
    tl.store(y_ptr + row * n_cols + cols, y, mask=mask)


@triton.jit
def rms_norm_loop(x_ptr, w_ptr, y_ptr, row_stride, col_stride, w_stride, n_cols, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    total = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0)
        x = x.to(tl.float32)
        total += tl.sum(x * x, axis=0)
    scale = 1.0 / tl.sqrt(total / n_cols + eps)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
        w = tl.load(w_ptr + cols.to(tl.int64) * w_stride, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_row + cols, x * scale * w, mask=mask)


def rms_norm(x, weight, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    strides = (x.stride(0), x.stride(1), weight.stride(0))
    if n <= 2048:
        rms_norm_block[(m,)](x, weight, y, *strides, n, eps, BLOCK=2048, num_warps=4)
    elif n <= 8192:
        rms_norm_block[(m,)](x, weight, y, *strides, n, eps, BLOCK=8192, num_warps=8)
    elif n <= 16384:
        rms_norm_block[(m,)](x, weight, y, *strides, n, eps, BLOCK=16384, num_warps=16)
    else:
        rms_norm_loop[(m,)](x, weight, y, *strides, n, eps, BLOCK=8192, num_warps=16)
    return y

# Known answer: admitted.
