"""One small kernel for each family of operations: what the executor makes of them is held against Triton's interpreter
and against what an H100 gave (`observed.json`). Each takes two inputs of LANES elements and fills rows of its outputs.

`f`, `g` are float32 (specials among them), `i`, `j` int32; `o` float32 and `p` int32 outputs of ROWS x LANES.
"""

import triton
import triton.language as tl
from triton.language.extra import libdevice

LANES = 64
ROWS = 16


@triton.jit
def extremes(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x, y = tl.load(f + n), tl.load(g + n)
    tl.store(o + n, tl.maximum(x, y))
    tl.store(o + L + n, tl.minimum(x, y))
    tl.store(o + 2 * L + n, tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL))
    tl.store(o + 3 * L + n, tl.minimum(x, y, propagate_nan=tl.PropagateNan.ALL))
    tl.store(o + 4 * L + n, tl.clamp(x, -2.0, 3.0))
    tl.store(o + 5 * L + n, tl.clamp(x, -2.0, 3.0, propagate_nan=tl.PropagateNan.ALL))
    tl.store(p + n, (x < y).to(tl.int32) + 2 * (x != y).to(tl.int32) + 4 * (x >= y).to(tl.int32))
    a, b = tl.load(i + n), tl.load(j + n)
    tl.store(p + L + n, tl.maximum(a, b) ^ tl.minimum(a.to(tl.uint32), b.to(tl.uint32)).to(tl.int32))


