# ruff: noqa
import torch
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, M, N, rows, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    for start in range(0, N, BLOCK):
        lanes = start + tl.arange(0, BLOCK)
        at = x_ptr + row * rows + lanes.to(tl.int64) * columns
        tl.store(at, 2 * tl.load(at, mask=lanes < N), mask=lanes < N)


def double(x):
    M, N = x.shape
    if M > 0:
        double_kernel[(M,)](x, M, N, x.stride(0), x.stride(1), BLOCK=64)
    return x
