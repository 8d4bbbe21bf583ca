"""policy: does the host code only allocate, view, copy and launch, and for every shape of the domain?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from verify.capture.stores import ANY, writes
from verify.case import Budget, Case
from verify.ir.parse import ParseError, parse
from verify.plan import Glue, Launch, Plan, PointerArgument, Refusal, Unsupported, Variant, Violation
from verify.verdict import Outcome, Verdict, Witness, count

COMPUTES = "the host code allocates, makes views, copies, launches kernels, and computes with torch"
CLAIM = "the host code only allocates, makes views, copies and launches its own kernels"
INPUTS = "no kernel has a store to an input that is not its to write"
WHOLE = "the host code handles every shape of the domain"
MOST_NAMED = 6


def policy(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Verdicts on what the host code does, on stores to inputs, and on the shapes that are left out."""
    capture = case.capture
    violations = [answer for answer in capture.answers if isinstance(answer, Violation)]
    if violations:
        return tuple(_refuted(violation) for violation in violations)
    return (_conduct(case), _inputs(case), _reach(case))


def _refuted(violation: Violation) -> Verdict:
    sentence = f"{violation.place}: {violation.what} ({violation.rule})"
    witness = Witness(sentence, "host", place=violation.place)
    return Verdict("policy", Outcome.REFUTED, CLAIM, "", violation.rule, witness=witness, place=violation.place)


def _conduct(case: Case) -> Verdict:
    capture, plans = case.capture, case.capture.plans
    gaps = [answer for answer in capture.answers if isinstance(answer, Unsupported)]
    if gaps:
        detail = _named([f"{gap.place}: {gap.what}" for gap in gaps])
        return Verdict("policy", Outcome.UNKNOWN, CLAIM, "", f"not modelled: {detail}", place=gaps[0].place)
    if not plans:
        return Verdict("policy", Outcome.UNKNOWN, CLAIM, "", "no call of the entry could be captured")
    work = dict.fromkeys(step.operation for plan in plans for step in plan.steps if isinstance(step, Glue))
    computes = case.candidate.policy == "repo" and work
    return Verdict(
        "policy",
        Outcome.PROVED,
        f"{COMPUTES}: {_named(list(work))}" if computes else CLAIM,
        _scope(plans),
        f"host operations seen: {_named(capture.host_operations) or 'none'}",
        _assumptions(case),
    )


def _inputs(case: Case) -> Verdict:
    """Inputs belong to the caller. This is read off the kernels' text: whether a store runs is not asked."""
    given = {param.name for param in case.spec.tensors if param.inplace}
    unclear: list[str] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    for plan in case.capture.plans:
        for launch in plan.launches:
            inputs = {each: param for each, param in _input_arguments(plan, launch).items() if param not in given}
            for variant in launch.variants:
                if (variant.digest, key := frozenset(inputs)) in seen:
                    continue
                seen.add((variant.digest, key))
                answer = _stores(launch, variant, inputs)
                if isinstance(answer, Verdict):
                    return answer
                unclear += answer
    if unclear:
        return Verdict("policy", Outcome.UNKNOWN, INPUTS, "", _named(unclear))
    if not seen:
        return Verdict("policy", Outcome.UNKNOWN, INPUTS, "", "there is no kernel to read")
    detail = "by where pointers come from" + (f"; its to write: {', '.join(sorted(given))}" if given else "")
    return Verdict("policy", Outcome.PROVED, INPUTS, f"{len(seen)} kernels as compiled", detail)


def _input_arguments(plan: Plan, launch: Launch) -> dict[str, str]:
    """Kernel arguments that point into an input, with the input's name."""
    owners = {buffer.name: buffer.param for buffer in plan.buffers if buffer.param is not None}
    pointers = [each for each in launch.arguments if isinstance(each, PointerArgument)]
    return {each.name: owners[each.view.buffer] for each in pointers if each.view.buffer in owners}


def _stores(launch: Launch, variant: Variant, inputs: dict[str, str]) -> Verdict | list[str]:
    """A refutation, or what cannot be told."""
    try:
        program = parse(variant.ttir)
    except ParseError as error:
        return [f"{launch.kernel}: {error}"]
    names = {value.name: name for value, name in zip(program.kernel.arguments, variant.parameters, strict=True)}
    unclear = []
    for write in writes(program):
        reached = {names.get(each, each) for each in write.arguments}
        if reached and reached <= inputs.keys():
            into = ", ".join(sorted({repr(inputs[each]) for each in reached}))
            sentence = f"{write.place}: kernel {launch.kernel} writes to its input {into} ({write.operation})"
            witness = Witness(sentence, "compiler", place=write.place)
            return Verdict("policy", Outcome.REFUTED, INPUTS, "", "interface", witness=witness, place=write.place)
        if ANY in reached or reached & inputs.keys():
            unclear.append(f"{write.place}: {write.operation} may write to an input")
    return unclear


def _reach(case: Case) -> Verdict:
    capture, plans = case.capture, case.capture.plans
    refusals = [answer for answer in capture.answers if isinstance(answer, Refusal)]
    if refusals:
        detail = _named([f"{_run(each)} declines {each.cell} at {each.place} ({each.error})" for each in refusals])
        return Verdict("policy", Outcome.UNKNOWN, WHOLE, "", detail, place=refusals[0].place)
    if capture.uncovered:
        return Verdict("policy", Outcome.UNKNOWN, WHOLE, "", _named(capture.uncovered))
    if not plans:
        return Verdict("policy", Outcome.UNKNOWN, WHOLE, "", "no call of the entry could be captured")
    detail = "z3: the domain without the cells is empty"
    return Verdict("policy", Outcome.PROVED, WHOLE, _scope(plans), detail, _assumptions(case))


def _assumptions(case: Case) -> tuple[str, ...]:
    tier = f"the candidate's Python ran only in the capture child ({case.capture.sandbox})"
    device = "what it reads about the device is that of an H100 SXM (132 multiprocessors)"
    ships = "the captured plan is what runs; the candidate's Python does not"
    if case.candidate.policy == "repo":
        ships = "the package's Python does at run time what it did while captured, where its guards agree"
    return (tier, device, ships)


def _scope(plans: Sequence[Plan]) -> str:
    dtypes = list(dict.fromkeys(plan.dtype for plan in plans))
    choices = list(dict.fromkeys(plan.chosen for plan in plans))
    text = f"all shapes and strides of the domain in {count(len(plans), 'cell')}, {', '.join(dtypes)}"
    return text if choices == [()] else f"{text}, {len(choices)} sets of choices"


def _run(answer: Refusal) -> str:
    return ", ".join([answer.dtype, *(f"{key}={value}" for key, value in answer.choices.items())])


def _named(items: Sequence[str]) -> str:
    shown = list(dict.fromkeys(items))
    return "; ".join([*shown[:MOST_NAMED], *_more(len(shown) - MOST_NAMED)])


def _more(others: int) -> Iterator[str]:
    if others > 0:
        yield f"and {others} more"
