"""What the names in a plan's size expressions stand for, given tensors, and which variant runs then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import torch

from specs.sizes import Size, size
from verify.executor.layout import base
from verify.plan import Argument, Buffer, Copy, FloatArgument, Launch, Plan, PointerArgument, Variant, View

Inputs = Mapping[str, "torch.Tensor | float | int | bool"]
Result = TypeVar("Result")


def bind(plan: Plan, inputs: Inputs) -> dict[str, int]:
    """Strides and addresses of the inputs, and dims (given, or read off the inputs' views), by name.

    Raises ValueError where an input is missing, has the wrong dtype, or disagrees with another about a dim.
    """
    values = {name: value for name, value in inputs.items() if type(value) is int and name not in plan.choices}
    for number, buffer in enumerate(plan.buffers, start=1):
        if buffer.param is not None:
            tensor = _tensor(buffer, inputs)
            for axis, stride in enumerate(tensor.stride()):
                values[f"{buffer.param}.stride{axis}"] = stride
            ahead = tensor.storage_offset() * tensor.element_size() % 256
            values[f"{buffer.param}.address"] = base(number) + ahead
    for view in views(plan):
        buffer = plan.buffer(view.buffer)
        if buffer.param is not None:
            _match(view, buffer.param, _tensor(buffer, inputs), values)
    for buffer in plan.buffers:
        if buffer.param is not None:
            for dim, axis in _extents(buffer.elements, f"{buffer.param}.stride"):
                _set(dim, axis, buffer.param, _tensor(buffer, inputs), values)
    return values


def dims(plan: Plan, values: Mapping[str, int]) -> dict[str, int]:
    """The bound names that people know: the spec's dims."""
    return {name: value for name, value in values.items() if "." not in name}


def views(plan: Plan) -> Iterator[View]:
    """Every view that the plan mentions."""
    for step in plan.steps:
        if isinstance(step, Launch):
            yield from (item.view for item in step.arguments if isinstance(item, PointerArgument))
        elif isinstance(step, Copy):
            yield from (step.source, step.target)
        else:
            yield from (*step.inputs, step.target)
    yield from plan.outputs


def _tensor(buffer: Buffer, inputs: Inputs) -> torch.Tensor:
    tensor = inputs.get(buffer.param or "")
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"input {buffer.param!r} is {type(tensor).__name__}, not a tensor")
    if tensor.dtype != getattr(torch, buffer.dtype):
        raise ValueError(f"input {buffer.param!r} is {tensor.dtype}, the plan was captured for {buffer.dtype}")
    if tensor.device.type != "cpu":
        raise ValueError(f"input {buffer.param!r} is on {tensor.device}; the executor runs on the CPU")
    return tensor


def _match(view: View, param: str, tensor: torch.Tensor, values: dict[str, int]) -> None:
    """A view axis whose stride is a named stride of the tensor has that axis's size; the other axes of a view
    with as many axes as the tensor are the tensor's other axes in order."""
    axes: dict[int, int] = {}
    for axis, stride in enumerate(view.strides):
        if stride.kind == "name" and stride.name.startswith(f"{param}.stride"):
            axes[axis] = int(stride.name.removeprefix(f"{param}.stride"))
    if not axes and len(view.sizes) == tensor.dim():
        axes = {axis: axis for axis in range(tensor.dim())}
    elif len(axes) < tensor.dim() == len(view.sizes):
        rest = iter(sorted(set(range(tensor.dim())) - set(axes.values())))
        axes |= {axis: next(rest) for axis in range(tensor.dim()) if axis not in axes}
    for axis, own in axes.items():
        length = view.sizes[axis]
        if length.kind == "name" and own < tensor.dim():
            _set(length.name, own, param, tensor, values)


def _set(dim: str, axis: int, param: str, tensor: torch.Tensor, values: dict[str, int]) -> None:
    length = tensor.shape[axis]
    if values.setdefault(dim, length) != length:
        raise ValueError(f"axis {axis} of input {param!r} has {length} elements, but {dim} is {values[dim]}")


def _extents(elements: Size, strides: str) -> Iterator[tuple[str, int]]:
    """The dims that an input's extent, a sum of `(dim - 1) * stride`, says its axes have. An input that no
    launch gets (where the output is empty, say) has no view to tell them."""
    if elements.kind == "mul":
        less, stride = elements.parts if elements.parts[1].kind == "name" else reversed(elements.parts)
        dim = less.parts[0] if less.kind == "sub" else less
        if stride.name.startswith(strides) and dim.kind == "name" and less.parts[1:] == (size(1),):
            yield dim.name, int(stride.name.removeprefix(strides))
    for part in elements.parts:
        yield from _extents(part, strides)


def choose(launch: Launch, values: Mapping[str, int], config: str) -> Variant:
    """The variant that runs: of the group `config`, the first whose condition holds.

    A launch without that group runs its first one. Raises ValueError where no condition holds.
    """
    groups = [variant.config for variant in launch.variants]
    group = config if config in groups else groups[0]
    for variant in launch.variants:
        if variant.config == group and evaluated(variant.condition.holds, values, f"{launch.kernel}'s variants"):
            return variant
    raise ValueError(f"no variant of {launch.kernel} ({launch.place}) is for {shown(values)}")


def evaluated(function: Callable[[Mapping[str, int]], Result], values: Mapping[str, int], what: str) -> Result:
    """`function(values)`. Raises ValueError, naming what is missing, instead of KeyError."""
    try:
        return function(values)
    except KeyError as error:
        raise ValueError(f"{what} need the size {error}, which no input's view tells") from None
    except ZeroDivisionError:
        raise ValueError(f"{what} divide by zero for {shown(values)}") from None


def shown(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if not name.endswith(".address"))


def argument(item: Argument, inputs: Inputs) -> float:
    """The number handed to a float argument: a constant, or one of the spec's float parameters."""
    assert isinstance(item, FloatArgument)
    given = inputs.get(item.param) if item.param else None
    return item.value if given is None or isinstance(given, torch.Tensor) else float(given)
