"""Softmax of rows whose width a program finds by adding up what each of many lanes is to take."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, y_ptr, row_stride, n_cols, SHARES: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    share = tl.zeros((SHARES,), dtype=tl.int32) + n_cols
    width = tl.sum(share, axis=0) // SHARES
    peak = float("-inf")
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK).to(tl.int64)
        x = tl.load(x_ptr + row * row_stride + cols, mask=cols < width, other=float("-inf")).to(tl.float32)
        peak = tl.maximum(peak, tl.max(x, axis=0))
    total = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK).to(tl.int64)
        x = tl.load(x_ptr + row * row_stride + cols, mask=cols < width, other=float("-inf")).to(tl.float32)
        total += tl.sum(tl.exp(x - peak), axis=0)
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK).to(tl.int64)
        x = tl.load(x_ptr + row * row_stride + cols, mask=cols < width, other=float("-inf")).to(tl.float32)
        y = tl.exp(x - peak) / total
        tl.store(y_ptr + row * n_cols + cols, y.to(y_ptr.dtype.element_ty), mask=cols < width)


def softmax(x):
    x = x.contiguous()
    y = torch.empty_like(x)
    softmax_kernel[(x.shape[0],)](x, y, x.stride(0), x.shape[1], SHARES=16384, BLOCK=1024)
    return y


# Known answer: refuted by overflow.
# 16384 times a width of 131072 is 2^31: the mask is then false everywhere.
