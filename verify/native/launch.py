"""Start a plan's kernels on a device: choose variants by the actual sizes, bind arguments, run the steps.

Everything that can be decided before is decided in `prepare`; `Prepared.run` only launches, copies and fills.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch
from attrs import frozen

from specs.sizes import Condition
from specs.spec import Choice, Inputs, Spec
from verify.native.accept import element_dtype
from verify.native.memory import DTYPES, Guarded, guarded
from verify.plan import (
    Copy,
    FloatArgument,
    Glue,
    IntegerArgument,
    Launch,
    Plan,
    PointerArgument,
    Step,
    Variant,
    View,
)

if TYPE_CHECKING:
    from triton.tools.tensor_descriptor import TensorDescriptor

Compile: TypeAlias = Callable[[Variant], Any]
Bound: TypeAlias = "int | float | TensorDescriptor"
GRID_LIMITS: Final = (2**31 - 1, 65535, 65535)
INTEGER_BITS: Final = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64}
GLUE: Final[Mapping[str, Callable[..., torch.Tensor]]] = {"sum": torch.sum, "amax": torch.amax}


class LaunchError(Exception):
    """The plan cannot be run on these inputs; the message says which part and which value."""


def names_of(spec: Spec, inputs: Inputs) -> dict[str, int]:
    """What size expressions may name: dims, strides and addresses, read off the inputs themselves.

    Raises LaunchError when two inputs disagree on a dim, or a shape has the wrong number of axes.
    """
    names = {param.name: int(inputs[param.name]) for param in spec.sizes}
    for param in spec.tensors:
        tensor = inputs[param.name]
        if tensor.dim() != len(param.dims):
            raise LaunchError(f"{param.name} has {tensor.dim()} axes, {spec.name} asks for {len(param.dims)}")
        for axis, dim in enumerate(param.dims):
            found = int(tensor.shape[axis])
            if names.setdefault(dim, found) != found:
                raise LaunchError(f"{param.name} has {dim}={found}, an earlier input has {dim}={names[dim]}")
            names[param.stride(axis)] = int(tensor.stride(axis))
        names[param.address] = int(tensor.data_ptr())
    return names


def choose_plan(plans: Iterable[Plan], dtype: str, choices: Mapping[str, Choice], names: Mapping[str, int]) -> Plan:
    """The first plan for the dtype and choices whose cell holds. Raises LaunchError without one."""
    for plan in plans:
        same = plan.dtype == dtype and dict(plan.choices) == dict(choices)
        if same and _holds(plan.cell, names):
            return plan
    asked: dict[str, object] = {**choices, **names}
    raise LaunchError(f"no captured plan covers dtype {dtype}, {_shown(asked)}")


def plan_for(plans: Iterable[Plan], spec: Spec, inputs: Inputs, names: Mapping[str, int]) -> Plan:
    """The plan that inputs on a device ask for."""
    choices = {choice.name: inputs[choice.name] for choice in spec.choices}
    return choose_plan(plans, element_dtype(spec, inputs), choices, names)


def choose_variant(launch: Launch, names: Mapping[str, int], config: str = "") -> Variant:
    """The first variant of `config` whose condition holds; where there is nothing to choose, of all."""
    own = [variant for variant in launch.variants if not variant.config or variant.config == config]
    if not own:
        known = ", ".join(sorted({variant.config for variant in launch.variants}))
        raise LaunchError(f"{launch.kernel} has no configuration {config!r}; it has {known}")
    for variant in own:
        if _holds(variant.condition, names):
            return variant
    raise LaunchError(f"no variant of {launch.kernel} ({launch.place}) covers {_shown(names)}")


def configurations(launch: Launch) -> tuple[str, ...]:
    """The autotune configurations of a launch in order; one empty name where there is nothing to choose."""
    return tuple(dict.fromkeys(variant.config for variant in launch.variants)) or ("",)


@frozen(eq=False)
class Memory:
    """The plan's buffers on the device. Inputs belong to the caller; the others are guarded and ours."""

    plan: Plan
    names: Mapping[str, int]
    inputs: Mapping[str, torch.Tensor]  # by buffer name
    own: Mapping[str, Guarded]

    def view(self, view: View) -> torch.Tensor:
        """The view as a tensor over its buffer's memory."""
        sizes = [size.evaluate(self.names) for size in view.sizes]
        strides = [stride.evaluate(self.names) for stride in view.strides]
        offset = view.offset.evaluate(self.names)
        flat = self._flat(view)
        return flat.as_strided(sizes, strides, flat.storage_offset() + offset)

    def address(self, view: View) -> int:
        """Byte address of the view's first element; also of a view that is empty or starts past the end."""
        offset = view.offset.evaluate(self.names)
        flat = self._flat(view)
        start = self.own[view.buffer].address if view.buffer in self.own else int(flat.data_ptr())
        return start + offset * int(flat.element_size())

    def _flat(self, view: View) -> torch.Tensor:
        base = self.own[view.buffer].body if view.buffer in self.own else self.inputs[view.buffer]
        wanted = DTYPES[view.dtype] if view.dtype else base.dtype
        if wanted == base.dtype:
            return base
        if view.buffer not in self.own:
            raise LaunchError(f"input {view.buffer} is viewed as {view.dtype}, it holds {base.dtype}")
        return base.view(wanted)


@frozen(eq=False)
class Prepared:
    """A plan bound to inputs. `run` starts its steps on the current stream and returns at once."""

    memory: Memory
    actions: tuple[Callable[[], object], ...]
    outputs: tuple[torch.Tensor, ...]
    variants: tuple[Variant, ...]

    def run(self) -> None:
        for action in self.actions:
            action()

    def poison(self) -> None:
        """Make every buffer of ours unwritten again: no run can live on what an earlier one left."""
        for buffer in self.memory.own.values():
            buffer.poison()

    def damage(self) -> tuple[str, ...]:
        """Writes outside our buffers since they were made, one sentence each."""
        found = (buffer.damage() for buffer in self.memory.own.values())
        return tuple(sentence for sentence in found if sentence)


