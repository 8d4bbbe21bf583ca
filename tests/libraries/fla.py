"""Launch contracts of fla-core's host functions: fixed-length sequences (`cu_seqlens=None`), row-major arguments.

Its kernels take the numbers of heads and their widths at compile time, so those are fixed here (4 heads, keys of 64,
values of 128, chunks of 64); batch, length, rows and the like are free. Every configuration of its autotuner is
examined.
"""

from __future__ import annotations

from typing import Any

from libraries.contract import MOST, contract, number, tensor
from specs.sizes import name
from specs.spec import Dim

PACKAGE = "fla-core"
VERSION = "0.6.0"

SCALE = 0.125
B, T = Dim("B", 1, 4096), Dim("T", 1, 1 << 20)
H, K, V = Dim("H", 4, 4), Dim("K", 64, 64), Dim("V", 128, 128)
CHUNK, CHUNKS = Dim("C", 64, 64), Dim("NT", 1, 1 << 14)
ROWS, TOKENS = Dim("M", 1, MOST), Dim("M", 1, 1 << 22)
FEW = Dim("M", 1, 1 << 17)  # where the number of rows picks a kernel for each 65536 of them
VOCABULARY, HIDDEN = Dim("N", 50257, 50257), Dim("D", 1000, 1000)
NARROW = Dim("D", 100, 100)  # a width that no block divides

