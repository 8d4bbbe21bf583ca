"""Histogram: programs walk over the list and add one to the bin of each element."""

import torch
import triton
import triton.language as tl


@triton.jit
def histogram_kernel(x_ptr, counts_ptr, n, stride, BLOCK: tl.constexpr):
    first = tl.program_id(0).to(tl.int64) * BLOCK
    for step in range(BLOCK):
        at = first + step
        inside = at < n
        bin = tl.load(x_ptr + at * stride, mask=inside, other=0)
        count = tl.load(counts_ptr + bin, mask=inside, other=0)
        tl.store(counts_ptr + bin, count + 1, mask=inside)


def histogram(x, bins):
    (n,) = x.shape
    counts = torch.zeros((bins,), dtype=torch.int64, device=x.device)
    histogram_kernel[(triton.cdiv(n, 64),)](x, counts, n, x.stride(0), BLOCK=64, num_warps=1)
    return counts

# Known answer: refuted by races.
# Two programs read the same count and both write it plus one. An interpreter runs one after the other.
