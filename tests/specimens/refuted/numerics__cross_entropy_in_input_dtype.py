"""Cross entropy: one program a row, an online maximum and sum over blocks of classes, one pass over memory."""

import torch
import triton
import triton.language as tl


@triton.jit
def cross_entropy_kernel(
    logits_ptr, target_ptr, loss_ptr, row_stride, col_stride, target_stride, n_classes, IGNORED, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(target_ptr + row * target_stride)
    logits = logits_ptr + row * row_stride
    lanes = tl.arange(0, BLOCK)

    peak = tl.load(logits)
    for start in range(0, n_classes, BLOCK):
        cols = start + lanes
        x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
        peak = tl.maximum(peak, tl.max(x, axis=0)).to(x.dtype)

    total = 0.0
    for start in range(0, n_classes, BLOCK):
        cols = start + lanes
        x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
        total += tl.sum(tl.exp((x - peak).to(tl.float32)), axis=0)

    counts = target != IGNORED
    chosen = tl.load(logits + target * col_stride, mask=counts, other=0.0)
    loss = tl.log(total) + (peak - chosen).to(tl.float32)
    tl.store(loss_ptr + row, tl.where(counts, loss, 0.0))


def cross_entropy(logits, target):
    m, n = logits.shape
    loss = torch.empty((m,), dtype=logits.dtype, device=logits.device)
    cross_entropy_kernel[(m,)](
        logits, target, loss, logits.stride(0), logits.stride(1), target.stride(0), n, -100, BLOCK=1024, num_warps=4
    )
    return loss

# Known answer: refuted by numerics.
# Distances to the maximum are taken in the logits' dtype: in 16 bits each is rounded before it is exponentiated.
