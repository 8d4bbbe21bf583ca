"""Launch contracts of Liger-Kernel's host functions: rows of 1 to 65536 elements, which is what it accepts.

Its autograd functions make their arguments contiguous before they call these, so contiguous they are.
"""

from __future__ import annotations

from typing import Any

from libraries.contract import MOST, contract, number, output, tensor
from specs.spec import Dim

PACKAGE = "liger-kernel"
VERSION = "0.8.5"

ROWS = Dim("M", 1, MOST)
WIDTH = Dim("N", 1, 65536)
X, ROW, COLUMN = tensor("M", "N"), tensor("N"), tensor("M", dtype="float32")


@contract(ROWS, WIDTH, x=X, outputs=(output("M", "N"),))
def softmax_forward(x: Any) -> Any:
    from liger_kernel.ops.softmax import _softmax_forward

    return _softmax_forward(x)[0]


@contract(
    ROWS, WIDTH, x=X, w=ROW, eps=number(1e-6), outputs=(output("M", "N"), output("M", dtype="float32", name="rstd"))
)
def rms_norm_forward(x: Any, w: Any, eps: float) -> Any:
    from liger_kernel.ops.rms_norm import rms_norm_forward as forward

    y, _, rstd, *_ = forward(x, w, eps, 0.0, "llama", False)
    return y, rstd
