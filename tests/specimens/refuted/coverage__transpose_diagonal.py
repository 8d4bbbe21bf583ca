"""Tiled transpose that starts its tiles along diagonals, so that programs of one wave write to different rows."""

import torch
import triton
import triton.language as tl


@triton.jit
def transpose_tiles(x_ptr, y_ptr, M, N, stride_m, stride_n, TILE: tl.constexpr):
    tile_n = tl.program_id(0)
    tile_m = (tl.program_id(0) + tl.program_id(1)) % tl.num_programs(0)
    rows = tile_m.to(tl.int64) * TILE + tl.arange(0, TILE)
    cols = tile_n.to(tl.int64) * TILE + tl.arange(0, TILE)
    mask = (rows[:, None] < M) & (cols[None, :] < N)
    tile = tl.load(x_ptr + rows[:, None] * stride_m + cols[None, :] * stride_n, mask=mask)
    tl.store(y_ptr + cols[:, None] * M + rows[None, :], tl.trans(tile), mask=tl.trans(mask))


def transpose(x):
    m, n = x.shape
    y = torch.empty((n, m), dtype=x.dtype, device=x.device)
    tile = 64
    grid = (triton.cdiv(n, tile), triton.cdiv(m, tile))
    transpose_tiles[grid](x, y, m, n, x.stride(0), x.stride(1), TILE=tile, num_warps=8)
    return y

# Known answer: refuted by coverage. The diagonal wraps at the number of tiles along N where it should wrap at
# that along M: right for square matrices; a tall one keeps its last tiles of rows unwritten.
