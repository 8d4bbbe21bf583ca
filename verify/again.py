"""A gate asked again where a witness broke a claim, and only there: at those sizes, strides, dtype and choices.

What comes of it is no evidence for admission, which is about a whole domain. It tells whether a kernel, changed since,
still does what the witness showed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from specs.sizes import name
from specs.spec import Choice, ChoiceParam, Spec, Workload, packed
from verify.case import Budget, Candidate, Case
from verify.dossier import Gate, ask
from verify.executor.modes import Fill, Mode
from verify.executor.plan import Execution, run_plan
from verify.executor.replay import NotReplayed
from verify.numerics.inputs import Trial
from verify.numerics.judge import Uncovered, configs, judge
from verify.numerics.layouts import LAYOUTS
from verify.numerics.tally import UNDECIDED, refutation, undecided
from verify.numerics.values import CLASSES
from verify.plan import Capture
from verify.verdict import Outcome, Run, Verdict, Witness, count

# The gates that run one trial after the other, and in which modes.
MODES: Final[Mapping[str, tuple[Mode, ...]]] = {
    "algorithm": (Mode.EXACT64,),
    "numerics": (Mode.FAITHFUL,),
    "fuzz": (Mode.EXACT64, Mode.FAITHFUL),
}
ELSEWHERE: Final = ("policy", "compile", "laws")  # what these ask is not about one size alone
WITHOUT: Final = ("native",)  # what takes a device


@frozen
class Point:
    """Where to ask again. `sizes` are dims and strides; an empty point is the whole domain of the spec."""

    sizes: Mapping[str, int] = field(factory=dict)
    run: Run | None = None


def read_point(spec: Spec, text: str) -> Point:
    """The point that a text spells, as `Witness.point` does. Raises ValueError."""
    head, _, config = f", {text}".partition(", config ")
    sizes: dict[str, int] = {}
    choices: dict[str, Choice] = {}
    layouts: dict[str, str] = {}
    told: dict[str, str] = {}
    named = {param.name: param for param in spec.choices}
    for part in filter(None, (each.strip() for each in head.split(","))):
        key, equals, value = part.partition("=")
        first, _, last = part.rpartition(" ")
        if equals and key in named:
            choices[key] = next((each for each in named[key].choices if str(each) == value), value)
        elif equals and key in spec.names() and value.isdecimal():
            sizes[key] = int(value)
        elif part in spec.dtypes:
            told["dtype"] = part
        elif last == "values" and first in CLASSES:
            told["values"] = first
        elif first == "seed" and last.isdecimal():
            told["seed"] = last
        elif last in LAYOUTS and first in {param.name for param in spec.tensors}:
            layouts[first] = last
        else:
            raise ValueError(f"{part!r} says nothing of {spec.name}: it has {', '.join(sorted(spec.names()))}")
    if missing := [dim.name for dim in spec.dims if dim.name not in sizes]:
        raise ValueError(f"{text!r} does not say {', '.join(missing)}")
    if "dtype" not in told:
        raise ValueError(f"{text!r} does not say which of {', '.join(spec.dtypes)}")
    run = Run(
        told["dtype"], tuple(choices.items()), config, told.get("values", ""), tuple(layouts.items()),
        int(told.get("seed", 0)),
    )  # fmt: skip
    return Point(sizes, run)


def ask_again(
    gate: Gate, spec: Spec, candidate: Candidate, point: Point, budget: Budget,
    capture: Callable[[Spec, Candidate, Budget], Capture], claim: str = "",
) -> tuple[Verdict, ...]:  # fmt: skip
    """The gate's verdicts at the point; of the laws only the one that claims `claim`, if that is given.

    Raises ValueError for a point outside of the spec, or one that says too little for the gate.
    """
    named, run = gate.__name__, point.run
    if named in WITHOUT:
        raise ValueError(f"the {named} gate takes a device and cannot be asked about one point")
    if run is None:
        return ask(gate, Case(spec, candidate, capture(spec, candidate, budget)), budget)
    if named in (*MODES, "laws") and not run.values:
        raise ValueError(f"the {named} gate needs values to run on, such as 'normal values, seed 0'")
    # A law may need runs of other sizes than its own.
    there = of_run(spec, run) if named in ELSEWHERE else narrowed(of_run(spec, run), point.sizes)
    case = Case(there, candidate, capture(there, candidate, budget))
    if named not in (*MODES, "laws"):
        found = ask(gate, case, budget)
        return tuple(_run(case, each, point.sizes) if each.outcome is Outcome.UNKNOWN else each for each in found)
    trial = Trial.of({dim.name: point.sizes[dim.name] for dim in spec.dims}, run)
    found = ask(_of_trial(named, trial), case, budget)
    return tuple(each for each in found if each.claim == claim) if named == "laws" and claim else found


def of_run(spec: Spec, run: Run) -> Spec:
    """The spec for one dtype and one set of choices."""
    chosen = dict(run.choices)
    params = tuple(
        evolve(param, choices=(chosen[param.name],))
        if isinstance(param, ChoiceParam) and param.name in chosen
        else param
        for param in spec.params
    )
    kept = tuple(load for load in spec.workloads if load.dtype == run.dtype)
    return evolve(spec, params=params, dtypes=(run.dtype,), workloads=kept)


def narrowed(spec: Spec, sizes: Mapping[str, int]) -> Spec:
    """The spec whose domain is one shape, with those of its strides that are given. Raises ValueError."""
    dims = tuple(evolve(dim, low=sizes[dim.name], high=sizes[dim.name], samples=()) for dim in spec.dims)
    outside = [dim for dim in spec.dims if not dim.low <= sizes[dim.name] <= dim.high]
    own = {dim.name for dim in spec.dims}
    strides = tuple(name(each).equals(value) for each, value in sizes.items() if each not in own)
    there = {each: sizes[each] for each in own}
    holding = [each for each in spec.requires if each.names() <= sizes.keys() and not each.holds(sizes)]
    if outside or holding:
        told = [f"{dim.name} is {dim.low} to {dim.high}" for dim in outside] + [str(each) for each in holding]
        raise ValueError(f"the point is outside of what {spec.name} is asked for: {'; '.join(told)}")
    # A shape that is timed gets variants of its own, as a first call with it would.
    timed = () if spec.is_contract else (Workload("there", there, spec.dtypes[0]),)
    return evolve(spec, dims=dims, requires=(*spec.requires, *strides), workloads=timed)


def _run(case: Case, open_: Verdict, sizes: Mapping[str, int]) -> Verdict:
    """What is not decided symbolically is run there, in every configuration; what cannot be run stays open."""
    from verify.symbolic.witness import example

    strides = {
        param.stride(axis): sizes.get(param.stride(axis), step.evaluate(sizes))
        for param in case.spec.tensors
        for axis, step in enumerate(packed(param.dims))
    }
    there, ran = {**sizes, **strides}, 0
    try:
        for plan in case.capture.plans:
            if not plan.cell.holds(there):
                continue
            inputs = example(case.spec, plan, there)
            for config in configs(plan) or ("",):
                runs = [
                    run_plan(plan, inputs, Mode.FAITHFUL, config=config, fill=fill, sizes=there)
                    for fill in (Fill.ZERO, Fill.HUGE, Fill.NAN)
                ]
                if wrong := _wrong(case.spec, runs):
                    witness = Witness(f"{', '.join(f'{key}={sizes[key]}' for key in sizes)}: {wrong}", "executor")
                    return evolve(open_, outcome=Outcome.REFUTED, witness=witness)
                ran += 1
    except (NotReplayed, ValueError, KeyError, *UNDECIDED):
        return open_
    if not ran:
        return open_
    return evolve(open_, outcome=Outcome.HELD, scope=f"{count(ran, 'run')} there", detail=f"run, for {open_.detail}")


def _wrong(spec: Spec, runs: list[Execution]) -> str:
    """What is at fault in runs that differ in what undefined memory holds only."""
    first = runs[0]
    for fault in first.faults:
        return fault.sentence
    for number, output in enumerate(spec.outputs):
        if not bool(first.written[number].all()):
            return f"an element of {output.name} is written by no program"
        for other in runs[1:]:
            left, right = first.outputs[number], other.outputs[number]
            if not bool(((left == right) | ((left != left) & (right != right))).all()):
                return f"{output.name} depends on what undefined memory holds"
    return ""


def _of_trial(named: str, trial: Trial) -> Gate:
    def gate(case: Case, budget: Budget) -> tuple[Verdict, ...]:
        if named == "laws":
            from verify.gates.laws import of_trial

            return of_trial(case, budget, trial)
        claim = f"the {named} gate's claim holds there"
        try:
            for mode in MODES[named]:
                judgement = judge(case, trial, mode)
                if not judgement.accepted:
                    return (refutation(named, claim, case.spec, judgement, "executor"),)
        except (Uncovered, *UNDECIDED) as error:
            return (undecided(named, claim, error, trial),)
        return (Verdict(named, Outcome.HELD, claim, str(trial)),)

    gate.__name__ = named
    return gate
