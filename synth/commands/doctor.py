"""Say what this machine can do: versions, isolation, devices. Installs and changes nothing."""

from __future__ import annotations

import argparse
from typing import Final

from synth.exits import Ending, Exit

SUMMARY: Final = "say what this machine can do"


def configure(parser: argparse.ArgumentParser) -> None:
    """`doctor` takes no arguments."""


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `doctor`."""
    from synth.doctor import examine_machine
    from synth.progress import Display

    with Display() as display:
        findings = examine_machine()
        wide = max(len(finding.name) for finding in findings)
        for finding in findings:
            word = "ok" if finding.fine else "PROBLEM" if finding.needed else "none"
            display.line(f"{finding.name:<{wide}}  {word:<7}  {finding.told}", "" if finding.fine else "unknown")
    broken = [finding.name for finding in findings if finding.needed and not finding.fine]
    facts = {"problems": ",".join(broken)}
    return Ending(Exit.ERROR, "error", facts) if broken else Ending(Exit.PASSED, "ready", facts)
