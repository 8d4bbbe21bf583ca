"""Embedding: one program copies a block of columns of one row."""

import torch
import triton
import triton.language as tl


@triton.jit
def embedding_kernel(
    weight_ptr, indices_ptr, out_ptr, n_cols, row_stride, col_stride, index_stride, BLOCK: tl.constexpr
):
    position = tl.program_id(0)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    row = tl.load(indices_ptr + position.to(tl.int64) * index_stride).to(tl.int32)
    keep = cols < n_cols
    values = tl.load(weight_ptr + row * row_stride + cols * col_stride, mask=keep)
    tl.store(out_ptr + position.to(tl.int64) * n_cols + cols, values, mask=keep)


def embedding(weight, indices):
    (m,) = indices.shape
    n = weight.shape[1]
    out = torch.empty((m, n), dtype=weight.dtype, device=weight.device)
    block = 1024
    grid = (m, triton.cdiv(n, block))
    embedding_kernel[grid](
        weight, indices, out, n, weight.stride(0), weight.stride(1), indices.stride(0), BLOCK=block, num_warps=4
    )
    return out

# Known answer: refuted by overflow.
# A row of the table fits 32 bits, its offset does not: a vocabulary of 2^18 with 8192 columns is enough.
