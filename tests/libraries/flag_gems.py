"""Launch contracts of FlagGems' operators, called as PyTorch would dispatch to them, on row-major arguments."""

from __future__ import annotations

import os
import sys
from typing import Any

from libraries.contract import MOST, contract, number, tensor
from specs.sizes import name
from specs.spec import Dim, SizeParam

PACKAGE = "flag-gems"
VERSION = "5.0.2"

ROWS, WIDTH = Dim("M", 1, MOST), Dim("N", 1, 65536)
WIDE = Dim("N", 1, MOST)
B, INNER = Dim("B", 1, 65535), Dim("K", 1, MOST)
X, ROW, COLUMN = tensor("M", "N"), tensor("N"), tensor("M", dtype="float32")
FLAT = tensor("N")

# What the installed source says of refutations, and whether a device has the memory that they take.
COUNTER = (
    "Real: where a row is within one block of 2^31 elements (4.3 GB in bfloat16) the int32 loop counter's last step "
    "passes 2^31 - 1 and comes back negative, so the loop goes on and loads before the row."
)
POSITIONS = (
    "Real: where a row is within one block of 2^31 elements (4.3 GB in bfloat16) positions of int32 pass 2^31 - 1, "
    "come back negative and count as inside."
)
UNFILLED = (
    "Undefined, real: loads have a mask and no `other`, and the lanes of which Triton then promises nothing are summed "
)
OFFSETS = "Real: offsets of rows are products of int32; from M * N = 2^31 on (4.3 GB in bfloat16) they wrap."


def ops() -> Any:
    """Its operators. The variable spares it from asking nvidia-smi which vendor's device this is."""
    os.environ["GEMS_VENDOR"] = "nvidia"
    import flag_gems

    return flag_gems.ops


def fused() -> Any:
    ops()
    import flag_gems

    return flag_gems.fused


# -- rows


@contract(ROWS, WIDTH, x=X)
def softmax(x: Any) -> Any:
    return ops().softmax(x, -1)


@contract(ROWS, WIDTH, dy=X, y=X, note=UNFILLED + "(softmax.py:251, 265).")
def softmax_backward(dy: Any, y: Any) -> Any:
    return ops().softmax_backward(dy, y, -1, y.dtype)


@contract(
    ROWS,
    WIDTH,
    INNER,
    x=tensor("M", "N", "K"),
    note="Real: the grid has a program of axis y for every tile of K, of which 65535 can start; the launch then fails. "
    "17 GB in bfloat16. The int64 sum wraps only beyond 2^63 elements, which no device holds.",
)
def softmax_inner_dim(x: Any) -> Any:
    return ops().softmax(x, 1)


@contract(ROWS, WIDTH, x=X)
def log_softmax(x: Any) -> Any:
    return ops().log_softmax(x, -1)


@contract(ROWS, WIDTH, dy=X, y=X, note=UNFILLED + "(log_softmax.py:82).")
def log_softmax_backward(dy: Any, y: Any) -> Any:
    return ops().log_softmax_backward(dy, y, -1, y.dtype)


@contract(ROWS, WIDTH, x=X, w=ROW, b=ROW, eps=number(1e-5))
def layer_norm(x: Any, w: Any, b: Any, eps: float) -> Any:
    return ops().layer_norm(x, [x.shape[1]], w, b, eps)


@contract(
    ROWS,
    WIDTH,
    dy=X,
    x=X,
    mean=COLUMN,
    rstd=COLUMN,
    w=ROW,
    b=ROW,
    note=f"{UNFILLED}(layernorm.py:267, 324). In weight_bias_backward_kernel: {OFFSETS} {COUNTER}",
)
def layer_norm_backward(dy: Any, x: Any, mean: Any, rstd: Any, w: Any, b: Any) -> Any:
    return ops().layer_norm_backward(dy, x, [x.shape[1]], mean, rstd, w, b, [True, True, True])


@contract(ROWS, WIDTH, x=X, w=ROW, eps=number(1e-5), note=OFFSETS)
def rms_norm_forward(x: Any, w: Any, eps: float) -> Any:
    return ops().rms_norm_forward(x, [x.shape[1]], w, eps)


