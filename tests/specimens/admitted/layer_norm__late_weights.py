"""Layer norm: the whole row in one block up to 16384 columns; weight and bias are read when they are needed."""

import torch
import triton
import triton.language as tl


@triton.jit
def layer_norm_block(
    x_ptr, w_ptr, b_ptr, y_ptr, row_stride, col_stride, w_stride, b_stride, n_cols, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    far = cols.to(tl.int64)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + far * col_stride, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / n_cols
    distance = tl.where(mask, x - mean, 0.0)
    scale = 1.0 / tl.sqrt(tl.sum(distance * distance, axis=0) / n_cols + eps)
    # Not before: they would hold registers while the row is summed up, and halve the programs that fit.
    w = tl.load(w_ptr + far * w_stride, mask=mask, other=0.0).to(tl.float32)
    b = tl.load(b_ptr + far * b_stride, mask=mask, other=0.0).to(tl.float32)
    tl.store(y_ptr + row * n_cols + cols, distance * scale * w + b, mask=mask)


@triton.jit
def layer_norm_loop(
    x_ptr, w_ptr, b_ptr, y_ptr, row_stride, col_stride, w_stride, b_stride, n_cols, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        total += tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=0.0).to(tl.float32)
    mean = tl.sum(total, axis=0) / n_cols
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
        distance = tl.where(mask, x - mean, 0.0)
        squares += distance * distance
    scale = 1.0 / tl.sqrt(tl.sum(squares, axis=0) / n_cols + eps)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        far = cols.to(tl.int64)
        mask = cols < n_cols
        x = tl.load(x_row + far * col_stride, mask=mask, other=0.0).to(tl.float32)
        w = tl.load(w_ptr + far * w_stride, mask=mask, other=0.0).to(tl.float32)
        b = tl.load(b_ptr + far * b_stride, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_row + cols, (x - mean) * scale * w + b, mask=mask)


def layer_norm(x, weight, bias, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    strides = (x.stride(0), x.stride(1), weight.stride(0), bias.stride(0))
    if n <= 1024:
        layer_norm_block[(m,)](x, weight, bias, y, *strides, n, eps, BLOCK=1024, num_warps=4)
    elif n <= 4096:
        layer_norm_block[(m,)](x, weight, bias, y, *strides, n, eps, BLOCK=4096, num_warps=8)
    elif n <= 16384:
        layer_norm_block[(m,)](x, weight, bias, y, *strides, n, eps, BLOCK=16384, num_warps=8)
    else:
        layer_norm_loop[(m,)](x, weight, bias, y, *strides, n, eps, BLOCK=8192, num_warps=16)
    return y

# Known answer: admitted.
