"""Settling obligations into verdicts: one verdict a kernel, claim and line, over all cells, dtypes and variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

from attrs import evolve, frozen

from specs.sizes import TRUE, all_of
from specs.spec import Values
from verify.case import PROFILES, Budget, Candidate, Case
from verify.ir.parse import ParseError
from verify.plan import Plan, View
from verify.symbolic.memory import told
from verify.symbolic.needs import Assuming, needs, silent
from verify.symbolic.obligations import Obligation
from verify.symbolic.queries import keep
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.reach import Reach
from verify.symbolic.reading import Reading, nearby, readings
from verify.symbolic.resting import rests, sizes
from verify.symbolic.solver import Answer, discharge, reachable
from verify.symbolic.terms import Atom, Truth, atom, conj, from_condition, from_size, less
from verify.symbolic.threshold import threshold
from verify.symbolic.witness import witness
from verify.verdict import Cost, Need, Outcome, Place, Trail, Verdict, Witness, count

NOTHING: Final = Cost(0.0, 0)
Generator: TypeAlias = Callable[[Reading], Iterable[Obligation]]


@frozen(eq=False)
class Finding:
    """What came of one obligation."""

    obligation: Obligation
    outcome: Outcome
    rung: str
    cost: Cost
    detail: str = ""
    witness: Witness | None = None
    needs: tuple[Need, ...] = ()
    answers: tuple[Answer, ...] = ()  # that prove or refute it; all that were tried where it is unknown


def settle(case: Case, budget: Budget, gate: str, obligations: Generator, claim: str) -> tuple[Verdict, ...]:
    """Discharge every obligation of every reading. `claim` is what the gate asks, for verdicts without one."""
    if not case.capture.plans:
        return (Verdict(gate, Outcome.UNKNOWN, claim, "", "nothing was captured that could be read"),)
    if reachable([from_condition(case.spec.domain())], Ranges({}), budget) is not True:
        return (Verdict(gate, Outcome.UNKNOWN, claim, "", "vacuous: the spec's domain has no shape in it"),)
    try:
        read = readings(case)
    except ParseError as error:
        return (Verdict(gate, Outcome.UNKNOWN, claim, "", f"the TTIR could not be read: {error}"),)
    findings: dict[tuple[str, str, Place], list[Finding]] = {}
    solve = solver(case, budget)
    for reading in read:
        for obligation in obligations(reading):
            known = findings.setdefault((reading.launch.kernel, obligation.claim, obligation.place), [])
            if not any(found.witness for found in known):  # one witness a claim is enough
                known.append(_settled(obligation, solve))
    verdicts = [*_unmodelled(read, gate, claim), *_uncovered(case, gate, claim)]
    reach = Reach(budget)
    for each in findings.values():
        verdicts.append(_verdict(gate, case, each, reach))
        for found in each:
            keep(verdicts[-1], found.obligation.reading.label, found.answers)
    return tuple(verdicts) or (Verdict(gate, Outcome.UNKNOWN, claim, "", "the kernels have nothing to show it about"),)


def scope(case: Case) -> str:
    """The shapes, dtypes and variants that a proof over every reading covers, in words."""
    dims = ", ".join(f"{dim.name} {dim.low}..{dim.high}" for dim in case.spec.dims)
    dtypes = list(dict.fromkeys(plan.dtype for plan in case.capture.plans))
    variants = sum(len(launch.variants) for plan in case.capture.plans for launch in plan.launches)
    said = len(case.spec.requires)
    extra = f" and {count(said, 'condition')} of the spec" if said else ""
    shapes = f"every shape with {dims}{extra}, strides 0..2^31-1" if dims else "every shape"
    cells = count(len(case.capture.plans), "cell")
    return f"{shapes}; {', '.join(dtypes)}; {cells}, {count(variants, 'kernel variant')}"


def empty(case: Case, plan: Plan, view: View) -> bool:
    """Whether the view has no element for any size of the plan's cell."""
    facts = from_condition(all_of(case.spec.domain(), plan.cell))
    some = conj(*(less(0, from_size(extent)) for extent in view.sizes))
    return reachable([facts, some], Ranges({}), PROFILES["ci"]) is False


def solver(case: Case, budget: Budget) -> Assuming:
    """Discharge with a memory: dtypes and variants mostly ask the same question, of the facts nearby at least."""
    names = tuple(atom("name", each) for each in sorted(case.spec.names()))
    known: dict[tuple[tuple[Truth, ...], Truth, frozenset[tuple[Atom, Range]], bool], Answer] = {}

    def ask(given: tuple[Truth, ...], goal: Truth, ranges: Ranges, proof_only: bool) -> Answer:
        bounds = ranges.about((*given, goal))  # what is known of a size in one cell must not prove a claim in another
        key = (given, goal, bounds, proof_only)
        if key in known:
            return evolve(known[key], cost=NOTHING)
        known[key] = discharge(given, goal, Ranges(dict(bounds)), budget, names, budget.trails, proof_only)
        return known[key]

    def solve(
        assumptions: tuple[Truth, ...], goal: Truth, obligation: Obligation, assumed: Mapping[str, Values]
    ) -> Answer:
        facts, spent = obligation.reading.facts, NOTHING
        assumptions = (*assumptions, *told(obligation.reading, (*assumptions, goal), assumed))
        others = tuple(each for each in assumptions if each != facts)
        near = (nearby(facts, (*others, goal)), *others)
        if len(others) < len(assumptions) and near[0] != facts:
            answer = ask(near, goal, obligation.ranges, proof_only=True)
            if answer.status == "proved":
                return answer
            spent = answer.cost
        answer = ask(assumptions, goal, obligation.ranges, proof_only=False)
        return evolve(answer, cost=spent + answer.cost)

    return solve


