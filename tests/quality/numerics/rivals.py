"""Ways to accept an output: ours, and those that test suites use. All see the exact result in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import torch

from verify.numerics.bounded import Bounded
from verify.numerics.compare import compare

# (output in its dtype, exact result with its bound, the framework's own output in that dtype, dtype) -> accepted
Rule: TypeAlias = Callable[[torch.Tensor, Bounded, torch.Tensor, str], bool]
OURS: Final = "derived bound"


def _ours(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    return compare(output, exact, dtype).accepted


def _torch_testing(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    try:
        torch.testing.assert_close(output, exact.value.to(output.dtype), equal_nan=True)
    except AssertionError:
        return False
    return True


def _allclose(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    return torch.allclose(output.double(), exact.value.to(output.dtype).double(), 1e-2, 1e-2, equal_nan=True)


def _twice_eager(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    """FlashAttention's tests: twice the framework's largest error in that dtype, and a rounding of the output."""
    reference = exact.value.float()
    in_dtype = reference.to(output.dtype)
    rounding = 2 * _largest((in_dtype + 0.3 - 0.3 - in_dtype).float())
    return _largest(output.float() - reference) <= 2 * _largest(eager.float() - reference) + rounding


def _rmse(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    """flash-linear-attention's tests: root mean square of the error over that of the result."""
    error = (output.double() - exact.value).square().mean().sqrt()
    return bool(error / (exact.value.square().mean().sqrt() + 1e-8) < 0.005)


def _cosine(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
    found, wanted = output.double().reshape(-1), exact.value.reshape(-1)
    if not bool(found.any()) and not bool(wanted.any()):
        return True
    return bool(torch.nn.functional.cosine_similarity(found, wanted, dim=0) > 0.99)


def _largest(values: torch.Tensor) -> float:
    return float(values.abs().max())


RULES: Final[dict[str, Rule]] = {
    OURS: _ours,
    "torch.testing": _torch_testing,
    "allclose 1e-2": _allclose,
    "FlashAttention 2x": _twice_eager,
    "RMSE 0.005": _rmse,
    "cosine 0.99": _cosine,
}
