"""Tiled matrix product that takes the order of its tiles from a table that another kernel writes."""

import torch
import triton
import triton.language as tl


@triton.jit
def write_order(order_ptr, tiles, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(order_ptr + at, tiles - 1 - at, mask=at < tiles)


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, order_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    tile = tl.load(order_ptr + tl.program_id(0))
    tiles_n = tl.cdiv(N, BN)
    rows = (tile // tiles_n * BM + tl.arange(0, BM)).to(tl.int64)
    cols = (tile % tiles_n * BN + tl.arange(0, BN)).to(tl.int64)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        depth = (start + tl.arange(0, BK)).to(tl.int64)
        a_mask = (rows[:, None] < M) & (depth[None, :] < K)
        b_mask = (depth[:, None] < K) & (cols[None, :] < N)
        a = tl.load(a_ptr + rows[:, None] * stride_am + depth[None, :] * stride_ak, mask=a_mask, other=0.0)
        b = tl.load(b_ptr + depth[:, None] * stride_bk + cols[None, :] * stride_bn, mask=b_mask, other=0.0)
        acc += tl.dot(a, b, input_precision="ieee")
    c_mask = (rows[:, None] < M) & (cols[None, :] < N)
    tl.store(c_ptr + rows[:, None] * N + cols[None, :], acc, mask=c_mask)


def matmul(a, b):
    m, k = a.shape
    _, n = b.shape
    c = torch.empty((m, n), dtype=a.dtype, device=a.device)
    tiles = triton.cdiv(m, 64) * triton.cdiv(n, 64)
    order = torch.empty((tiles,), dtype=torch.int32, device=a.device)
    write_order[(triton.cdiv(tiles, 1024),)](order, tiles, BLOCK=1024)
    matmul_kernel[(tiles,)](
        a, b, c, order, m, n, k, a.stride(0), a.stride(1), b.stride(0), b.stride(1),
        BM=64, BN=64, BK=32, num_warps=4,
    )  # fmt: skip
    return c

# Known answer: unknown to coverage and races: which tile a program computes stands in memory.
