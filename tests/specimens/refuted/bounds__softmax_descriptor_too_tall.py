"""Row softmax whose output descriptor claims a row that is not there."""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def softmax_kernel(x_desc, y_desc, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    peak = float("-inf")
    total = 0.0
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.reshape(x_desc.load([row, start]), (BLOCK,)).to(tl.float32)
        x = tl.where(cols < n_cols, x, float("-inf"))
        higher = tl.maximum(peak, tl.max(x, axis=0))
        total = total * tl.exp(peak - higher) + tl.sum(tl.exp(x - higher), axis=0)
        peak = higher
    for start in range(0, n_cols, BLOCK):
        x = tl.reshape(x_desc.load([row, start]), (BLOCK,)).to(tl.float32)
        y = tl.exp(x - peak) / total
        y_desc.store([row, start], tl.reshape(y, (1, BLOCK)).to(y_desc.dtype))


def softmax(x):
    m, n = x.shape
    width = (n + 15) // 16 * 16
    padded = torch.empty((m, width), dtype=x.dtype, device=x.device)
    rows = padded[:, :n]
    rows.copy_(x)
    y = torch.empty((m, width), dtype=x.dtype, device=x.device)[:, :n]
    if m == 0 or n == 0:
        return torch.empty((m, n), dtype=x.dtype, device=x.device)
    block = [1, 1024]
    x_desc, y_desc = TensorDescriptor.from_tensor(rows, block), TensorDescriptor(y, [m + 1, n], [width, 1], block)
    softmax_kernel[(m,)](x_desc, y_desc, n, BLOCK=1024)
    return y

# Known answer: refuted by bounds: the descriptor of y claims one row more than y has.
