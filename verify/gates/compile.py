"""compile: does Triton turn every variant into code for its target, within the hardware's limits?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from specs.sizes import Condition, all_of, sizes_where
from verify.capture.algebra import Range, interval
from verify.capture.targets import Job, Rejected, Resources, compile_all
from verify.case import Budget, Case
from verify.plan import CompileFailure, Launch, Plan, Variant
from verify.symbolic.sizes import Undecided, point_outside
from verify.verdict import Outcome, Verdict, Witness, count

PRIMARY: Final = "sm_90"
OTHERS: Final = ("sm_80", "sm_100", "gfx942")
GRID: Final = (2**31 - 1, 65535, 65535)  # programs along each axis that CUDA launches
CLAIM: Final = f"every variant compiles for {PRIMARY}, within its shared memory"
LAUNCHES: Final = "every launch grid is within what CUDA launches"


def compile(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """Verdicts on compiling for the primary target, on the launch grids, and on other targets."""
    failures = [answer for answer in case.capture.answers if isinstance(answer, CompileFailure)]
    if failures:
        return tuple(_failed(failure) for failure in failures[:3])
    launches = [(plan, launch) for plan in case.capture.plans for launch in plan.launches]
    if not launches:
        return (Verdict("compile", Outcome.UNKNOWN, CLAIM, "", "there is no launch to compile"),)
    variants = [(plan, launch, variant) for plan, launch in launches for variant in launch.variants]
    asked = variants if budget.admitting else _one_each(variants)
    wanted = {Job.of(variant, PRIMARY): (plan, launch, variant) for plan, launch, variant in asked}
    others: dict[Job, tuple[Plan, Launch]] = {}
    if budget.admitting and budget.profile != "quick":
        chosen = variants if budget.profile == "deep" else _one_each(variants)
        others = {Job.of(variant, name): (plan, launch) for plan, launch, variant in chosen for name in OTHERS}
    answers = compile_all([*wanted, *others])
    found = [_primary(wanted, answers, len(asked), len(variants)), _grids(case, launches)]
    if others:
        found.append(_elsewhere(others, answers, budget))
    return tuple(found)


def _failed(failure: CompileFailure) -> Verdict:
    config = f" with {failure.config}" if failure.config else ""
    first = failure.message.strip()
    sentence = f"{failure.place}: kernel {failure.kernel}{config} does not compile for {failure.dtype}: {first}"
    witness = Witness(sentence, "compiler", place=failure.place)
    return Verdict(
        "compile",
        Outcome.REFUTED,
        CLAIM,
        "",
        f"for {sizes_where(failure.cell)}",
        witness=witness,
        place=failure.place,
    )


def _primary(
    wanted: Mapping[Job, tuple[Plan, Launch, Variant]],
    answers: Mapping[Job, Resources | Rejected],
    asked: int,
    variants: int,
) -> Verdict:
    for job, (plan, launch, variant) in wanted.items():
        answer = answers[job]
        if isinstance(answer, Rejected):
            config = f" with {variant.config}" if variant.config else ""
            kernel = f"kernel {launch.kernel}{config} for {plan.dtype} on {PRIMARY}"
            sentence = f"{launch.place}: {kernel}: {answer.message}"
            witness = Witness(sentence, "compiler", place=launch.place)
            return Verdict("compile", Outcome.REFUTED, CLAIM, "", str(plan.cell), witness=witness, place=launch.place)
    needs = [answer for job in wanted if isinstance(answer := answers[job], Resources)]
    registers, spills, shared = (
        max(getattr(each, kind) for each in needs) for kind in ("registers", "spills", "shared")
    )
    detail = f"at most {registers} registers a lane, {spills} bytes spilled, {shared} bytes shared"
    under = ("Triton below TTIR and ptxas are right",)
    if asked < variants:
        scope = f"{asked} of {count(variants, 'variant')} of {PRIMARY}, the first of each kernel"
        told = f"{detail}; as it is refuted already, no more were compiled"
        return Verdict("compile", Outcome.HELD, CLAIM, scope, told, under)
    scope = f"{count(variants, 'variant')} of {PRIMARY}, {len(wanted)} of them different"
    return Verdict("compile", Outcome.PROVED, CLAIM, scope, detail, under)


def _elsewhere(
    others: Mapping[Job, tuple[Plan, Launch]], answers: Mapping[Job, Resources | Rejected], budget: Budget
) -> Verdict:
    """Which other targets take it too. That a kernel made for one GPU does not fit another is no fault."""
    rejected: dict[str, str] = {}
    for job, (plan, launch) in others.items():
        answer = answers[job]
        if isinstance(answer, Rejected):
            rejected.setdefault(job.target, f"{launch.kernel} for {plan.dtype}: {answer.message}")
    taken = [name for name in OTHERS if name not in rejected]
    detail = "; ".join(f"not for {name}: {why}" for name, why in rejected.items())
    which = "every variant" if budget.profile == "deep" else "the first variant of each kernel, for its first dtype"
    if not taken:
        return Verdict(
            "compile",
            Outcome.PROVED,
            f"which other targets take it is known: none of {', '.join(OTHERS)}",
            which,
            detail,
        )
    return Verdict("compile", Outcome.PROVED, f"it compiles for {', '.join(taken)} too", which, detail)


def _one_each(variants: Sequence[tuple[Plan, Launch, Variant]]) -> list[tuple[Plan, Launch, Variant]]:
    """The generic variant of each kernel for the first cell and dtype."""
    chosen: dict[str, tuple[Plan, Launch, Variant]] = {}
    for plan, launch, variant in variants:
        chosen.setdefault(launch.kernel, (plan, launch, variant))
    return list(chosen.values())


def _grids(case: Case, launches: Sequence[tuple[Plan, Launch]]) -> Verdict:
    """Whether some shape asks for more programs than the hardware starts at once."""
    ranges: dict[str, Range] = {dim.name: (dim.low, dim.high) for dim in case.spec.dims}
    asked: set[tuple[Condition, Condition]] = set()
    for plan, launch in launches:
        limits = [
            extent <= most
            for variant in launch.variants
            for extent, most in zip(variant.grid, GRID, strict=True)
            if extent.kind != "const" or not 0 <= extent.value <= most
            if not _surely(interval(extent, ranges), most)
        ]
        small = all_of(*dict.fromkeys(limits))
        if not limits or (plan.cell, small) in asked:
            continue
        asked.add((plan.cell, small))
        try:
            sizes = point_outside(all_of(case.spec.domain(), plan.cell), [small], ())
        except Undecided as error:
            return Verdict("compile", Outcome.UNKNOWN, LAUNCHES, "", str(error), place=launch.place)
        if sizes is not None:
            return _too_many(plan, launch, sizes)
    scope = f"{count(len(launches), 'launch', 'launches')}, all shapes of their cells"
    return Verdict("compile", Outcome.PROVED, LAUNCHES, scope)


def _surely(values: Range, most: int) -> bool:
    return values[1] is not None and values[1] <= most


def _too_many(plan: Plan, launch: Launch, sizes: Mapping[str, int]) -> Verdict:
    grids = [tuple(extent.evaluate(sizes) for extent in variant.grid) for variant in launch.variants]
    worst = max(grids, key=lambda grid: max(extent / most for extent, most in zip(grid, GRID, strict=True)))
    shown = ", ".join(f"{name}={value}" for name, value in sizes.items() if "." not in name)
    sentence = (
        f"{shown}: {launch.kernel} is launched on a grid of {worst[0]} x {worst[1]} x {worst[2]} programs; "
        f"CUDA starts at most {GRID[0]} x {GRID[1]} x {GRID[2]} ({launch.place})"
    )
    witness = Witness(sentence, "host", tuple(sizes.items()), place=launch.place)
    return Verdict("compile", Outcome.REFUTED, LAUNCHES, "", plan.dtype, witness=witness, place=launch.place)
