"""Tiled transpose: a square tile is read along x's rows and written along the result's."""

import torch
import triton
import triton.language as tl


@triton.jit
def transpose_tiles(x_ptr, y_ptr, M, N, stride_m, stride_n, TILE: tl.constexpr):
    tiles_n = tl.cdiv(N, TILE)
    pid = tl.program_id(0)
    rows = pid // tiles_n * TILE + tl.arange(0, TILE)
    cols = pid % tiles_n * TILE + tl.arange(0, TILE)
    mask = (rows[:, None] < M) & (cols[None, :] < N)
    tile = tl.load(x_ptr + rows.to(tl.int64)[:, None] * stride_m + cols.to(tl.int64)[None, :] * stride_n, mask=mask)
    tl.store(y_ptr + cols[:, None] * M + rows[None, :], tl.trans(tile), mask=tl.trans(mask))


def transpose(x):
    m, n = x.shape
    y = torch.empty((n, m), dtype=x.dtype, device=x.device)
    tile = 64
    grid = (triton.cdiv(m, tile) * triton.cdiv(n, tile),)
    transpose_tiles[grid](x, y, m, n, x.stride(0), x.stride(1), TILE=tile, num_warps=8)
    return y

# Known answer: refuted by overflow. Reading was made safe with 64-bit offsets, writing was forgotten: cols *
# M wraps past 2^31 elements.
