"""Row softmax that tells the compiler, rightly, that each block of columns is contiguous and where it starts."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_rows(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols

    # A finite start keeps (-inf) - (-inf) out of lanes that never see a column.
    peak = tl.full((BLOCK,), -3.4028234663852886e38, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = tl.max_contiguous(tl.multiple_of(start + lanes, BLOCK), BLOCK)
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=float("-inf"))
        x = x.to(tl.float32)
        higher = tl.maximum(peak, x)
        total = total * tl.exp(peak - higher) + tl.exp(x - higher)
        peak = higher
    row_peak = tl.max(peak, axis=0)
    scale = 1.0 / tl.sum(total * tl.exp(peak - row_peak), axis=0)

    for start in range(0, n_cols, BLOCK):
        cols = tl.max_contiguous(tl.multiple_of(start + lanes, BLOCK), BLOCK)
        mask = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf")).to(tl.float32)
        tl.store(y_row + cols, tl.exp(x - row_peak) * scale, mask=mask)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_rows[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=4096, num_warps=8)
    return y

# Known answer: admitted.
