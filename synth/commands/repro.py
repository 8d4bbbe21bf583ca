"""Redo a record from the source that it holds, and compare it verdict by verdict.

It ends as `verify` would, and with 1 where any verdict is not as it was.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import ending, find_budget
from synth.exits import Ending, Exit

if TYPE_CHECKING:
    from reports.record import Record
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

    from reports.record import spec_digest
    from synth.candidates import find_spec, of_record
    from synth.keeping import keeping, read_record
    from synth.pipeline import examine_candidate, only_those, standard
    from synth.progress import Display
    from synth.terminal import conclusion

    old = read_record(arguments.record)
    spec = find_spec(arguments.spec or old.spec.name)
    budget = evolve(find_budget(old.profile), seed=old.seed)
    with Display() as display, keeping(arguments.json, None) as keep:
        told = f"{old.candidate.path}  spec {spec.name}, profile {old.profile}, seed {old.seed}"
        display.line(told, "title")
        if spec_digest(spec) != old.spec.digest:
            display.line("the spec has changed since the record was made", "unknown")
        stages = only_those(standard(), {verdict.gate for verdict in old.verdicts})
        new = examine_candidate(spec, of_record(old), budget, stages, progress=display)
        changes = differences(old, new)
        display.line()
        for change in changes:
            display.line(change, "refuted")
        told = f"{len(changes)} differences" if changes else "every verdict is as it was"
        display.line(f"{told}; {conclusion(new.dossier)}", "refuted" if changes else new.word)
        found = ending(new, str(keep(new)))
    return Ending(
        Exit.REFUTED if changes else found.code,
        found.verdict,
        {**found.facts, "reproduced": "no" if changes else "yes"},
    )


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