Q, VALUE, GATE = tensor("B", "T", "H", "K"), tensor("B", "T", "H", "V"), tensor("B", "T", "H", dtype="float32")
STATES = tensor("B", "NT", "H", "K", "V")
CHUNKED = ((name("T") + 63) // 64).equals(name("NT"))
MATRIX, COLUMN = tensor("M", "N"), tensor("M", dtype="float32")
TARGET = tensor("M", dtype="int64", low=0, high=name("N"))
XD = tensor("M", "D")
SEQUENCE = tensor("B", "T", "D")
SQUARE = tensor("B", "T", "H", "C")


# -- fla.ops.utils


@contract(Dim("B", 2, 2), T, H, g=GATE)
def chunk_local_cumsum_scalar(g: Any) -> Any:
    from fla.ops.utils.cumsum import chunk_local_cumsum_scalar as function

    return function(g, 64)


@contract(Dim("B", 2, 2), T, H, NARROW, g=tensor("B", "T", "H", "D", dtype="float32"))
def chunk_local_cumsum_vector(g: Any) -> Any:
    from fla.ops.utils.cumsum import chunk_local_cumsum_vector as function

    return function(g, 64)


@contract(Dim("B", 2, 2), T, H, s=GATE)
def chunk_global_cumsum_scalar(s: Any) -> Any:
    from fla.ops.utils.cumsum import chunk_global_cumsum_scalar as function

    return function(s)


@contract(Dim("B", 2, 2), T, H, NARROW, s=tensor("B", "T", "H", "D", dtype="float32"))
def chunk_global_cumsum_vector(s: Any) -> Any:
    from fla.ops.utils.cumsum import chunk_global_cumsum_vector as function

    return function(s, reverse=True)


@contract(ROWS, NARROW, x=XD)
def softmax_fwd(x: Any) -> Any:
    from fla.ops.utils.softmax import softmax_fwd as function

    return function(x)


@contract(ROWS, NARROW, p=tensor("M", "D", dtype="float32"), dp=tensor("M", "D", dtype="float32"))
def softmax_bwd(p: Any, dp: Any) -> Any:
    from fla.ops.utils.softmax import softmax_bwd as function

    return function(p, dp)


@contract(ROWS, NARROW, x=XD)
def logsumexp_fwd(x: Any) -> Any:
    from fla.ops.utils.logsumexp import logsumexp_fwd as function

    return function(x, scale=0.5)


@contract(Dim("M", 1, 1 << 20), Dim("N", 1, 1 << 20), Dim("D", 1, 1 << 20), a=tensor("M", "D"), b=tensor("D", "N"))
def matmul(a: Any, b: Any) -> Any:
    from fla.ops.utils.matmul import matmul as function

    return function(a, b, activation="sigmoid")


@contract(
    *(Dim("M", 1, 1 << 20), Dim("N", 1, 1 << 20), Dim("D", 1, 1 << 20)),
    x=tensor("M", "N"),
    a=tensor("M", "D"),
    b=tensor("D", "N"),
)
def addmm(x: Any, a: Any, b: Any) -> Any:
    from fla.ops.utils.matmul import addmm as function

    return function(x, a, b)


@contract(B, T, H, NARROW, x=tensor("B", "T", "H", "D"))
def mean_pooling_fwd(x: Any) -> Any:
    from fla.ops.utils.pooling import mean_pooling_fwd as function

    return function(x, 64)


@contract(B, T, H, NARROW, CHUNKS, do=tensor("B", "NT", "H", "D"), like=tensor("B", "T"), requires=(CHUNKED,))
def mean_pooling_bwd(do: Any, like: Any) -> Any:
    from fla.ops.utils.pooling import mean_pooling_bwd as function

    return function(do, *like.shape, 64)


@contract(B, T, H, Dim("C", 32, 32), A=tensor("B", "T", "H", "C", dtype="float32"))
def solve_tril(A: Any) -> Any:
    from fla.ops.utils.solve_tril import solve_tril as function

    return function(A)


# -- fla.modules


@contract(FEW, NARROW, x=XD, eps=number(1e-6))
def l2norm_fwd(x: Any, eps: float) -> Any:
    from fla.modules.norm.l2norm import l2norm_fwd as function

    return function(x, eps)


@contract(FEW, NARROW, y=XD, rstd=COLUMN, dy=XD, eps=number(1e-6))
def l2norm_bwd(y: Any, rstd: Any, dy: Any, eps: float) -> Any:
    from fla.modules.norm.l2norm import l2norm_bwd as function

    return function(y, rstd, dy, eps)


@contract(TOKENS, HIDDEN, x=XD, w=tensor("D"), b=tensor("D"), eps=number(1e-5))
def layer_norm_fwd(x: Any, w: Any, b: Any, eps: float) -> Any:
    from fla.modules.norm.layernorm import layer_norm_fwd as function

    return function(x, w, b, eps, residual=x)


@contract(Dim("M", 1, 4096), NARROW, x=XD, w=tensor("D"), eps=number(1e-5))
def rms_norm_fwd(x: Any, w: Any, eps: float) -> Any:
    from fla.modules.norm.layernorm import layer_norm_fwd as function

    return function(x, w, None, eps, is_rms_norm=True)


@contract(
    *(Dim("M", 132, 1320), HIDDEN),
    dy=XD,
    x=XD,
    w=tensor("D"),
    b=tensor("D"),
    mean=COLUMN,
    rstd=COLUMN,
    note="Undefined, real: the weight is loaded without `other` (layernorm.py:338) and its masked lanes, of which "
    "Triton promises nothing, are summed times 0 (368), which is no number where such a lane is infinite or NaN.",
)
def layer_norm_bwd(dy: Any, x: Any, w: Any, b: Any, mean: Any, rstd: Any) -> Any:
    from fla.modules.norm.layernorm import layer_norm_bwd as function

    return function(dy, x, w, b, mean, rstd)


@contract(TOKENS, HIDDEN, x=XD, g=XD, w=tensor("D"), eps=number(1e-5))
def layer_norm_gated_fwd(x: Any, g: Any, w: Any, eps: float) -> Any:
    from fla.modules.norm.fused_norm_gate import layer_norm_gated_fwd as function

    return function(x, g, w, None, eps=eps, is_rms_norm=True)


@contract(
    *(Dim("B", 2, 2), Dim("T", 1, 8192), H, Dim("D", 64, 64), Dim("R", 32, 32), Dim("TR", 8192, 8192)),
    x=tensor("B", "T", "H", "D"),
    cos=tensor("TR", "R"),
    sin=tensor("TR", "R"),
)
def rotary_embedding(x: Any, cos: Any, sin: Any) -> Any:
    from fla.modules.rotary.ops import rotary_embedding_fwdbwd as function

    return function(x, cos, sin)


@contract(TOKENS, VOCABULARY, x=MATRIX, target=TARGET)
def cross_entropy_fwd(x: Any, target: Any) -> Any:
    from fla.modules.fused_cross_entropy.ops import cross_entropy_fwd as function

    return function(x, target)[:3]


@contract(
    *(TOKENS, VOCABULARY),
    x=MATRIX,
    target=TARGET,
    lse=COLUMN,
    dloss=COLUMN,
)
def cross_entropy_bwd(x: Any, target: Any, lse: Any, dloss: Any) -> Any:
    from fla.modules.fused_cross_entropy.ops import cross_entropy_bwd as function

    return function(x, target, lse, dloss)


@contract(B, T, NARROW, x=SEQUENCE)
def token_shift_fwd(x: Any) -> Any:
    from fla.modules.token_shift import token_shift_fwd as function

    return function(x)[0]


@contract(B, T, NARROW, dy=SEQUENCE)
def token_shift_bwd(dy: Any) -> Any:
    from fla.modules.token_shift import token_shift_bwd as function

    n, t, _ = dy.shape
    return function(dy, n, t, use_short_kernel=bool(t <= 4096))[0]


@contract(
    *(B, T, NARROW, Dim("W", 4, 4)),
    x=SEQUENCE,
    weight=tensor("D", "W"),
    bias=tensor("D"),
    residual=SEQUENCE,
    note="The product of batch and length (ops.py:86) is of int32 and wraps from B * T = 2^31 on; at 100 channels that "
    "is 430 GB a tensor in bfloat16, beyond any device's memory.",
)
def causal_conv1d_fwd(x: Any, weight: Any, bias: Any, residual: Any) -> Any:
    from fla.modules.causal_conv1d.ops import causal_conv1d_fwd as function

    return function(x, weight, bias, residual, activation="silu")[0]


@contract(
    *(B, NARROW, Dim("W", 4, 4)),
    x=tensor("B", "D"),
    cache=tensor("B", "D", "W", inplace=True),
    weight=tensor("D", "W"),
    note="The cache moves by a column in place: a lane stores what another may yet load, with no barrier between.",
)
def causal_conv1d_update(x: Any, cache: Any, weight: Any) -> Any:
    from fla.modules.causal_conv1d.ops import causal_conv1d_update as function

    return function(x, cache, weight=weight)[0]


@contract(ROWS, NARROW, x=XD)
def sigmoid_fwd(x: Any) -> Any:
    from fla.modules.activations.ops import sigmoid_fwd as function

    return function(x)


@contract(ROWS, NARROW, x=XD, dy=XD)
def swish_bwd(x: Any, dy: Any) -> Any:
    from fla.modules.activations.ops import swish_bwd as function

    return function(x, dy)


@contract(ROWS, NARROW, x=XD, t=number(1.0))
def logsigmoid_fwd(x: Any, t: float) -> Any:
    from fla.modules.activations.ops import logsigmoid_fwd as function

    return function(x, t)


@contract(ROWS, NARROW, x=XD, y=XD)
def swiglu_fwd(x: Any, y: Any) -> Any:
    from fla.modules.activations.ops import swiglu_fwd as function

    return function(x, y)


@contract(ROWS, NARROW, x=XD, y=XD, g=XD)
def swiglu_fwdbwd(x: Any, y: Any, g: Any) -> Any:
    from fla.modules.activations.ops import swiglu_fwdbwd as function

    return function(x, y, g, use_weight=True)


@contract(ROWS, NARROW, x=XD, y=XD)
def powglu_fwd(x: Any, y: Any) -> Any:
    from fla.modules.activations.ops import powglu_fwd as function

    return function(x, y)


# -- fla.ops


@contract(ROWS, x=tensor("M"))
def fused_beta_sigmoid_fwd(x: Any) -> Any:
    from fla.ops.common.gate import fused_beta_sigmoid_fwd as function

    return function(x)


@contract(B, T, H, K, V, k=Q, v=VALUE, g=GATE)
def chunk_fwd_h(k: Any, v: Any, g: Any) -> Any:
    from fla.ops.common.chunk_h import chunk_fwd_h as function

    return function(k, v, g=g, output_final_state=True)


@contract(B, T, H, K, V, q=Q, k=Q, v=VALUE, do=VALUE, g=GATE)
def chunk_bwd_dh(q: Any, k: Any, v: Any, do: Any, g: Any) -> Any:
    from fla.ops.common.chunk_h import chunk_bwd_dh as function

    return function(q, k, v, do, None, None, SCALE, g=g)[0]


@contract(B, T, H, K, V, CHUNKS, q=Q, k=Q, v=VALUE, h=STATES, g=GATE, requires=(CHUNKED,))
def chunk_fwd_o(q: Any, k: Any, v: Any, h: Any, g: Any) -> Any:
    from fla.ops.common.chunk_o import chunk_fwd_o as function

    return function(q, k, v, h, g=g, scale=SCALE)


@contract(B, T, H, K, V, q=Q, k=Q, do=VALUE, g=GATE)
def chunk_bwd_dv_local(q: Any, k: Any, do: Any, g: Any) -> Any:
    from fla.ops.common.chunk_o import chunk_bwd_dv_local as function

    return function(q, k, do, g=g, scale=SCALE)


@contract(
    Dim("B", 2, 2), T, H, K, V, CHUNKS, q=Q, k=Q, v=VALUE, do=VALUE, h=STATES, dh=STATES, g=GATE, requires=(CHUNKED,)
)
def chunk_bwd_dqkwg(q: Any, k: Any, v: Any, do: Any, h: Any, dh: Any, g: Any) -> Any:
    from fla.ops.common.chunk_o import chunk_bwd_dqkwg as function

    return function(q, k, v, do, h, dh, g=g, scale=SCALE)


@contract(B, T, H, K, k=Q, g=GATE, beta=GATE)
def chunk_scaled_dot_kkt_fwd(k: Any, g: Any, beta: Any) -> Any:
    from fla.ops.common.chunk_scaled_dot_kkt import chunk_scaled_dot_kkt_fwd as function

    return function(k, g, beta)


@contract(B, T, H, K, V, q=Q, k=Q, v=VALUE, g=GATE)
def fused_recurrent_fwd(q: Any, k: Any, v: Any, g: Any) -> Any:
    from fla.ops.common.fused_recurrent import fused_recurrent_fwd as function

    return function(q, k, v, g=g, scale=SCALE, output_final_state=True)


@contract(B, T, NARROW, x=SEQUENCE, g=SEQUENCE)
def fused_recurrent_hgrn_fwd(x: Any, g: Any) -> Any:
    from fla.ops.hgrn.fused_recurrent import fused_recurrent_hgrn_fwd as function

    return function(x, g, output_final_state=True)


@contract(B, T, NARROW, g=SEQUENCE, o=SEQUENCE, do=SEQUENCE)
def fused_recurrent_hgrn_bwd(g: Any, o: Any, do: Any) -> Any:
    from fla.ops.hgrn.fused_recurrent import fused_recurrent_hgrn_bwd as function

    return function(g, o, do)[:2]


@contract(B, T, H, K, V, k=Q, w=Q, u=VALUE, g=GATE)
def chunk_gated_delta_rule_fwd_h(k: Any, w: Any, u: Any, g: Any) -> Any:
    from fla.ops.common.chunk_delta_h import chunk_gated_delta_rule_fwd_h as function

    return function(k, w, u, g=g, output_final_state=True)


@contract(B, T, H, K, V, q=Q, k=Q, w=Q, do=VALUE, dv=VALUE, g=GATE)
def chunk_gated_delta_rule_bwd_dhu(q: Any, k: Any, w: Any, do: Any, dv: Any, g: Any) -> Any:
    from fla.ops.common.chunk_delta_h import chunk_gated_delta_rule_bwd_dhu as function

    return function(q, k, w, do, dv, g=g, scale=SCALE)


@contract(B, T, H, K, V, CHUNK, k=Q, v=VALUE, beta=GATE, A=SQUARE, g=GATE)
def recompute_w_u_fwd(k: Any, v: Any, beta: Any, A: Any, g: Any) -> Any:
    from fla.ops.gated_delta_rule.wy_fast import recompute_w_u_fwd as function

    return function(k, v, beta, A, g=g)


@contract(B, T, H, K, V, CHUNK, k=Q, v=VALUE, beta=GATE, A=SQUARE, dw=Q, du=VALUE, g=GATE)
def prepare_wy_repr_bwd(k: Any, v: Any, beta: Any, A: Any, dw: Any, du: Any, g: Any) -> Any:
    from fla.ops.gated_delta_rule.wy_fast import prepare_wy_repr_bwd as function

    return function(k, v, beta, A, dw, du, g=g)


@contract(Dim("B", 2, 2), T, H, K, V, q=Q, k=Q, v=VALUE)
def parallel_attn_fwd(q: Any, k: Any, v: Any) -> Any:
    from fla.ops.attn.parallel import parallel_attn_fwd as function

    return function(q, k, v, None, None, SCALE)


@contract(
    *(B, T, H, V),
    o=VALUE,
    do=VALUE,
    note="Real, and far away: a program for each row and head; from 2^31 of them on (550 GB) the launch fails.",
)
def parallel_attn_bwd_preprocess(o: Any, do: Any) -> Any:
    from fla.ops.attn.parallel import parallel_attn_bwd_preprocess as function

    return function(o, do)


@contract(Dim("B", 2, 2), T, H, K, V, q=Q, k=Q, v=VALUE, beta=GATE)
def fused_recurrent_delta_rule_fwd(q: Any, k: Any, v: Any, beta: Any) -> Any:
    from fla.ops.delta_rule.fused_recurrent import fused_recurrent_delta_rule_fwd as function

    return function(q, k, v, beta, SCALE, None, True)


@contract(B, T, H, K, V, q=Q, k=Q, v=VALUE, g=GATE, beta=GATE)
def fused_recurrent_gated_delta_rule_fwd(q: Any, k: Any, v: Any, g: Any, beta: Any) -> Any:
    from fla.ops.gated_delta_rule.fused_recurrent import fused_recurrent_gated_delta_rule_fwd as function

    return function(q, k, v, g=g, beta=beta, scale=SCALE, output_final_state=True)


@contract(B, T, H, K, r=Q, w=Q, k=Q, v=Q, kk=Q, a=Q)
def fused_recurrent_rwkv7_fwd(r: Any, w: Any, k: Any, v: Any, kk: Any, a: Any) -> Any:
    from fla.ops.rwkv7.fused_recurrent import fused_recurrent_rwkv7_fwd as function

    return function(r, w, k, v, kk, a)[0]


@contract(B, T, Dim("D", 4096, 4096), k=SEQUENCE, a=SEQUENCE, ka=tensor("D"))
def k_update_fwd(k: Any, a: Any, ka: Any) -> Any:
    from fla.ops.rwkv7.fused_k_update import k_update_fwd as function

    return function(k, a, ka)[0]


@contract(B, T, H, K, q=Q, k=Q, g=tensor("B", "T", "H", "K", dtype="float32"))
def chunk_gla_fwd_intra_gk(q: Any, k: Any, g: Any) -> Any:
    from fla.ops.gla.chunk import chunk_gla_fwd_intra_gk as function

    return function(q, k, g, SCALE)


@contract(
    *(B, T, H, K, V, CHUNK, CHUNKS),
    q=Q,
    v=VALUE,
    g=tensor("B", "T", "H", "K", dtype="float32"),
    A=SQUARE,
    h=STATES,
    requires=(CHUNKED,),
)
def chunk_gla_fwd_o_gk(q: Any, v: Any, g: Any, A: Any, h: Any) -> Any:
    from fla.ops.gla.chunk import chunk_gla_fwd_o_gk as function

    return function(q, v, g, A, h, SCALE)


@contract(B, T, H, K, g=Q, A_log=tensor("H", dtype="float32"))
def kda_gate_fwd(g: Any, A_log: Any) -> Any:
    from fla.ops.kda.gate import kda_gate_fwd as function

    return function(g, A_log)


@contract(B, T, H, g=tensor("B", "T", "H"), A_log=tensor("H", dtype="float32"))
def gdn_gate_fwd(g: Any, A_log: Any) -> Any:
    from fla.ops.gated_delta_rule.gate import gdn_gate_fwd as function

    return function(g, A_log)
