"""Row softmax with the columns of a row shared out among several programs."""

import torch
import triton
import triton.language as tl


@triton.jit
def add_up(
    x_ptr, peak_ptr, total_ptr, row_stride, col_stride, n_cols, PARTS: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    part = tl.program_id(1)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    x_row = x_ptr + row * row_stride
    peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        peak = tl.maximum(peak, x.to(tl.float32))
    row_peak = tl.max(peak, axis=0)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(part * BLOCK, n_cols, PARTS * BLOCK):
        cols = start + lanes
        x = tl.load(x_row + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        total += tl.exp(x.to(tl.float32) - row_peak)
    so_far = tl.load(total_ptr + row)
    tl.store(total_ptr + row, so_far + tl.sum(total, axis=0))
    tl.store(peak_ptr + row, row_peak, mask=part == 0)


@triton.jit
def divide(x_ptr, y_ptr, peak_ptr, total_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    row_peak = tl.load(peak_ptr + row)
    row_total = tl.load(total_ptr + row)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        y = tl.exp(x.to(tl.float32) - row_peak) / row_total
        tl.store(y_ptr + row * n_cols + cols, y, mask=cols < n_cols)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    peak = torch.empty((m,), dtype=torch.float32, device=x.device)
    total = torch.zeros((m,), dtype=torch.float32, device=x.device)
    add_up[(m, 4)](x, peak, total, x.stride(0), x.stride(1), n, PARTS=4, BLOCK=1024)
    divide[(m,)](x, y, peak, total, x.stride(0), x.stride(1), n, BLOCK=1024)
    return y

# Known answer: refuted by races. Four programs add to the total of one row by a plain load and store; on a
# device additions get lost. One after another, as in an interpreter, they all arrive.
