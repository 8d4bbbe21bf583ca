"""Liger-Kernel's rms_norm in its Gemma casting mode, with the parameters of the spec.

kernelproof verify examples.liger_gemma:rms_norm --policy repo --spec examples/liger.py:RMS_NORM
"""

from __future__ import annotations

from typing import Any

from liger_kernel.transformers.functional import liger_rms_norm


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    """The mode that works in float32 throughout and rounds once."""
    return liger_rms_norm(x, weight, eps, 0.0, "gemma")
