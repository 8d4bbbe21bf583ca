"""Gate `laws`: the spec's metamorphic properties, determinism, and that undefined content does not matter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from attrs import define, field

from specs.spec import Law, Spec
from verify.case import Budget, Case
from verify.executor.modes import Fill, Mode
from verify.numerics.bounded import Bounded
from verify.numerics.compare import Comparison, compare
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.numerics.judge import Uncovered, execute
from verify.numerics.precision import IMAGINED
from verify.numerics.reference import bounded_outputs
from verify.numerics.tally import UNDECIDED, faulty, undecided
from verify.numerics.trials import spread
from verify.verdict import Outcome, Verdict, Witness

Outputs: TypeAlias = tuple[torch.Tensor, ...]
# Values of which a law says more than that NaN is NaN and zero is zero.
KINDS: Final = ("normal", "uniform", "integers", "wide", "spike", "constant rows")
POISONS: Final = (1e4, 0.0)  # against the NaN that stands there usually


class Broken(Exception):
    """A law does not hold for a trial; the text says where."""


class Faulty(Exception):
    """The executor found a fault while a law was tried."""


@define
class Runs:
    """Runs of one case. Those of unchanged inputs are kept, for every law begins with one."""

    case: Case
    kept: dict[tuple[Trial, Mode], Outputs] = field(factory=dict)

    def plain(self, trial: Trial, mode: Mode = Mode.FAITHFUL) -> Outputs:
        if (trial, mode) not in self.kept:
            self.kept[trial, mode] = self.run(trial, make_inputs(self.case.spec, trial), mode)
        return self.kept[trial, mode]

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
            raise Faulty(run.faults[0])
        return tuple(run.outputs)


Check: TypeAlias = Callable[[Runs, Trial], None]


def laws(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a law of the spec, then determinism and the irrelevance of undefined memory and padding."""
    checks: list[tuple[str, Check]] = [(f"{law.name}: {law.claim}", partial(_law, law)) for law in case.spec.laws]
    checks += [
        ("determinism: the order of programs does not matter", _order),
        ("irrelevance: undefined lanes and unwritten memory do not matter", _fill),
        ("irrelevance: memory around the inputs' views does not matter", _around),
    ]
    trials, runs = tuple(_trials(case, budget)), Runs(case)
    return tuple(_verdict(claim, check, runs, trials) for claim, check in checks)


def _trials(case: Case, budget: Budget) -> Iterator[Trial]:
    for dtype in case.spec.dtypes:
        yield from spread(case, dtype, budget, max(2, budget.samples // 40), KINDS)


def _verdict(claim: str, check: Check, runs: Runs, trials: Sequence[Trial]) -> Verdict:
    held: list[Trial] = []
    for trial in trials:
        try:
            check(runs, trial)
        except Uncovered:
            continue
        except Broken as error:
            witness = Witness(f"{trial}: {error}", "executor", trial.sizes, reproduce=str(trial))
            return Verdict("laws", Outcome.REFUTED, claim, str(trial), witness=witness)
        except Faulty as error:
            witness = faulty(error.args[0], trial)
            return Verdict("laws", Outcome.REFUTED, claim, str(trial), witness=witness)
        except UNDECIDED as error:
            return undecided("laws", claim, error, trial)
        held.append(trial)
    if not held:
        why = "nothing that was tried is covered by a captured plan and tells anything"
        return Verdict("laws", Outcome.UNKNOWN, claim, "", detail=why)
    dtypes = ", ".join(sorted({trial.dtype for trial in held}))
    return Verdict("laws", Outcome.HELD, claim, f"{len(held)} runs, {dtypes}", detail=f"such as {held[-1]}")


def _law(law: Law, runs: Runs, trial: Trial) -> None:
    spec = runs.case.spec
    inputs = make_inputs(spec, trial)
    changed, needed = law.transform(inputs, torch.Generator().manual_seed(trial.seed))
    variants = [dict(each) for each in (changed if isinstance(changed, tuple) else (changed,))]
    mode = Mode.FAITHFUL if law.bitwise else Mode.EXACT64
    found = [runs.plain(trial, mode), *(runs.run(trial, each, mode) for each in variants)]
    if law.bitwise:
        _same(spec, found[-1], law.expect(needed, *found[:-1]), f"by the law `{law.name}`")
    else:
        _near(law, spec, [inputs, *variants], found, needed)


def _near(law: Law, spec: Spec, everything: list[dict[str, Any]], runs: list[Outputs], needed: Any) -> None:
    """Raises Broken unless the last run's outputs are what the law expects from the others, in float64."""
    # The law holds for exact outputs; each run may be as far from its own as exact arithmetic allows, and
    # `expect` carries that along.
    references = [bounded_outputs(spec, each, IMAGINED) for each in everything]
    near = [
        tuple(Bounded(out, ref.bound, IMAGINED) for out, ref in zip(outs, refs, strict=True))
        for outs, refs in zip(runs, references, strict=True)
    ]
    expected = law.expect(needed, *near[:-1])
    for number, (found, wanted) in enumerate(zip(near[-1], expected, strict=True)):
        wanted = wanted if isinstance(wanted, Bounded) else Bounded.exact(wanted, IMAGINED)
        allowed = Bounded(wanted.value, wanted.bound + found.bound, IMAGINED)
        told = compare(found.value, allowed, "float64")
        if not told.accepted:
            sizes = bindings(spec, everything[-1])
            raise Broken(f"{_element(spec, number, told)} by the law `{law.name}` at {_dims(spec, sizes)}")


def _order(runs: Runs, trial: Trial) -> None:
    again = runs.run(trial, make_inputs(runs.case.spec, trial), order=1)
    _same(runs.case.spec, again, runs.plain(trial), "as when programs run in another order")


def _fill(runs: Runs, trial: Trial) -> None:
    inputs = make_inputs(runs.case.spec, trial)
    for fill in (each for each in Fill if each is not Fill.NAN):
        why = f"as when undefined lanes hold nan instead of {fill.value}"
        _same(runs.case.spec, runs.run(trial, inputs, fill=fill), runs.plain(trial), why)


def _around(runs: Runs, trial: Trial) -> None:
    if all(layout in ("contiguous", "transposed", "expanded") for _, layout in trial.layouts):
        raise Uncovered("nothing stands around such views")
    for poison in POISONS:
        again = runs.run(trial, make_inputs(runs.case.spec, trial, poison))
        _same(
            runs.case.spec,
            again,
            runs.plain(trial),
            f"as when nan instead of {poison:g} stands around inputs",
        )


def _same(spec: Spec, found: Outputs, wanted: Outputs, why: str) -> None:
    """Raises Broken unless all bits agree; NaNs are one, and so are the two zeros."""
    for number, (left, right) in enumerate(zip(found, wanted, strict=True)):
        differ = ~((left == right) | (torch.isnan(left) & torch.isnan(right)))
        if left.shape != right.shape or bool(differ.any()):
            index = tuple(int(axis) for axis in differ.nonzero()[0])
            told = Comparison(False, left.numel(), 0, math.inf, index, float(left[index]), float(right[index]))
            raise Broken(f"{_element(spec, number, told)}, bit for bit, {why}")


def _element(spec: Spec, number: int, told: Comparison) -> str:
    name, index = spec.outputs[number].name, ", ".join(map(str, told.index))
    return f"{name}[{index}] is {told.value:.9g}, should be {told.reference:.9g}"


def _dims(spec: Spec, sizes: dict[str, int]) -> str:
    return ", ".join(f"{dim.name}={sizes[dim.name]}" for dim in spec.dims)
