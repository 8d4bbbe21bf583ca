"""Attention for Hopper in Gluon: one warp fetches tiles, two warpgroups compute 64 rows each. The product of a block's
queries and keys is in flight while the block before it is weighed.
"""

import torch
import triton
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared, mbarrier, tma, warpgroup_mma, warpgroup_mma_wait,
)  # fmt: skip
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor


@gluon.jit
def exp2(x):
    return gl.inline_asm_elementwise("ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=gl.float32, is_pure=True, pack=1)


@gluon.jit
def place(blocks, length, KEYS: gl.constexpr, CAUSAL: gl.constexpr):
    """The program's head and block of 128 rows, long rows first, and how many blocks of keys they see."""
    sequence = gl.program_id(0) // blocks
    block = blocks - 1 - gl.program_id(0) % blocks
    if CAUSAL:
        count = ((block + 1) * 128 + KEYS - 1) // KEYS
    else:
        count = length // KEYS
    return sequence, block, count


@gluon.jit
def fetch(
    q_tiles, k_tiles, v_tiles, q_shared, k_shared, v_shared, q_full, k_full, k_empty, v_full, v_empty, blocks, length,
    KEYS: gl.constexpr, STAGES: gl.constexpr, CAUSAL: gl.constexpr,
):  # fmt: skip
    sequence, block, count = place(blocks, length, KEYS, CAUSAL)
    first = sequence * length
    mbarrier.expect(k_full.index(0), k_tiles.block_type.nbytes)
    tma.async_copy_global_to_shared(k_tiles, [first + (count - 1) * KEYS, 0], k_full.index(0), k_shared.index(0))
    for half in gl.static_range(2):
        mbarrier.expect(q_full.index(half), q_tiles.block_type.nbytes)
        row = first + block * 128 + half * 64
        tma.async_copy_global_to_shared(q_tiles, [row, 0], q_full.index(half), q_shared.index(half))
    for step in range(1, count):
        slot, phase = step % STAGES, (step // STAGES) & 1
        mbarrier.wait(k_empty.index(slot), phase ^ 1)
        mbarrier.expect(k_full.index(slot), k_tiles.block_type.nbytes)
        row = first + (count - 1 - step) * KEYS
        tma.async_copy_global_to_shared(k_tiles, [row, 0], k_full.index(slot), k_shared.index(slot))
        slot, phase = (step - 1) % STAGES, ((step - 1) // STAGES) & 1
        mbarrier.wait(v_empty.index(slot), phase ^ 1)
        mbarrier.expect(v_full.index(slot), v_tiles.block_type.nbytes)
        tma.async_copy_global_to_shared(v_tiles, [row + KEYS, 0], v_full.index(slot), v_shared.index(slot))
    slot, phase = (count - 1) % STAGES, ((count - 1) // STAGES) & 1
    mbarrier.wait(v_empty.index(slot), phase ^ 1)
    mbarrier.expect(v_full.index(slot), v_tiles.block_type.nbytes)
    tma.async_copy_global_to_shared(v_tiles, [first, 0], v_full.index(slot), v_shared.index(slot))


@gluon.jit
def compute(
    out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty, blocks, length,
    scale, HALF: gl.constexpr, KEYS: gl.constexpr, D: gl.constexpr, STAGES: gl.constexpr, CAUSAL: gl.constexpr,
):  # fmt: skip
    SCORES: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, KEYS, 16])
    RESULT: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, D, 16])
    OPERAND: gl.constexpr = gl.DotOperandLayout(0, RESULT, 2)
    ROWS: gl.constexpr = gl.SliceLayout(1, SCORES)
    RESULT_ROWS: gl.constexpr = gl.SliceLayout(1, RESULT)
    sequence, block, count = place(blocks, length, KEYS, CAUSAL)
    no_scores = gl.zeros([64, KEYS], gl.float32, SCORES)
    out = gl.zeros([64, D], gl.float32, RESULT)

    mbarrier.wait(q_full.index(HALF), 0)
    q = q_shared.index(HALF).load(OPERAND)
    mbarrier.wait(k_full.index(0), 0)
    scores = warpgroup_mma(q, k_shared.index(0).permute((1, 0)), no_scores, use_acc=False, is_async=True)
    scores = warpgroup_mma_wait(num_outstanding=0, deps=[scores])
    mbarrier.arrive(k_empty.index(0), count=1)
    if CAUSAL:
        rows = block * 128 + HALF * 64 + gl.arange(0, 64, ROWS)
        keys = (count - 1) * KEYS + gl.arange(0, KEYS, gl.SliceLayout(0, SCORES))
        scores = gl.where(gl.expand_dims(rows, 1) >= gl.expand_dims(keys, 0), scores, -float("inf"))
    peak = gl.max(scores, 1) * scale
    weights = exp2(scores * scale - gl.expand_dims(peak, 1))
    total = gl.sum(weights, 1)
    operand = gl.convert_layout(weights.to(gl.bfloat16), OPERAND)
    for step in range(1, count):
        before, before_phase = (step - 1) % STAGES, ((step - 1) // STAGES) & 1
        slot, phase = step % STAGES, (step // STAGES) & 1
        mbarrier.wait(k_full.index(slot), phase)
        scores = warpgroup_mma(q, k_shared.index(slot).permute((1, 0)), no_scores, use_acc=False, is_async=True)
        mbarrier.wait(v_full.index(before), before_phase)
        out = warpgroup_mma(operand, v_shared.index(before), out, is_async=True)
        scores = warpgroup_mma_wait(num_outstanding=1, deps=[scores])
        mbarrier.arrive(k_empty.index(slot), count=1)
        higher = gl.maximum(peak, gl.max(scores, 1) * scale)
        weights = exp2(scores * scale - gl.expand_dims(higher, 1))
        rescale = exp2(peak - higher)
        total = total * rescale + gl.sum(weights, 1)
        peak = higher
        out = warpgroup_mma_wait(num_outstanding=0, deps=[out])
        mbarrier.arrive(v_empty.index(before), count=1)
        out = out * gl.expand_dims(gl.convert_layout(rescale, RESULT_ROWS), 1)
        operand = gl.convert_layout(weights.to(gl.bfloat16), OPERAND)
    last, last_phase = (count - 1) % STAGES, ((count - 1) // STAGES) & 1
    mbarrier.wait(v_full.index(last), last_phase)
    out = warpgroup_mma(operand, v_shared.index(last), out, is_async=True)
    inverse = 1.0 / gl.convert_layout(total, RESULT_ROWS)
    out = warpgroup_mma_wait(num_outstanding=0, deps=[out])
    tile = out_shared.index(HALF)
    tile.store((out * gl.expand_dims(inverse, 1)).to(gl.bfloat16))
    fence_async_shared()
    gl.thread_barrier()
    tma.async_copy_shared_to_global(out_tiles, [sequence * length + block * 128 + HALF * 64, 0], tile)
    tma.store_wait(0)


@gluon.jit
def compute_upper(
    out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty, blocks, length,
    scale, KEYS: gl.constexpr, D: gl.constexpr, STAGES: gl.constexpr, CAUSAL: gl.constexpr,
):  # fmt: skip
    compute(out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty, blocks,
            length, scale, 0, KEYS, D, STAGES, CAUSAL)  # fmt: skip


@gluon.jit
def compute_lower(
    out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty, blocks, length,
    scale, KEYS: gl.constexpr, D: gl.constexpr, STAGES: gl.constexpr, CAUSAL: gl.constexpr,
):  # fmt: skip
    compute(out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty, blocks,
            length, scale, 1, KEYS, D, STAGES, CAUSAL)  # fmt: skip


@gluon.jit
def attention_specialised(
    q_tiles, k_tiles, v_tiles, out_tiles, blocks, length, scale,
    KEYS: gl.constexpr, D: gl.constexpr, STAGES: gl.constexpr, CAUSAL: gl.constexpr,
):  # fmt: skip
    q_shared = gl.allocate_shared_memory(gl.bfloat16, [2, 64, D], q_tiles.layout)
    out_shared = gl.allocate_shared_memory(gl.bfloat16, [2, 64, D], q_tiles.layout)
    k_shared = gl.allocate_shared_memory(gl.bfloat16, [STAGES, KEYS, D], k_tiles.layout)
    v_shared = gl.allocate_shared_memory(gl.bfloat16, [STAGES, KEYS, D], v_tiles.layout)
    BARRIER: gl.constexpr = mbarrier.MBarrierLayout()
    q_full = gl.allocate_shared_memory(gl.int64, [2, 1], BARRIER)
    k_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], BARRIER)
    k_empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], BARRIER)
    v_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], BARRIER)
    v_empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], BARRIER)
    for at in gl.static_range(2):
        mbarrier.init(q_full.index(at), count=1)
    for at in gl.static_range(STAGES):
        mbarrier.init(k_full.index(at), count=1)
        mbarrier.init(v_full.index(at), count=1)
        mbarrier.init(k_empty.index(at), count=2)
        mbarrier.init(v_empty.index(at), count=2)
    gl.warp_specialize([
        (compute_upper, (out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty,
                         blocks, length, scale, KEYS, D, STAGES, CAUSAL)),
        (compute_lower, (out_tiles, q_shared, k_shared, v_shared, out_shared, q_full, k_full, k_empty, v_full, v_empty,
                         blocks, length, scale, KEYS, D, STAGES, CAUSAL)),
        (fetch, (q_tiles, k_tiles, v_tiles, q_shared, k_shared, v_shared, q_full, k_full, k_empty, v_full, v_empty,
                 blocks, length, KEYS, STAGES, CAUSAL)),
    ], [4, 1], [240, 24])  # fmt: skip


def described(x, rows):
    b, h, n, d = x.shape
    layout = gl.NVMMASharedLayout.get_default_for([rows, 128], gl.bfloat16)
    return TensorDescriptor(x, [b * h * n, d], [d, 1], [rows, 128], layout)


def attention(q, k, v, causal):
    b, h, n, d = q.shape
    dense = q.is_contiguous() and k.is_contiguous() and v.is_contiguous()
    if not dense or q.dtype != torch.bfloat16 or d != 128 or n % 128 != 0:
        raise NotImplementedError("dense bfloat16 with D = 128 and N a multiple of 128 only")
    out = torch.empty((b, h, n, d), dtype=q.dtype, device=q.device)
    if b * h * n == 0:
        return out
    attention_specialised[(b * h * (n // 128),)](
        described(q, 64), described(k, 128), described(v, 128), described(out, 64), n // 128, n,
        0.12751743082459868,  # log2(e) / sqrt(128)
        KEYS=128, D=128, STAGES=2, CAUSAL=causal, num_warps=4, maxnreg=168,
    )  # fmt: skip
    return out

# Known answer: unknown to policy and to all that read the kernel: Gluon's IR begins at TTGIR.
