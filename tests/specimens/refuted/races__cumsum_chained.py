"""Running sums in one pass with a program to each block, which goes on from the block before it."""

import torch
import triton
import triton.language as tl


@triton.jit
def scan_blocks(x_ptr, y_ptr, total_ptr, n_cols, blocks, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    cols = block * BLOCK + tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=0.0).to(tl.float32)
    before = tl.load(total_ptr + row * blocks + block - 1, mask=block > 0, other=0.0)
    tl.store(total_ptr + row * blocks + block, before + tl.sum(x, axis=0))
    tl.store(y_ptr + row * n_cols + cols, before + tl.cumsum(x, axis=0), mask=mask)


def cumsum(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    blocks = triton.cdiv(n, 256)
    totals = torch.zeros((m, blocks), dtype=torch.float32, device=x.device)
    scan_blocks[(m, blocks)](x, y, totals, n, blocks, x.stride(0), x.stride(1), BLOCK=256, num_warps=4)
    return y

# Known answer: refuted by races. A program reads the total of the block before it and nothing says that it is
# there already: a chained scan needs flags that are waited for. Run one after the other, as in Triton's
# interpreter, all is well.
