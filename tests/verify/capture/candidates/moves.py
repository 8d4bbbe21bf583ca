# ruff: noqa
import functools
import math

import torch
import triton
import triton.language as tl


@triton.jit
def copy_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    lanes = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + lanes, mask=lanes < n)
    tl.store(y_ptr + lanes, x, mask=lanes < n)


@functools.lru_cache
def blocks(n, width=64):
    return math.ceil(n / width)


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        m, n = x.shape
        ctx.save_for_backward(x)
        flat = x.contiguous().view(-1)
        assert flat.shape == (m * n,) and flat.stride() == (1,)
        assert flat.view(m, n).shape == x.shape and flat.reshape(-1, n).size(0) == m
        assert x.t().stride() == (x.stride(1), x.stride(0)) and x.T.shape == (n, m) and x.mT.shape == (n, m)
        assert x[1:].storage_offset() == x.stride(0) and x[:, None].shape == (m, 1, n)
        assert x[0].shape == (n,) and x[..., 0].shape == (m,) and x[-1].storage_offset() == (m - 1) * x.stride(0)
        assert x.unsqueeze(0).expand(4, m, n).stride(0) == 0 and x.unsqueeze(-1).squeeze(-1).shape == x.shape
        assert x.permute(1, 0).shape == (n, m) and x.flatten().numel() == m * n and x.dim() == 2
        assert x.is_cuda and x.device.type == "cuda" and len(x) == m and not x.requires_grad
        assert torch.as_strided(x, (2, 2), (1, 1), 3).storage_offset() == 3
        assert min(m, n) <= n and max(m, 1) >= 1 and int(triton.cdiv(n, 64)) * 64 >= n and isinstance(n, int)
        scratch = x.new_empty((m, n), dtype=torch.float32)
        scratch.copy_(x)
        scratch.narrow(0, 0, 1).fill_(2.0)
        zeros = torch.zeros_like(flat, dtype=torch.int32)
        zeros[:1] = 7
        half = scratch.to(torch.float16).float().clone()
        full = torch.full((m,), 3, device=x.device, dtype=x.dtype)
        y = torch.empty(m, n, device="cuda", dtype=x.dtype)
        with torch.cuda.device(x.device):
            copy_kernel[(blocks(m * n), 1)](half, y, n=m * n, BLOCK=64)
            copy_kernel[lambda meta: (triton.cdiv(m, meta["BLOCK"]),)](full, zeros, m, 64)
        return y


def double(x):
    if x.shape[0] < 2 or x.shape[1] < 2:
        raise ValueError("too small for this test")
    return Through.apply(x)
