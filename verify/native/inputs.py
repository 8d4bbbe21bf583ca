"""Inputs on a device: fresh random values in the spec's value domain, over chosen strides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from specs.sizes import Size
from specs.spec import ELEMENT, Choice, ChoiceParam, FloatParam, SizeParam, Spec, TensorParam, Values
from verify.native.memory import DTYPES
from verify.native.parts import of_inputs, parts, within
from verify.numerics.values import integers

Strides = Mapping[str, Sequence[int]]


def blank(
    spec: Spec,
    sizes: Mapping[str, int],
    dtype: str,
    device: str,
    strides: Strides | None = None,
    choices: Mapping[str, Choice] | None = None,
) -> dict[str, Any]:
    """Inputs without values yet: tensors of the named sizes, contiguous where `strides` names no other.

    Between the elements of a strided tensor lies NaN (or -1), so that a stray load is seen in the result.
    """
    inputs: dict[str, Any] = {}
    for param in spec.params:
        if isinstance(param, TensorParam):
            shape = tuple(sizes[dim] for dim in param.dims)
            steps = tuple((strides or {}).get(param.name, _packed(shape)))
            inputs[param.name] = _strided(shape, steps, param.dtype if param.dtype != ELEMENT else dtype, device)
        elif isinstance(param, FloatParam):
            inputs[param.name] = param.samples[0]
        elif isinstance(param, SizeParam):
            inputs[param.name] = sizes[param.name]
        else:
            assert isinstance(param, ChoiceParam)
            inputs[param.name] = (choices or {}).get(param.name, param.choices[0])
    return inputs


def refill(spec: Spec, inputs: Mapping[str, Any], sizes: Mapping[str, int], generator: torch.Generator) -> None:
    """Draw new values into the tensors in place: scaled and shifted normals, or integers of the domain; what is
    derived follows.

    Scale and shift change with every draw, so that no kernel does well by knowing the distribution.
    """
    for param in spec.tensors:
        if not param.derived:
            _draw(inputs[param.name], param.values, sizes, generator)
    derived = [param for param in spec.tensors if param.derived]
    for part in parts(spec, sizes) if derived else ():
        values = spec.derive(of_inputs(spec, inputs, part))
        for param in derived:
            within(param, inputs[param.name], part).copy_(values[param.name])


def _draw(tensor: torch.Tensor, values: Values, sizes: Mapping[str, int], generator: torch.Generator) -> None:
    if not tensor.numel():
        return
    # A repeated axis (stride 0) is drawn once and seen through all its indices.
    once = tensor[tuple(slice(0, 1) if step == 0 else slice(None) for step in tensor.stride())]
    if tensor.dtype.is_floating_point:
        scale, shift = torch.rand(2, generator=generator, device=tensor.device).tolist()
        once.normal_(2 * shift - 1, 0.5 + scale, generator=generator)
        once.clamp_(-values.magnitude, values.magnitude)
        return
    low = _bound(values.low, sizes, 0)
    high = _bound(values.high, sizes, 2 if tensor.dtype == torch.bool else 100)
    once.copy_(integers(values, tuple(once.shape), (low, high if values.also else max(high, low + 1)), generator))


def _bound(bound: Size | None, sizes: Mapping[str, int], fallback: int) -> int:
    return fallback if bound is None else bound.evaluate(sizes)


def _strided(shape: tuple[int, ...], steps: tuple[int, ...], dtype: str, device: str) -> torch.Tensor:
    empty = 0 in shape
    span = 0 if empty else 1 + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    kind = DTYPES[dtype]
    gap = float("nan") if kind.is_floating_point else 0 if kind == torch.bool else -1
    return torch.full((span,), gap, dtype=kind, device=device).as_strided(shape, steps)


def _packed(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps: list[int] = []
    step = 1
    for size in reversed(shape):
        steps.insert(0, step)
        step *= size
    return tuple(steps)
