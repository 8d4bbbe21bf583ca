"""Seed bugs into an admitted kernel and say which of them each gate finds.

Every bug is a change of the kernel's text in one place. It ends with 0 when no bug got past the gates without giving
what the kernel gives in everything tried, with 1 when one did, and with 4 when one could not be examined.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import find_budget
from synth.exits import Ending, Exit, Interrupted, Trouble, of_dossier, unknown_word

if TYPE_CHECKING:
    from reports.strength import Seeded, Strength
    from specs.spec import Spec
    from synth.mutation.examining import Original
    from synth.mutation.kinds import Kind, Mutant
    from synth.progress import Display
    from verify.case import Candidate

SUMMARY: Final = "seed bugs into an admitted kernel, see which gate finds them"
STYLES: Final = {"killed": "held", "survived": "refuted", "stopped": "unknown", "unexamined": "error"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mutate`."""
    parser.add_argument("candidate", metavar="CANDIDATE", help="a file, or a record (.json)")
    parser.add_argument("--spec", help="a spec's name or path/to/file.py:NAME (default: the entry's name)")
    parser.add_argument("--entry", help="the function to call (default: the spec's name)")
    parser.add_argument("--profile", default="quick", help="quick, ci or deep (default: quick)")
    parser.add_argument("--kinds", metavar="A,B", help="only these kinds of bug (default: all)")
    parser.add_argument("--limit", type=int, default=100, help="at most so many bugs, over all kinds (default: 100)")
    parser.add_argument("--jobs", type=int, default=0, help="parallel processes (default: one a CPU)")
    parser.add_argument("--seconds", type=float, default=900.0, help="for one bug (default: 900)")
    parser.add_argument("--fail-fast", action="store_true", help="ask no further gate once one has refuted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE, for `report render`")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown to FILE")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `mutate`."""
    from synth.keeping import places
    from synth.mutation.kinds import chosen, mutants
    from synth.progress import Display

    find_budget(arguments.profile)
    kinds = _kinds(arguments.kinds)
    if arguments.jobs < 0 or arguments.seconds <= 0 or arguments.limit < 1:
        raise Trouble("--jobs and --limit are at least 1 and --seconds above 0")
    spec, candidate = _find(arguments)
    try:
        found = mutants(candidate.source, kinds)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Trouble(f"{candidate.path} is no Python that can be changed: {error}") from None
    seeds = chosen(found, arguments.limit)
    if not seeds:
        told = f"none of {len(kinds)} kinds of bug fits {candidate.path}"
        raise Trouble(told, "kernels are functions under @triton.jit", Exit.NOTHING)
    with Display() as display, places(arguments.json, arguments.markdown) as write:
        original = _original(arguments, display, spec, candidate)
        if isinstance(original, Ending):
            return original
        jobs = min(arguments.jobs or len(os.sched_getaffinity(0)), len(seeds))
        sites = sum(map(len, found.values()))
        display.line(f"{len(seeds)} of {sites} bugs, {jobs} at a time, profile {arguments.profile}", "title")
        seeded = _follow(display, original, seeds, jobs, arguments.seconds)
        strength = _strength(arguments, spec, candidate, kinds, {name: len(own) for name, own in found.items()}, seeded)
        return _conclude(display, strength, write)


def _kinds(named: str | None) -> tuple[Kind, ...]:
    from synth.mutation.kinds import KINDS

    if named is None:
        return KINDS
    wanted = [name.strip() for name in named.split(",") if name.strip()]
    known = {kind.name: kind for kind in KINDS}
    if not wanted:
        raise Trouble("--kinds names no kind", f"known: {', '.join(known)}")
    for name in wanted:
        if name not in known:
            raise unknown_word("kind", name, known)
    return tuple(kind for kind in KINDS if kind.name in wanted)


def _find(arguments: argparse.Namespace) -> tuple[Spec, Candidate]:
    from synth.candidates import find_candidate, find_spec, of_record
    from synth.keeping import read_record

    if arguments.candidate.endswith(".json"):
        record = read_record(Path(arguments.candidate))
        spec, candidate = find_spec(arguments.spec or record.spec.name), of_record(record)
    else:
        spec, candidate = find_candidate(arguments.candidate, arguments.spec, arguments.entry)
    if candidate.policy == "repo":
        told = f"{candidate.path} is captured as it is installed, and bugs are seeded into the text of a file"
        raise Trouble(told, "copy the function and its kernels into a file")
    if spec.is_contract:
        raise Trouble(f"{spec.name} has no reference, so no gate could see a wrong number", "give a spec with one")
    return spec, candidate


