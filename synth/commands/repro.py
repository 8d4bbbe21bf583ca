"""Redo a record from the source that it holds, and compare it verdict by verdict.

It ends as `verify` would, and with 1 where any verdict is not as it was. What else is not as it was then (versions,
revision, spec, captured kernels) is said before and after, and named on the RESULT line.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import ending, find_budget
from synth.exits import Ending, Exit, Trouble

if TYPE_CHECKING:
    from reports.environment import Environment
    from reports.record import Record
    from specs.spec import Spec
    from verify.case import Candidate
    from verify.verdict import Verdict

SUMMARY: Final = "redo a record and compare it verdict by verdict"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `repro`."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="a record's JSON file")
    parser.add_argument("--spec", help="where a spec of your own is: path/to/file.py:NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the new record to FILE")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `repro`."""
    from attrs import evolve

    from reports.environment import collect
    from synth.keeping import keeping, read_record
    from synth.pipeline import examine_candidate, only_those, standard
    from synth.progress import Display
    from synth.terminal import conclusion
    from verify.verdict import count

    old = read_record(arguments.record)
    if arguments.json is not None and arguments.json.resolve() == arguments.record.resolve():
        raise Trouble(f"{arguments.json} is the record itself", "name another file by --json")
    spec = _spec(old, arguments.spec)
    candidate = _candidate(old, arguments.spec or old.spec.name)
    budget = evolve(find_budget(old.profile), seed=old.seed)
    with Display() as display, keeping(arguments.json, None) as keep:
        told = f"{old.candidate.path}  spec {spec.name}, profile {old.profile}, seed {old.seed}"
        display.line(told, "title")
        others = circumstances(old, collect(), spec)
        for name, sentence in others.items():
            display.line(f"not as then: {name} {sentence}", "unknown")
        asked = {verdict.gate for verdict in old.verdicts}
        stages = evolve(only_those(standard(), asked), thorough=old.thorough)
        if strange := sorted(asked - {gate.__name__ for gate in stages.gates}):
            others["gates"] = f"{', '.join(strange)} asked then, unknown to this version"
            display.line(f"not as then: gates {others['gates']}", "unknown")
        new = examine_candidate(spec, candidate, budget, stages, progress=display)
        changes = differences(old, new)
        if moved := _captured(old, new):
            others["ttir"] = moved
            display.line(f"not as then: ttir {moved}", "unknown")
        display.line()
        for change in changes:
            display.line(change, "refuted")
        told = count(len(changes), "difference") if changes else "every verdict is as it was"
        if changes and others:
            told += f"; not as then, which may be why: {', '.join(others)}"
        display.line(f"{told}; {conclusion(new.dossier)}", "refuted" if changes else new.word)
        found = ending(new, str(keep(new)))
    facts = {"reproduced": "no" if changes else "yes", "others": ",".join(others)}
    return Ending(Exit.REFUTED if changes else found.code, found.verdict, {**found.facts, **facts})


def circumstances(old: Record, here: Environment, spec: Spec) -> dict[str, str]:
    """What may change an answer and is not as it was when the record was made: its name and a sentence each."""
    from reports.record import spec_digest

    found = {}
    then = old.environment
    for name in dict.fromkeys([*then.packages, *here.packages]):
        before, after = then.packages.get(name), here.packages.get(name)
        if before != after:
            found[name] = f"was {before or 'not installed'}, is {after or 'not installed'}"
    if then.python != here.python:
        found["python"] = f"was {then.python}, is {here.python}"
    if then.platform != here.platform:
        found["platform"] = f"was {then.platform}, is {here.platform}"
    if then.revision != here.revision:
        found["revision"] = f"was {_short(then.revision)}, is {_short(here.revision)}"
    elif then.dirty or here.dirty:
        found["checkout"] = "has, or had, uncommitted changes, which no revision names"
    if spec_digest(spec) != old.spec.digest:
        found["spec"] = f"{spec.name} has changed since, in what it asks or how"
    return found


def _short(revision: str | None) -> str:
    return revision[:12] if revision else "unknown"


def _captured(old: Record, new: Record) -> str:
    """Whether other kernels came out of capture: another compiler, or another package behind the host function."""
    then, now = (
        {variant.ttir for cell in record.cells for launch in cell.launches for variant in launch.variants}
        for record in (old, new)
    )
    return "" if then == now else f"{len(then - now)} of {len(then)} kernels are others, {len(now)} now"


def _spec(old: Record, named: str | None) -> Spec:
    """The spec that the record was held against, by its name or where the user says it is."""
    from specs import ALL
    from synth.candidates import find_spec

    if named is None and old.spec.name not in ALL:
        told = f"the record is about the spec {old.spec.name!r}, which is none of ours"
        raise Trouble(told, "say what it is, as it was then: --spec path/to/file.py:NAME")
    spec = find_spec(named or old.spec.name)
    if spec.name != old.spec.name:
        raise Trouble(f"the record is about the spec {old.spec.name!r}, and {named} is {spec.name!r}")
    return spec


def _candidate(old: Record, spec: str) -> Candidate:
    """The candidate as the record holds it. Of a package's function only what is installed can be run."""
    from synth.candidates import find_candidate, of_record

    kept = of_record(old)
    if kept.policy == "repo":
        _, here = find_candidate(f"{kept.path}:{kept.entry}", spec)
        if here.source != kept.source:
            raise Trouble(
                f"the module {kept.path} that is installed here is not the one that the record is about",
                "install the version that it was made with, or examine this one by `kernelproof verify`",
            )
    return kept


def differences(old: Record, new: Record) -> tuple[str, ...]:
    """What one record answers and the other does not, a sentence each; none where they agree.

    Verdicts agree when gate, claim, scope, outcome and witness do. Times and costs may differ.
    """
    before, after = Counter(map(_essence, old.verdicts)), Counter(map(_essence, new.verdicts))
    gone = [f"was:   {' '.join(filter(None, one))}" for one in (before - after).elements()]
    come = [f"is now: {' '.join(filter(None, one))}" for one in (after - before).elements()]
    return (*gone, *come)


def _essence(verdict: Verdict) -> tuple[str, ...]:
    witness = verdict.witness.sentence if verdict.witness else ""
    return (verdict.gate, verdict.outcome.word, verdict.claim, verdict.scope, witness)