@triton.jit
def rounding(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x = tl.load(f + n)
    tl.store(o + n, x.to(tl.float16).to(tl.float32))
    tl.store(o + L + n, x.to(tl.bfloat16).to(tl.float32))
    tl.store(o + 2 * L + n, x.to(tl.float16, fp_downcast_rounding="rtz").to(tl.float32))
    tl.store(o + 3 * L + n, (x.to(tl.float16) * tl.load(g + n).to(tl.float16)).to(tl.float32))
    a = tl.load(i + n)
    tl.store(o + 4 * L + n, a.to(tl.float32))
    tl.store(o + 5 * L + n, a.to(tl.uint32).to(tl.float32))
    tl.store(o + 6 * L + n, (a.to(tl.int64) * 65537).to(tl.float32))
    tl.store(p + n, x.to(tl.int32, bitcast=True))
    tl.store(p + L + n, x.to(tl.float16).to(tl.int16, bitcast=True).to(tl.int32))


@triton.jit
def bytes_of_floats(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x = tl.load(f + n)
    tl.store(o + n, x.to(tl.float8e4nv).to(tl.float32))
    tl.store(o + L + n, x.to(tl.float8e5).to(tl.float32))
    tl.store(o + 2 * L + n, x.to(tl.float16).to(tl.float8e4nv).to(tl.float32))
    tl.store(o + 3 * L + n, x.to(tl.float16).to(tl.float8e5).to(tl.float32))


@triton.jit
def whole_numbers(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x = tl.load(f + n)
    tl.store(p + n, x.to(tl.int32))
    tl.store(p + L + n, x.to(tl.int16).to(tl.int32))
    tl.store(p + 2 * L + n, x.to(tl.int8).to(tl.int32))
    wide = x.to(tl.int64)
    tl.store(p + 3 * L + n, (wide >> 32).to(tl.int32))
    tl.store(p + 4 * L + n, wide.to(tl.int32))
    tl.store(p + 5 * L + n, x.to(tl.uint32).to(tl.int32, bitcast=True))
    tl.store(p + 6 * L + n, x.to(tl.uint8).to(tl.int32))


@triton.jit
def integers(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    a, b = tl.load(i + n), tl.load(j + n)
    some = tl.where(b == 0, 7, b)
    some = tl.where((some == -1) | (a == -2147483648), 3, some)
    tl.store(p + n, a // some)
    tl.store(p + L + n, a % some)
    tl.store(p + 2 * L + n, a * b)
    tl.store(p + 3 * L + n, tl.umulhi(a, b))
    tl.store(p + 4 * L + n, (a << (b & 31)) + (a >> (b & 31)))
    tl.store(p + 5 * L + n, (a.to(tl.uint32) >> (b & 31)).to(tl.int32))
    tl.store(p + 6 * L + n, (a.to(tl.uint32) // some.to(tl.uint32)).to(tl.int32))
    tl.store(p + 7 * L + n, (a.to(tl.uint32) % some.to(tl.uint32)).to(tl.int32))
    tl.store(p + 8 * L + n, ((a & b) | ~a) ^ (a - b))
    tl.store(p + 9 * L + n, a.to(tl.int8).to(tl.int32) + a.to(tl.uint8).to(tl.int32) - b.to(tl.int16).to(tl.int32))
    tl.store(p + 10 * L + n, tl.abs(a) + tl.cdiv(a & 1023, 7))


@triton.jit
def functions(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x, y = tl.load(f + n), tl.load(g + n)
    tl.store(o + n, tl.exp(x))
    tl.store(o + L + n, tl.exp2(x))
    tl.store(o + 2 * L + n, tl.log(tl.abs(x)))
    tl.store(o + 3 * L + n, tl.sqrt(tl.abs(x)))
    tl.store(o + 4 * L + n, tl.rsqrt(tl.abs(x)))
    tl.store(o + 5 * L + n, x / y)
    tl.store(o + 6 * L + n, tl.erf(x))
    tl.store(o + 7 * L + n, tl.floor(x) - tl.ceil(x))
    tl.store(o + 8 * L + n, tl.sigmoid(x))
    tl.store(o + 10 * L + n, tl.div_rn(x, y))
    tl.store(o + 11 * L + n, tl.sqrt_rn(tl.abs(x)))
    tl.store(o + 12 * L + n, tl.fma(x, y, x))
    tl.store(o + 13 * L + n, tl.log2(tl.abs(x)))


@triton.jit
def library(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x, y = tl.load(f + n), tl.load(g + n)
    tl.store(o + n, libdevice.tanh(x))
    tl.store(o + L + n, libdevice.rint(x) + libdevice.round(x))
    tl.store(o + 2 * L + n, libdevice.fmod(x, y))
    tl.store(o + 3 * L + n, libdevice.log1p(tl.abs(x)) + libdevice.expm1(tl.minimum(x, 5.0)))
    tl.store(o + 4 * L + n, libdevice.pow(tl.abs(x), 0.3))
    tl.store(p + n, libdevice.isnan(x).to(tl.int32) + 2 * libdevice.signbit(x).to(tl.int32))


@triton.jit
def folds_of_floats(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x, y = tl.load(f + n), tl.load(g + n)
    small = tl.load(i + n) % 100
    whole = small.to(tl.float32)
    tl.store(o + n, tl.sum(whole, 0) + n)
    tl.store(o + L + n, tl.max(x, 0) + 0 * n)
    tl.store(o + 2 * L + n, tl.min(x, 0) + 0 * n)
    square = tl.reshape(tl.where(x == x, x, y), (8, L // 8))
    rows = tl.arange(0, 8)
    tl.store(o + 3 * L + rows, tl.max(square, 1))
    tl.store(o + 4 * L + rows, tl.min(square, 0))
    tl.store(p + n, tl.argmax(whole, 0) + 0 * n)
    tl.store(p + L + n, tl.argmin(whole, 0) + 0 * n)
    tl.store(p + 2 * L + n, tl.argmax(whole, 0, tie_break_left=False) + 0 * n)
    tl.store(p + 3 * L + rows, tl.argmax(tl.reshape(whole, (8, L // 8)), 1))
    tl.store(p + 4 * L + n, tl.xor_sum(small, 0) + 0 * n)
    tl.store(p + 5 * L + n, tl.sum(small, 0) + tl.max(small, 0) * 3 + tl.min(small, 0) + 0 * n)
    best, where = tl.max(whole, 0, return_indices=True)
    tl.store(p + 6 * L + n, where + best.to(tl.int32) + 0 * n)


@triton.jit
def later(a, m, b, n):
    return a * b, m * b + n


@triton.jit
def least(a, b):
    return tl.minimum(a, b)


@triton.jit
def scans(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    small = tl.load(i + n) % 5
    tl.store(p + n, tl.cumsum(small, 0))
    tl.store(p + L + n, tl.cumsum(small, 0, reverse=True))
    tl.store(p + 2 * L + n, tl.cumprod(small | 1, 0))
    tl.store(p + 3 * L + n, tl.associative_scan(small, 0, least))
    a, b = tl.associative_scan((small, n), 0, later)
    tl.store(p + 4 * L + n, a)
    tl.store(p + 5 * L + n, b)
    a, b = tl.associative_scan((small, n), 0, later, reverse=True)
    tl.store(p + 6 * L + n, a + b)
    whole = small.to(tl.float32)
    tl.store(o + n, tl.cumsum(whole, 0))
    square = tl.cumsum(tl.reshape(whole, (8, L // 8)), 0)
    tl.store(o + L + n, tl.reshape(square, (L,)))
    tl.store(o + 2 * L + n, tl.cumsum(whole.to(tl.bfloat16), 0).to(tl.float32))


@triton.jit
def moves(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    a, b = tl.load(i + n), tl.load(j + n)
    tl.store(p + n, tl.sort(a))
    tl.store(p + L + n, tl.flip(a, 0))
    tl.store(p + 2 * L + n, tl.histogram(a & 63, L))
    tl.store(p + 3 * L + n, tl.gather(a, b & 63, 0))
    twice = tl.interleave(a, b)
    left, right = tl.split(tl.reshape(twice, (L, 2)))
    tl.store(p + 4 * L + n, left - right)
    square = tl.trans(tl.reshape(a, (8, L // 8)))
    tl.store(p + 5 * L + n, tl.reshape(square, (L,)))
    cube = tl.permute(tl.reshape(a, (4, 4, L // 16)), (2, 0, 1))
    tl.store(p + 6 * L + n, tl.reshape(cube, (L,)))
    tl.store(p + 8 * L + tl.arange(0, 2 * L), tl.cat(a, b, can_reorder=True) * 0 + 1)


@triton.jit
def chance(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    tl.store(o + n, tl.rand(3, n))
    tl.store(o + L + n, tl.rand(2**31 + 5, n + 2**30))
    tl.store(o + 2 * L + n, tl.randn(3, n))
    tl.store(p + n, tl.randint(3, n).to(tl.int32, bitcast=True))
    a, b, c, d = tl.randint4x(17, n)
    tl.store(p + L + n, a.to(tl.int32, bitcast=True))
    tl.store(p + 2 * L + n, b.to(tl.int32, bitcast=True))
    tl.store(p + 3 * L + n, c.to(tl.int32, bitcast=True))
    tl.store(p + 4 * L + n, d.to(tl.int32, bitcast=True))
    tl.store(o + 3 * L + n, tl.rand(3, n, n_rounds=6))


@triton.jit
def atomics(f, g, i, j, o, p, L: tl.constexpr):
    n = tl.arange(0, L)
    x, y, a, b = tl.load(f + n), tl.load(g + n), tl.load(i + n), tl.load(j + n)
    x, y = tl.where(x == x, x, 1.0), tl.where(y == y, y, 2.0)
    tl.store(o + n, x)
    tl.store(o + L + n, x)
    tl.store(p + n, a)
    tl.store(p + L + n, a)
    tl.store(p + 2 * L + n, a & 3)
    tl.debug_barrier()
    tl.store(o + 2 * L + n, tl.atomic_max(o + n, y))
    tl.store(o + 3 * L + n, tl.atomic_add(o + L + n, y, mask=n < 40))
    tl.store(p + 3 * L + n, tl.atomic_min(p + n, b))
    tl.store(p + 4 * L + n, tl.atomic_xchg(p + L + n, b))
    tl.store(p + 5 * L + n, tl.atomic_cas(p + 2 * L + n, tl.full((L,), 2, tl.int32), b))
    tl.atomic_add(p + 6 * L + (n & 3), a & 1023)
    tl.atomic_max(p + 7 * L + (n & 3), a)
    tl.atomic_xor(p + 8 * L + (n & 3), a)
    tl.atomic_and(p + 9 * L + (n & 3), a)


@triton.jit
def _byte(x):
    return x.to(tl.float32).to(tl.float8e5)


@triton.jit
def products(f, g, i, j, o, p, L: tl.constexpr):
    m = tl.arange(0, 16)
    at = m[:, None] * 16 + m[None, :]
    a = tl.load(i + (at % L)).to(tl.float32) / 65536
    unit = (m[:, None] == m[None, :]).to(tl.float32)
    tl.store(o + at, tl.dot(a, unit, input_precision="ieee"))
    tl.store(o + 256 + at, tl.dot(a, unit, input_precision="tf32"))
    tl.store(o + 512 + at, tl.dot(a, unit, input_precision="tf32x3"))
    tl.store(o + 768 + at, tl.dot(a.to(tl.bfloat16), unit.to(tl.bfloat16)))
    k = tl.arange(0, 32)
    left = tl.load(i + ((m[:, None] * 32 + k[None, :]) % L)).to(tl.int8)
    right = tl.load(j + ((k[:, None] * 16 + m[None, :]) % L)).to(tl.int8)
    tl.store(p + at, tl.dot(left, right))
    tl.store(p + 256 + at, tl.dot(_byte(left & 7), _byte(right & 3)).to(tl.int32))


KERNELS = [
    extremes, rounding, bytes_of_floats, whole_numbers, integers, functions, library, folds_of_floats, scans, moves,
    chance, atomics, products,
]  # fmt: skip
