"""Keep what stands against the code today, so that `check` stops what is new; or drop what is no longer found."""

from __future__ import annotations

import argparse
from typing import Final

from synth.commands.check import add_scope, request, run
from synth.exits import Ending, Exit

SUMMARY: Final = "accept what stands against the code today"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `baseline`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, told in (
        ("create", "write all that is found now into the baseline"),
        ("prune", "drop from the baseline what is no longer found; nothing new gets in"),
    ):
        add_scope(actions.add_parser(name, help=told, description=told, allow_abbrev=False))


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `baseline create` or `baseline prune`."""
    from reports.store import write_whole
    from synth.check import baseline
    from verify.verdict import count

    asked = request(arguments)
    result = run(asked)
    file = asked.root / result.config.baseline
    known = baseline.parse(file.read_text() if file.exists() else None, result.config.baseline)
    kept = [
        each
        for each in result.objections
        if each.kind in baseline.ACCEPTED and (arguments.action == "create" or known.get(each.id) == each.kind)
    ]
    text = baseline.dump(kept)
    write_whole(file, text)
    left = len(baseline.parse(text, result.config.baseline))
    print(f"{count(left, 'known objection')} in {result.config.baseline}; {len(known)} before")
    return Ending(Exit.PASSED, "written", {"known": str(left), "report": str(file)})
