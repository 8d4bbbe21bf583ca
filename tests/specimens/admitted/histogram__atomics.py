"""Histogram: programs walk over the list and add one to the bin of each element."""

import torch
import triton
import triton.language as tl


@triton.jit
def histogram_kernel(x_ptr, counts_ptr, n, stride, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    bins = tl.load(x_ptr + at * stride, mask=inside, other=0)
    ones = tl.full((BLOCK,), 1, dtype=tl.int64)
    tl.atomic_add(counts_ptr + bins, ones, mask=inside, sem="relaxed")


def histogram(x, bins):
    (n,) = x.shape
    counts = torch.zeros((bins,), dtype=torch.int64, device=x.device)
    histogram_kernel[(triton.cdiv(n, 1024),)](x, counts, n, x.stride(0), BLOCK=1024, num_warps=4)
    return counts

# Known answer: admitted.
# Integer additions commute, so the order of programs does not matter.