def _settled(obligation: Obligation, solve: Assuming) -> Finding:
    cost, reasons, tried = NOTHING, [], list[Answer]()
    for way in obligation.ways:
        given = way.assumptions or obligation.assumptions
        answer = solve(given, way.goal, obligation, {})
        cost += answer.cost
        tried.append(answer)
        if answer.status == "proved" and way.necessary:
            reasons.append(HALF_SHOWN[way.rung])
            continue
        if answer.status == "proved":
            resting = [solve(assumptions, goal, obligation, {}) for assumptions, goal in way.also]
            cost = sum((each.cost for each in resting), cost)
            if any(each.status != "proved" for each in resting):
                reasons.append("its coordinates are not shown to be within the sizes")
                continue
            rung = f"{way.rung}, {answer.rung}"
            return Finding(obligation, Outcome.PROVED, rung, cost, answers=(answer, *resting))
        if answer.model is None or way.sufficient:
            reasons.append(answer.reason or "not shown this way")
            continue
        if silent(obligation, given, way.goal) and (wanted := needs(obligation, solve)):
            return _wanting(obligation, wanted, cost)
        shown = witness(obligation, answer.model)
        if isinstance(shown, Witness):
            if exactly := threshold(obligation, solve):
                shown = evolve(shown, sentence=f"{shown.sentence}; it wraps exactly where {exactly}")
            return Finding(obligation, Outcome.REFUTED, way.rung, cost, "", shown, answers=(answer,))
        reasons.append(shown)
    if wanted := needs(obligation, solve):
        return _wanting(obligation, wanted, cost)
    reason = "; ".join(dict.fromkeys(reasons)) or "no way to show it is known for such addresses"
    detail = f"{reason} ({obligation.reading.label})"
    return Finding(obligation, Outcome.UNKNOWN, "", cost, detail, answers=tuple(tried))


HALF_SHOWN: Final = {
    "span": "it stays between the first and the last element, but maybe not on elements of the view",
    "first lanes": "of the first lanes the hint is true, but maybe not of all that the compiler makes of it",
    "expanded": "it holds where a stride is 0, but maybe not elsewhere",
    "before the others": "it wraps only where another operation does so before it",
}


def _wanting(obligation: Obligation, wanted: tuple[Need, ...], cost: Cost) -> Finding:
    exact = " (with one value more at an end it is false)" if all(need.exact for need in wanted) else ""
    detail = f"it holds where {', and '.join(map(str, wanted))}{exact}; the spec does not say so"
    return Finding(obligation, Outcome.UNKNOWN, "", cost, f"{detail} ({obligation.reading.label})", needs=wanted)


def _verdict(gate: str, case: Case, findings: list[Finding], reach: Reach) -> Verdict:
    bad = min(findings, key=lambda found: found.outcome)
    obligation = bad.obligation
    kernel = obligation.reading.launch.kernel
    cost = sum((found.cost for found in findings), NOTHING)
    if bad.outcome is Outcome.PROVED:
        rungs = ", then ".join(dict.fromkeys(found.rung for found in findings))
        variants = len({id(found.obligation.reading) for found in findings})
        detail = f"shown {rungs}; in {count(variants, 'kernel variant')}"
        reached = reach.any(found.obligation for found in findings)
        detail += VACUOUS if reached is False else ""
        own = (each for found in findings for each in found.obligation.under)
        under = tuple(dict.fromkeys((*own, *_disjoint(case))))
        return Verdict(
            gate, bad.outcome, obligation.claim, scope(case), detail, under, None, obligation.place, cost,
            kernel=kernel, reached=reached, trail=_trail(case.candidate, findings) if reach.budget.trails else None,
        )  # fmt: skip
    cell = obligation.reading.plan.cell
    where = f"{obligation.reading.label}, {'every shape' if cell == TRUE else f'where {cell}'}"
    return Verdict(
        gate, bad.outcome, obligation.claim, where, bad.detail or bad.rung, (), bad.witness, obligation.place, cost,
        needs=bad.needs, kernel=kernel,
    )  # fmt: skip


def _trail(candidate: Candidate, findings: list[Finding]) -> Trail:
    queries, told, ranges = dict[str, None](), dict[str, None](), set[str]()
    for found in findings:
        queries |= {answer.query: None for answer in found.answers if answer.query}
        took = tuple(each for answer in found.answers for each in answer.took)
        told |= dict.fromkeys(rests(candidate, found.obligation, took))
        ranges |= set(sizes(found.obligation.reading, took))
    digest = sha256("\n".join(queries).encode()).hexdigest() if queries else ""
    return Trail(len(queries), digest, tuple(told), tuple(sorted(ranges)))


VACUOUS: Final = "; vacuous: no size, program and lane of the domain meet what it is about"


def _disjoint(case: Case) -> Iterator[str]:
    """Buffers that the host code allocates are memory of their own, and inputs that are only read may overlap."""
    for param in case.spec.tensors:
        if param.inplace:
            yield f"no other argument has an element in common with {param.name}, which may be written"


def _unmodelled(read: tuple[Reading, ...], gate: str, claim: str) -> Iterator[Verdict]:
    found = dict.fromkeys((reading.launch.kernel, *each) for reading in read for each in reading.trace.unmodelled)
    for kernel, operation, place in found:
        yield Verdict(
            gate,
            Outcome.UNKNOWN,
            claim,
            "",
            f"{operation} has no symbolic meaning ({place})",
            place=place,
            kernel=kernel,
        )


def _uncovered(case: Case, gate: str, claim: str) -> Iterator[Verdict]:
    for left in case.capture.uncovered:
        yield Verdict(gate, Outcome.UNKNOWN, claim, "", f"not captured: {left}")
