"""List the specs: what each operator takes, returns and must do."""

from __future__ import annotations

import argparse
from typing import Final

from synth.exits import Ending, Exit

SUMMARY: Final = "list the specs"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `specs`."""
    parser.add_argument("name", nargs="?", help="show one spec: its contract, as a proposer is told it")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `specs`."""
    import specs
    from synth.candidates import find_spec
    from synth.contract import contract, signature
    from synth.progress import Display

    with Display() as display:
        if arguments.name:
            for line in contract(find_spec(arguments.name)).splitlines():
                display.line(line)
            return Ending(Exit.PASSED, "done", {"specs": "1"})
        wide = max(len(signature(spec)) for spec in specs.ALL.values())
        for spec in specs.ALL.values():
            display.line(f"{signature(spec):<{wide}}  version {spec.version}  {spec.summary}")
    return Ending(Exit.PASSED, "done", {"specs": str(len(specs.ALL))})
