"""Transpose in tiles of 128 by 128, so that both sides move 256 bytes a row in 16 bits."""

import torch
import triton
import triton.language as tl


@triton.jit
def transpose_tiles(x_ptr, y_ptr, M, N, stride_m, stride_n, TILE: tl.constexpr):
    tiles_n = tl.cdiv(N, TILE)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * TILE + tl.arange(0, TILE)
    cols = (pid % tiles_n).to(tl.int64) * TILE + tl.arange(0, TILE)
    mask = (rows[:, None] < M) & (cols[None, :] < N)
    tile = tl.load(x_ptr + rows[:, None] * stride_m + cols[None, :] * stride_n, mask=mask)
    tl.store(y_ptr + cols[:, None] * M + rows[None, :], tl.trans(tile), mask=tl.trans(mask))


def transpose(x):
    m, n = x.shape
    y = torch.empty((n, m), dtype=x.dtype, device=x.device)
    tile = 128
    grid = (triton.cdiv(m, tile) * triton.cdiv(n, tile),)
    transpose_tiles[grid](x, y, m, n, x.stride(0), x.stride(1), TILE=tile, num_warps=16)
    return y

# Known answer: admitted.
