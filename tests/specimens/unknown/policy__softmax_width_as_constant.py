"""Row softmax with one block per row."""

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_kernel(x_ptr, y_ptr, row_stride, col_stride, n_cols: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=float("-inf"))
    x = x.to(tl.float32)
    e = tl.exp(x - tl.max(x, axis=0))
    y = e / tl.sum(e, axis=0)
    tl.store(y_ptr + row * n_cols + cols, y, mask=mask)


def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if n == 0:
        return y
    block = max(1024, triton.next_power_of_2(n))
    softmax_kernel[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=block, num_warps=8)
    return y

# Known answer: unknown to policy. The number of columns is compiled in: every width is a kernel of its own,
# and there are 131072 of them.
