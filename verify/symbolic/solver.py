"""Discharging an obligation: the only place that asks z3 whether a claim can be false.

The ladder: interval bounds, z3 with products left opaque, z3 on integers, z3's non-linear engine. Every answer
says its rung.
Budgets are z3's own steps, which repeat; seconds are only a backstop.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Literal

import z3
from attrs import evolve, frozen

from verify.case import Budget
from verify.symbolic.core import Given, core, everything, known_of
from verify.symbolic.encode import Encoder, encode
from verify.symbolic.ranges import Ranges
from verify.symbolic.terms import Atom, Truth, conj, negate
from verify.verdict import Cost

Status = Literal["proved", "refuted", "unknown", "vacuous"]


@frozen(eq=False)
class Answer:
    """`model` gives the atoms' values where the claim is false; None unless refuted.

    `asked` is what z3 answered, in SMT-LIB, where that is to be explained: one question, or for a proof one for each
    part that needed its own; empty where ranges decided. `took` is what a proof rests on.
    """

    status: Status
    rung: str
    cost: Cost
    model: Mapping[Atom, int] | None = None
    reason: str = ""
    asked: tuple[str, ...] = ()
    took: tuple[Given, ...] = ()

    @property
    def query(self) -> str:
        """The digest of what was asked."""
        return sha256("\n".join(self.asked).encode()).hexdigest() if self.asked else ""


# z3's running time on non-linear queries has a heavy tail: a few short tries with other seeds beat one long one.
TRIES: Final[Sequence[tuple[str, int, float]]] = (
    ("z3 integers", 0, 0.05),
    ("z3 integers", 1, 0.05),
    ("z3 integers", 2, 0.05),
    ("z3 integers", 3, 0.1),
    ("z3 non-linear", 0, 0.15),
    ("z3 integers", 4, 0.2),
    ("z3 integers", 5, 0.4),
)
FEW: Final = 4  # tries where some of what is known is left out

# A small counterexample is one that people can check, and one that fits into a memory.
SMALL: Final = (4, 20, 300, 5000, 140_000, 3_000_000)

CHECK: Final = "(check-sat)\n"
LEAST: Final = 100_000  # steps to learn what a proof rests on, however few showed it


def discharge(
    assumptions: Iterable[Truth],
    claim: Truth,
    ranges: Ranges,
    budget: Budget,
    small: Sequence[Atom] = (),
    explain: bool = False,
    proof_only: bool = False,
) -> Answer:
    """Whether the claim follows from the assumptions.

    `small` lists sizes that a counterexample should keep small; `explain` asks of a proof what it rests on;
    `proof_only` is for assumptions that leave some out, of which a counterexample says nothing: none is looked for, nor
    long for a proof. The assumptions are first shown satisfiable by whoever calls this (`reachable`), for many claims
    at once.
    """
    start = time.perf_counter()
    if ranges.decides(claim):
        return Answer("proved", "intervals", Cost(time.perf_counter() - start, 0), took=known_of([claim], ranges))
    assumed = conj(*assumptions)
    question, whole, shown = [assumed, negate(claim)], claim, list[str]()

    def proved(rung: str, encoder: Encoder) -> Answer:
        found = Answer("proved", rung, Cost(time.perf_counter() - start, spent))
        if not explain:
            return found
        took = None
        if claim == whole:
            again = _prepared(rung, 0, 1, "", evolve(budget, rlimit=max(LEAST, 2 * spent)), solver.ctx)
            took = core(encoder, assumed, question[1], again)
        took = everything(assumed, whole, ranges) if took is None else took
        return evolve(found, asked=(*shown, text + CHECK), took=took)

    text, encoder = encode(question, ranges, linear=True)
    solver = _prepared("z3 linear", 0, 0.3, text, budget)
    verdict, spent = solver.check(), _steps(solver)
    if verdict == z3.unsat:
        return proved("z3 linear", encoder)
    if claim.kind == "and":  # parts that are plain on their own may not be so together
        claim, more, shown = _rest(assumed, claim, ranges, budget)
        question, spent = [assumed, negate(claim)], spent + more
    text, encoder = encode(question, ranges)
    asked = (text + CHECK,) if explain else ()
    rung = ""
    for rung, seed, share in TRIES[:FEW] if proof_only else TRIES:
        solver = _prepared(rung, seed, share, text, budget)
        verdict = solver.check()
        spent += _steps(solver)
        if verdict == z3.unsat:
            return proved(rung, encoder)
        if verdict == z3.sat and proof_only:
            break
        if verdict == z3.sat:
            model = _smallest(solver, encoder, small)
            return Answer("refuted", rung, Cost(time.perf_counter() - start, spent), model, asked=asked)
    reason = f"z3 gave up within {budget.rlimit} steps"
    return Answer("unknown", rung, Cost(time.perf_counter() - start, spent), reason=reason, asked=asked)


def _rest(assumed: Truth, claim: Truth, ranges: Ranges, budget: Budget) -> tuple[Truth, int, list[str]]:
    """The parts of the claim that do not follow with products left opaque, the steps that this took, and what was
    asked of the others."""
    left, spent, shown = [], 0, []
    for part in claim.parts:
        if not ranges.decides(part):
            text, _ = encode([assumed, negate(part)], ranges, linear=True)
            solver = _prepared("z3 linear", 0, 0.1, text, budget)
            if solver.check() == z3.unsat:
                shown.append(text + CHECK)
            else:
                left.append(part)
            spent += _steps(solver)
    return conj(*left), spent, shown


def reachable(assumptions: Iterable[Truth], ranges: Ranges, budget: Budget) -> bool | None:
    """Whether the assumptions can hold together; None when z3 cannot tell."""
    text, _ = encode([conj(*assumptions)], ranges)
    for rung, seed, share in TRIES:
        verdict = _prepared(rung, seed, share, text, budget).check()
        if verdict != z3.unknown:
            return bool(verdict == z3.sat)
    return None


def _prepared(rung: str, seed: int, share: float, text: str, budget: Budget, context: Any = None) -> Any:
    """A solver in a context of its own: what ran before in this process must not change the answer."""
    context = context or z3.Context()
    solver = z3.SolverFor("QF_NIA", ctx=context) if rung == "z3 non-linear" else z3.Solver(ctx=context)
    solver.set("rlimit", int(budget.rlimit * share))
    solver.set("timeout", int(budget.seconds * 1000))
    solver.set("random_seed", budget.seed + seed)
    solver.from_string(text)
    return solver


def _steps(solver: Any) -> int:
    statistics = solver.statistics()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118


def _smallest(solver: Any, encoder: Encoder, small: Sequence[Atom]) -> dict[Atom, int]:
    """The model, with the sizes in `small` kept small where that is possible."""
    model, sorts = solver.model(), {"Int": z3.Int, "Bool": z3.Bool}
    known = {each: sorts[encoder.sorts[name]](name, solver.ctx) for each, name in encoder.constants.items()}
    wanted = [known[each] for each in small if each in known]
    solver.set("timeout", 300)
    deadline = time.monotonic() + 3
    for group in (wanted, *([constant] for constant in reversed(wanted))):  # all at once if possible, else one by one
        for limit in SMALL:
            if time.monotonic() > deadline:
                break
            solver.push()
            solver.add(*(constant <= limit for constant in group))
            if solver.check() == z3.sat:
                model = solver.model()
                break
            solver.pop()
        if all(model.eval(constant, model_completion=True).as_long() <= SMALL[0] for constant in wanted):
            break
    values = {}
    for each, constant in known.items():
        value = model.eval(constant, model_completion=True)
        values[each] = value.as_long() if z3.is_int_value(value) else int(z3.is_true(value))
    return values
