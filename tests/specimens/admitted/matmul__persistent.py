"""Matrix product by programs that stay, one a multiprocessor: each takes tile after tile, in groups of rows, through
tensor descriptors. Where dtype or strides do not suit these, a program a tile goes by pointers.
"""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def place(turn, tiles_m, tiles_n, GROUP: tl.constexpr):
    """Row and column of tile number `turn`: GROUP rows of tiles lie side by side, for the cache."""
    per_group = GROUP * tiles_n
    first = turn // per_group * GROUP
    height = min(tiles_m - first, GROUP)
    return first + turn % per_group % height, turn % per_group // height


@triton.jit
def matmul_stay(
    a_tiles, b_tiles, c_tiles, M, N, K,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    tiles_m = tl.cdiv(M, BM)
    tiles_n = tl.cdiv(N, BN)
    for turn in tl.range(tl.program_id(0), tiles_m * tiles_n, tl.num_programs(0), flatten=True):
        row, col = place(turn, tiles_m, tiles_n, GROUP)
        acc = tl.zeros((BM, BN), dtype=tl.float32)
        for k in range(0, tl.cdiv(K, BK)):
            a = a_tiles.load([row * BM, k * BK])
            b = b_tiles.load([k * BK, col * BN])
            acc = tl.dot(a, b, acc)
        c_tiles.store([row * BM, col * BN], acc.to(c_tiles.dtype))


@triton.jit
def matmul_tiles(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    tiles_m = tl.cdiv(M, BM)
    tiles_n = tl.cdiv(N, BN)
    row, col = place(tl.program_id(0), tiles_m, tiles_n, GROUP)
    rows = row * BM + tl.arange(0, BM)
    cols = col * BN + tl.arange(0, BN)
    depth = tl.arange(0, BK)
    long_rows = rows.to(tl.int64)
    long_cols = cols.to(tl.int64)
    long_depth = depth.to(tl.int64)
    a_ptrs = a_ptr + long_rows[:, None] * stride_am + long_depth[None, :] * stride_ak
    b_ptrs = b_ptr + long_depth[:, None] * stride_bk + long_cols[None, :] * stride_bn
    a_step = tl.cast(stride_ak, tl.int64) * BK
    b_step = tl.cast(stride_bk, tl.int64) * BK

    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        left = K - k * BK
        a = tl.load(a_ptrs, mask=(rows[:, None] < M) & (depth[None, :] < left), other=0.0)
        b = tl.load(b_ptrs, mask=(depth[:, None] < left) & (cols[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc, input_precision="ieee")
        a_ptrs += a_step
        b_ptrs += b_step

    mask = (rows[:, None] < M) & (cols[None, :] < N)
    tl.store(c_ptr + long_rows[:, None] * N + long_cols[None, :], acc, mask=mask)


def matmul(a, b):
    m, k = a.shape
    n = b.shape[1]
    c = torch.empty((m, n), dtype=a.dtype, device=a.device)
    if m * n == 0:
        return c
    if a.dtype == torch.float32:
        bm, bn, bk, warps, stages = 64, 64, 32, 4, 2
    elif m <= 64:
        bm, bn, bk, warps, stages = 64, 32, 128, 4, 5
    else:
        bm, bn, bk, warps, stages = 128, 256, 64, 8, 3
    tiles = triton.cdiv(m, bm) * triton.cdiv(n, bn)
    suited = a.dtype != torch.float32 and a.stride(1) == 1 and b.stride(1) == 1
    if suited and a.stride(0) % 8 + b.stride(0) % 8 + n % 8 == 0 and k > 0:
        matmul_stay[(min(tiles, 132),)](
            TensorDescriptor.from_tensor(a, [bm, bk]),
            TensorDescriptor.from_tensor(b, [bk, bn]),
            TensorDescriptor.from_tensor(c, [bm, bn]),
            m, n, k, BM=bm, BN=bn, BK=bk, GROUP=8, num_warps=warps, num_stages=stages,
        )  # fmt: skip
    else:
        matmul_tiles[(tiles,)](
            a, b, c, m, n, k, a.stride(0), a.stride(1), b.stride(0), b.stride(1),
            BM=bm, BN=bn, BK=bk, GROUP=8, num_warps=warps, num_stages=stages,
        )  # fmt: skip
    return c

# Known answer: admitted. Turns 0, 1, 2 … in all are every tile: the program takes `turn % programs`, its loop `turn // programs`.
# Rows and columns past the end are clipped by the descriptors, and depths past the end load zeros.
