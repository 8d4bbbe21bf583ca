# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def turned_kernel(x_ptr, y_ptr, n, row_stride, col_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lanes < n
    back = (n - 1 - lanes).to(tl.int64)
    x = tl.load(x_ptr + row * row_stride + back * col_stride, mask=inside)
    tl.store(y_ptr + row * n + lanes, x, mask=inside)


def double(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    start = x.as_strided((m, n), (x.stride(0), 0))  # the kernel walks along this axis by itself
    turned_kernel[(m, triton.cdiv(n, 64))](start, y, n, start.stride(0), x.stride(1), BLOCK=64)
    return y
