"""Run plans on a device at fixed points: right by the numeric rule, equal bits again, red zones untouched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch

from specs.spec import Spec
from verify.native.accept import objection
from verify.native.findings import Checked, Finding
from verify.native.inputs import blank, refill
from verify.native.launch import (
    Compile,
    LaunchError,
    Prepared,
    configurations,
    names_of,
    plan_for,
    prepare,
)
from verify.native.memory import Guarded, guarded_copy, same_bits
from verify.native.points import Point
from verify.plan import Launch, Plan, Refusal

SEED: Final = 1


def check(
    spec: Spec,
    plans: tuple[Plan, ...],
    refusals: tuple[Refusal, ...],
    points: Iterable[Point],
    compile: Compile,
    device: str,
) -> Checked:
    """Run every configuration of every plan at the points, on inputs drawn from a fixed seed.

    A point that the host code itself declines (`refusals`) is left out.
    """
    generator = torch.Generator(device=device)
    generator.manual_seed(SEED)
    runs, findings, skipped, failures = 0, list[Finding](), list[str](), list[str]()
    for point in points:
        inputs, zones = _inputs(spec, point, generator, device)
        names = names_of(spec, inputs)
        try:
            plan = plan_for(plans, spec, inputs, names)
        except LaunchError as uncovered:
            if not any(_declined(refusal, point, names) for refusal in refusals):
                skipped.append(f"{point}: {uncovered}")
            continue
        for config in _configs(plan):
            try:
                prepared = prepare(plan, inputs, names, compile, config)
                findings += _run(spec, point, inputs, zones, prepared)
                runs += 1
            except (LaunchError, RuntimeError, TypeError, OverflowError) as failure:
                sentence = f"{point}: {_first_line(failure)}"
                if not _usable(device):
                    findings.append(Finding("fault", sentence, point.sizes))
                    return Checked(runs + 1, tuple(findings), tuple(skipped), tuple(failures))
                failures.append(sentence)
    return Checked(runs, tuple(findings), tuple(skipped), tuple(failures))


def _inputs(
    spec: Spec, point: Point, generator: torch.Generator, device: str
) -> tuple[dict[str, Any], tuple[Guarded, ...]]:
    loose = blank(spec, point.sizes, point.dtype, device, point.strides, point.choices)
    refill(spec, loose, point.sizes, generator)
    zones = []
    for name, value in loose.items():
        if isinstance(value, torch.Tensor):
            zone, loose[name] = guarded_copy(name, value, device)
            zones.append(zone)
    return loose, tuple(zones)


def _declined(refusal: Refusal, point: Point, names: Mapping[str, int]) -> bool:
    """Whether the host code itself refuses the point, openly."""
    same = refusal.dtype == point.dtype and dict(refusal.choices) == dict(point.choices)
    return same and refusal.cell.holds(names)


def _configs(plan: Plan) -> list[dict[int, str]]:
    """Every configuration of every launch, the other launches at their first."""
    launches = {number: step for number, step in enumerate(plan.steps) if isinstance(step, Launch)}
    first = {number: configurations(step)[0] for number, step in launches.items()}
    others = [{**first, number: config} for number, step in launches.items() for config in configurations(step)[1:]]
    return [first, *others]


def _run(
    spec: Spec, point: Point, inputs: dict[str, Any], zones: tuple[Guarded, ...], prepared: Prepared
) -> list[Finding]:
    pristine = [zone.storage.clone() for zone in zones]
    given = {param.name for param in spec.tensors if param.inplace}

    def restore() -> None:
        prepared.poison()
        for zone, before in zip(zones, pristine, strict=True):
            if zone.name in given and not zone.damage():
                zone.storage.copy_(before)

    prepared.poison()
    prepared.run()
    first = [output.clone() for output in prepared.outputs]
    restore()
    complaint = objection(spec, inputs, tuple(first))
    found = [("wrong", complaint)] if complaint else []
    prepared.run()
    if not all(same_bits(one, two) for one, two in zip(first, prepared.outputs, strict=True)):
        found.append(("moved", "a second run on the same inputs gave other bits"))
    found += [("red-zone", damage) for damage in prepared.damage()]
    for zone, before in zip(zones, pristine, strict=True):
        if damage := zone.damage():
            found.append(("red-zone", damage))
        elif zone.name not in given and not torch.equal(zone.storage, before):
            found.append(("input-changed", f"{zone.name} was written to"))
    return [Finding(kind, f"{point}: {sentence}", point.sizes) for kind, sentence in found]


def _usable(device: str) -> bool:
    """Whether the device still answers: after a fault it refuses everything else of this process."""
    try:
        return int(torch.ones(1, device=device).sum()) == 1
    except RuntimeError:
        return False


def _first_line(failure: Exception) -> str:
    text = str(failure).strip().splitlines()
    return text[0] if text else type(failure).__name__
