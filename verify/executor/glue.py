"""Meanings of the host operations that a spec may allow besides copies, on whole tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch

from verify.executor.modes import Unmodelled
from verify.plan import Glue

Meaning = Callable[[Sequence[torch.Tensor], Mapping[str, int]], torch.Tensor]


def _folded(function: Callable[..., torch.Tensor]) -> Meaning:
    """A reduction over the axis `dim`, or over everything where none is given."""

    def meaning(sources: Sequence[torch.Tensor], options: Mapping[str, int]) -> torch.Tensor:
        keep = bool(options.get("keepdim", 0))
        axes = [options["dim"]] if "dim" in options else list(range(sources[0].dim()))
        return function(sources[0], dim=axes, keepdim=keep)

    return meaning


GLUE: Final[Mapping[str, Meaning]] = {
    "sum": _folded(torch.sum),
    "mean": _folded(torch.mean),
    "amax": _folded(torch.amax),
    "amin": _folded(torch.amin),
    "add": lambda sources, _: sources[0] + sources[1],
    "sub": lambda sources, _: sources[0] - sources[1],
    "mul": lambda sources, _: sources[0] * sources[1],
    "div": lambda sources, _: sources[0] / sources[1],
}


def glue(step: Glue, sources: Sequence[torch.Tensor]) -> torch.Tensor:
    """The value of a host operation in the sources' dtype. Raises Unmodelled for one not in the table."""
    if step.operation not in GLUE:
        raise Unmodelled(f"the host operation {step.operation}", step.place)
    return GLUE[step.operation](sources, step.options)
