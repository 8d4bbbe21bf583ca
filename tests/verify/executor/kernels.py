"""The kernels whose TTIR lies in ttir/. `python lower.py` makes the texts again; tests only read them."""

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def softmax(x_ptr, y_ptr, sx, sy, N, B: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + row * sx + o, mask=m, other=-float("inf"))
    e = tl.exp(x - tl.max(x, 0))
    tl.store(y_ptr + row * sy + o, e / tl.sum(e, 0), mask=m)


@triton.jit
def softmax_unmasked(x_ptr, y_ptr, sx, sy, N, B: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + row * sx + o, mask=m, other=-float("inf"))
    e = tl.exp(x - tl.max(x, 0))
    tl.store(y_ptr + row * sy + o, e / tl.sum(e, 0))


@triton.jit
def softmax_no_other(x_ptr, y_ptr, sx, sy, N, B: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + row * sx + o, mask=m)
    e = tl.exp(x - tl.max(x, 0))
    tl.store(y_ptr + row * sy + o, e / tl.sum(e, 0), mask=m)


@triton.jit
def matmul(
    a_ptr, b_ptr, c_ptr, M, N, K, sam, sak, sbk, sbn, scm, scn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GM: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    down, across = tl.cdiv(M, BM), tl.cdiv(N, BN)
    group = pid // (GM * across)
    height = min(down - group * GM, GM)
    i = group * GM + (pid % (GM * across)) % height
    j = (pid % (GM * across)) // height
    rows, columns, steps = i * BM + tl.arange(0, BM), j * BN + tl.arange(0, BN), tl.arange(0, BK)
    a = a_ptr + (rows % M)[:, None] * sam + steps[None, :] * sak
    b = b_ptr + steps[:, None] * sbk + (columns % N)[None, :] * sbn
    total = tl.zeros((BM, BN), tl.float32)
    for k in range(tl.cdiv(K, BK)):
        left = tl.load(a, mask=steps[None, :] < K - k * BK, other=0.0)
        right = tl.load(b, mask=steps[:, None] < K - k * BK, other=0.0)
        total = tl.dot(left, right, total)
        a += BK * sak
        b += BK * sbk
    inside = (rows[:, None] < M) & (columns[None, :] < N)
    c = c_ptr + rows[:, None] * scm + columns[None, :] * scn
    tl.store(c, total.to(c_ptr.dtype.element_ty), mask=inside)


@triton.jit
def control(x_ptr, y_ptr, N, eps, B: tl.constexpr):
    pid = tl.program_id(0)
    if pid * B >= N:
        return
    o = pid * B + tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + o, mask=m, other=-float("inf"))
    s = tl.cumsum(tl.exp(x - tl.max(x, 0)), 0)
    if eps > 0.5:  # noqa: SIM108 (a branch is what is wanted)
        s = s + eps
    else:
        s = s * eps
    best = tl.argmax(x, 0)
    i = 0
    while i < best:
        i += 3
    total = 0.0
    for k in range(pid, 5):
        total += k
    tl.store(y_ptr + o, s + i + total, mask=m)


@triton.jit
def mirror(x_ptr, B: tl.constexpr, BARRIER: tl.constexpr):
    o = tl.arange(0, B)
    x = tl.load(x_ptr + o)
    tl.store(x_ptr + o, x + 1)
    if BARRIER:
        tl.debug_barrier()
    y = tl.load(x_ptr + (B - 1) - o)
    tl.debug_barrier()
    tl.store(x_ptr + o, y)


@triton.jit
def overlap(y_ptr, N, STEP: tl.constexpr, B: tl.constexpr):
    o = tl.program_id(0) * STEP + tl.arange(0, B)
    tl.store(y_ptr + o, tl.program_id(0).to(tl.float32), mask=o < N)


@triton.jit
def agree(y_ptr, N, B: tl.constexpr):
    o = tl.arange(0, B)
    tl.store(y_ptr + o, o.to(tl.float32), mask=o < N)


