"""Cross entropy: one program a row, maximum and sum in two passes over blocks of classes."""

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
    chosen = tl.load(logits + target * col_stride).to(tl.float32)
    lanes = tl.arange(0, BLOCK)

    peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    for start in range(0, n_classes, BLOCK):
        cols = start + lanes
        x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
        peak = tl.maximum(peak, x.to(tl.float32))
    row_peak = tl.max(peak, axis=0)

    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_classes, BLOCK):
        cols = start + lanes
        x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
        total += tl.exp(x.to(tl.float32) - row_peak)

    loss = tl.log(tl.sum(total, axis=0)) + (row_peak - chosen)
    tl.store(loss_ptr + row, tl.where(target == IGNORED, 0.0, loss))


def cross_entropy(logits, target):
    m, n = logits.shape
    loss = torch.empty((m,), dtype=logits.dtype, device=logits.device)
    cross_entropy_kernel[(m,)](
        logits, target, loss, logits.stride(0), logits.stride(1), target.stride(0), n, -100, BLOCK=1024, num_warps=4
    )
    return loss

# Known answer: refuted by bounds.
# The loss of an ignored row is right, but on the way 100 elements before its logits are read: in the first row,
# before the tensor.
