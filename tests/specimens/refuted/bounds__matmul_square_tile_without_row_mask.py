"""Tiled matrix product on a two-dimensional grid."""

import torch
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(1) * BM + tl.arange(0, BM)).to(tl.int64)
    cols = (tl.program_id(0) * BN + tl.arange(0, BN)).to(tl.int64)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        depth = (start + tl.arange(0, BK)).to(tl.int64)
        a_mask = (rows[:, None] < M) & (depth[None, :] < K)
        b_mask = (depth[:, None] < K) & (cols[None, :] < N)
        a = tl.load(a_ptr + rows[:, None] * stride_am + depth[None, :] * stride_ak, mask=a_mask, other=0.0)
        b = tl.load(b_ptr + depth[:, None] * stride_bk + cols[None, :] * stride_bn, mask=b_mask, other=0.0)
        acc += tl.dot(a, b, input_precision="ieee")
    c_mask = cols[None, :] < N
    tl.store(c_ptr + rows[:, None] * N + cols[None, :], acc, mask=c_mask)


def matmul(a, b):
    m, k = a.shape
    _, n = b.shape
    c = torch.empty((m, n), dtype=a.dtype, device=a.device)
    bm, bn, bk = 64, 64, 32
    matmul_kernel[(triton.cdiv(n, bn), triton.cdiv(m, bm))](
        a, b, c, m, n, k, a.stride(0), a.stride(1), b.stride(0), b.stride(1),
        BM=bm, BN=bn, BK=bk, num_warps=4, num_stages=3,
    )  # fmt: skip
    return c

# Known answer: refuted by bounds. Rows of the output are not masked. The tile is square: a checker that
# gives both axes one variable only sees the diagonal.
