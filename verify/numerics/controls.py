"""Trivial outputs that the comparison must reject, or a case shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from attrs import frozen

from specs.spec import Inputs
from verify.numerics.bounded import Bounded
from verify.numerics.compare import FORMATS, compare, judged


@frozen
class Controls:
    """The trivial outputs of one case that are not the right answer, by whether the comparison rejects them.

    `rejected` and `accepted` name them. A case is evidence when some control applies and none is accepted;
    `fine` ones, which are right up to low precision, are told but do not count.
    """

    rejected: tuple[str, ...]
    accepted: tuple[str, ...]
    fine: tuple[str, ...] = ()

    @property
    def evidence(self) -> bool:
        return bool(self.rejected) and not self.accepted


def _copy(right: torch.Tensor, inputs: Inputs) -> torch.Tensor | None:
    same = [each for each in inputs.values() if isinstance(each, torch.Tensor) and each.shape == right.shape]
    return same[0].double() if same else None


def _first_row(right: torch.Tensor, inputs: Inputs) -> torch.Tensor | None:
    return right[:1].expand(right.shape) if right.dim() else None


TRIVIAL: Final[Mapping[str, Callable[[torch.Tensor, Inputs], torch.Tensor | None]]] = {
    "zeros": lambda right, inputs: torch.zeros_like(right),
    "ones": lambda right, inputs: torch.ones_like(right),
    "unwritten": lambda right, inputs: torch.full_like(right, torch.nan),
    "mean": lambda right, inputs: right.mean().expand(right.shape),
    "input copy": _copy,
    "first row repeated": _first_row,
}
FINE: Final = "bfloat16 rounding"
FEW: Final = 64  # elements that are looked at first: nearly every trivial output is wrong among them


def controls(reference: Bounded, inputs: Inputs, dtype: str, previous: torch.Tensor | None = None) -> Controls:
    """Which trivial outputs, rounded to `dtype`, the comparison with `reference` rejects.

    `previous` is the result for other inputs of the same shapes: what memory holds that nobody has written since.
    """
    if reference.value.numel() == 0:
        return Controls((), ())
    right = _rounded(reference.value, dtype)
    made = {name: make(right, inputs) for name, make in TRIVIAL.items()} | {"previous result": previous}
    if dtype == "float32":
        made[FINE] = right.bfloat16()
    trivial = {name: each for name, each in made.items() if each is not None}
    first = _rounded(torch.stack([each.reshape(-1)[:FEW].double() for each in trivial.values()]), dtype)
    y64, bound = (each.reshape(-1)[:FEW] for each in (reference.value, reference.bound))
    _, wrong = judged(first, y64, bound, dtype)
    verdicts: dict[str, bool] = {}
    for (name, each), caught in zip(trivial.items(), wrong.any(-1).tolist(), strict=True):
        if caught:  # so it is not the right answer, which is always accepted
            verdicts[name] = False
        elif not _same(whole := _rounded(each, dtype), right):
            verdicts[name] = compare(whole, reference, dtype).accepted
    fine = (FINE,) if verdicts.pop(FINE, True) is False else ()
    return Controls(
        tuple(name for name, accepted in verdicts.items() if not accepted),
        tuple(name for name, accepted in verdicts.items() if accepted),
        fine,
    )


def _rounded(values: torch.Tensor, dtype: str) -> torch.Tensor:
    return values.to(getattr(torch, dtype)).double() if dtype in FORMATS else values


def _same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return bool(((left == right) | (torch.isnan(left) & torch.isnan(right))).all())
