"""The study: which rule accepts right ways to compute, and which sees that something is wrong.

How far an output is *beyond rounding*: its error, less half a unit in the last place of the output, over the noise
at that element, where that is largest; infinite for NaN and infinities where the exact result has none. The noise is
how far the farthest of all right ways is off before it rounds to the output; at least what it is in the element's
row on average, in absolute or relative terms, whichever is less; and at least one rounding of float32. No bound
enters. More right ways, which have no part in the noise, are judged as *controls*.

A bug is *detectable* in a case when it is MARGIN or more beyond rounding, and no control of that case is: where one is,
the noise is not known well enough to tell. MARGIN is the least power of two that controls stay below but for a few
cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from attrs import frozen

from specs.spec import FLOATS
from tests.quality.numerics import natives
from tests.quality.numerics.operator import Operator
from tests.quality.numerics.rivals import RULES
from verify.numerics.compare import half_ulp
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.precision import UNITS, declared
from verify.numerics.reference import bounded_outputs
from verify.numerics.values import CLASSES, OPPOSED, SPECIAL

MARGIN: Final = 16
SAMPLED: Final = ("normal", "uniform", "integers")  # classes of values of a sample


@frozen
class Seen:
    """One output judged by every rule."""

    operator: str
    dtype: str
    case: str
    kind: str  # "right", "control" or "bug"
    way: str
    beyond: float  # rounding
    accepted: tuple[bool, ...]  # by rule, in the order of RULES

    clear: bool = True  # no control of the case is MARGIN beyond rounding

    @property
    def detectable(self) -> bool:
        return self.kind == "bug" and self.beyond >= MARGIN and self.clear


def cases(operator: Operator, sample: bool = False, dtypes: Sequence[str] = FLOATS) -> Iterator[Trial]:
    """The trials of an operator: each dtype, size, choice and class of values; of a sample a few small ones."""
    choices: list[tuple[tuple[str, Any], ...]] = [()]
    for param in operator.spec.choices:
        choices = [(*chosen, (param.name, value)) for chosen in choices for value in param.choices]
    for dtype in dtypes:
        for number, sizes in enumerate([operator.sample] if sample else operator.sizes):
            for kind in SAMPLED if sample else [kind for kind in CLASSES if kind not in (SPECIAL, OPPOSED)]:
                for choice in choices:
                    yield Trial(dtype, tuple(sizes.items()), kind, seed=number, choices=choice)


def judged(operator: Operator, trial: Trial, device: str = "cpu") -> Iterator[Seen]:
    """Every right way and every bug of `operator` on one trial, judged by every rule.

    On another device than the CPU its own kernels are judged too, and its eager ones are what a rule compares with.
    """
    inputs = make_inputs(operator.spec, trial)
    (exact,) = bounded_outputs(operator.spec, inputs, declared(operator.spec, trial.dtype))
    kind: torch.dtype = getattr(torch, trial.dtype)
    eager = operator.eager(**inputs).to(kind)
    right = {name: way(inputs) for name, way in operator.ways.items()}
    noise = noise_of(list(right.values()), exact.value)
    outputs = [("right", name, result) for name, result in right.items()]
    outputs += [("control", name, way(inputs)) for name, way in operator.controls.items()]
    outputs += [("bug", name, way(inputs)) for name, way in operator.bugs.items()]
    if device != "cpu":
        tables = natives.tables(operator.spec.name, trial.dtype)
        own = [(what, name, natives.run(native, inputs, device)) for what, name, native in tables]
        outputs += [(what, name, result) for what, name, result in own if result is not None]
        eager = next(result for _, _, result in own if result is not None)
    beyond = [beyond_rounding(result.to(kind), exact.value, noise, trial.dtype) for _, _, result in outputs]
    clear = all(each < MARGIN for each, (what, _, _) in zip(beyond, outputs, strict=True) if what == "control")
    for far, (what, name, result) in zip(beyond, outputs, strict=True):
        output = result.to(kind)
        accepted = tuple(rule(output, exact, eager, trial.dtype) for rule in RULES.values())
        yield Seen(operator.spec.name, trial.dtype, str(trial), what, name, far, accepted, clear)


def noise_of(right: Sequence[torch.Tensor], exact: torch.Tensor) -> torch.Tensor:
    """How far from the exact result rounding brings a right way, element by element."""
    errors = [(result.double() - exact).abs().nan_to_num(0.0, 0.0, 0.0) for result in right]
    farthest, size = torch.stack(errors).amax(0), exact.abs().nan_to_num(0.0, 0.0, 0.0)
    relative = (farthest / size).nan_to_num(0.0).mean(-1, keepdim=True) * size
    typical = torch.minimum(farthest.mean(-1, keepdim=True).expand(size.shape), relative.nan_to_num(0.0))
    return torch.maximum(torch.maximum(farthest, typical), UNITS["float32"] * size)


def beyond_rounding(output: torch.Tensor, exact: torch.Tensor, noise: torch.Tensor, dtype: str) -> float:
    """How many times the noise, where that is largest. Zero where half a unit in the last place explains all."""
    error = (output.double() - exact).abs() - half_ulp(exact.abs() + noise, dtype)
    times = torch.where(error > 0, error / noise, 0.0).nan_to_num(0.0, torch.inf)
    overflowed = torch.isinf(output) & (exact.abs() + noise > torch.finfo(output.dtype).max)
    astray = torch.isfinite(exact) & ~torch.isfinite(output) & ~overflowed
    return float(torch.where(astray, torch.inf, torch.where(torch.isfinite(output), times, 0.0)).max())
