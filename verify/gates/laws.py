"""Gate `laws`: the spec's metamorphic properties, and what nothing that is unrelated may change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import torch

from specs.spec import Law, Spec
from verify.case import Budget, Case
from verify.executor.modes import Mode
from verify.numerics.bounded import Bounded
from verify.numerics.compare import compare
from verify.numerics.inputs import Trial, bindings, make_inputs
from verify.numerics.invariance import Check, invariances
from verify.numerics.judge import Uncovered
from verify.numerics.precision import IMAGINED
from verify.numerics.reference import bounded_outputs
from verify.numerics.runs import Broken, Faulty, Runs, element_text, same
from verify.numerics.tally import UNDECIDED, faulty, made, undecided
from verify.numerics.trials import spread
from verify.verdict import Outcome, Verdict, Witness, count

# Values of which a law says more than that NaN is NaN and zero is zero.
KINDS: Final = ("normal", "uniform", "integers", "wide", "spike", "constant rows")


def laws(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a law of the spec, then one for each invariance that its dims and tensors make sense of."""
    trials, runs = tuple(_trials(case, budget)), Runs(case)
    return tuple(_verdict(claim, check, runs, trials) for claim, check in _checks(case, budget))


def of_trial(case: Case, budget: Budget, trial: Trial) -> tuple[Verdict, ...]:
    """The same laws, asked about one trial alone."""
    runs = Runs(case)
    return tuple(_verdict(claim, check, runs, (trial,)) for claim, check in _checks(case, budget))


def _checks(case: Case, budget: Budget) -> list[tuple[str, Check]]:
    own: list[tuple[str, Check]] = [(f"{law.name}: {law.claim}", partial(_law, law)) for law in case.spec.laws]
    return own + list(invariances(case, budget))


def _trials(case: Case, budget: Budget) -> Iterator[Trial]:
    between = max(2, budget.samples // 40) if budget.admitting else 1
    for dtype in case.spec.dtypes:
        yield from spread(case, dtype, budget, between, KINDS)


def _verdict(claim: str, check: Check, runs: Runs, trials: Sequence[Trial]) -> Verdict:
    held: list[Trial] = []
    for trial in trials:
        try:
            check(runs, trial)
        except Uncovered:
            continue
        except (Broken, Faulty) as error:
            return Verdict("laws", Outcome.REFUTED, claim, str(error.trial), witness=_witness(runs.case.spec, error))
        except UNDECIDED as error:
            return undecided("laws", claim, error, trial)
        held.append(trial)
    if not held:
        why = "nothing that was tried is covered by a captured plan and tells anything"
        return Verdict("laws", Outcome.UNKNOWN, claim, "", detail=why)
    dtypes = ", ".join(sorted({trial.dtype for trial in held}))
    return Verdict("laws", Outcome.HELD, claim, f"{count(len(held), 'run')}, {dtypes}", detail=f"such as {held[-1]}")


def _witness(spec: Spec, error: Broken | Faulty) -> Witness:
    trial = error.trial
    if isinstance(error, Faulty):
        return faulty(spec, error.fault, trial)
    return made(spec, trial, Witness(f"{trial}: {error}", "executor"))


def _law(law: Law, runs: Runs, trial: Trial) -> None:
    spec = runs.case.spec
    inputs = make_inputs(spec, trial)  # not the kept ones: a law may change what it is given
    changed, needed = law.transform(inputs, torch.Generator().manual_seed(trial.seed))
    variants = [dict(each) for each in (changed if isinstance(changed, tuple) else (changed,))]
    mode = Mode.FAITHFUL if law.bitwise else Mode.EXACT64
    found = [runs.plain(trial, mode), *(runs.run(trial, each, mode) for each in variants)]
    if law.bitwise:
        same(spec, trial, found[-1], law.expect(needed, *found[:-1]), f"by the law `{law.name}`")
    else:
        references = [runs.reference(trial), *(bounded_outputs(spec, each, IMAGINED) for each in variants)]
        near = [
            tuple(Bounded(out, ref.bound, IMAGINED) for out, ref in zip(outs, refs, strict=True))
            for outs, refs in zip(found, references, strict=True)
        ]
        _near(law, spec, trial, near, needed, variants[-1])


def _near(
    law: Law, spec: Spec, trial: Trial, near: list[tuple[Bounded, ...]], needed: Any, last: dict[str, Any]
) -> None:
    """Raises Broken unless the last run's outputs, on `last`, are what the law expects from the others, in float64.

    The law holds for exact outputs; each run may be as far from its own as exact arithmetic allows, and `expect`
    carries that along.
    """
    expected = law.expect(needed, *near[:-1])
    for number, (found, wanted) in enumerate(zip(near[-1], expected, strict=True)):
        wanted = wanted if isinstance(wanted, Bounded) else Bounded.exact(wanted, IMAGINED)
        allowed = Bounded(wanted.value, wanted.bound + found.bound, IMAGINED)
        told = compare(found.value, allowed, "float64")
        if not told.accepted:
            sizes = bindings(spec, last)
            raise Broken(f"{element_text(spec, number, told)} by the law `{law.name}` at {_dims(spec, sizes)}", trial)


def _dims(spec: Spec, sizes: dict[str, int]) -> str:
    return ", ".join(f"{dim.name}={sizes[dim.name]}" for dim in spec.dims)
