"""Embedding: one program gathers a tile of several rows, which fills the machine when rows are short."""

import torch
import triton
import triton.language as tl


@triton.jit
def embedding_kernel(
    weight_ptr,
    indices_ptr,
    out_ptr,
    n_rows,
    n_cols,
    row_stride,
    col_stride,
    index_stride,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
):
    positions = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = positions < n_rows
    rows = tl.load(indices_ptr + positions * index_stride)
    sources = weight_ptr + rows[:, None] * row_stride
    targets = out_ptr + positions[:, None] * n_cols
    for start in range(0, n_cols, COLS):
        cols = (start + tl.arange(0, COLS))[None, :].to(tl.int64)
        keep = inside[:, None] & (cols < n_cols)
        tl.store(targets + cols, tl.load(sources + cols * col_stride, mask=keep), mask=keep)


def embedding(weight, indices):
    (m,) = indices.shape
    n = weight.shape[1]
    out = torch.empty((m, n), dtype=weight.dtype, device=weight.device)
    rows, cols = 8, 256
    embedding_kernel[(triton.cdiv(m, rows),)](
        weight,
        indices,
        out,
        m,
        n,
        weight.stride(0),
        weight.stride(1),
        indices.stride(0),
        ROWS=rows,
        COLS=cols,
        num_warps=4,
    )
    return out

# Known answer: refuted by bounds.
# The table and the output are masked, the indices are not: the last program reads beyond them.
