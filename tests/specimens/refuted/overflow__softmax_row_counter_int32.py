"""Row softmax with a fixed number of programs that stride over the rows."""

import torch
import triton
import triton.language as tl

PROGRAMS = 1056  # eight programs on each of 132 multiprocessors


@triton.jit
def softmax_rows(x_ptr, y_ptr, row_stride, col_stride, n_rows, n_cols, BLOCK: tl.constexpr):
    first = tl.program_id(0)
    step = tl.num_programs(0)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    for number in range(first, n_rows, step):
        row = tl.cast(number, tl.int64)
        peak = float("-inf")
        total = 0.0
        for start in range(0, n_cols, BLOCK):
            cols = start + lanes
            x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
            x = x.to(tl.float32)
            higher = tl.maximum(peak, tl.max(x, axis=0))
            total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher), axis=0)
            peak = higher
        for start in range(0, n_cols, BLOCK):
            cols = start + lanes
            mask = cols < n_cols
            x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=mask, other=float("-inf"))
            x = x.to(tl.float32)
            tl.store(y_ptr + row * n_cols + cols, tl.exp(x - peak) / total, mask=mask)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_rows[(min(m, PROGRAMS),)](x, y, x.stride(0), x.stride(1), m, n, BLOCK=4096, num_warps=8)
    return y

# Known answer: refuted by overflow. The row counter has 32 bits: above 2^31 - 1056 rows its last step wraps, too
# many iterations into the loop to be run, so the witness is worked out in exact integers.
