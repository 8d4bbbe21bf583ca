"""Cross entropy: several short rows in a program, a long row tile by tile with a running maximum for each lane."""

import torch
import triton
import triton.language as tl

LOWEST = tl.constexpr(-3.4028234663852886e38)  # a finite start keeps (-inf) - (-inf) out of lanes without a class


@triton.jit
def cross_entropy_short(
    logits_ptr, target_ptr, loss_ptr, n_rows, row_stride, col_stride, target_stride, n_classes, IGNORED,
    STEP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = rows < n_rows
    target = tl.load(target_ptr + rows * target_stride, mask=inside, other=IGNORED)
    live = target != IGNORED
    # Rows start at, and have, whole steps: the compiler may load a step at once.
    starts = logits_ptr + rows * tl.multiple_of(tl.cast(row_stride, tl.int64), STEP)
    cols = tl.arange(0, BLOCK)
    mask = live[:, None] & (cols[None, :] < tl.multiple_of(tl.cast(n_classes, tl.int64), STEP))
    x = tl.load(starts[:, None] + cols.to(tl.int64)[None, :] * col_stride, mask=mask, other=LOWEST).to(tl.float32)
    peak = tl.max(x, axis=1)
    total = tl.sum(tl.exp(x - peak[:, None]), axis=1)
    chosen = tl.load(starts + target * col_stride, mask=live, other=0.0).to(tl.float32)
    loss = tl.where(live, tl.log(total) + (peak - chosen), 0.0)
    tl.store(loss_ptr + rows, loss, mask=inside)


@triton.jit
def cross_entropy_long(
    logits_ptr, target_ptr, loss_ptr, row_stride, col_stride, target_stride, n_classes, IGNORED,
    TILE: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(target_ptr + row * target_stride)
    loss = 0.0
    if target != IGNORED:
        logits = logits_ptr + row * row_stride
        tile = tl.arange(0, TILE)[:, None] * LANES + tl.arange(0, LANES)[None, :]
        peak = tl.full((LANES,), LOWEST, dtype=tl.float32)
        total = tl.zeros((LANES,), dtype=tl.float32)
        for start in range(0, n_classes, TILE * LANES):
            cols = start + tile
            x = tl.load(logits + cols.to(tl.int64) * col_stride, mask=cols < n_classes, other=float("-inf"))
            x = x.to(tl.float32)
            higher = tl.maximum(peak, tl.max(x, axis=0))
            total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher[None, :]), axis=0)
            peak = higher
        row_peak = tl.max(peak, axis=0)
        row_total = tl.sum(total * tl.exp(peak - row_peak), axis=0)
        chosen = tl.load(logits + target * col_stride).to(tl.float32)
        loss = tl.log(row_total) + (row_peak - chosen)
    tl.store(loss_ptr + row, loss)


def cross_entropy(logits, target):
    m, n = logits.shape
    loss = torch.empty((m,), dtype=logits.dtype, device=logits.device)
    row_stride, col_stride = logits.stride()
    if n <= 1024:
        step = 8 if n % 8 == 0 and row_stride % 8 == 0 else 1
        rows = 2
        cross_entropy_short[(triton.cdiv(m, rows),)](
            logits, target, loss, m, row_stride, col_stride, target.stride(0), n, -100,
            STEP=step, ROWS=rows, BLOCK=1024, num_warps=2,
        )  # fmt: skip
    else:
        cross_entropy_long[(m,)](
            logits, target, loss, row_stride, col_stride, target.stride(0), n, -100,
            TILE=8, LANES=2048, num_warps=8,
        )  # fmt: skip
    return loss

# Known answer: admitted.