def _original(arguments: argparse.Namespace, display: Display, spec: Spec, candidate: Candidate) -> Original | Ending:
    """The candidate, once it is admitted; else how the command ends."""
    from synth.mutation.examining import Original
    from synth.pipeline import ask_gates, capture_candidate, standard
    from synth.terminal import show_findings

    budget, stages = find_budget(arguments.profile), standard()
    display.line(f"{candidate.path}  spec {spec.name}, profile {budget.profile}", "title")
    case = capture_candidate(spec, candidate, budget, stages, display)
    dossier = ask_gates(case, budget, stages, fail_fast=True, progress=display)
    if not dossier.admitted:
        show_findings(display, dossier, candidate)
        display.line("no bugs were seeded: only an admitted candidate shows which gate finds them", "unknown")
        return of_dossier(dossier, spec.name, candidate.digest[:12])
    display.line()
    return Original(arguments.spec or spec.name, candidate, case.capture, budget.profile, arguments.fail_fast)


def _follow(
    display: Display, original: Original, seeds: Sequence[Mutant], jobs: int, seconds: float
) -> tuple[Seeded, ...]:
    """What became of each bug, in their order. A run that is stopped keeps what it has found."""
    from synth.mutation.examining import examine_all, unexamined

    done: dict[Mutant, Seeded] = {}
    wide = max(len(seed.kind) for seed in seeds)
    results = examine_all(original, seeds, jobs, seconds)
    try:
        while True:
            with display.waiting(f"{len(done)} of {len(seeds)} done"):
                one = next(results, None)
            if one is None:
                break
            done[one.mutant] = own = one.seeded
            by = f"  by {', '.join(own.gates)}" if own.gates else ""
            told = f"  {own.fate:<10} {one.seconds:6.1f} s  {own.kind:<{wide}}  line {own.line}{by}"
            display.line(told, STYLES.get(own.fate, "faint"))
    except (KeyboardInterrupt, Interrupted):
        display.line(f"interrupted: {len(seeds) - len(done)} of {len(seeds)} bugs were not examined", "error")
    return tuple(done.get(seed) or unexamined(seed, "the run was stopped before") for seed in seeds)


def _strength(
    arguments: argparse.Namespace,
    spec: Spec,
    candidate: Candidate,
    kinds: Sequence[Kind],
    sites: dict[str, int],
    seeded: tuple[Seeded, ...],
) -> Strength:
    from reports.environment import collect
    from reports.record import spec_digest
    from reports.strength import STRENGTH_SCHEMA, Strength
    from reports.strength import Kind as Shown
    from synth.pipeline import asked, standard

    killers = {gate for own in seeded for gate in own.gates}
    required = asked(spec, standard())[1]
    return Strength(
        schema=STRENGTH_SCHEMA,
        spec=spec.name,
        spec_digest=spec_digest(spec),
        candidate=candidate.digest,
        path=candidate.path,
        profile=arguments.profile,
        seed=find_budget(arguments.profile).seed,
        fail_fast=arguments.fail_fast,
        gates=(*required, *sorted(killers - set(required))),
        kinds=tuple(Shown(kind.name, kind.models, sites[kind.name]) for kind in kinds),
        seeded=seeded,
        environment=collect(),
    )


def _conclude(display: Display, strength: Strength, write: Callable[[Strength], str]) -> Ending:
    display.line()
    for row in strength.rows:
        display.line(f"  {row.gate:<10} killed {row.killed:>3}" + (f", {row.alone} alone" if row.alone else ""))
    for own in (*strength.of("survived"), *strength.of("stopped"), *strength.of("unexamined")):
        display.line()
        display.line(f"{own.fate}: {own.kind}, line {own.line}", STYLES[own.fate])
        for sign, lines in (("-", own.before), ("+", own.after)):
            for line in lines.splitlines():
                display.line(f"   {sign} {line.strip()}")
        display.line(f"   = {own.told}")
    display.line()
    counts = strength.counts
    display.line(strength.sentence, "refuted" if counts["survived"] else "admitted")
    report = write(strength)
    facts = {"spec": strength.spec, "candidate": strength.candidate[:12], "kinds": str(len(strength.used))}
    facts |= {"no_site": str(len(strength.without_site)), "mutants": str(len(strength.seeded))}
    facts |= {fate: str(number) for fate, number in counts.items()} | {"report": report}
    if counts["survived"]:
        return Ending(Exit.REFUTED, "survivors", facts)
    if counts["unexamined"]:
        return Ending(Exit.INCONCLUSIVE, "incomplete", facts)
    if not counts["killed"] + counts["stopped"]:
        return Ending(Exit.NOTHING, "nothing", facts)
    return Ending(Exit.PASSED, "no-survivors", facts)
