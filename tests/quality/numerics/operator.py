"""What the study knows of an operator: its spec, right ways to compute it, mistakes, the framework's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from attrs import frozen

from specs.spec import Spec

Inputs: TypeAlias = Mapping[str, Any]
# inputs -> the result in float32, before it is rounded to the output's dtype
Way: TypeAlias = Callable[[Inputs], torch.Tensor]


@frozen(eq=False)
class Operator:
    """`ways` and `controls` are right, `bugs` are wrong somewhere. The noise of rounding is measured on the `ways`.

    `sizes` are the shapes that are tried, `sample` a small one. `eager` is the framework's own call.
    """

    spec: Spec
    sample: Mapping[str, int]
    sizes: tuple[Mapping[str, int], ...]
    ways: Mapping[str, Way]
    bugs: Mapping[str, Way]
    controls: Mapping[str, Way]
    eager: Callable[..., torch.Tensor]


def changed(way: Way, change: Callable[[torch.Tensor], torch.Tensor]) -> Way:
    """`way` with its result changed in place by `change`."""

    def run(inputs: Inputs) -> torch.Tensor:
        result = way(inputs).clone()
        change(result)
        return result

    return run


def off_by_5_percent(result: torch.Tensor) -> torch.Tensor:
    flat = result.view(-1)
    flat[flat.shape[0] // 2 + 1] *= 1.05
    return result


def row_unwritten(result: torch.Tensor) -> torch.Tensor:
    """The second row keeps what fresh memory often holds: zeros."""
    rows = result.view(-1, result.shape[-1]) if result.dim() > 1 else result
    rows[1].zero_()
    return result


def rows_swapped(result: torch.Tensor) -> torch.Tensor:
    rows = result.view(-1, result.shape[-1]) if result.dim() > 1 else result
    rows[[0, 1]] = rows[[1, 0]]
    return result


def of_output(way: Way) -> dict[str, Way]:
    """The mistakes that any operator can make on its way out."""
    return {
        "one element 5% off": changed(way, off_by_5_percent),
        "row unwritten": changed(way, row_unwritten),
        "rows swapped": changed(way, rows_swapped),
    }
