"""Attention backward without atomics: one kernel goes over the queries for each block of keys, one over the keys for
each block of queries. Both recompute the weights; tiles come and go through tensor descriptors.
"""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def row_sums(
    grad_ptr, out_ptr, lse_ptr, delta_ptr, bits_ptr,
    grad_batch, grad_head, grad_row, grad_col,
    out_batch, out_head, out_row, out_col,
    lse_batch, lse_head, lse_row,
    heads, length, D: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Of each row the sum of grad_out times out, and its log-sum-exp in powers of two."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    head = tl.program_id(1).to(tl.int64)
    batch = tl.program_id(2).to(tl.int64)
    dims = tl.arange(0, D).to(tl.int64)[None, :]
    inside = rows < length
    wide = rows.to(tl.int64)
    grad_tile = grad_ptr + batch * grad_batch + head * grad_head + wide[:, None] * grad_row + dims * grad_col
    out_tile = out_ptr + batch * out_batch + head * out_head + wide[:, None] * out_row + dims * out_col
    grad = tl.load(grad_tile, mask=inside[:, None], other=0.0).to(tl.float32)
    out = tl.load(out_tile, mask=inside[:, None], other=0.0).to(tl.float32)
    lse = tl.load(lse_ptr + batch * lse_batch + head * lse_head + wide * lse_row, mask=inside, other=0.0)
    at = (batch * heads + head) * length + rows
    tl.store(delta_ptr + at, tl.sum(grad * out, axis=1), mask=inside)
    tl.store(bits_ptr + at, lse * 1.4426950408889634, mask=inside)


@triton.jit
def over_queries(
    grad_k, grad_v, k, v, q_tiles, grad_tiles, delta_ptr, bits_ptr, batch, head, key, first, last, length, scale,
    MASKED: tl.constexpr, PRECISION: tl.constexpr, D: tl.constexpr, KEYS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    for start in range(first, last, ROWS):
        rows = start + tl.arange(0, ROWS)
        q = tl.reshape(q_tiles.load([batch, head, start, 0]), (ROWS, D))
        bits = tl.load(bits_ptr + rows, mask=rows < length, other=float("inf"))
        grad = tl.reshape(grad_tiles.load([batch, head, start, 0]), (ROWS, D))
        delta = tl.load(delta_ptr + rows, mask=rows < length, other=0.0)
        scores = tl.dot(k, q.T, input_precision=PRECISION)
        slopes = tl.dot(v, grad.T, input_precision=PRECISION)
        weights = tl.exp2(scores * scale - bits[None, :])
        if MASKED:
            weights = tl.where((key + tl.arange(0, KEYS))[:, None] <= rows[None, :], weights, 0.0)
        grad_v = tl.dot(weights.to(grad.dtype), grad, grad_v, input_precision=PRECISION)
        slopes = weights * (slopes - delta[None, :])
        grad_k = tl.dot(slopes.to(q.dtype), q, grad_k, input_precision=PRECISION)
    return grad_k, grad_v


@triton.jit
def key_gradients(
    q_tiles, k_tiles, v_tiles, grad_tiles, delta_ptr, bits_ptr, grad_k_tiles, grad_v_tiles, heads, length, scale, root,
    CAUSAL: tl.constexpr, PRECISION: tl.constexpr, D: tl.constexpr, KEYS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    key = tl.program_id(0) * KEYS
    head = tl.program_id(1)
    batch = tl.program_id(2)
    k = tl.reshape(k_tiles.load([batch, head, key, 0]), (KEYS, D))
    v = tl.reshape(v_tiles.load([batch, head, key, 0]), (KEYS, D))
    above = (batch.to(tl.int64) * heads + head) * length
    grad_k = tl.zeros((KEYS, D), dtype=tl.float32)
    grad_v = tl.zeros((KEYS, D), dtype=tl.float32)
    whole = 0
    if CAUSAL:
        whole = min(key + max(KEYS, ROWS), length)  # from here on rows see all keys of the block
        grad_k, grad_v = over_queries(
            grad_k, grad_v, k, v, q_tiles, grad_tiles, delta_ptr + above, bits_ptr + above, batch, head, key, key,
            whole, length, scale, True, PRECISION, D, KEYS, ROWS,
        )  # fmt: skip
    grad_k, grad_v = over_queries(
        grad_k, grad_v, k, v, q_tiles, grad_tiles, delta_ptr + above, bits_ptr + above, batch, head, key, whole,
        length, length, scale, False, PRECISION, D, KEYS, ROWS,
    )  # fmt: skip
    grad_k = (grad_k * root).to(grad_k_tiles.dtype)
    grad_k_tiles.store([batch, head, key, 0], tl.reshape(grad_k, (1, 1, KEYS, D)))
    grad_v_tiles.store([batch, head, key, 0], tl.reshape(grad_v.to(grad_v_tiles.dtype), (1, 1, KEYS, D)))


@triton.jit
def over_keys(
    grad_q, q, grad, delta, bits, k_tiles, v_tiles, batch, head, row, first, last, length, scale,
    MASK: tl.constexpr, PRECISION: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    """MASK is "none", "causal" or "length"."""
    for start in range(first, last, KEYS):
        keys = (start + tl.arange(0, KEYS))[None, :]
        k = tl.reshape(k_tiles.load([batch, head, start, 0]), (KEYS, D))
        v = tl.reshape(v_tiles.load([batch, head, start, 0]), (KEYS, D))
        scores = tl.dot(q, k.T, input_precision=PRECISION)
        slopes = tl.dot(grad, v.T, input_precision=PRECISION)
        weights = tl.exp2(scores * scale - bits[:, None])
        if MASK == "causal":
            weights = tl.where(keys <= (row + tl.arange(0, ROWS))[:, None], weights, 0.0)
        elif MASK == "length":
            weights = tl.where(keys < length, weights, 0.0)
        slopes = weights * (slopes - delta[:, None])
        grad_q = tl.dot(slopes.to(k.dtype), k, grad_q, input_precision=PRECISION)
    return grad_q


@triton.jit
def query_gradients(
    q_tiles, k_tiles, v_tiles, grad_tiles, delta_ptr, bits_ptr, grad_q_tiles, heads, length, scale, root,
    CAUSAL: tl.constexpr, PRECISION: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    # Causal rows that see most go first.
    row = (tl.num_programs(0) - 1 - tl.program_id(0)) * ROWS
    head = tl.program_id(1)
    batch = tl.program_id(2)
    rows = row + tl.arange(0, ROWS)
    q = tl.reshape(q_tiles.load([batch, head, row, 0]), (ROWS, D))
    grad = tl.reshape(grad_tiles.load([batch, head, row, 0]), (ROWS, D))
    above = (batch.to(tl.int64) * heads + head) * length
    delta = tl.load(delta_ptr + above + rows, mask=rows < length, other=0.0)
    bits = tl.load(bits_ptr + above + rows, mask=rows < length, other=float("inf"))
    grad_q = tl.zeros((ROWS, D), dtype=tl.float32)
    if CAUSAL:
        whole, end = row // KEYS * KEYS, min(row + ROWS, length)
    else:
        whole, end = length // KEYS * KEYS, length
    grad_q = over_keys(
        grad_q, q, grad, delta, bits, k_tiles, v_tiles, batch, head, row, 0, whole, length, scale,
        "none", PRECISION, D, ROWS, KEYS,
    )  # fmt: skip
    grad_q = over_keys(
        grad_q, q, grad, delta, bits, k_tiles, v_tiles, batch, head, row, whole, end, length, scale,
        "causal" if CAUSAL else "length", PRECISION, D, ROWS, KEYS,
    )  # fmt: skip
    grad_q_tiles.store([batch, head, row, 0], tl.reshape((grad_q * root).to(grad_q_tiles.dtype), (1, 1, ROWS, D)))


def misfit(x):
    """Zero where a descriptor can express the strides of x."""
    return x.stride(0) % 8 + x.stride(1) % 8 + x.stride(2) % 8 + max(x.stride(3) - 1, 1 - x.stride(3))


def packed(x):
    copy = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    copy.copy_(x)
    return copy


def tiled(x, rows):
    return TensorDescriptor.from_tensor(x, [1, 1, rows, x.shape[3]])


def attention_backward(grad_out, q, k, v, out, lse, causal):
    b, h, n, d = q.shape
    grad_q = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    grad_k = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    grad_v = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    if b * h * n == 0:
        return grad_q, grad_k, grad_v
    if misfit(grad_out) + misfit(q) + misfit(k) + misfit(v) != 0:
        grad_out, q, k, v = packed(grad_out), packed(q), packed(k), packed(v)
    delta = torch.empty((b, h, n), dtype=torch.float32, device=q.device)
    bits = torch.empty((b, h, n), dtype=torch.float32, device=q.device)
    row_sums[(triton.cdiv(n, 32), h, b)](
        grad_out, out, lse, delta, bits,
        grad_out.stride(0), grad_out.stride(1), grad_out.stride(2), grad_out.stride(3),
        out.stride(0), out.stride(1), out.stride(2), out.stride(3),
        lse.stride(0), lse.stride(1), lse.stride(2),
        h, n, D=d, ROWS=32, num_warps=4,
    )  # fmt: skip
    root = 0.125 if d == 64 else 0.08838834764831845  # 1 / sqrt(d)
    scale = 0.18033688011112042 if d == 64 else 0.12751743082459868  # log2(e) / sqrt(d)
    if q.dtype == torch.float32:
        tile, other, warps, stages, precision = 16, 16, 4, 2, "ieee"
    else:
        tile, other, warps, stages, precision = 128, 64, 8, 3, "tf32"
    # Tiles of 64 leave room for two programs on a multiprocessor.
    key_gradients[(triton.cdiv(n, other), h, b)](
        tiled(q, other), tiled(k, other), tiled(v, other), tiled(grad_out, other), delta, bits,
        tiled(grad_k, other), tiled(grad_v, other), h, n, scale, root,
        CAUSAL=causal, PRECISION=precision, D=d, KEYS=other, ROWS=other, num_warps=4, num_stages=2,
    )  # fmt: skip
    query_gradients[(triton.cdiv(n, tile), h, b)](
        tiled(q, tile), tiled(k, other), tiled(v, other), tiled(grad_out, tile), delta, bits,
        tiled(grad_q, tile), h, n, scale, root,
        CAUSAL=causal, PRECISION=precision, D=d, ROWS=tile, KEYS=other, num_warps=warps, num_stages=stages,
    )  # fmt: skip
    return grad_q, grad_k, grad_v

# Known answer: admitted. Rows past the end have an infinite log-sum-exp, so all their weights are zero.