@triton.jit
def folded(y_ptr, DIV: tl.constexpr, B: tl.constexpr):
    o = tl.arange(0, B)
    tl.store(y_ptr + o // DIV, o.to(tl.float32))


@triton.jit
def shift(x_ptr, y_ptr, N, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    m = o + 1 < N
    x = tl.load(x_ptr + o + 1, mask=m, other=0.0)
    tl.store(y_ptr + o, x, mask=m)


@triton.jit
def rows(x_ptr, y_ptr, M, N, stride, BM: tl.constexpr, B: tl.constexpr):
    r = tl.program_id(0) * BM + tl.arange(0, BM)
    o = tl.arange(0, B)
    m = (r[:, None] < M) & (o[None, :] < N)
    x = tl.load(x_ptr + r[:, None] * stride + o[None, :], mask=m, other=0.0)
    tl.store(y_ptr + r[:, None] * N + o[None, :], x, mask=m)


@triton.jit
def rows64(x_ptr, y_ptr, M, N, stride, BM: tl.constexpr, B: tl.constexpr):
    r = (tl.program_id(0) * BM + tl.arange(0, BM)).to(tl.int64)
    o = tl.arange(0, B)
    m = (r[:, None] < M) & (o[None, :] < N)
    x = tl.load(x_ptr + r[:, None] * stride + o[None, :], mask=m, other=0.0)
    tl.store(y_ptr + r[:, None] * N + o[None, :], x, mask=m)


@triton.jit
def count(x_ptr, h_ptr, old_ptr, N, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + o, mask=m, other=0)
    old = tl.atomic_add(h_ptr + x, 1, mask=m)
    tl.store(old_ptr + o, old, mask=m)
    tl.atomic_max(h_ptr + 8 + o * 0, x, mask=m)
    tl.atomic_add(h_ptr + 9 + o * 0, x, mask=m)


@triton.jit
def last_block(x_ptr, part_ptr, c_ptr, y_ptr, B: tl.constexpr, P: tl.constexpr, SEM: tl.constexpr):
    pid = tl.program_id(0)
    tl.store(part_ptr + pid, tl.sum(tl.load(x_ptr + pid * B + tl.arange(0, B)), 0))
    done = tl.atomic_add(c_ptr, 1, sem=SEM)
    if done == P - 1:
        tl.store(y_ptr, tl.sum(tl.load(part_ptr + tl.arange(0, P)), 0))


@triton.jit
def shapes(x_ptr, y_ptr, B: tl.constexpr):
    i = tl.arange(0, B)
    x = tl.load(x_ptr + i[:, None] * B + i[None, :])
    a, b = tl.split(tl.join(x, tl.trans(x)))
    r = tl.reshape(a - 2 * b, (B * B,))
    tl.store(y_ptr + tl.arange(0, B * B), tl.cumsum(r, 0, reverse=True))
    tl.store(y_ptr + B * B + i, tl.sum(tl.reshape(r, (B, B)), 1))
    tl.store(y_ptr + B * B + B + i, tl.min(x, 0) + libdevice.tanh(tl.max(x, 1)))
    tl.store(y_ptr + B * B + 2 * B + i, tl.gather(tl.sum(x, 0), (i * 3) % B, 0))
    tl.store(y_ptr + B * B + 3 * B + i, tl.histogram((i * 2) % B, B, mask=i < B // 2).to(tl.float32))


@triton.jit
def sorted_rows(x_ptr, y_ptr, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(y_ptr + o, tl.sort(tl.load(x_ptr + o)))


@triton.jit
def both(a, b, c, d):
    return a + c, b * d


@triton.jit
def folds(x_ptr, y_ptr, z_ptr, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    x = tl.load(x_ptr + o)
    a, b = tl.reduce((x, x), 0, both)
    c, d = tl.associative_scan((x, x), 0, both)
    tl.store(y_ptr + o, c + d)
    tl.store(z_ptr + tl.program_id(0), a + b + tl.argmin(x, 0))


@triton.jit
def tiles(x_ptr, y_ptr, M, N, B: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, [M, N], [N, 1], [B, B])
    y = tl.make_tensor_descriptor(y_ptr, [M, N], [N, 1], [B, B])
    i, j = tl.program_id(0) * B, tl.program_id(1) * B
    y.store([i, j], x.load([i, j]) * 2)


@triton.jit
def dropout(x_ptr, y_ptr, N, p, seed, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + o, mask=m, other=0.0)
    keep = tl.rand(seed, o) > p
    tl.store(y_ptr + o, tl.where(keep, x / (1 - p), 0.0), mask=m)


@triton.jit
def half_sum(x_ptr, y_ptr, B: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, B))
    tl.store(y_ptr, tl.reduce(x, 0, add))


@triton.jit
def add(a, b):
    return a + b


@triton.jit
def spoiled_read(s_ptr, y_ptr, B: tl.constexpr):
    o = tl.arange(0, B)
    tl.store(y_ptr + o, tl.load(s_ptr + o))


@triton.jit
def attention(q_ptr, k_ptr, v_ptr, o_ptr, N, scale, D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr):
    head = tl.program_id(1).to(tl.int64) * N * D
    rows, depth, steps = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, D), tl.arange(0, BN)
    inside = rows[:, None] < N
    q = tl.load(q_ptr + head + rows[:, None] * D + depth[None, :], mask=inside, other=0.0)
    top = tl.full((BM,), -float("inf"), tl.float32)
    below = tl.zeros((BM,), tl.float32)
    total = tl.zeros((BM, D), tl.float32)
    for start in range(0, N, BN):
        columns = start + steps
        seen = columns < N
        k = tl.load(k_ptr + head + columns[None, :] * D + depth[:, None], mask=seen[None, :], other=0.0)
        s = tl.where(seen[None, :], tl.dot(q, k, input_precision="ieee") * scale, -float("inf"))
        higher = tl.maximum(top, tl.max(s, 1))
        p = tl.exp(s - higher[:, None])
        again = tl.exp(top - higher)
        below = below * again + tl.sum(p, 1)
        v = tl.load(v_ptr + head + columns[:, None] * D + depth[None, :], mask=seen[:, None], other=0.0)
        total = tl.dot(p.to(v.dtype), v, total * again[:, None], input_precision="ieee")
        top = higher
    o = o_ptr + head + rows[:, None] * D + depth[None, :]
    tl.store(o, (total / below[:, None]).to(o_ptr.dtype.element_ty), mask=inside)


@triton.jit
def rms_norm(x_ptr, w_ptr, y_ptr, sx, N, eps, B: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, B)
    m = o < N
    x = tl.load(x_ptr + row * sx + o, mask=m, other=0.0).to(tl.float32)
    w = tl.load(w_ptr + o, mask=m, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(x * x, 0) / N + eps)
    tl.store(y_ptr + row * N + o, (x * scale * w).to(y_ptr.dtype.element_ty), mask=m)


@triton.jit
def scaled(x_ptr, y_ptr, N, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    m = o < N
    tl.store(y_ptr + o, tl.load(x_ptr + o, mask=m, other=0.0) * 2 + 1, mask=m)
