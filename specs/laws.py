"""Laws that several operators obey, and the changes of inputs that laws are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from specs.spec import Inputs, Law

Transform: TypeAlias = Callable[[Inputs, Any], tuple[Inputs, Any]]


def scaled(**factors: float) -> Transform:
    """The named inputs times their factor; `needed` is None. Powers of two and signs round nothing."""

    def transform(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
        return {**inputs, **{name: inputs[name] * factor for name, factor in factors.items()}}, None

    return transform


def shuffled(**axes: int) -> Transform:
    """The named inputs along their axis in another order, the same for all; `needed` is the order."""
    return _picked(lambda count: count, axes)


def some(**axes: int) -> Transform:
    """About half of the named inputs along their axis, in another order; `needed` is which."""
    return _picked(lambda count: (count + 1) // 2, axes)


def shifted(name: str) -> Callable[[Inputs, Any], tuple[tuple[Inputs, ...], Any]]:
    """The named matrix, and the same with a number of its own added to each row: two runs, rounding nothing.

    Eighths below 16, shifted by whole numbers below 16, are exact in every dtype; the matrix is brought there.
    """

    def transform(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
        import torch

        plain = (inputs[name].clamp(-15, 15) * 8).round() / 8
        shift = torch.randint(-15, 16, (plain.shape[0], 1), generator=generator).to(plain.dtype)
        return tuple({**inputs, name: each} for each in (plain, plain + shift)), None

    return transform


def additive(name: str) -> Law:
    """The result for a sum of two of the named inputs is the sum of their results."""

    def transform(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
        import torch

        # Sums of two small whole numbers are exact in every dtype.
        left = inputs[name].clamp(-8, 8).round()
        right = torch.randint(-8, 9, tuple(left.shape), generator=generator).to(left.dtype)
        return tuple({**inputs, name: each} for each in (left, right, left + right)), None

    return Law(
        "sum",
        f"the result for a sum of two {name} is the sum of their results",
        transform,
        lambda needed, base, left, right: tuple(a + b for a, b in zip(left, right, strict=True)),
    )


def apart(word: str, *, axis: int = 0, **axes: int) -> Law:
    """Batch invariance, bit for bit: along `axis` of the outputs, what is next to a `word` does not matter.

    `axes` names the inputs that hold it and where: `apart("row", x=0)`.
    """
    return Law(
        f"{word}s",
        f"a {word}'s result is the same whatever the other {word}s are, how many there are and where it stands",
        some(**axes),
        lambda kept, base: tuple(taken(out, kept, axis) for out in base),
        bitwise=True,
    )


def odd(*names: str) -> Law:
    """Negating the named inputs negates the result, bit for bit."""
    return Law(
        "sign",
        f"negating {' and '.join(names)} negates the result",
        scaled(**dict.fromkeys(names, -1.0)),
        lambda needed, base: tuple(-out for out in base),
        bitwise=True,
    )


def taken(tensor: Any, which: Any, axis: int) -> Any:
    """The elements `which` of `tensor` along `axis`; of a value with its bound, too."""
    return tensor[(slice(None),) * axis + (which,)]


def _picked(keep: Callable[[int], int], axes: dict[str, int]) -> Transform:
    def transform(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
        import torch

        name, axis = next(iter(axes.items()))
        count = inputs[name].shape[axis]
        which = torch.randperm(count, generator=generator)[: keep(count)]
        return {**inputs, **{name: taken(inputs[name], which, axis) for name, axis in axes.items()}}, which

    return transform