@contract(ROWS, WIDTH, dy=X, x=X, rstd=COLUMN, w=ROW, eps=number(1e-5), note=OFFSETS)
def rms_norm_backward(dy: Any, x: Any, rstd: Any, w: Any, eps: float) -> Any:
    return ops().rms_norm_backward(dy, x, rstd, [x.shape[1]], w, eps)


@contract(ROWS, WIDE, x=X)
def argmax(x: Any) -> Any:
    return ops().argmax(x, 1)


@contract(
    ROWS,
    WIDE,
    x=X,
    note="Bounds, real: loads and stores have `mask=True` (argmin.py:88, 98), so where rows or columns are no multiple "
    f"of the block, kernels go past the ends; two elements are enough. Overflow: {COUNTER}",
)
def argmin(x: Any) -> Any:
    return ops().argmin(x, 1)


@contract(ROWS, WIDE, x=X, note=COUNTER)
def mean_dim(x: Any) -> Any:
    return ops().mean_dim(x, [1])


@contract(ROWS, WIDE, x=X, note=COUNTER)
def sum_dim(x: Any) -> Any:
    return ops().sum_dim(x, [1])


@contract(ROWS, WIDE, x=X, note=COUNTER)
def amax(x: Any) -> Any:
    return ops().amax(x, [1])


@contract(ROWS, WIDTH, x=X)
def max_dim(x: Any) -> Any:
    return ops().max_dim(x, 1)


@contract(ROWS, WIDTH, x=X)
def prod_dim(x: Any) -> Any:
    return ops().prod_dim(x, 1)


@contract(ROWS, WIDE, x=X, note=COUNTER)
def any_dim(x: Any) -> Any:
    return ops().any_dim(x, 1)


@contract(ROWS, WIDE, x=X, note=COUNTER)
def var_mean(x: Any) -> Any:
    return ops().var_mean(x, [1], correction=1)


@contract(ROWS, WIDE, x=X, note=f"{OFFSETS} {COUNTER}")
def std(x: Any) -> Any:
    return ops().std(x, [1], correction=1)


@contract(ROWS, WIDE, x=X, note=COUNTER)
def vector_norm(x: Any) -> Any:
    return ops().vector_norm(x, 2, [1])


@contract(ROWS, WIDTH, x=X)
def cumsum(x: Any) -> Any:
    return ops().cumsum(x, 1)


@contract(
    ROWS,
    WIDTH,
    x=X,
    note="Real: block_cumsum_kernel stores a block's sums (cumsum.py:442) and loads them in the same program (453) "
    "with no barrier between; Triton does not promise that a lane sees what another stored. Any size will do. "
    "And where a row takes several chunks the host code fails: `device.name` of a string (line 576), M = 34, N = 2050.",
)
def normed_cumsum(x: Any) -> Any:
    return ops().normed_cumsum(x, -1)


@contract(ROWS, Dim("N", 1000, 1000), x=X)
def topk(x: Any) -> Any:
    return ops().topk(x, 1)


@contract(ROWS, Dim("N", 8, 16384), x=X, requires=((name("N") % 8).equals(0),), note=OFFSETS)
def scaled_softmax(x: Any) -> Any:
    return ops().scaled_softmax_forward(x[None, None], 0.5)


# -- everything at once


@contract(WIDE, x=FLAT)
def sum_all(x: Any) -> Any:
    return ops().sum(x)


@contract(WIDE, x=FLAT)
def mean_all(x: Any) -> Any:
    return ops().mean(x)


@contract(WIDE, x=FLAT)
def max_all(x: Any) -> Any:
    return ops().max(x)


@contract(
    WIDE,
    x=FLAT,
    y=FLAT,
    note="Real: in 16-bit dtypes the grid is `(num_blocks,)` and the buffer of partial sums has min(num_blocks, 1024) "
    "elements, so beyond 2^20 elements programs from 1024 on store behind it, and what they summed is lost.",
)
def vdot(x: Any, y: Any) -> Any:
    return ops().vdot(x, y)


