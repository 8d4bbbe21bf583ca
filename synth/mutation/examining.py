"""Every mutant through the ordinary gates in parallel, and what became of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from functools import partial

from attrs import evolve, frozen

from reports.strength import Seeded
from synth.mutation.kinds import Mutant
from synth.workers import each
from verify.case import PROFILES, Candidate, Case
from verify.dossier import Dossier
from verify.plan import Capture
from verify.verdict import Outcome


@frozen
class Original:
    """The candidate that bugs are seeded into, as a worker needs it: the spec by name, since specs hold functions."""

    spec: str
    candidate: Candidate
    capture: Capture
    profile: str
    fail_fast: bool


@frozen
class Examined:
    """A mutant at its end, and the seconds that it took."""

    mutant: Mutant
    seeded: Seeded
    seconds: float


def examine_all(original: Original, mutants: Sequence[Mutant], jobs: int, seconds: float) -> Iterator[Examined]:
    """Examine every mutant in `jobs` processes, `seconds` for each, in the order they come to an end."""
    for done in each(mutants, partial(examine_one, original), jobs, seconds):
        yield done.answer or Examined(done.task, unexamined(done.task, done.failure), seconds)


def unexamined(mutant: Mutant, why: str) -> Seeded:
    """A mutant whose examination came to no end."""
    return _seeded(mutant, "unexamined", why)


def examine_one(original: Original, mutant: Mutant) -> Examined:
    """What becomes of one mutant. It runs in a process of its own."""
    started = time.monotonic()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from synth.candidates import find_spec
    from synth.mutation.equivalence import SAME_CODE, compared, same_code
    from synth.pipeline import ask_gates, capture_candidate, standard
    from synth.progress import Silent

    spec, budget, stages = find_spec(original.spec), PROFILES[original.profile], standard()
    changed = evolve(original.candidate, source=mutant.source)
    case = capture_candidate(spec, changed, budget, stages, Silent())
    if not case.capture.plans:
        found = _seeded(mutant, "stillborn", _why_nothing(case.capture))
    elif same_code(original.capture, case.capture):
        found = _seeded(mutant, "equivalent", SAME_CODE)
    else:
        dossier = ask_gates(case, budget, stages, fail_fast=original.fail_fast)
        if (judged := _judged(mutant, dossier)) is not None:
            found = judged
        else:
            answer = compared(Case(spec, original.candidate, original.capture), case, budget)
            found = _seeded(mutant, "equivalent" if answer.equal else "survived", answer.told)
    return Examined(mutant, found, time.monotonic() - started)


def _judged(mutant: Mutant, dossier: Dossier) -> Seeded | None:
    """What the gates make of it; None where they let it by."""
    from reports.record import shortfall

    killers = [verdict for verdict in dossier.verdicts if verdict.outcome is Outcome.REFUTED]
    if killers:
        first = killers[0].witness
        gates = tuple(dict.fromkeys(verdict.gate for verdict in killers))
        return _seeded(mutant, "killed", first.sentence if first else "", gates)
    if not dossier.admitted:
        return _seeded(mutant, "stopped", shortfall(dossier), dossier.missing)
    return None


def _why_nothing(capture: Capture) -> str:
    from verify.plan import CompileFailure, Refusal, Unsupported, Violation

    for answer in capture.answers:
        match answer:
            case CompileFailure():
                return f"Triton does not take {answer.kernel}: {answer.message.strip().splitlines()[-1]}"
            case Violation() | Unsupported():
                return f"{answer.what} ({answer.place})"
            case Refusal():
                return f"the host code raises {answer.error} ({answer.place})"
    return "nothing was captured"


def _seeded(mutant: Mutant, fate: str, told: str, gates: tuple[str, ...] = ()) -> Seeded:
    line = mutant.line
    return Seeded(mutant.kind, line.number, line.before, line.after, fate, told, gates)  # type: ignore[arg-type]
