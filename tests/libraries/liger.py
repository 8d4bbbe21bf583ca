"""Launch contracts of Liger-Kernel's host functions: rows of 1 to 65536 elements, which is what it accepts.

Its autograd functions make their arguments contiguous before they call these, so contiguous they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from libraries.contract import MOST, choice, contract, number, output, tensor, widths
from specs.sizes import name
from specs.spec import Dim

PACKAGE = "liger-kernel"
VERSION = "0.8.5"

ROWS = Dim("M", 1, MOST)
WIDTH = Dim("N", 1, 65536)
REAL = Dim("N", 64, 65536)  # a compile-time constant of the kernel, so only some widths are captured: `widths`
# Where the rows of a program are a constant, every 132 rows make a kernel of their own: four here, by four widths.
FEW_ROWS, WIDE = Dim("M", 1, 4 * 132), Dim("N", 1025, 16384)
HALF = Dim("H", 32, 32768)
GRID_ROWS = Dim("M", 1, 65535)  # along a grid's second axis
VOCABULARY = Dim("N", 1, 1 << 18)
X, ROW, OUT = tensor("M", "N"), tensor("N"), output("M", "N")
FREE = tensor("M", "N", inplace=True)  # the function stores its result there
LABELS = tensor("M", dtype="int64", low=0, high=name("N"), also=(-100,))
COLUMN, SUMS = tensor("M", dtype="float32"), output("M", dtype="float32", called="sums")
BLOCK, WARPS = 65536, 16  # what a backward function gets from its forward one


class Context:
    """What torch hands to an autograd function."""

    def save_for_backward(self, *tensors: Any) -> None:
        """Nothing is kept."""


@contextmanager
def gradient_is_not_one() -> Iterator[None]:
    """The losses skip their kernel where the incoming gradient is the number 1; here it is another."""
    with patch("torch.equal", lambda left, right: False), patch("torch.tensor", lambda value, **options: value):
        yield


# -- norms


@contract(ROWS, WIDTH, x=X, w=ROW, eps=number(1e-6), outputs=(OUT, SUMS))
def rms_norm_forward(x: Any, w: Any, eps: float) -> Any:
    from liger_kernel.ops.rms_norm import rms_norm_forward as forward

    y, _, rstd, *_ = forward(x, w, eps, 0.0, "llama", False)
    return y, rstd


@contract(ROWS, WIDTH, dy=X, x=X, w=ROW, rstd=COLUMN, outputs=(OUT, output("N", called="dw")))
def rms_norm_backward(dy: Any, x: Any, w: Any, rstd: Any) -> Any:
    from liger_kernel.ops.rms_norm import rms_norm_backward as backward

    return backward(dy, x, w, rstd, 0.0, 0, BLOCK, WARPS, False, False)


@contract(ROWS, WIDTH, dy=FREE, x=X, w=ROW, rstd=COLUMN, outputs=(OUT, output("N", called="dw")))
def rms_norm_backward_in_place(dy: Any, x: Any, w: Any, rstd: Any) -> Any:
    from liger_kernel.ops.rms_norm import rms_norm_backward as backward

    return backward(dy, x, w, rstd, 0.0, 0, BLOCK, WARPS, True, False)


@contract(ROWS, WIDTH, x=X, r=X, w=ROW, eps=number(1e-6), outputs=(OUT, output("M", "N", called="s"), SUMS))
def fused_add_rms_norm_forward(x: Any, r: Any, w: Any, eps: float) -> Any:
    from liger_kernel.ops.fused_add_rms_norm import fused_add_rms_norm_forward as forward

    return forward(x, r, w, eps, 0.0, "llama")[:3]


@contract(FEW_ROWS, WIDE, dy=X, ds=X, s=X, w=ROW, rstd=COLUMN, outputs=(OUT, output("N", called="dw")))
def fused_add_rms_norm_backward(dy: Any, ds: Any, s: Any, w: Any, rstd: Any) -> Any:
    from liger_kernel.ops.fused_add_rms_norm import fused_add_rms_norm_backward as backward

    dx, _, dw = backward(dy, ds, s, w, rstd, 0.0, 0, BLOCK, WARPS, 2, False)
    return dx, dw


@contract(
    ROWS, WIDTH, x=X, w=ROW, b=ROW, eps=number(1e-6), outputs=(OUT, SUMS, output("M", dtype="float32", called="r"))
)
def layer_norm_forward(x: Any, w: Any, b: Any, eps: float) -> Any:
    from liger_kernel.ops.layer_norm import layer_norm_forward as forward

    y, _, mean, rstd, *_ = forward(x, w, b, eps)
    return y, mean, rstd


@contract(FEW_ROWS, WIDE, dy=X, x=X, w=ROW, b=ROW, mean=COLUMN, rstd=COLUMN, outputs=(OUT, output("N", called="dw")))
def layer_norm_backward(dy: Any, x: Any, w: Any, b: Any, mean: Any, rstd: Any) -> Any:
    from liger_kernel.ops.layer_norm import layer_norm_backward as backward

    return backward(dy, x, w, b, mean, rstd)[:2]


IMAGE, CHANNEL, GROUPS = tensor("B", 32, "L"), tensor(32), tensor("B", 8)
BATCH, PIXELS, IMAGES = Dim("B", 1, 65536), Dim("L", 1, 1 << 20), widths("L", 196, 4096)


IMAGE_WRAPS = (
    "Real: offsets of an image are products of int32; from B * C * L = 2^31 on (4.3 GB in bfloat16) they wrap."
)


@contract(BATCH, PIXELS, x=IMAGE, w=CHANNEL, b=CHANNEL, eps=number(1e-6), requires=(IMAGES,), note=IMAGE_WRAPS)
def group_norm_forward(x: Any, w: Any, b: Any, eps: float) -> Any:
    from liger_kernel.ops.group_norm import group_norm_forward as forward

    return forward(x, x.shape[1], 8, w, b, eps)


@contract(
    BATCH,
    PIXELS,
    dy=IMAGE,
    x=IMAGE,
    w=CHANNEL,
    b=CHANNEL,
    mean=GROUPS,
    rstd=GROUPS,
    requires=(IMAGES,),
    note=IMAGE_WRAPS,
)
def group_norm_backward(dy: Any, x: Any, w: Any, b: Any, mean: Any, rstd: Any) -> Any:
    from liger_kernel.ops.group_norm import group_norm_backward as backward

    return backward(dy, x, w, b, mean, rstd, x.shape[1], 8)


@contract(ROWS, WIDTH, x=X, w=tensor(3), b=tensor(1), eps=number(1e-6), outputs=(OUT,))
def poly_norm_forward(x: Any, w: Any, b: Any, eps: float) -> Any:
    from liger_kernel.ops.poly_norm import poly_norm_forward as forward

    return forward(x, w, b, eps)[0]


@contract(FEW_ROWS, WIDE, dy=X, x=X, w=tensor(3), rstd=tensor("M", 3, dtype="float32"), outputs=(OUT,))
def poly_norm_backward(dy: Any, x: Any, w: Any, rstd: Any) -> Any:
    from liger_kernel.ops.poly_norm import poly_norm_backward as backward

    return backward(dy, x, w, rstd, BLOCK, WARPS, False)[0]


# -- activations


@contract(ROWS, REAL, a=X, b=X, outputs=(OUT,), requires=(widths("N"),))
def geglu_forward(a: Any, b: Any) -> Any:
    from liger_kernel.ops.geglu import geglu_forward as forward

    return forward(a, b)[2]


@contract(ROWS, REAL, a=FREE, b=FREE, dc=X, requires=(widths("N"),))
def geglu_backward(a: Any, b: Any, dc: Any) -> Any:
    from liger_kernel.ops.geglu import geglu_backward as backward

    return backward(a, b, dc)


@contract(ROWS, REAL, a=X, b=X, outputs=(OUT,), requires=(widths("N"),))
def swiglu_forward(a: Any, b: Any) -> Any:
    from liger_kernel.ops.swiglu import swiglu_forward as forward

    return forward(a, b)[2]


@contract(ROWS, REAL, a=FREE, b=FREE, dc=X, requires=(widths("N"),))
def swiglu_backward(a: Any, b: Any, dc: Any) -> Any:
    from liger_kernel.ops.swiglu import swiglu_backward as backward

    return backward(a, b, dc)


@contract(ROWS, REAL, y=X, requires=(widths("N"),))
def swiglu_fused_gate_up_forward(y: Any) -> Any:
    from liger_kernel.ops.swiglu import swiglu_fused_gate_up_forward as forward

    return forward(y)


@contract(ROWS, REAL, HALF, y=X, dc=tensor("M", "H"), requires=(widths("N"), name("N").equals(name("H") * 2)))
def swiglu_fused_gate_up_backward(y: Any, dc: Any) -> Any:
    from liger_kernel.ops.swiglu import swiglu_fused_gate_up_backward as backward

    return backward(y, dc)


@contract(ROWS, REAL, x=X, outputs=(OUT,), requires=(widths("N"),))
def relu_squared_forward(x: Any) -> Any:
    from liger_kernel.ops.relu_squared import relu_squared_forward as forward

    return forward(x)


@contract(ROWS, REAL, x=X, dy=X, outputs=(OUT,), requires=(widths("N"),))
def relu_squared_backward(x: Any, dy: Any) -> Any:
    from liger_kernel.ops.relu_squared import relu_squared_backward as backward

    return backward(x, dy)


@contract(GRID_ROWS, REAL, x=X, alpha=tensor(1), g=ROW, b=ROW, outputs=(OUT,), requires=(widths("N"),))
def dyt_forward(x: Any, alpha: Any, g: Any, b: Any) -> Any:
    from liger_kernel.ops.dyt import liger_dyt_fwd

    return liger_dyt_fwd(x, alpha, g, b)


@contract(ROWS, REAL, dy=X, x=X, alpha=tensor(1), g=ROW, b=ROW, requires=(widths("N"),))
def dyt_backward(dy: Any, x: Any, alpha: Any, g: Any, b: Any) -> Any:
    from liger_kernel.ops.dyt import liger_dyt_bwd

    return liger_dyt_bwd(dy, x, alpha, g, b)


# -- softmax and its kin


@contract(ROWS, WIDTH, x=X, outputs=(OUT,))
def softmax_forward(x: Any) -> Any:
    from liger_kernel.ops.softmax import _softmax_forward

    return _softmax_forward(x)[0]


@contract(ROWS, WIDTH, dy=X, y=X, outputs=(OUT,))
def softmax_backward(dy: Any, y: Any) -> Any:
    from liger_kernel.ops.softmax import _softmax_backward

    return _softmax_backward(dy, y, BLOCK, WARPS, False)


@contract(ROWS, WIDTH, x=X, outputs=(OUT,))
def sparsemax_forward(x: Any) -> Any:
    from liger_kernel.ops.sparsemax import _sparsemax_forward

    return _sparsemax_forward(x, -1)[0]


@contract(ROWS, WIDTH, dy=X, y=X, outputs=(OUT,))
def sparsemax_backward(dy: Any, y: Any) -> Any:
    from liger_kernel.ops.sparsemax import _sparsemax_backward

    return _sparsemax_backward(dy, y, -1)


# -- losses, on a vocabulary


@contract(ROWS, VOCABULARY, pred=X, true=X, reduction=choice("none", "batchmean"), log_target=choice(False, True))
def kl_div_forward(pred: Any, true: Any, reduction: str, log_target: bool) -> Any:
    from liger_kernel.ops.kl_div import kldiv_forward_triton

    return kldiv_forward_triton(pred, true, log_target, reduction, 1e-10)


@contract(ROWS, VOCABULARY, target=X, grad=tensor(1), new=FREE)
def kl_div_backward(target: Any, grad: Any, new: Any) -> Any:
    from liger_kernel.ops.kl_div import kldiv_backward_triton

    with gradient_is_not_one():
        return kldiv_backward_triton(target, grad, new, False)


@contract(ROWS, VOCABULARY, p=X, q=X, reduction=choice("none", "batchmean"))
def tvd_forward(p: Any, q: Any, reduction: str) -> Any:
    from liger_kernel.ops.tvd import tv_distance_forward_triton

    return tv_distance_forward_triton(p, q, None, reduction, -100, False)


@contract(ROWS, VOCABULARY, x=X, y=X, beta=choice(0.0, 0.5, 1.0))
def jsd_forward(x: Any, y: Any, beta: float) -> Any:
    from liger_kernel.ops.jsd import jsd_forward as forward

    return forward(x, y, None, beta, -100, False)


@contract(ROWS, VOCABULARY, student=X, teacher=X, target=LABELS)
def fused_ce_tvd_forward(student: Any, teacher: Any, target: Any) -> Any:
    from liger_kernel.ops.fused_ce_tvd import fused_ce_tvd_forward as forward

    return forward(student, teacher, target, -100)


@contract(ROWS, VOCABULARY, ce=COLUMN, tvd=COLUMN, s=X, t=X, target=LABELS, a=COLUMN, b=COLUMN, c=COLUMN)
def fused_ce_tvd_backward(ce: Any, tvd: Any, s: Any, t: Any, target: Any, a: Any, b: Any, c: Any) -> Any:
    from liger_kernel.ops.fused_ce_tvd import fused_ce_tvd_backward as backward

    return backward(ce, tvd, s, t, target, a, b, c, -100)


@contract(ROWS, VOCABULARY, x=FREE, grad=tensor())
def cross_entropy_backward(x: Any, grad: Any) -> Any:
    from liger_kernel.ops.cross_entropy import cross_entropy_backward as backward

    with gradient_is_not_one():
        return backward(x, grad)


# -- positions and tokens

# Batch, heads and their size are constants of the kernel.
HEADS = (Dim("B", 1, 4096), Dim("S", 1, 1 << 20), Dim("D", 64, 128))
FREE_Q, FREE_K = tensor("B", "S", 8, "D", inplace=True), tensor("B", "S", 2, "D", inplace=True)
ANGLES = tensor("B", "S", "D")
EVEN = widths("D", 64, 128), widths("B", 1, 2, 8, 64)


@contract(*HEADS, q=FREE_Q, k=FREE_K, cos=ANGLES, sin=ANGLES, requires=EVEN)
def rope_forward(q: Any, k: Any, cos: Any, sin: Any) -> Any:
    from liger_kernel.ops.rope import rope_forward as forward

    return forward(q.transpose(1, 2), k.transpose(1, 2), cos, sin)


@contract(*HEADS, q=FREE_Q, k=FREE_K, cos=ANGLES, sin=ANGLES, requires=EVEN)
def rope_backward(q: Any, k: Any, cos: Any, sin: Any) -> Any:
    from liger_kernel.ops.rope import rope_backward as backward

    return backward(q.transpose(1, 2), k.transpose(1, 2), cos, sin)


@contract(
    *HEADS, q=FREE_Q, k=FREE_K, cos=tensor(3, "B", "S", "D"), sin=tensor(3, "B", "S", "D"),
    requires=EVEN,
    note="Real: `bs * sl * hd` (qwen2vl_mrope.py:46) is of int32; from B * S * D = 2^31 on (13 GB a table of "
    "cosines, 34 GB of queries) it wraps.",
)  # fmt: skip
def qwen2vl_mrope_forward(q: Any, k: Any, cos: Any, sin: Any) -> Any:
    from liger_kernel.ops.qwen2vl_mrope import qwen2vl_mrope_forward as forward

    return forward(q.transpose(1, 2), k.transpose(1, 2), cos, sin, [16, 24, 24])


TABLE, TOKENS = tensor("V", "N"), tensor("T", dtype="int64", low=0, high=name("V"))


@contract(
    Dim("V", 1, 1 << 18),
    Dim("N", 64, 8192),
    Dim("T", 1, 1 << 24),
    weight=TABLE,
    at=TOKENS,
    requires=(widths("N"),),
    note="Real: output offsets are products of int32 (embedding.py:36); from T * N = 2^31 on (4.3 GB in bfloat16) they "
    "wrap, and the stores go astray.",
)
def embedding_forward(weight: Any, at: Any) -> Any:
    from liger_kernel.ops.experimental.embedding import LigerEmbeddingFunction

    return LigerEmbeddingFunction.forward(Context(), weight, at)


# From L = 1025 on the tile has more than 2^20 elements, which Triton does not compile.
TILE = Dim("L", 1, 1024)


@contract(TILE, scores=tensor("L", "L"), outputs=(output("L", "L"),))
def multi_token_attention_mask_forward(scores: Any) -> Any:
    from liger_kernel.ops.multi_token_attention import _mask_inf_forward

    return _mask_inf_forward(scores)


@contract(TILE, grad=tensor("L", "L"), outputs=(output("L", "L"),))
def multi_token_attention_mask_backward(grad: Any) -> Any:
    from liger_kernel.ops.multi_token_attention import _mask_zero_backward

    return _mask_zero_backward(grad)


@contract(
    *(Dim("P", 1, 32), Dim("T", 1, 1 << 24), Dim("D", 1, 16384)),
    v=tensor("P", "T", "D"),
    q=tensor("D"),
    w=tensor("D"),
    note="Real: `i * n_tokens * D` is a product of int32 (attn_res.py:67, 102); where blocks lie 2^31 elements or more "
    "apart (4.3 GB of v in bfloat16) it wraps.",
)
def attn_res_forward(v: Any, q: Any, w: Any) -> Any:
    from liger_kernel.ops.attn_res import attn_res_forward as forward

    return forward(v, q, w)
