"""Gate `laws`: the spec's metamorphic properties, determinism, and that undefined content does not matter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import torch

from specs.spec import Law
from verify.case import Budget, Case
from verify.executor.modes import Fill, Mode
from verify.numerics.bounded import Bounded
from verify.numerics.compare import Comparison, compare
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.numerics.judge import Uncovered, execute
from verify.numerics.precision import IMAGINED
from verify.numerics.reference import bounded_outputs
from verify.numerics.tally import UNDECIDED, undecided
from verify.numerics.trials import classes, fixed
from verify.verdict import Outcome, Verdict, Witness

Outputs: TypeAlias = tuple[torch.Tensor, ...]
Check: TypeAlias = Callable[[Case, Trial], None]
POISONS: Final = (math.nan, 1e4, 0.0)


class Broken(Exception):
    """A law does not hold for a trial; the text says where."""


class Faulty(Exception):
    """The executor found a fault while a law was tried."""


def laws(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a law of the spec, then determinism and the irrelevance of undefined memory and padding."""
    checks: list[tuple[str, Check]] = [
        (f"{law.name}: {law.claim}", partial(_law, law)) for law in case.spec.laws
    ]
    checks += [
        ("determinism: the order of programs does not matter", _order),
        ("irrelevance: undefined lanes and unwritten memory do not matter", _fill),
        ("irrelevance: memory around the inputs' views does not matter", _around),
    ]
    trials = tuple(_trials(case, budget))
    return tuple(_verdict(claim, check, case, trials) for claim, check in checks)


def _trials(case: Case, budget: Budget) -> Iterator[Trial]:
    """Some of the fixed trials of each dtype, spread over shapes, classes and layouts."""
    wanted = max(3, budget.samples // 20)
    for number, dtype in enumerate(case.spec.dtypes):
        usual = [
            trial
            for trial in fixed(case, dtype, budget, at_least=len(classes(case.spec)))
            if trial.values in ("normal", "uniform", "integers", "wide", "spike", "constant rows")
            and all(size for _, size in trial.sizes)
        ]
        step = max(1, len(usual) // wanted)
        yield from usual[number % step :: step]


def _verdict(claim: str, check: Check, case: Case, trials: Sequence[Trial]) -> Verdict:
    held: list[Trial] = []
    for trial in trials:
        try:
            check(case, trial)
        except Uncovered:
            continue
        except Broken as error:
            witness = Witness(f"{trial}: {error}", "executor", trial.sizes, reproduce=str(trial))
            return Verdict("laws", Outcome.REFUTED, claim, str(trial), witness=witness)
        except Faulty as error:
            fault = error.args[0]
            sentence = (
                f"{fault.sentence}; a run with such a fault computes nothing that can be trusted [{trial}]"
            )
            witness = Witness(sentence, "executor", trial.sizes, fault.accesses, fault.place, str(trial))
            return Verdict("laws", Outcome.REFUTED, claim, str(trial), witness=witness)
        except UNDECIDED as error:
            return undecided("laws", claim, error, trial)
        held.append(trial)
    if not held:
        return Verdict(
            "laws", Outcome.UNKNOWN, claim, "", detail="no captured plan covers a shape that was tried"
        )
    dtypes = ", ".join(sorted({trial.dtype for trial in held}))
    return Verdict("laws", Outcome.HELD, claim, f"{len(held)} runs, {dtypes}", detail=f"largest: {held[-1]}")


def _run(
    case: Case, trial: Trial, inputs: dict[str, Any], mode: Mode, fill: Fill = Fill.NAN, order: int = 0
) -> Outputs:
    _, run = execute(case, trial, inputs, mode, fill, order)
    if run.faults:
        raise Faulty(run.faults[0])
    return tuple(run.outputs)


def _law(law: Law, case: Case, trial: Trial) -> None:
    inputs = make_inputs(case.spec, trial)
    changed, needed = law.transform(inputs, torch.Generator().manual_seed(trial.seed))
    variants = changed if isinstance(changed, tuple) else (changed,)
    everything = [inputs, *map(dict, variants)]
    mode = Mode.FAITHFUL if law.bitwise else Mode.EXACT64
    runs = [_run(case, trial, each, mode) for each in everything]
    if law.bitwise:
        _same(case, runs[-1], law.expect(needed, *runs[:-1]), f"by the law `{law.name}`")
        return
    # The law holds for exact outputs; each run may be as far from its own as exact arithmetic allows, and
    # `expect` carries that along.
    references = [bounded_outputs(case.spec, each, IMAGINED) for each in everything]
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
            sizes = bindings(case.spec, everything[-1])
            raise Broken(f"{_element(case, number, told)} by the law `{law.name}` at {_dims(case, sizes)}")


def _order(case: Case, trial: Trial) -> None:
    inputs = make_inputs(case.spec, trial)
    _same(case, _run(case, trial, inputs, Mode.FAITHFUL, order=1), _run(case, trial, inputs, Mode.FAITHFUL),
          "as when programs run in another order")  # fmt: skip


def _fill(case: Case, trial: Trial) -> None:
    inputs = make_inputs(case.spec, trial)
    first = _run(case, trial, inputs, Mode.FAITHFUL, Fill.NAN)
    for fill in Fill:
        if fill is not Fill.NAN:
            again = _run(case, trial, inputs, Mode.FAITHFUL, fill)
            _same(case, again, first, f"as when undefined lanes hold nan instead of {fill.value}")


def _around(case: Case, trial: Trial) -> None:
    first = _run(case, trial, make_inputs(case.spec, trial, POISONS[0]), Mode.FAITHFUL)
    for poison in POISONS[1:]:
        again = _run(case, trial, make_inputs(case.spec, trial, poison), Mode.FAITHFUL)
        _same(case, again, first, f"as when nan instead of {poison:g} stands around the inputs")


def _same(case: Case, found: Outputs, wanted: Outputs, why: str) -> None:
    """Raises Broken unless all bits agree; NaNs are one, and so are the two zeros."""
    for number, (left, right) in enumerate(zip(found, wanted, strict=True)):
        differ = ~((left == right) | (torch.isnan(left) & torch.isnan(right)))
        if left.shape != right.shape or bool(differ.any()):
            index = tuple(int(axis) for axis in differ.nonzero()[0])
            told = Comparison(
                False, left.numel(), 0, math.inf, index, float(left[index]), float(right[index])
            )
            raise Broken(f"{_element(case, number, told)}, bit for bit, {why}")


def _element(case: Case, number: int, told: Comparison) -> str:
    name, index = case.spec.outputs[number].name, ", ".join(map(str, told.index))
    return f"{name}[{index}] is {told.value:.9g}, should be {told.reference:.9g}"


def _dims(case: Case, sizes: dict[str, int]) -> str:
    return ", ".join(f"{dim.name}={sizes[dim.name]}" for dim in case.spec.dims)
