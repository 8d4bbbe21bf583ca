"""Layer norm with the whole row in one block."""

import torch
import triton
import triton.language as tl


@triton.jit
def layer_norm_rows(
    x_ptr, w_ptr, b_ptr, y_ptr, row_stride, col_stride, w_stride, b_stride, n_cols, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    far = cols.to(tl.int64)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + far * col_stride, mask=mask, other=0.0).to(tl.float32)
    w = tl.load(w_ptr + far * w_stride, mask=mask, other=0.0).to(tl.float32)
    b = tl.load(b_ptr + far * b_stride, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / n_cols
    distance = x - mean
    variance = tl.sum(distance * distance, axis=0) / n_cols
    y = distance * (1.0 / tl.sqrt(variance + eps)) * w + b
    tl.store(y_ptr + row * n_cols + cols, y, mask=mask)


def layer_norm(x, weight, bias, eps):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    strides = (x.stride(0), x.stride(1), weight.stride(0), bias.stride(0))
    block = triton.next_power_of_2(n)
    layer_norm_rows[(m,)](x, weight, bias, y, *strides, n, eps, BLOCK=block, num_warps=8)
    return y

# Known answer: refuted by algorithm. Lanes beyond the row hold 0, and 0 - mean is not 0: unless N fills the
# block, the variance also counts mean^2 for every lane past the end. `tl.where(mask, x - mean, 0.0)` is
# missing.
