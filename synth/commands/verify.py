"""Examine one candidate: every gate's answer, and every refutation with its witness."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.exits import Ending, Trouble, of_dossier, unknown_word

if TYPE_CHECKING:
    from reports.record import Record
    from specs.spec import Spec
    from synth.pipeline import Stages
    from synth.progress import Display
    from verify.case import Budget, Candidate

SUMMARY: Final = "examine one candidate"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `verify`."""
    add_candidate(parser, "a file, or package.module:function")
    parser.add_argument("--gates", metavar="A,B", help="run only these gates; the others count as not run")
    parser.add_argument("--at", metavar="POINT", help="ask --gates at one point only, spelled as in a report")
    parser.add_argument("--emit-guards", type=Path, metavar="FILE", help="write the checks that the proofs ask for")
    parser.add_argument(
        "--queries", type=Path, metavar="DIR", help="write what z3 is asked, as SMT-LIB, to a new folder"
    )
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first gate that refutes")


def add_candidate(parser: argparse.ArgumentParser, told: str) -> None:
    """The arguments that name a candidate, how hard to look at it, and where to write what was found."""
    parser.add_argument("candidate", metavar="CANDIDATE", help=told)
    parser.add_argument("--spec", help="a spec's name or path/to/file.py:NAME (default: the entry's name)")
    parser.add_argument("--entry", help="the function to call (default: the spec's name)")
    parser.add_argument("--policy", help="strict or repo (default: strict for files, repo for modules)")
    add_output(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how hard to look and where to write what was found."""
    parser.add_argument("--profile", default="ci", help="quick, ci or deep (default: ci)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record to FILE")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write record, page and summary into DIR")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `verify`."""
    from synth.candidates import find_candidate
    from synth.progress import Display

    budget = find_budget(arguments.profile)
    spec, candidate = find_candidate(arguments.candidate, arguments.spec, arguments.entry, arguments.policy)
    stages = _stages(arguments.gates)
    if arguments.at is not None:
        return _at(arguments, spec, candidate, budget, stages)
    with Display() as display, _questions(arguments.queries, budget) as write_all:
        end = examine_and_keep(arguments, display, spec, candidate, budget, stages)
        if (written := write_all()) is not None:
            display.line(f"queries: {arguments.queries}, {written} of them")
    return end


@contextmanager
def _questions(folder: Path | None, budget: Budget) -> Iterator[Callable[[], int | None]]:
    """Have what z3 is asked kept; the function writes it into `folder`, if there is one, and says how much it is."""
    if folder is None:
        yield lambda: None
        return
    from reports.store import write
    from synth.folders import claimed
    from verify.symbolic.queries import kept

    if not budget.trails:
        raise Trouble(f"profile {budget.profile} does not spell out what z3 is asked", "use --profile ci or deep")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Trouble(f"{folder} is there already and is no empty folder", "name a new one for --queries")
    with claimed(folder), kept() as found:
        yield lambda: len([write(folder / name, text) for name, text in found.files.items()])


def _at(arguments: argparse.Namespace, spec: Spec, candidate: Candidate, budget: Budget, stages: Stages) -> Ending:
    """One point is no evidence for a domain, so nothing is recorded."""
    from reports.text import visible
    from synth.counterexample import ending as ended
    from synth.counterexample import told, verdicts

    if arguments.gates is None:
        raise Trouble("--at asks gates again at one point", "name them by --gates")
    if arguments.json or arguments.out or arguments.emit_guards or arguments.queries:
        raise Trouble("--at makes no record", "leave out --json, --out, --emit-guards and --queries")
    found = verdicts(stages.gates, spec, candidate, arguments.at, budget)
    for line in told(found):
        print(visible(line))
    end = ended(found)
    return Ending(end.code, end.verdict, {"spec": spec.name, "candidate": candidate.digest[:12], "at": arguments.at})


def find_budget(profile: str) -> Budget:
    """The budget of a profile. Raises Trouble."""
    from verify.case import PROFILES

    if profile not in PROFILES:
        raise unknown_word("profile", profile, PROFILES)
    return PROFILES[profile]


def _stages(gates: str | None) -> Stages:
    from synth.pipeline import only_those, standard

    stages = standard()
    if gates is None:
        return stages
    known = [gate.__name__ for gate in stages.gates]
    chosen = [name.strip() for name in gates.split(",") if name.strip()]
    if not chosen:
        raise Trouble("--gates names no gate", f"known: {', '.join(known)}")
    for name in chosen:
        if name not in known:
            raise unknown_word("gate", name, known)
    return only_those(stages, chosen)


def examine_and_keep(
    arguments: argparse.Namespace,
    display: Display,
    spec: Spec,
    candidate: Candidate,
    budget: Budget,
    stages: Stages,
) -> Ending:
    """Examine, print what was found, write what was asked for. Files are written whole or not at all."""
    from synth.keeping import keeping
    from synth.pipeline import examine_candidate
    from synth.terminal import show_bench, show_findings

    with keeping(arguments.json, arguments.out) as keep:
        display.line(
            f"{candidate.path}  spec {spec.name}, policy {candidate.policy}, profile {budget.profile}",
            "title",
        )
        fail_fast = getattr(arguments, "fail_fast", False)
        record = examine_candidate(spec, candidate, budget, stages, fail_fast=fail_fast, progress=display)
        show_findings(display, record.dossier, candidate)
        show_bench(display, record.bench)
        if (wanted := getattr(arguments, "emit_guards", None)) is not None:
            _emit_guards(wanted, spec, record, display)
        return ending(record, str(keep(record)))


def _emit_guards(path: Path, spec: Spec, record: Record, display: Display) -> None:
    """Write the conditions on loaded values that verdicts name, as a module; no file where there are none."""
    from reports.guards import guards
    from reports.store import write

    text = guards(spec, record.verdicts)
    if text:
        write(path, text)
    display.line(f"guards: {path}" if text else "guards: none are needed, no file is written")


def ending(record: Record, report: str = "") -> Ending:
    """How a command about one record ends."""
    return of_dossier(record.dossier, record.spec.name, record.candidate.digest[:12], report)
