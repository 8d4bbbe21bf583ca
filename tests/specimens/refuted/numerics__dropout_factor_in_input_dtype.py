"""Dropout: the factor is made in the dtype of x, so that no conversion is needed."""

import torch
import triton
import triton.language as tl


@triton.jit
def dropout_kernel(x_ptr, out_ptr, p, seed, n_cols, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = cols < n_cols
    position = row * n_cols + cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=inside, other=0.0)
    kept = tl.rand(seed, position.to(tl.uint32)) >= p
    tl.store(out_ptr + position, tl.where(kept, x * tl.full((BLOCK,), 1.0 / (1.0 - p), x.dtype), 0.0), mask=inside)


def dropout(x, p, seed):
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
    block = 1024
    grid = (m, triton.cdiv(n, block))
    dropout_kernel[grid](x, out, p, seed, n, x.stride(0), x.stride(1), BLOCK=block, num_warps=4)
    return out

# Known answer: refuted by numerics: 1 / (1 - p) is rounded to the dtype of x before it is used.
