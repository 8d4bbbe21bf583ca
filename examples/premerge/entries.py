"""How a contract's function is called: Liger-Kernel's own, with the options that are left open fixed."""

from __future__ import annotations

from typing import Any

from liger_kernel.transformers.functional import liger_rms_norm


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    """The Gemma mode, which rounds once."""
    return liger_rms_norm(x, weight, eps, 0.0, "gemma")
