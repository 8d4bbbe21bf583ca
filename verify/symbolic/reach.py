"""Whether anything meets what a claim is about: of an access that no program makes, every claim is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve

from specs.sizes import all_of, name
from verify.case import Budget
from verify.symbolic.evaluate import OPERATIONS, evaluate
from verify.symbolic.memory import told
from verify.symbolic.obligations import Obligation
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading
from verify.symbolic.sizes import Undecided, point_outside
from verify.symbolic.solver import reachable
from verify.symbolic.terms import Atom, Truth, atom, closure

STEPS: Final = 1_000_000  # z3's, for one question: it decides no claim, so it is not worth more
USUAL: Final = (600, 3)  # for a dim, where the domain and the cell have such sizes: most of a kernel runs there


class Reach:
    """Asks for sizes, a program, a round and a lane that a claim is about, and remembers what it has asked."""

    def __init__(self, budget: Budget) -> None:
        self.budget = evolve(budget, rlimit=min(budget.rlimit, STEPS))
        self._known: dict[tuple[Truth, ...], bool | None] = {}
        self._points: dict[Reading, dict[Atom, int]] = {}

    def any(self, obligations: Iterable[Obligation]) -> bool | None:
        """Whether one of the obligations is about something; None where none is known to be and z3 gave up."""
        answers = set()
        for obligation in obligations:
            answers.add(answer := self._one(obligation))
            if answer:
                return True
        return False if answers == {False} else None

    def _one(self, obligation: Obligation) -> bool | None:
        assumptions = obligation.assumptions
        if assumptions not in self._known:
            facts = (*assumptions, *told(obligation.reading, assumptions))
            at_once = _at_once(facts, self._point(obligation.reading), obligation.ranges)
            self._known[assumptions] = at_once or reachable(facts, obligation.ranges, self.budget)
        return self._known[assumptions]

    def _point(self, reading: Reading) -> dict[Atom, int]:
        if reading not in self._points:
            where = all_of(reading.spec.domain(), reading.plan.cell, reading.variant.condition)
            wishes = [name(dim.name) >= size for size in USUAL for dim in reading.spec.dims]
            wishes += [name(dim.name) <= 2 * max(USUAL) for dim in reading.spec.dims]
            try:
                sizes = point_outside(where, (), wishes, STEPS) or {}
            except Undecided:
                sizes = {}
            self._points[reading] = {atom("name", each): value for each, value in sizes.items()}
        return self._points[reading]


def _at_once(facts: Sequence[Truth], sizes: Mapping[Atom, int], ranges: Ranges) -> bool:
    """Whether the facts hold in the first program, round and lane, beside the next one where there are two."""
    leaves = [each for each in closure(facts) if each.kind not in OPERATIONS]
    first = {each: int(min(max(0, ranges.atom(each)[0]), ranges.atom(each)[1])) for each in leaves} | dict(sizes)
    seconds = [{}, *({each: first[each] + 1} for each in leaves if each.label.endswith("'"))]
    return any(_hold(facts, first | second) for second in seconds)


def _hold(facts: Sequence[Truth], values: Mapping[Atom, int]) -> bool:
    try:
        return all(evaluate(fact, values) for fact in facts)
    except ZeroDivisionError:
        return False