@contract(WIDE, x=FLAT, y=FLAT)
def dot(x: Any, y: Any) -> Any:
    return ops().dot(x, y)


@contract(WIDE, Dim("seed", 0, MOST), Dim("start", 0, MOST), x=FLAT, seed=SizeParam("seed"), start=SizeParam("start"))
def dropout(x: Any, seed: int, start: int) -> Any:
    function = ops().dropout
    sys.modules[function.__module__].philox_backend_seed_offset = lambda increment: (seed, start)
    return function(x, 0.5)


@contract(WIDE, dy=FLAT, mask=tensor("N", dtype="bool"))
def dropout_backward(dy: Any, mask: Any) -> Any:
    return ops().dropout_backward(dy, mask, 2.0)


@contract(WIDE, x=FLAT, y=FLAT)
def mse_loss(x: Any, y: Any) -> Any:
    return ops().mse_loss(x, y)


@contract(WIDE, x=FLAT)
def count_nonzero(x: Any) -> Any:
    return ops().count_nonzero(x)


# -- matrices

SIDES = (Dim("M", 1, 1 << 20), Dim("N", 1, 1 << 20), Dim("K", 1, 1 << 20))


@contract(*SIDES, a=tensor("M", "K"), b=tensor("K", "N"), bias=tensor("N"))
def addmm(a: Any, b: Any, bias: Any) -> Any:
    return ops().addmm(bias, a, b)


@contract(*SIDES, Dim("B", 1, 65535), a=tensor("B", "M", "K"), b=tensor("B", "K", "N"))
def bmm(a: Any, b: Any) -> Any:
    return ops().bmm(a, b)


@contract(
    *SIDES,
    a=tensor("M", "K"),
    b=tensor("K", "N"),
    note="Undefined, real: where a block passes the last row, `rm % M` begins anew within it, and the hint that its "
    "lanes are contiguous is not true (mm.py:66, 67).",
)
def mm(a: Any, b: Any) -> Any:
    from flag_gems.ops.mm import general_mm

    (m, k), n = a.shape, b.shape[1]
    return general_mm(a, b, a.new_empty((m, n)), m, n, k)


@contract(ROWS, WIDE, x=X, v=tensor("N"), note=COUNTER)
def mv(x: Any, v: Any) -> Any:
    return ops().mv(x, v)


@contract(ROWS, WIDE, x=X, note=COUNTER)
def triu(x: Any) -> Any:
    return ops().triu(x)


@contract(ROWS, WIDE, x=tensor("M"), y=tensor("N"), note=POSITIONS)
def outer(x: Any, y: Any) -> Any:
    return fused().outer(x, y)


# -- indices

SOURCE, INDEX = Dim("V", 1, MOST), tensor("M", dtype="int64", low=0, high=name("V"))
INDICES = tensor("M", "N", dtype="int64", low=0, high=name("V"))


@contract(SOURCE, ROWS, Dim("N", 768, 768), weight=tensor("V", "N"), indices=INDEX)
def embedding(weight: Any, indices: Any) -> Any:
    return ops().embedding(weight, indices)


@contract(
    SOURCE,
    ROWS,
    Dim("N", 768, 768),
    dy=X,
    indices=INDEX,
    like=tensor("V"),
    note="Real: indices are narrowed to int32 and multiplied by the width (embedding.py:81); from V * 768 = 2^31 on "
    "the address wraps, 8.6 GB of float32 gradients.",
)
def embedding_backward(dy: Any, indices: Any, like: Any) -> Any:
    return ops().embedding_backward(dy, indices, like.shape[0])


@contract(
    SOURCE,
    ROWS,
    WIDE,
    x=tensor("V", "N"),
    index=INDEX,
    note="Real: the grid has a program of axis y for every 16 indices, of which 65535 can start: from 1048561 indices "
    "on (8 MB) the launch fails.",
)
def index_select(x: Any, index: Any) -> Any:
    return ops().index_select(x, 0, index)