def prepare(
    plan: Plan,
    inputs: Inputs,
    names: Mapping[str, int],
    compile: Compile,
    configs: Mapping[int, str] | None = None,
) -> Prepared:
    """Allocate the plan's buffers beside `inputs`, choose and compile variants, bind arguments.

    `configs` gives the autotune configuration by step number; a launch that is not named takes its first.
    Raises LaunchError where the plan does not fit the inputs, and what `compile` raises.
    """
    memory = _allocate(plan, inputs, names)
    actions: list[Callable[[], object]] = []
    variants: list[Variant] = []
    for buffer in plan.buffers:
        if buffer.param is None and buffer.fill is not None:
            actions.append(partial(memory.own[buffer.name].body.fill_, buffer.fill))
    for number, step in enumerate(plan.steps):
        if isinstance(step, Launch):
            config = (configs or {}).get(number, configurations(step)[0])
            variant = choose_variant(step, names, config)
            variants.append(variant)
            grid = _grid(step, variant, names)
            if math.prod(grid):
                arguments = bind(step, variant, memory, inputs)
                actions.append(partial(compile(variant)[grid], *arguments))
        else:
            actions.append(_host_step(step, memory))
    outputs = tuple(memory.view(view) for view in plan.outputs)
    return Prepared(memory, tuple(actions), outputs, tuple(variants))


def bind(launch: Launch, variant: Variant, memory: Memory, inputs: Inputs) -> tuple[Bound, ...]:
    """What the compiled kernel is called with, in order: byte addresses, integers, floats and tensor descriptors."""
    bound: list[Bound] = []
    described = tuple(f"{each.name}." for each in launch.arguments if isinstance(each, PointerArgument) and each.block)
    for name in variant.parameters:
        if name.startswith(described):
            continue  # Triton's launcher takes a descriptor's sizes and strides from the descriptor
        argument = launch.argument(name)
        if isinstance(argument, PointerArgument):
            bound.append(_descriptor(launch, argument, memory) if argument.block else memory.address(argument.view))
        elif isinstance(argument, IntegerArgument):
            bound.append(_integer(launch, argument, memory.names))
        else:
            bound.append(_float(argument, inputs))
    return tuple(bound)


def _descriptor(launch: Launch, argument: PointerArgument, memory: Memory) -> TensorDescriptor:
    from triton.tools.tensor_descriptor import TensorDescriptor

    view = memory.view(argument.view)
    try:
        return TensorDescriptor(view, [*view.shape], [*view.stride()], [*argument.block], argument.padding)
    except AssertionError as why:  # so Triton says what the hardware does not take
        raise LaunchError(f"{launch.kernel} ({launch.place}): descriptor {argument.name}: {why}") from None


def _integer(launch: Launch, argument: IntegerArgument, names: Mapping[str, int]) -> int:
    value = argument.value.evaluate(names)
    bits = INTEGER_BITS[argument.type]
    low, high = (0, 1) if bits == 1 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= value <= high:
        what = f"{argument.name}={value} does not fit {argument.type}"
        raise LaunchError(f"{launch.kernel} ({launch.place}): {what}")
    return value


def _float(argument: FloatArgument, inputs: Inputs) -> float:
    if not argument.known:
        raise LaunchError(f"the host code computes the float {argument.name}, whose value is not known")
    return float(inputs[argument.param]) if argument.param else argument.value


def _grid(launch: Launch, variant: Variant, names: Mapping[str, int]) -> tuple[int, int, int]:
    grid = tuple(size.evaluate(names) for size in variant.grid)
    for axis, (count, limit) in enumerate(zip(grid, GRID_LIMITS, strict=True)):
        if not 0 <= count <= limit:
            what = f"grid axis {axis} is {count}, allowed are 0..{limit}"
            raise LaunchError(f"{launch.kernel} ({launch.place}): {what}")
    return grid[0], grid[1], grid[2]


def _allocate(plan: Plan, inputs: Inputs, names: Mapping[str, int]) -> Memory:
    given = {buffer.name: inputs[buffer.param] for buffer in plan.buffers if buffer.param}
    device = next((str(tensor.device) for tensor in given.values()), "cuda")
    own: dict[str, Guarded] = {}
    for buffer in plan.buffers:
        if buffer.param is None:
            elements = buffer.elements.evaluate(names)
            if elements < 0:
                raise LaunchError(f"buffer {buffer.name} would have {elements} elements ({buffer.elements})")
            own[buffer.name] = guarded(buffer.name, buffer.dtype, elements, device)
    return Memory(plan, names, given, own)


def _host_step(step: Step, memory: Memory) -> Callable[[], object]:
    if isinstance(step, Copy):
        return partial(memory.view(step.target).copy_, memory.view(step.source))
    assert isinstance(step, Glue)
    if step.operation not in GLUE:
        known = ", ".join(GLUE)
        raise LaunchError(f"host operation {step.operation} ({step.place}) has no launcher; known: {known}")
    return partial(_glue, step, [memory.view(view) for view in step.inputs], memory.view(step.target))


def _glue(step: Glue, sources: list[torch.Tensor], target: torch.Tensor) -> None:
    target.copy_(GLUE[step.operation](*sources, **step.options))


def _holds(condition: Condition, names: Mapping[str, int]) -> bool:
    try:
        return condition.holds(names)
    except KeyError as unknown:
        raise LaunchError(f"condition {condition} names {unknown.args[0]!r}, which no input has") from None


def _shown(names: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in names.items())
