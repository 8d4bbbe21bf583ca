"""SwiGLU over all elements as one long line."""

import torch
import triton
import triton.language as tl


@triton.jit
def swiglu_line(gate_ptr, up_ptr, y_ptr, n_elements, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n_elements
    gate = tl.load(gate_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
    up = tl.load(up_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(y_ptr + offsets, gate * tl.sigmoid(gate) * up, mask=mask)


def swiglu(gate, up):
    gate, up = gate.contiguous(), up.contiguous()
    y = torch.empty(gate.shape, dtype=gate.dtype, device=gate.device)
    n = gate.numel()
    block = 2048
    swiglu_line[(triton.cdiv(n, block),)](gate, up, y, n, BLOCK=block, num_warps=8)
    return y

# Known answer: refuted by overflow. The offset is a 32-bit product; past 2^31 elements it wraps, the mask
# lets negative offsets by, and the stores go before the buffer. 150000 tokens of 14336 are enough.
