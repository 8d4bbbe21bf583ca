"""Take every recorded proposal through the gates, bench what is admitted, and write the pages.

It ends with 0 when each proposal got the verdict that is stored with it, and with 1 naming each that did not.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import find_budget
from synth.exits import Ending, Exit, Trouble, unknown_word

if TYPE_CHECKING:
    from synth.campaign import Judged, Proposal
    from synth.progress import Display

SUMMARY: Final = "examine every recorded proposal and write the pages"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `run`."""
    parser.add_argument("--jobs", type=int, default=0, help="parallel processes (default: one a CPU)")
    parser.add_argument("--profile", default="ci", help="quick, ci or deep (default: ci)")
    parser.add_argument("--spec", action="append", default=[], help="only this spec, repeatable")
    parser.add_argument("--only", action="append", default=[], metavar="SPEC/NAME", help="only this one, repeatable")
    parser.add_argument("--proposals", type=Path, metavar="DIR", help="holds <spec>/*.json (default: ours)")
    parser.add_argument("--seconds", type=float, default=900.0, help="for one proposal (default: 900)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: reports/runs/<time>")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `run`."""
    from reports.index import INDEX
    from reports.store import new_run
    from synth.campaign import gather
    from synth.candidates import find_spec
    from synth.folders import RUNS, claimed
    from synth.progress import Display
    from synth.proposers.replay import RECORDED

    find_budget(arguments.profile)
    chosen = [find_spec(name).name for name in arguments.spec]
    if arguments.jobs < 0 or arguments.seconds <= 0:
        raise Trouble("--jobs is at least 1 and --seconds above 0")
    proposals = gather(arguments.proposals or RECORDED, chosen, arguments.profile)
    known = [proposal.name for proposal in proposals]
    for name in arguments.only:
        if name not in known:
            raise unknown_word("proposal", name, known)
    proposals = tuple(each for each in proposals if each.name in arguments.only or not arguments.only)
    if not proposals:
        raise Trouble("there are no recorded proposals", "they lie in <spec>/*.json", Exit.NOTHING)
    jobs = min(arguments.jobs or len(os.sched_getaffinity(0)), len(proposals))
    if arguments.out is not None and (arguments.out / INDEX).exists():
        raise Trouble(f"{arguments.out} holds a run already", "choose another folder by --out")
    with Display() as display, claimed(arguments.out or new_run(RUNS)) as folder:
        display.line(f"{len(proposals)} recorded proposals, {jobs} at a time, into {folder}", "title")
        judged = _follow(display, proposals, jobs, arguments.seconds, folder)
        return _conclude(display, judged, folder)


def _follow(display: Display, proposals: Sequence[Proposal], jobs: int, seconds: float, folder: Path) -> list[Judged]:
    from reports.index import INDEX, write_record
    from synth.campaign import judge_all

    judged: list[Judged] = []
    wide = max(len(proposal.name) for proposal in proposals)
    results = judge_all(proposals, jobs, seconds)
    while True:
        with display.waiting(f"{len(judged)} of {len(proposals)} done"):
            one = next(results, None)
        if one is None:
            break
        judged.append(one)
        _row(display, one, wide)
        if one.record is not None:
            # At once: what is known stays known when the run is stopped.
            write_record(folder, one.record, index=INDEX)
    order = {proposal.name: place for place, proposal in enumerate(proposals)}
    return sorted(judged, key=lambda one: order[one.proposal.name])


def _row(display: Display, one: Judged, wide: int) -> None:
    from reports.markdown import bench_line
    from reports.record import shortfall

    if one.record is None:
        display.line(f"  {one.proposal.name:<{wide}} {one.surprise}", "error")
        return
    word = one.record.word
    why = bench_line(one.record) if one.record.admitted else shortfall(one.record.dossier)
    display.line(f"  {one.proposal.name:<{wide}} {word:<12} {one.seconds:6.1f} s  {why}".rstrip(), word)
    if one.surprise:
        display.line(f"  {'':<{wide}} SURPRISE: {one.surprise}", "error")


def _conclude(display: Display, judged: Sequence[Judged], folder: Path) -> Ending:
    from reports.index import write_run

    records = [one.record for one in judged if one.record is not None]
    write_run(folder, records)
    surprises = [one for one in judged if one.surprise]
    words = [record.word for record in records]
    display.line()
    for one in surprises:
        display.line(f"not as expected: {one.proposal.name}: {one.surprise}", "error")
    told = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    told = f"{len(judged)} proposals: {told}; {len(surprises) or 'no'} not as expected"
    display.line(told, "error" if surprises else "admitted")
    facts = {
        "candidates": str(len(judged)),
        "admitted": str(words.count("admitted")),
        "refuted": str(words.count("refuted")),
        "unknown": str(words.count("inconclusive")),
        "surprises": ",".join(one.proposal.name for one in surprises),
        "report": str(folder / "index.html"),
    }
    if not surprises:
        return Ending(Exit.PASSED, "as-expected", facts)
    unexamined = any(one.record is None for one in surprises)
    return Ending(Exit.ERROR if unexamined else Exit.REFUTED, "surprised", facts)
