"""SwiGLU: neighbouring programs take neighbouring blocks of one row; both factors stay in float32 until the store."""

import torch
import triton
import triton.language as tl


@triton.jit
def swiglu_along_rows(
    gate_ptr, up_ptr, y_ptr, n_rows, n_cols, gate_row, gate_col, up_row, up_col, BLOCK: tl.constexpr
):
    cols = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = cols < n_cols
    far = cols.to(tl.int64)
    # One round, unless there are more rows than the second axis of a grid may have.
    for row in range(tl.program_id(1).to(tl.int64), n_rows, tl.num_programs(1)):
        gate = tl.load(gate_ptr + row * gate_row + far * gate_col, mask=mask, other=0.0).to(tl.float32)
        up = tl.load(up_ptr + row * up_row + far * up_col, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_ptr + row * n_cols + cols, gate * tl.sigmoid(gate) * up, mask=mask)


def swiglu(gate, up):
    m, n = gate.shape
    y = torch.empty((m, n), dtype=gate.dtype, device=gate.device)
    block = 2048
    swiglu_along_rows[(triton.cdiv(n, block), min(m, 65535))](
        gate, up, y, m, n, gate.stride(0), gate.stride(1), up.stride(0), up.stride(1), BLOCK=block, num_warps=8
    )
    return y

# Known answer: admitted.
