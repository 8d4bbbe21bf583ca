"""Render a record again in any of its formats, or say what changed from one record to another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from synth.commands.verify import ending
from synth.exits import Ending, Exit, Trouble

SUMMARY: Final = "render a record, compare two"
FORMATS: Final = ("html", "md", "json", "sarif", "sarif-github", "junit", "intoto")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `report`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = "render a record again"
    render = actions.add_parser("render", help=told, description=told, allow_abbrev=False)
    render.add_argument("record", type=Path, metavar="RECORD", help="a record's JSON file")
    render.add_argument("--format", choices=FORMATS, default="html", help=f"{', '.join(FORMATS)}; default: html")
    render.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: beside the record, with another ending"
    )
    told = "say what is better, worse or weaker in a later record; ends with 1 if anything is worse or weaker"
    diff = actions.add_parser("diff", help="compare two records", description=told, allow_abbrev=False)
    diff.add_argument("old", type=Path, metavar="OLD", help="the earlier record's JSON file")
    diff.add_argument("new", type=Path, metavar="NEW", help="the later record's JSON file")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `report render` or `report diff`."""
    return _diff(arguments) if arguments.action == "diff" else _render(arguments)


def _render(arguments: argparse.Namespace) -> Ending:
    """It ends with 0 whatever the record says: rendering asks no gate."""
    from synth.exchange import write_whole
    from synth.folders import writable
    from synth.keeping import ENDINGS, RENDERERS, read_record

    record = read_record(arguments.record)
    text = RENDERERS[arguments.format](record)
    suffix = ENDINGS.get(arguments.format, arguments.format)
    target = arguments.output or arguments.record.with_suffix(f".{suffix}")
    if target.resolve() == arguments.record.resolve():
        raise Trouble(f"{target} is the record itself", "name another file by -o")
    if target.is_dir() or not target.parent.is_dir():
        raise Trouble(f"cannot write {target}: it is a directory, or there is no folder for it")
    writable(target.parent)
    write_whole(target, text)
    found = ending(record, str(target))
    return Ending(Exit.PASSED, found.verdict, found.facts)


def _diff(arguments: argparse.Namespace) -> Ending:
    from reports.comparison import KINDS, compare, regressed
    from reports.text import visible
    from synth.keeping import read_record

    old, new = read_record(arguments.old), read_record(arguments.new)
    if old.spec.name != new.spec.name:
        raise Trouble(
            f"{arguments.old} is about {old.spec.name}, {arguments.new} about {new.spec.name}",
            "compare two records of one spec",
        )
    changes = compare(old, new)
    for change in changes:
        print(f"{change.kind:8} {visible(change.what)}")
    if not changes:
        print("no difference")
    kinds = [change.kind for change in changes]
    facts = {"spec": new.spec.name} | {kind: str(kinds.count(kind)) for kind in KINDS}
    worse = regressed(changes)
    return Ending(Exit.REFUTED if worse else Exit.PASSED, "regressed" if worse else "no-worse", facts)
