"""Attention in one pass over blocks of keys, with knobs for 16 bits.

kernelproof synth attention --proposer tune --start examples/tune/attention.py --workload training
"""

import torch
import triton
import triton.language as tl

ROWS = 128  # tune: 64, 128
KEYS = 64  # tune: 32, 64, 128
WARPS = 8  # tune: 4, 8
STAGES = 3  # tune: 2, 3, 4


@triton.jit
def attention_forward(
    q_ptr,
    k_ptr,
    v_ptr,
    out_ptr,
    q_batch,
    q_head,
    q_row,
    q_col,
    k_batch,
    k_head,
    k_row,
    k_col,
    v_batch,
    v_head,
    v_row,
    v_col,
    n_heads,
    length,
    scale,
    CAUSAL: tl.constexpr,
    PRECISION: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
):
    tile = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64)
    batch = tl.program_id(2).to(tl.int64)

    rows = tile * ROWS + tl.arange(0, ROWS)
    lanes = tl.arange(0, KEYS)
    dims = tl.arange(0, D).to(tl.int64)
    row_inside = (rows < length)[:, None]
    q_tile = q_ptr + batch * q_batch + head * q_head + rows.to(tl.int64)[:, None] * q_row + dims[None, :] * q_col
    k_head_ptr = k_ptr + batch * k_batch + head * k_head + dims[:, None] * k_col
    v_head_ptr = v_ptr + batch * v_batch + head * v_head + dims[None, :] * v_col
    q = tl.load(q_tile, mask=row_inside, other=0.0)

    peak = tl.full((ROWS,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((ROWS,), dtype=tl.float32)
    out = tl.zeros((ROWS, D), dtype=tl.float32)
    end = length
    if CAUSAL:
        end = tl.minimum(length, (tile + 1) * ROWS)
    for start in range(0, end, KEYS):
        keys = start + lanes
        key_inside = keys < length
        k = tl.load(k_head_ptr + keys.to(tl.int64)[None, :] * k_row, mask=key_inside[None, :], other=0.0)
        scores = tl.dot(q, k, input_precision=PRECISION) * scale
        seen = key_inside[None, :]
        if CAUSAL:
            seen = seen & (keys[None, :] <= rows[:, None])
        scores = tl.where(seen, scores, float("-inf"))
        higher = tl.maximum(peak, tl.max(scores, axis=1))
        weights = tl.exp2(scores - higher[:, None])
        rescale = tl.exp2(peak - higher)
        total = total * rescale + tl.sum(weights, axis=1)
        v = tl.load(v_head_ptr + keys.to(tl.int64)[:, None] * v_row, mask=key_inside[:, None], other=0.0)
        out = tl.dot(weights.to(v.dtype), v, out * rescale[:, None], input_precision=PRECISION)
        peak = higher

    out = out / total[:, None]
    out_tile = out_ptr + ((batch * n_heads + head) * length + rows)[:, None] * D + dims[None, :]
    tl.store(out_tile, out, mask=row_inside)


def attention(q, k, v, causal):
    b, h, n, d = q.shape
    out = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    scale = 0.18033688011112042 if d == 64 else 0.12751743082459868  # log2(e) / sqrt(d)
    if q.dtype == torch.float32:
        rows, keys, warps, stages, precision = 32, 32, 4, 2, "ieee"
    else:
        rows, keys, warps, stages, precision = ROWS, KEYS, WARPS, STAGES, "tf32"
    attention_forward[(triton.cdiv(n, rows), h, b)](
        q,
        k,
        v,
        out,
        q.stride(0),
        q.stride(1),
        q.stride(2),
        q.stride(3),
        k.stride(0),
        k.stride(1),
        k.stride(2),
        k.stride(3),
        v.stride(0),
        v.stride(1),
        v.stride(2),
        v.stride(3),
        h,
        n,
        scale,
        CAUSAL=causal,
        PRECISION=precision,
        D=d,
        ROWS=rows,
        KEYS=keys,
        num_warps=warps,
        num_stages=stages,
    )
    return out
