"""Inputs of one run as a pure function of a trial: sizes, dtype, value class, layouts and seed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from attrs import frozen

from specs.spec import ELEMENT, FLOATS, Choice, FloatParam, Inputs, SizeParam, Spec, TensorParam
from verify.numerics.layouts import LAYOUTS, lay_out
from verify.numerics.values import CLASSES, integers
from verify.verdict import Held, Run

SHOWN = 16  # values of a tensor that a witness spells


@frozen
class Trial:
    """One run to be made. Equal trials make equal inputs."""

    dtype: str
    sizes: tuple[tuple[str, int], ...]
    values: str = "normal"
    layouts: tuple[tuple[str, str], ...] = ()  # of the tensors that are not contiguous
    seed: int = 0
    choices: tuple[tuple[str, Choice], ...] = ()
    config: str = ""  # the autotune configuration

    def __attrs_post_init__(self) -> None:
        if self.values not in CLASSES:
            raise ValueError(f"unknown class of values {self.values!r}; known: {', '.join(CLASSES)}")
        if strange := [layout for _, layout in self.layouts if layout not in LAYOUTS]:
            raise ValueError(f"unknown layouts {strange}; known: {', '.join(LAYOUTS)}")

    def __str__(self) -> str:
        """`M=1, N=3, float16, normal values, x transposed, seed 0`: enough to make the inputs again."""
        parts = [f"{name}={size}" for name, size in (*self.sizes, *self.choices)]
        parts += [self.dtype, f"{self.values} values"]
        parts += [f"{name} {layout}" for name, layout in self.layouts if layout != "contiguous"]
        parts += [f"seed {self.seed}"] + ([f"config {self.config}"] if self.config else [])
        return ", ".join(parts)

    @property
    def run(self) -> Run:
        """What a witness says of it beside its sizes."""
        return Run(self.dtype, self.choices, self.config, self.values, self.layouts, self.seed)

    @classmethod
    def of(cls, sizes: Mapping[str, int], run: Run) -> Trial:
        """The trial of a witness's sizes and run."""
        return cls(run.dtype, tuple(sizes.items()), run.values, run.layouts, run.seed, run.choices, run.config)


def told(spec: Spec, inputs: Mapping[str, object]) -> tuple[Held, ...]:
    """The tensors among the inputs as a witness tells them."""
    found = []
    for param in spec.tensors:
        tensor = inputs[param.name]
        assert isinstance(tensor, torch.Tensor)
        flat = tensor.reshape(-1)[:SHOWN].tolist()
        more = f" and {tensor.numel() - SHOWN} more" if tensor.numel() > SHOWN else ""
        values = " ".join(f"{value:.9g}" if isinstance(value, float) else str(value) for value in flat) + more
        dtype = str(tensor.dtype).removeprefix("torch.")
        found.append(Held(param.name, dtype, tuple(tensor.shape), tuple(tensor.stride()), values))
    return tuple(found)


def make_inputs(spec: Spec, trial: Trial, poison: float = math.nan) -> dict[str, object]:
    """The arguments by name: tensors of the trial's dtype, values and layouts; floats, sizes and choices."""
    generator = torch.Generator().manual_seed(trial.seed)
    sizes, layouts, choices = dict(trial.sizes), dict(trial.layouts), dict(trial.choices)
    places = {param.name: place for place, param in enumerate(spec.tensors)}
    inputs: dict[str, object] = {}
    for param in spec.params:
        if isinstance(param, TensorParam) and param.derived:
            inputs[param.name] = None
        elif isinstance(param, TensorParam):
            values = _values(param, trial, sizes, generator, places[param.name])
            layout = layouts.get(param.name, "contiguous")
            if layout == "expanded" and param.values.unique and len(param.dims) == 1:
                layout = "contiguous"  # one element seen many times is no unique value
            inputs[param.name] = lay_out(values, layout, poison)
        elif isinstance(param, FloatParam):
            inputs[param.name] = param.samples[trial.seed % len(param.samples)]
        elif isinstance(param, SizeParam):
            inputs[param.name] = sizes[param.name]
        else:
            inputs[param.name] = choices.get(param.name, param.choices[0])
    derived = spec.derive(inputs)
    for param in (each for each in spec.tensors if each.derived):
        layout = layouts.get(param.name, "contiguous")
        if layout == "expanded":
            layout = "contiguous"  # that would show other values than those that are derived
        inputs[param.name] = lay_out(derived[param.name].to(_kind(param, trial)), layout, poison)
    return inputs


def _kind(param: TensorParam, trial: Trial) -> torch.dtype:
    kind = getattr(torch, trial.dtype if param.dtype == ELEMENT else param.dtype)
    assert isinstance(kind, torch.dtype)
    return kind


def _values(
    param: TensorParam, trial: Trial, sizes: Mapping[str, int], generator: torch.Generator, place: int
) -> torch.Tensor:
    shape, kind = tuple(sizes[dim] for dim in param.dims), _kind(param, trial)
    if not kind.is_floating_point:
        low = 0 if param.values.low is None else param.values.low.evaluate(sizes)
        high = 2 if param.values.high is None else param.values.high.evaluate(sizes)
        try:
            return integers(param.values, shape, (low, high), generator).to(kind)
        except ValueError as error:
            raise ValueError(f"{param.name} at {trial}: {error}") from None
    dtype = str(kind).removeprefix("torch.")
    values = CLASSES[trial.values](shape, dtype if dtype in FLOATS else "float32", generator, place)
    if not param.values.special:
        limit = min(param.values.magnitude, torch.finfo(kind).max)
        values = values.nan_to_num(0.0, limit, -limit).clamp(-limit, limit)
    return values.to(kind)


def bindings(spec: Spec, inputs: Inputs) -> dict[str, int]:
    """Every name of size expressions at these inputs: dims, strides, and addresses (storage starts at 0).

    Raises ValueError when two tensors disagree on a dim.
    """
    values = {param.name: int(inputs[param.name]) for param in spec.sizes}
    for param in spec.tensors:
        tensor = inputs[param.name]
        for axis, dim in enumerate(param.dims):
            if values.setdefault(dim, tensor.shape[axis]) != tensor.shape[axis]:
                raise ValueError(f"{param.name} has {dim}={tensor.shape[axis]}, another tensor {values[dim]}")
            values[param.stride(axis)] = tensor.stride(axis)
        values[param.address] = tensor.storage_offset() * tensor.element_size()
    return values
