"""Render a record again, as a page, as Markdown or as canonical JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from synth.commands.verify import ending
from synth.exits import Ending, Exit, Trouble

SUMMARY: Final = "render a record"
FORMATS: Final = ("html", "md", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `report`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = "render a record again"
    render = actions.add_parser("render", help=told, description=told, allow_abbrev=False)
    render.add_argument("record", type=Path, metavar="RECORD", help="a record's JSON file")
    render.add_argument("--format", choices=FORMATS, default="html", help="default: html")
    render.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: beside the record, with another ending"
    )


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `report render`. It ends with 0 whatever the record says: rendering asks no gate."""
    from synth.exchange import write_whole
    from synth.folders import writable
    from synth.keeping import RENDERERS, read_record

    record = read_record(arguments.record)
    text = RENDERERS[arguments.format](record)
    target = arguments.output or arguments.record.with_suffix(f".{arguments.format}")
    if target.resolve() == arguments.record.resolve():
        raise Trouble(f"{target} is the record itself", "name another file by -o")
    if target.is_dir() or not target.parent.is_dir():
        raise Trouble(f"cannot write {target}: it is a directory, or there is no folder for it")
    writable(target.parent)
    write_whole(target, text)
    found = ending(record, str(target))
    return Ending(Exit.PASSED, found.verdict, found.facts)
