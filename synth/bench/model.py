"""What a workload would take on a named device, from counting and compiling: never a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen

from reports.measurement import Model
from specs.spec import Spec, Workload, packed
from synth.bench.counting import NOTHING, Counted, Uncounted, count
from synth.bench.floor import work_of
from verify.capture.targets import Job, Rejected, compile_all
from verify.ir.parse import ParseError, parse
from verify.native.launch import LaunchError, choose_plan, choose_variant, configurations
from verify.plan import IntegerArgument, Launch, Plan, Variant

TERA: Final = 1e12


@frozen
class Peak:
    """A device by its documented peaks: bytes a second, operations a second by dtype without sparsity."""

    name: str
    target: str
    bandwidth: float
    rates: Mapping[str, float]


def _rates(half: float, tf32: float, single: float, double: float) -> dict[str, float]:
    """In teraoperations a second: 16-bit matrix, tf32 matrix, float32 and float64 rates."""
    named = {"bfloat16": half, "float16": half, "tf32": tf32, "float32": single, "float64": double}
    return {dtype: rate * TERA for dtype, rate in named.items()}


# The vendors' datasheets, SXM and OAM parts. float64 is the matrix units' rate where there are any.
HOPPER: Final = _rates(989.4, 494.7, 66.9, 66.9)
PEAKS: Final = {
    peak.name: peak
    for peak in (
        Peak("H200", "sm_90", 4.8 * TERA, HOPPER),
        Peak("H100", "sm_90", 3.35 * TERA, HOPPER),
        Peak("A100", "sm_80", 2.039 * TERA, _rates(312, 156, 19.5, 19.5)),
        Peak("MI300X", "gfx942", 5.3 * TERA, _rates(1307.4, 653.7, 163.4, 163.4)),
    )
}
DEFAULT: Final = "H200"


def models(spec: Spec, plans: tuple[Plan, ...], device: str = DEFAULT) -> tuple[Model, ...]:
    """One model for each workload on `device`. Raises KeyError for a device that is not in `PEAKS`."""
    return tuple(model(spec, plans, load, PEAKS[device]) for load in spec.workloads)


def model(spec: Spec, plans: tuple[Plan, ...], load: Workload, peak: Peak) -> Model:
    """Count and compile one workload. What cannot be counted or compiled is None, and the note says why."""
    work = work_of(spec, load)
    seconds, limit = roofline(work.bytes, work.operations, rate_of(spec, load.dtype, peak), peak)
    notes: list[str] = []
    requested: int | None = None
    worst: tuple[int | None, int | None, int | None] = (None, None, None)
    try:
        launched = launched_variants(spec, plans, load)
        requested = _requested(launched, notes)
        worst = _resources([variant for _, variant in launched], peak.target, notes)
    except LaunchError as failure:
        notes.append(str(failure))
    registers, spills, shared = worst
    return Model(
        load.name,
        f"{peak.name} ({peak.target})",
        work.bytes,
        work.operations,
        registers,
        spills,
        shared,
        seconds * 1e6,
        limit,
        requested,
        "; ".join(notes),
    )


def roofline(moved: int, operations: int, rate: float, peak: Peak) -> tuple[float, str]:
    """Seconds of the larger of memory and arithmetic, and which it is."""
    memory, arithmetic = moved / peak.bandwidth, operations / rate
    return (memory, "memory") if memory >= arithmetic else (arithmetic, "arithmetic")


def rate_of(spec: Spec, dtype: str, peak: Peak) -> float:
    """The rate a correct kernel may use: tf32 for float32 only where the spec allows it."""
    return peak.rates["tf32" if dtype == "float32" and spec.tf32 else dtype]


def names_at(spec: Spec, sizes: Mapping[str, int]) -> dict[str, int]:
    """Names of size expressions for contiguous inputs at addresses that satisfy every alignment."""
    names = dict(sizes)
    for param in spec.tensors:
        steps = packed(param.dims)
        names |= {param.stride(axis): step.evaluate(sizes) for axis, step in enumerate(steps)}
        names[param.address] = 0
    return names


def launched_variants(spec: Spec, plans: Iterable[Plan], load: Workload) -> list[tuple[Counted | Uncounted, Variant]]:
    """What a workload launches, each launch in the configuration that asks for the fewest bytes.

    Raises LaunchError when no plan or variant covers the workload.
    """
    names = names_at(spec, load.sizes)
    choices = {choice.name: load.choices.get(choice.name, choice.choices[0]) for choice in spec.choices}
    plan = choose_plan(plans, load.dtype, choices, names)
    found: list[tuple[Counted | Uncounted, Variant]] = []
    for launch in plan.launches:
        tried = []
        for config in configurations(launch):
            variant = choose_variant(launch, names, config)
            tried.append((counted(launch, variant, names), variant))
        found.append(min(tried, key=lambda one: _asked(one[0])))
    return found


def counted(launch: Launch, variant: Variant, names: Mapping[str, int]) -> Counted | Uncounted:
    """What a variant asks for at these sizes, or why that cannot be told."""
    x, y, z = (size.evaluate(names) for size in variant.grid)
    arguments = {}
    for position, name in enumerate(variant.parameters):
        argument = launch.argument(name)
        if isinstance(argument, IntegerArgument):
            arguments[position] = argument.value.evaluate(names)
    try:
        return count(parse(variant.ttir), arguments, (x, y, z))
    except ParseError as unread:
        return Uncounted(str(unread).splitlines()[0])
    except Uncounted as reason:
        return reason


def _asked(found: Counted | Uncounted) -> float:
    return found.loaded + found.stored if isinstance(found, Counted) else float("inf")


def _requested(launched: list[tuple[Counted | Uncounted, Variant]], notes: list[str]) -> int | None:
    total = NOTHING
    for found, _ in launched:
        if isinstance(found, Uncounted):
            notes.append(f"requested bytes not counted: {found}")
            return None
        total += found
    return total.loaded + total.stored


def _resources(variants: list[Variant], target: str, notes: list[str]) -> tuple[int | None, int | None, int | None]:
    """The most registers, spills and shared memory of the launches; None where one does not compile."""
    jobs = [Job.of(variant, target) for variant in variants]
    needs = []
    for answer in compile_all(jobs).values():
        if isinstance(answer, Rejected):
            notes.append(f"does not compile for {target}: {answer.message.splitlines()[0]}")
            return None, None, None
        needs.append((answer.registers, answer.spills, answer.shared))
    if not needs:
        return None, None, None
    registers, spills, shared = (max(amounts) for amounts in zip(*needs, strict=True))
    return registers, spills, shared
