"""From a candidate to its record: capture, examine, measure, put down."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

from reports.environment import collect
from reports.measurement import Measurement
from reports.record import Record
from specs.spec import Spec
from synth.exits import Trouble
from synth.progress import Progress, Silent
from verify.case import Budget, Candidate, Case
from verify.dossier import Dossier, Gate, examine
from verify.plan import Capture
from verify.verdict import Outcome, count

if TYPE_CHECKING:
    from synth.bench.results import Elsewhere

Bench: TypeAlias = Callable[[Case, Dossier], "tuple[Measurement, str | None]"]  # and the sealed bundle's digest


@frozen
class Stages:
    """What a candidate goes through, given from outside so that tests give others. `bench` is None where
    nobody asked for it; `thorough` gates look as closely after a refutation as before it.
    """

    capture: Callable[[Spec, Candidate, Budget], Capture]
    gates: tuple[Gate, ...]
    required: Mapping[str, Outcome]
    bench: Bench | None = None
    thorough: bool = False


def standard(
    *,
    bench: bool = False,
    device: str = "H200",
    elsewhere: Mapping[str, Elsewhere] | None = None,
    sealed: Path | None = None,
    workloads: Sequence[str] = (),
) -> Stages:
    """The stages of the tool itself; `device` is what the bench stage models where it cannot time.

    `elsewhere` is what another machine measured, by bundle digest; an admitted bundle is also written to `sealed`.
    Only those `workloads` are timed, where some are named.
    """
    # Imported here: capture and the gates bring torch, triton and z3, which most commands never need.
    import torch

    from verify.gates import GATES, REQUIRED

    torch.set_num_threads(1)  # the tensors are small: a second thread costs more than it does
    warnings.filterwarnings("ignore", "var_mean.*degrees of freedom")  # of an empty row, which references are asked too
    _collect_less()
    ways = partial(_bench, device=device, elsewhere=elsewhere, sealed=sealed, workloads=workloads)
    return Stages(_capture, GATES, REQUIRED, ways if bench else None)


@cache
def _collect_less() -> None:
    """Look for cycles seldom, and not in what is imported by now: it took a tenth of the time and found little."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def only_those(stages: Stages, names: Collection[str]) -> Stages:
    """The same stages with only those gates. All of the required ones stay required: the others did not
    run.
    """
    return evolve(stages, gates=tuple(gate for gate in stages.gates if gate.__name__ in names))


def examine_candidate(
    spec: Spec,
    candidate: Candidate,
    budget: Budget,
    stages: Stages,
    *,
    fail_fast: bool = False,
    progress: Progress | None = None,
) -> Record:
    """Take one candidate through all stages. What it does wrong is in the record; what raises is ours."""
    from reports.walk.walking import walks  # it brings z3

    told = progress or Silent()
    case = capture_candidate(spec, candidate, budget, stages, told)
    dossier = ask_gates(case, budget, stages, fail_fast=fail_fast, progress=told)
    measurement, bundle = None, None
    if stages.bench is not None:
        started = time.perf_counter()
        told.stage("bench")
        measurement, bundle = stages.bench(case, dossier)
        told.stage("bench", benched(measurement), time.perf_counter() - started)
    return Record.from_case(case, dossier, collect(), measurement, bundle, walks(case))


def capture_candidate(spec: Spec, candidate: Candidate, budget: Budget, stages: Stages, progress: Progress) -> Case:
    """The first stage alone."""
    from verify.symbolic.reading import forget

    forget()  # what this process examined before must not change an answer
    progress.stage("capture")
    case = Case(spec, candidate, stages.capture(spec, candidate, budget))
    progress.stage("capture", captured(case.capture))
    return case


def ask_gates(
    case: Case, budget: Budget, stages: Stages, *, fail_fast: bool = False, progress: Progress | None = None
) -> Dossier:
    """The stages' gates, as far as the spec speaks of what they ask."""
    gates, required = asked(case.spec, stages)
    told = progress or Silent()
    return examine(case, budget, gates, required, fail_fast=fail_fast, thorough=stages.thorough, progress=told)


def asked(spec: Spec, stages: Stages) -> tuple[tuple[Gate, ...], Mapping[str, Outcome]]:
    """The stages' gates and what is required of them, as far as the spec speaks of what they ask."""
    from verify.gates import about

    gates = tuple(gate for gate in stages.gates if about(spec, gate.__name__))
    return gates, {name: least for name, least in stages.required.items() if about(spec, name)}


def captured(capture: Capture) -> str:
    """What capture brought back, in a few words."""
    kernels = {variant.digest for plan in capture.plans for launch in plan.launches for variant in launch.variants}
    counts = [count(len(capture.plans), "plan"), count(len(kernels), "kernel variant")]
    others = len(capture.answers) - len(capture.plans)
    if others:
        counts.append(count(others, "other answer"))
    return f"{', '.join(counts)}; sandbox {capture.sandbox}"


def benched(measurement: Measurement) -> str:
    """What came of the bench stage, in a line."""
    if measurement.workloads:
        gaps = [rival.gap for timed in measurement.workloads for rival in timed.against]
        ahead = f", Kernel Gap {min(gaps):.2f} to {max(gaps):.2f}" if gaps else ""
        return f"{count(len(measurement.workloads), 'workload')} measured on {measurement.device}{ahead}"
    models = f"; {count(len(measurement.models), 'model')}" if measurement.models else ""
    return f"{measurement.word.upper()}: {measurement.reason}{models}"


def _capture(spec: Spec, candidate: Candidate, budget: Budget) -> Capture:
    from verify.capture.capture import capture
    from verify.capture.sandbox import NotStarted

    try:
        return capture(spec, candidate, budget)
    except NotStarted as error:
        told = f"the candidate cannot be run in isolation here: {error}"
        raise Trouble(told, "`kernelproof doctor` says what this machine can do") from None


def _bench(
    case: Case,
    dossier: Dossier,
    device: str,
    elsewhere: Mapping[str, Elsewhere] | None,
    sealed: Path | None,
    workloads: Sequence[str],
) -> tuple[Measurement, str | None]:
    from synth.bench.bundle import seal
    from synth.bench.measure import measure

    digest = None
    if dossier.admitted:
        bundle = seal(case, dossier)
        digest = bundle.digest
        if sealed is not None:
            bundle.save(sealed)
    return measure(case, dossier, device, elsewhere, workloads), digest
