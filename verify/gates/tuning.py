"""What an autotuner's trials leave behind: a launch that reads what it writes must find it as it was.

Triton times every configuration on the arguments themselves before the launch that counts. Whatever a trial wrote is
what the next one reads, unless the autotuner is told to put it back (`restore_value`, `reset_to_zero`).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from specs.sizes import size
from verify.case import Budget, Case
from verify.executor.modes import Mode, Unmodelled
from verify.executor.plan import run_plan
from verify.executor.traffic import traffic
from verify.ir.parse import ParseError, parse
from verify.plan import Launch, Plan, PointerArgument, Variant, View
from verify.verdict import Outcome, Verdict, Witness, count

CLAIM = "what a kernel reads does not depend on the autotuner's trials"
GATE = "races"


def trials(case: Case, budget: Budget) -> Iterator[Verdict]:
    """One verdict for each autotuned kernel of several configurations."""
    tuned: dict[str, list[tuple[Plan, Launch]]] = {}
    for plan in case.capture.plans:
        for launch in plan.launches:
            if len({variant.config for variant in launch.variants}) > 1:
                tuned.setdefault(launch.kernel, []).append((plan, launch))
    for kernel, launches in tuned.items():
        yield evolve(_kernel(case, launches, budget), kernel=kernel)


def _kernel(case: Case, launches: list[tuple[Plan, Launch]], budget: Budget) -> Verdict:
    open_: list[str] = []
    for plan, launch in launches:
        try:
            changed = {each: buffer for variant in launch.variants for each, buffer in _changed(launch, variant)}
        except ParseError as error:
            return Verdict(GATE, Outcome.UNKNOWN, CLAIM, "", str(error), place=launch.place)
        if not changed:
            continue
        shown = _replayed(case, plan, launch, sorted(set(changed.values())), budget)
        if isinstance(shown, Witness):
            return Verdict(GATE, Outcome.REFUTED, CLAIM, str(plan.cell), witness=shown, place=launch.place)
        open_.append(f"reads and writes {', '.join(sorted(changed))}, which no trial puts back; {shown}")
    configs = len({variant.config for _, launch in launches for variant in launch.variants})
    if open_:
        return Verdict(GATE, Outcome.UNKNOWN, CLAIM, "", "; ".join(dict.fromkeys(open_)), place=launches[0][1].place)
    scope = f"{count(configs, 'configuration')}, {count(len(launches), 'launch', 'launches')}"
    return Verdict(GATE, Outcome.PROVED, CLAIM, scope, "by where pointers come from", place=launches[0][1].place)


def _changed(launch: Launch, variant: Variant) -> Iterator[tuple[str, str]]:
    """Arguments, with their buffers, that the variant may both read and write and that are not put back."""
    flow = traffic(parse(variant.ttir))
    every = frozenset(range(len(variant.parameters)))
    arguments = {name: launch.argument(name) for name in variant.parameters}

    def buffers(positions: frozenset[int] | None) -> set[str]:
        named = (arguments[variant.parameters[at]] for at in (every if positions is None else positions))
        return {each.view.buffer for each in named if isinstance(each, PointerArgument)}

    both = buffers(flow.stored) & buffers(flow.loaded)
    back = {
        each.view.buffer
        for name in launch.restored
        if isinstance(each := launch.argument(name), PointerArgument) and name in variant.parameters
    }
    for name, argument in arguments.items():
        if isinstance(argument, PointerArgument) and argument.view.buffer in both - back:
            yield name, argument.view.buffer


def _replayed(case: Case, plan: Plan, launch: Launch, buffers: list[str], budget: Budget) -> Witness | str:
    """Run the plan with and without one trial before the launch, and compare what the launch leaves."""
    from verify.numerics.inputs import make_inputs
    from verify.numerics.tally import made
    from verify.numerics.trials import of_plan

    trial = of_plan(case, plan, budget)
    if trial is None:
        return "no small sizes were found to run it with"
    left = tuple(View(each.name, (each.elements,), (size(1),), dtype=each.dtype) for each in map(plan.buffer, buffers))
    at = plan.steps.index(launch)
    config, *_ = dict.fromkeys(variant.config for variant in launch.variants)
    once = evolve(plan, steps=plan.steps[: at + 1], outputs=left)
    twice = evolve(once, steps=(*once.steps, launch))
    inputs = make_inputs(case.spec, trial)
    try:
        runs = [run_plan(each, inputs, Mode.EXACT64, config=config) for each in (once, twice)]
    except (Unmodelled, ValueError) as error:
        return f"not run: {error}"
    for name, first, second in zip(buffers, *(run.outputs for run in runs), strict=True):
        same = (first == second) | ((first != first) & (second != second))
        if not bool(same.all()):
            index = int((~same).nonzero()[0])
            told = f"{trial}: {launch.kernel} reads and writes {name}, and a trial with {config} leaves "
            told += f"{name}[{index}] for the next: it then holds {float(second[index]):.6g} instead of "
            told += f"{float(first[index]):.6g}; neither restore_value nor reset_to_zero names it ({launch.place})"
            return made(case.spec, trial, Witness(told, "executor", place=launch.place))
    return f"a second run left the same at {trial}"
