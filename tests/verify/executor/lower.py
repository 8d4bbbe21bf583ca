"""Writes ttir/*.ttir from kernels.py, for sm_90, without a GPU: `python lower.py` in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kernels
import operations
import triton
from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.compiler.compiler import make_backend

F32, BF16, I32 = "*fp32", "*bf16", "*i32"
# name of the text -> kernel, and what its parameters are (integers: constants; what is not named is an i32)
TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "softmax": ("softmax", {"x_ptr": F32, "y_ptr": F32, "B": 16}),
    "softmax_wide": ("softmax", {"x_ptr": F32, "y_ptr": F32, "B": 1024}),
    "softmax_bf16": ("softmax", {"x_ptr": BF16, "y_ptr": BF16, "B": 512}),
    "softmax_unmasked": ("softmax_unmasked", {"x_ptr": F32, "y_ptr": F32, "B": 16}),
    "softmax_no_other": ("softmax_no_other", {"x_ptr": F32, "y_ptr": F32, "B": 16}),
    "matmul": ("matmul", {"a_ptr": F32, "b_ptr": F32, "c_ptr": F32, "BM": 16, "BN": 16, "BK": 16, "GM": 2}),
    "matmul_bf16": (
        "matmul",
        {"a_ptr": BF16, "b_ptr": BF16, "c_ptr": BF16, "BM": 32, "BN": 16, "BK": 16, "GM": 2},
    ),
    "control": ("control", {"x_ptr": F32, "y_ptr": F32, "eps": "fp32", "B": 8}),
    "mirror_bad": ("mirror", {"x_ptr": F32, "B": 16, "BARRIER": 0}),
    "mirror_good": ("mirror", {"x_ptr": F32, "B": 16, "BARRIER": 1}),
    "overlap_bad": ("overlap", {"y_ptr": F32, "STEP": 6, "B": 8}),
    "overlap_good": ("overlap", {"y_ptr": F32, "STEP": 8, "B": 8}),
    "agree": ("agree", {"y_ptr": F32, "B": 8}),
    "folded_bad": ("folded", {"y_ptr": F32, "DIV": 2, "B": 8}),
    "folded_good": ("folded", {"y_ptr": F32, "DIV": 1, "B": 8}),
    "shift": ("shift", {"x_ptr": F32, "y_ptr": F32, "B": 8}),
    "rows": ("rows", {"x_ptr": F32, "y_ptr": F32, "BM": 4, "B": 8}),
    "rows64": ("rows64", {"x_ptr": F32, "y_ptr": F32, "BM": 4, "B": 8}),
    "count": ("count", {"x_ptr": I32, "h_ptr": I32, "old_ptr": I32, "B": 16}),
    "last_block": (
        "last_block",
        {"x_ptr": F32, "part_ptr": F32, "c_ptr": I32, "y_ptr": F32, "B": 16, "P": 4, "SEM": "'acq_rel'"},
    ),
    "last_block_relaxed": (
        "last_block",
        {"x_ptr": F32, "part_ptr": F32, "c_ptr": I32, "y_ptr": F32, "B": 16, "P": 4, "SEM": "'relaxed'"},
    ),
    "last_block_release": (
        "last_block",
        {"x_ptr": F32, "part_ptr": F32, "c_ptr": I32, "y_ptr": F32, "B": 16, "P": 4, "SEM": "'release'"},
    ),
    "shapes": ("shapes", {"x_ptr": F32, "y_ptr": F32, "B": 16}),
    "sorted_rows": ("sorted_rows", {"x_ptr": F32, "y_ptr": F32, "B": 8}),
    "folds": ("folds", {"x_ptr": F32, "y_ptr": F32, "z_ptr": F32, "B": 8}),
    "tiles": ("tiles", {"x_ptr": F32, "y_ptr": F32, "B": 16}),
    "dropout": ("dropout", {"x_ptr": F32, "y_ptr": F32, "p": "fp32", "seed": "i32", "B": 64}),
    "half_sum_bf16": ("half_sum", {"x_ptr": BF16, "y_ptr": BF16, "B": 512}),
    "half_sum_fp16": ("half_sum", {"x_ptr": "*fp16", "y_ptr": "*fp16", "B": 512}),
    "matmul_large": ("matmul", {"a_ptr": F32, "b_ptr": F32, "c_ptr": F32, "BM": 64, "BN": 64, "BK": 32, "GM": 8}),
    "attention": (
        "attention",
        {"q_ptr": F32, "k_ptr": F32, "v_ptr": F32, "o_ptr": F32, "scale": "fp32", "D": 64, "BM": 64, "BN": 64},
    ),
    "rms_norm": ("rms_norm", {"x_ptr": F32, "w_ptr": F32, "y_ptr": F32, "eps": "fp32", "B": 1024}),
    "scaled": ("scaled", {"x_ptr": F32, "y_ptr": F32, "B": 128}),
    "spoiled_read": ("spoiled_read", {"s_ptr": F32, "y_ptr": F32, "B": 8}),
}


def lowered(kernel: Any, given: dict[str, Any]) -> str:
    signature: dict[str, str] = {}
    constants: dict[str, Any] = {}
    for name in kernel.arg_names:
        kind = given.get(name, "i32")
        if isinstance(kind, int) or kind.startswith("'"):
            signature[name], constants[name] = "constexpr", kind if isinstance(kind, int) else kind.strip("'")
        else:
            signature[name] = kind
    target = GPUTarget("cuda", 90, 32)
    backend = make_backend(target)
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    options = backend.parse_options({"num_warps": 4, "num_stages": 3})
    source = ASTSource(kernel, signature, constants)
    codegen = backend.get_codegen_implementation(options)
    module = source.make_ir(target, options, codegen, backend.get_module_map(), context)
    text = str(backend.make_ttir(module, {}, options, 90))
    text = text.replace(operations.__file__, "operations.py")
    return text.replace(kernels.__file__, "kernels.py").replace(str(Path(triton.__file__).parent), "triton")


if __name__ == "__main__":
    folder = Path(__file__).parent / "ttir"
    for name, (kernel, given) in TEXTS.items():
        (folder / f"{name}.ttir").write_text(lowered(getattr(kernels, kernel), given), encoding="utf-8")
    for each in operations.KERNELS:
        given = {"f": F32, "g": F32, "i": I32, "j": I32, "o": F32, "p": I32, "L": operations.LANES}
        (folder / f"operations_{each.__name__}.ttir").write_text(lowered(each, given), encoding="utf-8")
