"""Classes of input values, each a place where kernels go wrong, as pure functions of a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import torch
from attrs import evolve

from specs.spec import Values

Shape: TypeAlias = tuple[int, ...]
EVERY: Final = 4  # how many integers there are to one that is a mark
# (shape, dtype, generator, the number of the tensor in the spec) -> float64 values, still to be clamped.
Make: TypeAlias = Callable[[Shape, str, torch.Generator, int], torch.Tensor]


def _normal(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _uniform(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _wide(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    exponent = _uniform(shape, dtype, generator, place) * 6 - 3
    return _normal(shape, dtype, generator, place).sign() * 10**exponent


def _cancelling(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    """The first tensor's second half almost undoes its first; the others repeat theirs."""
    values = _normal(shape, dtype, generator, place)
    axis = 0 if place else len(shape) - 1
    half = shape[axis] // 2
    twin = values.narrow(axis, 0, half)
    values.narrow(axis, half, half).copy_(-twin * (1 + 2.0**-6) if not place else twin)
    return values


def _offset(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return 1000 + 1e-3 * torch.randint(-50, 51, shape, generator=generator).double()


def _constant_rows(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return _normal((*shape[:-1], 1), dtype, generator, place).expand(shape).clone()


def _integers(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return torch.randint(-1, 2, shape, generator=generator).double()


def _large(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    choices = torch.tensor([-1e4, 1e4, 9984.0, -9984.0, 0.0], dtype=torch.float64)
    return choices[torch.randint(0, len(choices), shape, generator=generator)]


def _equal(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    return torch.full(shape, 0.75, dtype=torch.float64)


def _subnormal(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    if place:
        return _normal(shape, dtype, generator, place)
    smallest = torch.finfo(getattr(torch, dtype)).smallest_normal
    return _normal(shape, dtype, generator, place).clamp(-1, 1) * smallest


def _spike(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    if place:
        return _normal(shape, dtype, generator, place)
    values = torch.zeros(shape, dtype=torch.float64)
    if values.numel():
        at = torch.randint(0, shape[-1], (*shape[:-1], 1), generator=generator)
        values.scatter_(-1, at, 3.0)
    return values


def _ramp(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    """Ascending rows: a running maximum changes at every step."""
    step = torch.arange(shape[-1], dtype=torch.float64) / 16
    return (step + _uniform((*shape[:-1], 1), dtype, generator, place)).expand(shape).clone()


def _special(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    values = _normal(shape, dtype, generator, place)
    chance = _uniform(shape, dtype, generator, place)
    for low, value in ((0.00, float("nan")), (0.02, float("inf")), (0.04, float("-inf")), (0.06, -0.0)):
        values[(chance >= low) & (chance < low + 0.02)] = value
    return values


def _opposed(shape: Shape, dtype: str, generator: torch.Generator, place: int) -> torch.Tensor:
    """One sign a tensor, which the next one does not have: products are all far below zero."""
    return (1 + 7 * _uniform(shape, dtype, generator, place)) * (-1) ** place


# Only a spec whose values admit NaN and infinities is asked about SPECIAL, and one with parameters that are computed
# from others about OPPOSED: what those hold reaches its extremes there (a log-sum-exp of -90, whose weights overflow).
SPECIAL: Final = "special"
OPPOSED: Final = "opposed"
RISING: Final = "ramp"
CLASSES: Final[Mapping[str, Make]] = {
    "normal": _normal,
    "uniform": _uniform,
    "integers": _integers,
    "wide": _wide,
    "cancelling": _cancelling,
    "offset": _offset,
    "constant rows": _constant_rows,
    "large": _large,
    "spike": _spike,
    RISING: _ramp,
    "subnormal": _subnormal,
    "equal": _equal,
    SPECIAL: _special,
    OPPOSED: _opposed,
}


def integers(values: Values, shape: Shape, bounds: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Random integers with low <= v < high as int64, on the generator's device: unique or sorted where said.

    One in EVERY is one of the marks beside the range, if there are any; all are where the range is empty.
    Raises ValueError where there are not as many values as the shape asks for.
    """
    low, high = bounds
    last = shape[-1] if shape else 1
    room = high - (last - 1 if values.unique else 0)
    if 0 in shape:
        return torch.empty(shape, dtype=torch.int64, device=generator.device)
    if values.also:
        plain = evolve(values, also=())
        drawn = integers(plain, shape, bounds, generator) if low < high else torch.zeros(shape, dtype=torch.int64)
        marks = torch.tensor(values.also, device=generator.device)
        chosen = torch.randint(0, EVERY * len(marks), shape, generator=generator, device=generator.device)
        marked = (chosen < len(marks)) | (low >= high)
        return torch.where(marked, marks[chosen % len(marks)], drawn.to(generator.device))
    if low >= room:
        raise ValueError(f"{last} {'different ' if values.unique else ''}values are not in {low} <= v < {high}")
    drawn = torch.randint(low, room, shape, generator=generator, device=generator.device)
    if values.unique or values.sorted:
        drawn = drawn.sort(-1).values
    if values.unique:  # ascending numbers, each moved up by its position, differ
        drawn = drawn + torch.arange(last, device=generator.device)
        if not values.sorted:
            order = torch.rand(shape, generator=generator, device=generator.device).argsort(-1)
            drawn = drawn.gather(-1, order)
    return drawn
