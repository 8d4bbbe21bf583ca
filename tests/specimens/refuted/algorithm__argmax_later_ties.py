"""Argmax: one program a row keeps for each lane the best element so far and its column."""

import torch
import triton
import triton.language as tl


@triton.jit
def argmax_kernel(x_ptr, index_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK)
    x_row = x_ptr + row * row_stride
    peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    at = lanes
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=float("-inf")).to(tl.float32)
        better = x >= peak
        peak = tl.where(better, x, peak)
        at = tl.where(better, cols, at)
    strange = peak != peak
    highest = tl.max(tl.where(strange, float("-inf"), peak), axis=0)
    found = tl.where(tl.max(strange.to(tl.int32), axis=0) > 0, strange, peak == highest)
    tl.store(index_ptr + row, tl.min(tl.where(found, at, 2147483647), axis=0))


def argmax(x):
    m, n = x.shape
    index = torch.empty((m,), dtype=torch.int64, device=x.device)
    argmax_kernel[(m,)](x, index, x.stride(0), x.stride(1), n, BLOCK=1024, num_warps=4)
    return index

# Known answer: refuted by algorithm.
# Of equal elements a lane keeps the last one, and a NaN is never noticed. Random floats have neither.
