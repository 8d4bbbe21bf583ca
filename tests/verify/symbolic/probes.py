"""The kernels whose TTIR lies in ttir/. `python store_probes.py` makes the texts again; tests only read them."""

import triton
import triton.language as tl


@triton.jit
def square_tile(x_ptr, y_ptr, M, N, B: tl.constexpr, MASKED: tl.constexpr):
    rows = tl.program_id(0) * B + tl.arange(0, B)
    cols = tl.program_id(1) * B + tl.arange(0, B)
    mask = (cols < N)[None, :] & (rows < M)[:, None] if MASKED else (cols < N)[None, :] & (rows >= 0)[:, None]
    at = rows[:, None] * N + cols[None, :]
    tl.store(y_ptr + at, tl.load(x_ptr + at, mask=mask, other=0.0), mask=mask)


@triton.jit
def carried_pointer(x_ptr, y_ptr, K, B: tl.constexpr, STEP: tl.constexpr):
    offsets = tl.arange(0, B)
    pointers = x_ptr + tl.program_id(0) * K + offsets
    total = tl.zeros((B,), tl.float32)
    for k in range(tl.cdiv(K, B)):
        total += tl.load(pointers, mask=offsets < K - k * B, other=0.0)
        pointers += STEP
    tl.store(y_ptr + tl.program_id(0), tl.sum(total, 0))


@triton.jit
def full_tiles(x_ptr, y_ptr, N, B: tl.constexpr, EDGE: tl.constexpr):
    pid = tl.program_id(0)
    at = pid * B + tl.arange(0, B)
    if pid < N // B + EDGE:
        tl.store(y_ptr + at, tl.load(x_ptr + at))
    else:
        tl.store(y_ptr + at, tl.load(x_ptr + at, mask=at < N, other=0.0), mask=at < N)


@triton.jit
def second_program(y_ptr, N, SHIFT: tl.constexpr):
    pid = tl.program_id(0)
    if pid == 1:
        tl.store(y_ptr + pid + SHIFT, 1.0)


@triton.jit
def wide(y_ptr, N, B: tl.constexpr, LONG: tl.constexpr):
    pid = tl.program_id(0).to(tl.int64) if LONG else tl.program_id(0)
    at = pid * B + tl.arange(0, B)
    tl.store(y_ptr + at, at.to(tl.float32), mask=at < N)


@triton.jit
def atomic_outside(y_ptr, N, SHIFT: tl.constexpr):
    tl.atomic_add(y_ptr + tl.program_id(0) + SHIFT, 1.0)


@triton.jit
def halved(y_ptr, N):
    tl.store(y_ptr + (tl.program_id(0) - 1) // 2, 1.0)


@triton.jit
def remainder(y_ptr, N):
    tl.store(y_ptr + (tl.program_id(0) - 1) % 4, 1.0)


@triton.jit
def narrowed(y_ptr, N, SHIFT: tl.constexpr):
    at = (tl.program_id(0) + 250).to(tl.int8).to(tl.int32) + SHIFT
    tl.store(y_ptr + at, 1.0)


@triton.jit
def gathered(i_ptr, x_ptr, y_ptr):
    pid = tl.program_id(0)
    tl.store(y_ptr + pid, tl.load(x_ptr + tl.load(i_ptr + pid)))


@triton.jit
def swizzled(y_ptr, M, N, B: tl.constexpr, G: tl.constexpr, H: tl.constexpr):
    pid = tl.program_id(0)
    down, across = tl.cdiv(M, B), tl.cdiv(N, B)
    group = pid // (G * across)
    height = min(down - group * G, H)
    rows = (group * G + (pid % (G * across)) % height).to(tl.int64) * B + tl.arange(0, B)
    cols = ((pid % (G * across)) // height).to(tl.int64) * B + tl.arange(0, B)
    at = rows[:, None] * N + cols[None, :]
    tl.store(y_ptr + at, tl.zeros((B, B), tl.float32), mask=(rows < M)[:, None] & (cols < N)[None, :])


@triton.jit
def persistent(y_ptr, N, B: tl.constexpr, SKIP: tl.constexpr):
    for block in range(tl.program_id(0) + SKIP, tl.cdiv(N, B), tl.num_programs(0)):
        at = block * B + tl.arange(0, B)
        tl.store(y_ptr + at, tl.zeros((B,), tl.float32), mask=at < N)


@triton.jit
def early(y_ptr, N, EDGE: tl.constexpr):
    at = tl.program_id(0) * 2
    if at >= N - EDGE:
        return
    tl.store(y_ptr + at, 1.0)
    if at + 1 < N:
        tl.store(y_ptr + at + 1, 1.0)


@triton.jit
def chosen(y_ptr, N, LAST: tl.constexpr):
    pid = tl.program_id(0)
    if pid + 1 < N:  # noqa: SIM108 (a branch is what is wanted)
        at = pid + 1
    else:
        at = pid + LAST
    tl.store(y_ptr + at, 1.0)


@triton.jit
def best(x_ptr, y_ptr, N, B: tl.constexpr, BY: tl.constexpr):
    at = tl.arange(0, B)
    x = tl.load(x_ptr + at, mask=at < N, other=-float("inf"))
    where = tl.argmax(x, 0)
    tl.store(y_ptr + where * BY, 1.0)


@triton.jit
def nested(y_ptr, M, N, EXTRA: tl.constexpr):
    for i in range(M):
        for j in range(N + EXTRA):
            tl.store(y_ptr + i * N + j, 1.0)


@triton.jit
def counted(y_ptr, N, STEP: tl.constexpr):
    at = 0
    for _ in range(N):
        tl.store(y_ptr + at, 1.0)
        at += STEP


@triton.jit
def waited(y_ptr, N, EDGE: tl.constexpr):
    at = 0
    while at < N + EDGE:
        tl.store(y_ptr + at, 1.0)
        at += 1


@triton.jit
def divided(y_ptr, N, K):
    tl.store(y_ptr + tl.program_id(0) % K, 1.0)


@triton.jit
def halves(y_ptr, N, half, B: tl.constexpr, EVEN: tl.constexpr):
    lanes = tl.arange(0, B)
    y_row = y_ptr + tl.program_id(0) * N
    rest = half if EVEN else N - half
    tl.store(y_row + lanes, 1.0, mask=lanes < half)
    tl.store(y_row + half + lanes, 2.0, mask=lanes < rest)
