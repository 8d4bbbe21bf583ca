"""Matrix product with K split among programs that add to one float32 sum."""

import torch
import triton
import triton.language as tl


@triton.jit
def partial_products(
    a_ptr, b_ptr, sum_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(1) * BM + tl.arange(0, BM)).to(tl.int64)
    cols = (tl.program_id(0) * BN + tl.arange(0, BN)).to(tl.int64)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(tl.program_id(2) * BK, K, PARTS * BK):
        depth = (start + tl.arange(0, BK)).to(tl.int64)
        a_mask = (rows[:, None] < M) & (depth[None, :] < K)
        b_mask = (depth[:, None] < K) & (cols[None, :] < N)
        a = tl.load(a_ptr + rows[:, None] * stride_am + depth[None, :] * stride_ak, mask=a_mask, other=0.0)
        b = tl.load(b_ptr + depth[:, None] * stride_bk + cols[None, :] * stride_bn, mask=b_mask, other=0.0)
        acc += tl.dot(a, b, input_precision="ieee")
    mask = (rows[:, None] < M) & (cols[None, :] < N)
    at = sum_ptr + rows[:, None] * N + cols[None, :]
    so_far = tl.load(at, mask=mask, other=0.0)
    tl.store(at, so_far + acc, mask=mask)


def matmul(a, b):
    m, k = a.shape
    _, n = b.shape
    total = torch.zeros((m, n), dtype=torch.float32, device=a.device)
    bm, bn, bk, parts = 64, 64, 32, 4
    partial_products[(triton.cdiv(n, bn), triton.cdiv(m, bm), parts)](
        a, b, total, m, n, k, a.stride(0), a.stride(1), b.stride(0), b.stride(1),
        BM=bm, BN=bn, BK=bk, PARTS=parts, num_warps=4,
    )  # fmt: skip
    return total.to(a.dtype)

# Known answer: refuted by races. Four programs add to the same tile by a plain load and store.
