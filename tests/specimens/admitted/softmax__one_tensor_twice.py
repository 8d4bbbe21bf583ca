"""Row softmax in two launches; the second is given the exponentials as what it reads and as what it writes."""

import torch
import triton
import triton.language as tl


@triton.jit
def exponentials(x_ptr, e_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    peak = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        peak = tl.maximum(peak, x.to(tl.float32))
    row_peak = tl.max(peak, axis=0)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        x = tl.load(x_ptr + row * row_stride + cols * col_stride, mask=cols < n_cols, other=float("-inf"))
        tl.store(e_ptr + row * n_cols + cols, tl.exp(x.to(tl.float32) - row_peak), mask=cols < n_cols)


@triton.jit
def normalise(e_ptr, y_ptr, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK).to(tl.int64)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        total += tl.load(e_ptr + row * n_cols + cols, mask=cols < n_cols, other=0.0)
    row_total = tl.sum(total, axis=0)
    for start in range(0, n_cols, BLOCK):
        cols = start + lanes
        e = tl.load(e_ptr + row * n_cols + cols, mask=cols < n_cols, other=0.0)
        tl.store(y_ptr + row * n_cols + cols, e / row_total, mask=cols < n_cols)


def softmax(x: torch.Tensor) -> torch.Tensor:
    rows, n_cols = x.shape
    e = torch.empty((rows, n_cols), dtype=torch.float32, device=x.device)
    exponentials[(rows,)](x, e, x.stride(0), x.stride(1), n_cols, BLOCK=1024)
    normalise[(rows,)](e, e, n_cols, BLOCK=1024)
    return e.to(x.dtype)
