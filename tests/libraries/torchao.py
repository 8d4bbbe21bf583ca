"""Launch contracts of torchao's host functions: int8 products, and quantisation to float8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from libraries.contract import contract, output, tensor
from specs.sizes import name
from specs.spec import Dim

PACKAGE = "torchao"
VERSION = "0.18.0"

M, N, K = Dim("M", 1, 1 << 17), Dim("N", 1, 1 << 17), Dim("K", 1, 1 << 17)
WIDER = Dim("N", 2, 1 << 17)  # one column would make the scale a scalar
A, B = tensor("M", "K", dtype="int8"), tensor("K", "N", dtype="int8")
TILES = SimpleNamespace(
    num_warps=4, num_stages=2, num_ctas=1, kwargs={"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP_M": 8}
)
WRAPS = "Real: offsets are products of int32; from M * N = 2^31 on they wrap (4.3 GB in bfloat16, 2.1 GB in float8)."
BLOCKS = ((name("M") % 128).equals(0), (name("N") % 128).equals(0))
X, F8 = tensor("M", "N"), "float8_e4m3fn"
DYNAMIC = "torchao.prototype.float8nocompile.kernels.fp8_dynamic_tensorwise"


# -- int8 products


UNPADDED = (
    "Undefined, real: block pointers are loaded with `boundary_check` and no `padding_option`, and where K is no "
    "multiple of the block, what lies beyond it, of which Triton promises nothing, goes into the product."
)

UNMASKED = (
    "Bounds, real: loads go without a mask where `K % 2 == 0` (intmm_triton.py:311), not where the block divides K: "
    "K = 2 reads past the end. Overflow, real: offsets are products of int32; from M * K = 2^31 on (2.1 GB) they wrap. "
    "Undefined, real: lanes of `rm % M` are not contiguous as the hints say (220, 221)."
)


@contract(M, N, K, a=A, b=B, c=tensor("M", "N", dtype="int32", inplace=True), note=UNPADDED)
def int_matmul(a: Any, b: Any, c: Any) -> Any:
    from torchao.kernel.intmm_triton import int_matmul_kernel

    return int_matmul_kernel(a, b, c, TILES)


@contract(M, N, K, a=A, b=B, scales=tensor("M", 1), c=tensor("M", "N", inplace=True), note=UNMASKED)
def int_scaled_matmul(a: Any, b: Any, scales: Any, c: Any) -> Any:
    from torchao.kernel.intmm_triton import int_scaled_matmul_kernel

    return int_scaled_matmul_kernel(a, b, scales, c, TILES)


@contract(
    *(M, WIDER, K),
    a=A,
    b=B,
    rows=tensor("M"),
    columns=tensor("N"),
    outputs=(output("M", "N"),),
    note="Real: rows times strides are products of int32 (int8_mm.py:103, 134); from M * K = 2^31 (2.1 GB of int8) or "
    "M * N = 2^31 on they wrap. Undefined, real: lanes of `rm % M` are not contiguous as the hints say (100, 101).",
)
def scaled_int8_mm(a: Any, b: Any, rows: Any, columns: Any) -> Any:
    from torchao.prototype.quantized_training.int8_mm import scaled_int8_mm_cuda

    return scaled_int8_mm_cuda(a, b, rows, columns)


# -- float8 by blocks of 128


@contract(M, N, x=X, requires=BLOCKS[1:], note=WRAPS, outputs=(output("M", "N", dtype=F8),))
def fp8_blockwise_act_quant(x: Any) -> Any:
    from torchao.kernel.blockwise_quantization import fp8_blockwise_act_quant as quantise

    return quantise(x)[0]


@contract(M, N, x=X, requires=BLOCKS, note=WRAPS, outputs=(output("M", "N", dtype=F8),))
def fp8_blockwise_weight_quant(x: Any) -> Any:
    from torchao.kernel.blockwise_quantization import fp8_blockwise_weight_quant as quantise

    return quantise(x)[0]


@contract(
    M, N, Dim("P", 1, 1024), Dim("Q", 1, 1024), x=tensor("M", "N", dtype=F8), s=tensor("P", "Q", dtype="float32"),
    requires=(name("M").equals(name("P") * 128), name("N").equals(name("Q") * 128)),
    note=WRAPS,
)  # fmt: skip
def fp8_blockwise_weight_dequant(x: Any, s: Any) -> Any:
    from torchao.kernel.blockwise_quantization import fp8_blockwise_weight_dequant as dequantise

    return dequantise(x, s)


# -- float8 by one scale for a tensor


@contextmanager
def plain_tensors() -> Iterator[None]:
    """What is launched does not depend on the tensor subclass that results are wrapped in."""
    with patch(f"{DYNAMIC}.Float8TrainingTensor", lambda data, *rest, **named: data):
        yield


def _converted(function: str, x: Any, algorithm: str = "ATOMIC_MAX") -> Any:
    import torch
    import torchao.prototype.float8nocompile.kernels.fp8_dynamic_tensorwise as kernels

    with plain_tensors():
        return getattr(kernels, function)(x, torch.float8_e4m3fn, None, algo=kernels.KernelAlgorithm[algorithm])


@contract(
    M,
    N,
    x=X,
    note="Real: `pid * 128` is of int32 in _amax_atomic (fp8_dynamic_tensorwise.py:471) and _to_fp8_row_major (85); "
    "from 2^31 elements on (4.3 GB in bfloat16) it wraps. Undefined, real: _amax_atomic takes the maximum of lanes "
    "that a masked load without `other` leaves open (474).",
)
def hp_to_fp8_row_major(x: Any) -> Any:
    return _converted("hp_to_fp8_row_major", x)


@contract(
    *(M, N),
    x=X,
    note="Real: `pid * 4096` and `pid * 128` are of int32 (fp8_dynamic_tensorwise.py:514, 85); from 2^31 elements on "
    "(4.3 GB) they wrap. Undefined, real: _amax_reduction takes the maximum of lanes that a masked load leaves (517).",
)
def hp_to_fp8_row_major_by_reduction(x: Any) -> Any:
    return _converted("hp_to_fp8_row_major", x, "REDUCTION")


@contract(
    *(M, N),
    x=X,
    note="Real: the mask of _to_fp8_row_major_t's store (fp8_dynamic_tensorwise.py:151) has rows for columns: the tile "
    "is stored transposed, its mask is not, so at 34 by 34 it stores past the end, at 34 by 64 into another program's "
    "elements. Offsets of int32 wrap from 2^31 elements on (4.3 GB); _amax_atomic as in hp_to_fp8_row_major.",
)
def hp_to_fp8_row_major_t(x: Any) -> Any:
    return _converted("hp_to_fp8_row_major_t", x)


@contract(
    *(M, N),
    x=X,
    note="Real: offsets are products of int32 (fp8_dynamic_tensorwise.py:190, 197); from 2^31 elements on (4.3 GB) "
    "they wrap. _amax_atomic as in hp_to_fp8_row_major.",
)
def hp_to_fp8_col_major(x: Any) -> Any:
    return _converted("hp_to_fp8_col_major", x)


@contract(
    *(M, N),
    x=X,
    note="Real: offsets are products of int32 (fp8_dynamic_tensorwise.py:295, 308); from 2^31 elements on (4.3 GB) "
    "they wrap. _amax_atomic as in hp_to_fp8_row_major.",
)
def hp_to_fp8_row_and_col_major(x: Any) -> Any:
    return _converted("hp_to_fp8_row_and_col_major", x)