@contract(
    SOURCE,
    ROWS,
    WIDE,
    x=tensor("M", "V"),
    index=INDICES,
    note="Axis x of the grid is over its limit only from some 10^12 indices on, beyond any device's memory.",
)
def gather(x: Any, index: Any) -> Any:
    return ops().gather(x, 1, index)


@contract(
    *(SOURCE, ROWS, WIDE),
    x=tensor("M", "V"),
    index=tensor("M", "N", dtype="int64", low=0, high=name("V"), unique=True),
    src=tensor("M", "N"),
    requires=(name("N") <= name("V"),),
    note="Indices of a row are unique here: where two are equal torch leaves open which value stays. Overflow, real: a "
    "program's 512 elements start at an int32 product; from M * N = 2^31 on (4.3 GB, with indices 21 GB) it wraps. The "
    "limit of the grid is beyond any device's memory.",
)
def scatter(x: Any, index: Any, src: Any) -> Any:
    return ops().scatter(x, 1, index, src)


@contract(
    ROWS,
    WIDE,
    x=X,
    target=tensor("M", dtype="int64", low=0, high=name("N")),
    note="Real: the last program is found by a plain load of a counter (nllloss.py:54) that others add to, and loads "
    "sums that others add to relaxed (56, 57): nothing orders these loads after the additions. M = 129 is enough.",
)
def nll_loss_forward(x: Any, target: Any) -> Any:
    return ops().nll_loss_forward(x, target)


# -- images and groups

IMAGE = (Dim("B", 1, 65535), Dim("C", 1, 65535), Dim("H", 1, 65535), Dim("W", 1, 65535))


@contract(*(Dim("B", 1, 64), Dim("C", 1, 1024), Dim("H", 32, 32), Dim("W", 32, 32)), x=tensor("B", "C", "H", "W"))
def upsample_nearest2d(x: Any) -> Any:
    return ops().upsample_nearest2d(x, (2 * x.shape[2], 2 * x.shape[3]))


@contract(
    *IMAGE,
    x=tensor("B", "C", "H", "W"),
    note="Real, and far away: as in avg_pool2d, a program of axis x for every image and channel and of axis y for "
    "every tile.",
)
def max_pool2d(x: Any) -> Any:
    return ops().max_pool2d_with_indices(x, 2)


@contract(
    *IMAGE,
    x=tensor("B", "C", "H", "W"),
    note="Real: a program of axis x for every image and channel, of axis y for every tile; from B * C = 2^31 on "
    "(18 GB) or 65536 tiles on (260 MB, one image of two channels) the launch fails.",
)
def avg_pool2d(x: Any) -> Any:
    return ops().avg_pool2d(x, 2)


@contract(IMAGE[0], Dim("C", 64, 64), IMAGE[2], x=tensor("B", "C", "H"), w=tensor("C"), b=tensor("C"))
def group_norm(x: Any, w: Any, b: Any) -> Any:
    n, c, h = x.shape
    return ops().group_norm(x, w, b, n, c, h, 8)


# -- pointwise, by kernels that the package writes for the rank at hand

# Their `tiles_per_cta: int` is of int32 whatever its value, and wraps where no device has the memory (137 GB here).
HELD = (name("M") * name("N") <= 1 << 36,)


@contract(ROWS, WIDE, x=X, y=X, requires=HELD)
def add(x: Any, y: Any) -> Any:
    return ops().add(x, y)


# Two ranks stay two ranks, and each power of two of each size is a tile of its own: one width.
@contract(ROWS, Dim("N", 4096, 4096), x=X, y=ROW, requires=HELD)
def mul_broadcast(x: Any, y: Any) -> Any:
    return ops().mul(x, y)


@contract(ROWS, WIDE, x=X, requires=HELD)
def gelu(x: Any) -> Any:
    return ops().gelu(x)


@contract(ROWS, WIDE, x=X, requires=HELD)
def exp_transposed(x: Any) -> Any:
    return ops().exp(x.t())


@contract(ROWS, WIDE, mask=tensor("M", "N", dtype="bool"), x=X, y=X, requires=HELD)
def where(mask: Any, x: Any, y: Any) -> Any:
    return ops().where_self(mask, x, y)
