"""Rotary embedding: a program turns some positions of one head or, of a long sequence, of several."""

import torch
import triton
import triton.language as tl


@triton.jit(do_not_specialize=["H", "N"])
def rope_heads(
    x_ptr, cos_ptr, sin_ptr, y_ptr, H, N, D, half,
    x_b, x_h, x_n, x_d, cos_n, cos_f, sin_n, sin_f,
    ROWS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    lanes = tl.arange(0, LANES)
    mask = (rows[:, None] < N) & (lanes[None, :] < half)
    batch = tl.program_id(2).to(tl.int64)
    n = rows.to(tl.int64)[:, None]
    f = lanes.to(tl.int64)[None, :]
    cos = tl.load(cos_ptr + n * cos_n + f * cos_f, mask=mask, other=0.0).to(tl.float32)
    sin = tl.load(sin_ptr + n * sin_n + f * sin_f, mask=mask, other=0.0).to(tl.float32)
    for head in range(tl.program_id(1).to(tl.int64), H, tl.num_programs(1)):
        x_row = x_ptr + batch * x_b + head * x_h + n * x_n
        left = tl.load(x_row + f * x_d, mask=mask, other=0.0).to(tl.float32)
        right = tl.load(x_row + (f + half) * x_d, mask=mask, other=0.0).to(tl.float32)
        y_row = y_ptr + ((batch * H + head) * N + n) * D
        tl.store(y_row + f, left * cos - right * sin, mask=mask)
        tl.store(y_row + half + f, right * cos + left * sin, mask=mask)


def rope(x, cos, sin):
    b, h, n, d = x.shape
    half = d // 2
    y = torch.empty((b, h, n, d), dtype=x.dtype, device=x.device)
    if half <= 64:
        rows, lanes = 16, 64
    else:
        rows, lanes = 4, 256
    # Angles of few positions stay in the cache; those of many are read by as few programs as keep the device busy.
    groups = min(h, 128 if n <= 8192 else 4)
    rope_heads[(triton.cdiv(n, rows), groups, b)](
        x, cos, sin, y, h, n, d, half, *x.stride(), *cos.stride(), *sin.stride(),
        ROWS=rows, LANES=lanes, num_warps=4,
    )  # fmt: skip
    return y

# Known answer: admitted.
