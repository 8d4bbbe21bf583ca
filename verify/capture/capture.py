"""Turning a candidate into data: one locked-in child, asked cell by cell until the domain is covered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import product
from typing import Final

from attrs import define, field, frozen

from specs.sizes import Condition, all_of, name, sizes_where
from specs.spec import Choice, Spec, TensorParam, packed
from verify.capture.hostcode import examine
from verify.capture.naming import named_outputs
from verify.capture.protocol import Ask, Malformed, begin, check
from verify.capture.sandbox import Child, ChildFailed, Limits
from verify.case import Budget, Candidate
from verify.plan import Answer, Capture, CompileFailure, Plan, Unsupported, Violation
from verify.verdict import Place

SMALL: Final = (2, 300)  # sizes that a first capture in a new region had best lie between
MOST_GAPS: Final = 3  # regions that cannot be modelled before the search for more ends


@frozen
class Run:
    """One dtype and one set of choices: each gets plans of its own."""

    dtype: str
    choices: Mapping[str, Choice]

    def __str__(self) -> str:
        return ", ".join([self.dtype, *(f"{key}={value}" for key, value in self.choices.items())])


@define
class _Findings:
    answers: list[Answer] = field(factory=list)
    uncovered: list[str] = field(factory=list)
    operations: list[str] = field(factory=list)
    points: list[dict[str, int]] = field(factory=list)  # where earlier runs opened cells
    complete: set[tuple[Condition, ...]] = field(factory=set)  # lists of cells shown to leave nothing out


def capture(
    spec: Spec,
    candidate: Candidate,
    budget: Budget,
    limits: Limits | None = None,
    roots: Sequence[str] | None = None,
    own: Sequence[str] = (),
    child: Child | None = None,
) -> Capture:
    """Everything that can be found out about the candidate's host code.

    The number of cells in the budget is for each dtype and set of choices. The first violation ends the
    capture. Policy `repo` finds packages among the installed ones, then in `roots` (the working folder by default);
    the packages called `own` in the roots first. A `child` that has captured other functions of the same module may
    go on with this one. Raises `sandbox.NotStarted` when the child cannot be started on this machine at all.
    """
    file = os.path.basename(candidate.path)
    if candidate.policy == "strict" and (seen := examine(candidate.source, candidate.entry, file, spec)):
        return Capture(seen, (), "not started")
    findings = _Findings()
    with Child(limits or Limits()) if child is None else nullcontext(child) as child:
        folders = () if candidate.policy == "strict" else tuple(roots if roots is not None else (os.getcwd(),))
        entry = candidate.path.partition(":")[2] or candidate.entry
        opening = begin(
            spec, candidate.source, entry, candidate.path, candidate.policy, folders, child.scratch, tuple(own)
        )
        child.begin(opening)
        for run in runs(spec):
            _cover(child, spec, run, budget, findings, file)
            if any(isinstance(answer, Violation) for answer in findings.answers):
                break
        tier = child.tier
    answers = findings.answers
    plans = [answer for answer in answers if isinstance(answer, Plan)]
    if plans and not findings.uncovered and not any(plan.launches for plan in plans):
        answers.insert(0, Violation("no-launch", "launches no kernel at any size", Place(file, 0)))
    return Capture(tuple(answers), tuple(findings.uncovered), tier, tuple(findings.operations))


def runs(spec: Spec) -> Iterator[Run]:
    """Every dtype with every combination of choices."""
    for dtype in spec.dtypes:
        for chosen in product(*(param.choices for param in spec.choices)):
            yield Run(dtype, dict(zip((param.name for param in spec.choices), chosen, strict=True)))


def timed_points(spec: Spec) -> tuple[dict[str, int], ...]:
    """The sizes of the spec's workloads with row-major strides: what is timed gets specialised variants."""
    points = []
    for load in spec.workloads:
        point = dict(load.sizes)
        for param in spec.tensors:
            for axis, stride in enumerate(packed(param.dims)):
                point[param.stride(axis)] = stride.evaluate(point)
        if spec.domain().holds(point) and point not in points:
            points.append(point)
    return tuple(points)


def _cover(child: Child, spec: Spec, run: Run, budget: Budget, findings: _Findings, file: str) -> None:
    """Open cells for one run until the domain is covered, the budget is spent, or nothing more comes."""
    cells: list[Condition] = []
    gaps: list[Unsupported] = []
    timed = timed_points(spec)
    waiting = [*timed, *findings.points]
    while len(cells) < budget.cells and len(gaps) < MOST_GAPS:
        point = _next_point(spec, cells, waiting, findings, run)
        if point is None:
            return
        answer, cell = _ask(child, spec, Ask(run.dtype, run.choices, point, timed), findings, file)
        if answer not in findings.answers:
            findings.answers.append(answer)
        if isinstance(answer, Violation):
            return
        if isinstance(answer, Unsupported | CompileFailure):
            findings.uncovered.append(f"{run}: {_why(answer)}, for {sizes_where(cell)}")
            if isinstance(answer, Unsupported):
                gaps.append(answer)
        cells.append(cell)
        if point not in findings.points:
            findings.points.append(point)
    why = "no more regions were tried after these" if gaps else f"the budget of {budget.cells} cells is spent"
    findings.uncovered.append(f"{run}: {why}; sizes beyond the {len(cells)} cells were not looked at")


def _why(answer: Unsupported | CompileFailure) -> str:
    if isinstance(answer, Unsupported):
        return f"not modelled: {answer.what} ({answer.place})"
    return f"{answer.kernel} does not compile ({answer.place})"


def _next_point(
    spec: Spec, cells: Sequence[Condition], waiting: list[dict[str, int]], findings: _Findings, run: Run
) -> dict[str, int] | None:
    """Sizes that no cell has yet; None when there are none, or none can be found."""
    while waiting:
        point = waiting.pop(0)
        if not any(cell.holds(point) for cell in cells):
            return point
    if tuple(cells) in findings.complete:
        return None
    from verify.symbolic.sizes import Undecided, point_outside

    try:
        found = point_outside(spec.domain(), cells, wishes(spec))
    except Undecided as error:
        findings.uncovered.append(f"{run}: {error}")
        return None
    if found is None:
        findings.complete.add(tuple(cells))
    return found


def wishes(spec: Spec) -> tuple[Condition, ...]:
    """Where a new cell is best opened: small sizes above one, row-major tensors."""
    low, high = SMALL
    wanted = [all_of(name(dim.name) >= low, name(dim.name) <= high) for dim in spec.dims]
    for param in spec.tensors:
        if not param.contiguous:
            wanted.append(_row_major(param))
    return tuple(wanted)


def _row_major(param: TensorParam) -> Condition:
    strides = packed(param.dims)
    return all_of(*(name(param.stride(axis)).equals(stride) for axis, stride in enumerate(strides)))


def _ask(child: Child, spec: Spec, ask: Ask, findings: _Findings, file: str) -> tuple[Answer, Condition]:
    """One answer with its cell. A child that fails is a violation of the candidate's."""
    try:
        reply = child.ask(ask)
        check(reply, ask, spec)
    except ChildFailed as failure:
        return Violation(failure.rule, failure.what, Place(file, 0)), all_of()
    except Malformed as error:
        return Violation("side-effect", f"the capture child answers nonsense: {error}", Place(file, 0)), all_of()
    for operation in reply.operations:
        if operation not in findings.operations:
            findings.operations.append(operation)
    answer = named_outputs(reply.answer, spec) if isinstance(reply.answer, Plan) else reply.answer
    return answer, reply.cell
