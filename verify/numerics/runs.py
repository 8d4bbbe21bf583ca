"""Runs of one case that are compared with each other, and what comparing them can find."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from attrs import define, field

from specs.spec import Spec
from verify.case import Case
from verify.executor.faults import Fault
from verify.executor.modes import Fill, Mode
from verify.numerics.bounded import Bounded
from verify.numerics.compare import Comparison
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.judge import execute
from verify.numerics.precision import IMAGINED
from verify.numerics.reference import bounded_outputs

Outputs: TypeAlias = tuple[torch.Tensor, ...]


class Broken(Exception):
    """A law does not hold for a trial, which need not be the one that was asked for; the text says where."""

    def __init__(self, what: str, trial: Trial) -> None:
        super().__init__(what)
        self.trial = trial


class Faulty(Exception):
    """The executor found a fault while a law was tried."""

    def __init__(self, fault: Fault, trial: Trial) -> None:
        super().__init__(fault.sentence)
        self.fault, self.trial = fault, trial


@define
class Runs:
    """Runs of one case. Those of unchanged inputs are kept, for every law begins with one."""

    case: Case
    kept: dict[tuple[Trial, Mode], Outputs] = field(factory=dict)
    given: dict[Trial, dict[str, Any]] = field(factory=dict)
    right: dict[Trial, tuple[Bounded, ...]] = field(factory=dict)

    def inputs(self, trial: Trial) -> dict[str, Any]:
        """The trial's inputs. They are shared: whoever changes an element copies the tensor first."""
        if trial not in self.given:
            self.given[trial] = make_inputs(self.case.spec, trial)
        return dict(self.given[trial])

    def plain(self, trial: Trial, mode: Mode = Mode.FAITHFUL) -> Outputs:
        if (trial, mode) not in self.kept:
            self.kept[trial, mode] = self.run(trial, self.inputs(trial), mode)
        return self.kept[trial, mode]

    def reference(self, trial: Trial) -> tuple[Bounded, ...]:
        """The reference's outputs for the trial, with what exact arithmetic allows."""
        if trial not in self.right:
            self.right[trial] = bounded_outputs(self.case.spec, self.inputs(trial), IMAGINED)
        return self.right[trial]

    def run(
        self,
        trial: Trial,
        inputs: dict[str, Any],
        mode: Mode = Mode.FAITHFUL,
        fill: Fill = Fill.NAN,
        order: int = 0,
    ) -> Outputs:
        """The outputs on `inputs`. Raises Faulty, and what `execute` raises."""
        _, run = execute(self.case, trial, inputs, mode, fill, order)
        if run.faults:
            raise Faulty(run.faults[0], trial)
        return tuple(run.outputs)


def same(spec: Spec, trial: Trial, found: Outputs, wanted: Outputs, why: str) -> None:
    """Raises Broken unless all bits agree; NaNs are one, and so are the two zeros."""
    for number, (left, right) in enumerate(zip(found, wanted, strict=True)):
        differ = ~((left == right) | (torch.isnan(left) & torch.isnan(right)))
        if left.shape != right.shape or bool(differ.any()):
            index = tuple(int(axis) for axis in differ.nonzero()[0])
            told = Comparison(False, left.numel(), 0, math.inf, index, float(left[index]), float(right[index]))
            raise Broken(f"{element_text(spec, number, told)}, bit for bit, {why}", trial)


def element_text(spec: Spec, number: int, told: Comparison) -> str:
    name, index = spec.outputs[number].name, ", ".join(map(str, told.index))
    return f"{name}[{index}] is {told.value:.9g}, should be {told.reference:.9g}"
