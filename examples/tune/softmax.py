"""Row softmax with knobs: `kernelproof synth softmax --proposer tune --start examples/tune/softmax.py`."""

import torch
import triton
import triton.language as tl

BLOCK = 1024  # tune: 512, 1024, 2048, 4096
WARPS = 4  # tune: 2, 4, 8


@triton.jit
def softmax_kernel(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_row = x_ptr + row * row_stride
    y_row = y_ptr + row * n_cols
    peak = float("-inf")
    total = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=cols < n_cols, other=float("-inf"))
        x = x.to(tl.float32)
        higher = tl.maximum(peak, tl.max(x, axis=0))
        total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher), axis=0)
        peak = higher
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < n_cols
        x = tl.load(x_row + cols.to(tl.int64) * col_stride, mask=inside, other=float("-inf")).to(tl.float32)
        tl.store(y_row + cols, tl.exp(x - peak) / total, mask=inside)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    softmax_kernel[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=BLOCK, num_warps=WARPS)
    return y
