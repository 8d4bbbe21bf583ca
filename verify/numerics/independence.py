"""Whether what stands at different places of a dim is computed apart: read off the spec's reference."""

from __future__ import annotations

from typing import Any, Final

import torch

from specs.spec import Inputs, Spec
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.precision import IMAGINED
from verify.numerics.reference import bounded_outputs

SEVERAL: Final = 3  # the size at which dims of a reference are tried


def independent(spec: Spec, dim: str) -> bool:
    """Whether what the reference gives at one place of `dim` is told by the inputs at that place alone."""
    axes = [each.dims.count(dim) for each in spec.shaped]
    held = [param for param in spec.tensors if dim in param.dims]
    everywhere = all(dim in output.dims for output in spec.outputs)
    if max(axes) > 1 or not held or not everywhere or dim in {param.name for param in spec.sizes}:
        return False
    sizes = spec.nearest({each.name: SEVERAL for each in spec.dims})
    if sizes is None or sizes[dim] < 2:
        return False
    trials = [Trial(spec.dtypes[0], tuple(sizes.items()), seed=seed) for seed in range(3)]
    inputs: list[dict[str, Any]] = [make_inputs(spec, trial) for trial in trials]
    for others, place in ((inputs[1], 0), (inputs[2], sizes[dim] - 1)):
        mixed = dict(inputs[0])
        for param in held:
            mixed[param.name] = _replaced(others[param.name], inputs[0][param.name], param.dims.index(dim), place)
        if not _alike(spec, dim, inputs[0], mixed, torch.tensor([place])):
            return False
    # A reference may number places across dims, as a seed's random numbers do: then how many there are matters.
    fewer = torch.arange(sizes[dim] - 1)
    return _alike(spec, dim, inputs[0], resized(spec, inputs[0], dim, fewer), fewer)


def _alike(spec: Spec, dim: str, left: Inputs, right: Inputs, places: torch.Tensor) -> bool:
    """Whether the reference gives the same of both at these places of `dim`, as far as its rounding tells."""
    outputs = zip(
        spec.outputs, bounded_outputs(spec, left, IMAGINED), bounded_outputs(spec, right, IMAGINED), strict=True
    )
    for output, one, two in outputs:
        axis = output.dims.index(dim)
        apart = (one.value.index_select(axis, places) - two.value.index_select(axis, places)).abs()
        room = one.bound.index_select(axis, places) + two.bound.index_select(axis, places)
        if not bool(((apart <= room) | ~torch.isfinite(apart)).all()):
            return False
    return True


def _replaced(tensor: torch.Tensor, by: torch.Tensor, axis: int, place: int) -> torch.Tensor:
    """`tensor` with what `by` has at one place of an axis."""
    changed = tensor.clone(memory_format=torch.contiguous_format)
    changed.select(axis, place).copy_(by.select(axis, place))
    return changed


def resized(spec: Spec, inputs: Inputs, dim: str, places: torch.Tensor) -> dict[str, Any]:
    """The inputs at some places of `dim`."""
    changed = dict(inputs)
    for param in spec.tensors:
        if dim in param.dims:
            changed[param.name] = inputs[param.name].index_select(param.dims.index(dim), places)
    return changed
