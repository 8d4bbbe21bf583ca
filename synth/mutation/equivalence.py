"""Whether a changed candidate does what the original does: by its code, or by running both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

from reports.text import listed
from verify.case import Budget, Case
from verify.ir.locations import without_places
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.judge import Uncovered
from verify.numerics.runs import Broken, Faulty, Runs, same
from verify.numerics.tally import UNDECIDED
from verify.numerics.trials import fixed, of_plan
from verify.plan import Capture, Launch, Plan
from verify.verdict import Place, count

SAME_CODE: Final = "the captured plans and their TTIR are the same but for places in the source"
_HINTS: Final = re.compile(r"tt\.(?:divisibility|contiguity|constancy) = dense|llvm\.intr\.assume")
_NOWHERE: Final = Place("", 0)


@frozen
class Compared:
    """Whether no difference was seen, and what was tried or where one was."""

    equal: bool
    told: str


def same_code(one: Capture, other: Capture) -> bool:
    """Whether both were captured to the same plans and the same TTIR, places in the source aside."""
    if len(one.answers) != len(other.answers) or one.uncovered != other.uncovered:
        return False
    if len(one.plans) != len(one.answers):
        return False
    return all(_placeless(left) == _placeless(right) for left, right in zip(one.plans, other.plans, strict=False))


def compared(original: Case, mutant: Case, budget: Budget) -> Compared:
    """Run both in their own precisions on the inputs that the gates would make for either."""
    left, right, tried = Runs(original), Runs(mutant), 0
    for trial in _trials(original, mutant, budget):
        try:
            wanted = left.run(trial, make_inputs(original.spec, trial))
        except (Uncovered, Faulty, *UNDECIDED):
            continue  # the original gives nothing to compare with
        try:
            given = right.run(trial, make_inputs(original.spec, trial))
            same(original.spec, trial, given, wanted, "as the candidate gives")
        except (Broken, Uncovered) as error:
            return Compared(False, f"{trial}: {error}")
        except Faulty as error:
            return Compared(False, f"{trial}: {error}")
        except UNDECIDED as error:
            return Compared(False, f"{trial} could not be compared: {error}")
        tried += 1
    if not tried:
        return Compared(False, "nothing could be run to compare it with the candidate")
    if _hints(original.capture) != _hints(mutant.capture):
        told = (
            f"the same values in {count(tried, 'run')} of the executor, which does not heed what the compiler is told"
        )
        return Compared(False, f"{told} about alignment and contiguity")
    dtypes = listed(list(original.spec.dtypes))
    return Compared(
        True, f"the same values in {count(tried, 'run')} of the executor ({dtypes}, up to {budget.elements} elements)"
    )


def _trials(original: Case, mutant: Case, budget: Budget) -> Iterator[Trial]:
    """The fixed trials of both, and one for each plan of either, none twice."""
    seen = set()
    for case in (original, mutant):
        for dtype in case.spec.dtypes:
            own = [of_plan(case, plan, budget) for plan in case.capture.plans if plan.dtype == dtype]
            for trial in (*fixed(case, dtype, budget), *own):
                if trial is not None and trial not in seen:
                    seen.add(trial)
                    yield trial


def _hints(capture: Capture) -> list[int]:
    """How often each captured kernel tells the compiler something that no operation computes."""
    return [
        len(_HINTS.findall(each.ttir)) for plan in capture.plans for step in plan.launches for each in step.variants
    ]


def _placeless(plan: Plan) -> Plan:
    steps = [evolve(step, place=_NOWHERE) for step in plan.steps]
    return evolve(plan, steps=tuple(_textless(step) if isinstance(step, Launch) else step for step in steps))


def _textless(launch: Launch) -> Launch:
    variants = tuple(evolve(each, ttir=without_places(each.ttir)) for each in launch.variants)
    return evolve(launch, variants=variants)
