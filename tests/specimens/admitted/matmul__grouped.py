"""Tiled matrix product: tiles in groups of rows for the cache, pointers that walk along K."""

import torch
import triton
import triton.language as tl


@triton.jit
def matmul_tiles(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    tiles_m = tl.cdiv(M, BM)
    tiles_n = tl.cdiv(N, BN)
    per_group = GROUP * tiles_n
    first_m = pid // per_group * GROUP
    height = min(tiles_m - first_m, GROUP)
    pid_m = first_m + pid % per_group % height
    pid_n = pid % per_group // height

    rows = pid_m * BM + tl.arange(0, BM)
    cols = pid_n * BN + tl.arange(0, BN)
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
    _, n = b.shape
    c = torch.empty((m, n), dtype=a.dtype, device=a.device)
    if a.dtype == torch.float32:
        bm, bn, bk, warps, stages = 64, 64, 32, 4, 2
    else:
        bm, bn, bk, warps, stages = 128, 256, 64, 8, 3
    grid = (triton.cdiv(m, bm) * triton.cdiv(n, bn),)
    matmul_tiles[grid](
        a, b, c, m, n, k, a.stride(0), a.stride(1), b.stride(0), b.stride(1),
        BM=bm, BN=bn, BK=bk, GROUP=8, num_warps=warps, num_stages=stages,
    )  # fmt: skip
    return c

# Known answer: admitted. Steps and row offsets are 64-bit, since strides and outputs may pass 2^31
# elements.
