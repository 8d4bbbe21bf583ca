"""Measure an admitted candidate. Its gates are asked again first: a record is a file, and files can be
edited.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import add_candidate, examine_and_keep, find_budget
from synth.exits import Ending, Trouble, unknown_word

if TYPE_CHECKING:
    from specs.spec import Spec
    from verify.case import Candidate

SUMMARY: Final = "measure an admitted candidate; refuse any other"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `bench`."""
    add_candidate(parser, "a record (.json), a file, or package.module:function")
    parser.add_argument(
        "--timed", type=Path, metavar="FILE", help="times of this very bundle, from synth.bench.device_check elsewhere"
    )
    parser.add_argument("--seal", type=Path, metavar="FILE", help="also write the sealed bundle, to take elsewhere")
    parser.add_argument("--device", default="H200", help="what the model is for (default: H200)")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `bench`."""
    from synth.bench.results import timed_elsewhere
    from synth.pipeline import standard
    from synth.progress import Display
    from synth.prompt import LAYOUTS

    if arguments.device not in LAYOUTS:
        raise unknown_word("device", arguments.device, LAYOUTS)
    try:
        elsewhere = timed_elsewhere(arguments.timed) if arguments.timed else None
    except ValueError as error:
        raise Trouble(str(error), "give a device.json that synth.bench.device_check wrote") from None
    budget = find_budget(arguments.profile)
    spec, candidate = _find(arguments)
    with Display() as display:
        return examine_and_keep(
            arguments,
            display,
            spec,
            candidate,
            budget,
            standard(bench=True, device=arguments.device, elsewhere=elsewhere, sealed=arguments.seal),
        )


def _find(arguments: argparse.Namespace) -> tuple[Spec, Candidate]:
    from synth.candidates import find_candidate, find_spec, of_record
    from synth.keeping import read_record

    if arguments.candidate.endswith(".json"):
        record = read_record(Path(arguments.candidate))
        return find_spec(arguments.spec or record.spec.name), of_record(record)
    return find_candidate(arguments.candidate, arguments.spec, arguments.entry, arguments.policy)
