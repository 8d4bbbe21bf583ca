"""Measure an admitted candidate. Its gates are asked again first: a record is a file, and files can be
edited.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import add_candidate, examine_and_keep, find_budget
from synth.exits import Ending, Trouble, unknown_word

if TYPE_CHECKING:
    from specs.spec import Spec, Workload
    from verify.case import Candidate

SUMMARY: Final = "measure an admitted candidate; refuse any other"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `bench`."""
    add_candidate(parser, "a record (.json), a file, or package.module:function")
    parser.add_argument(
        "--timed", type=Path, metavar="FILE", help="times of this very bundle, from synth.bench.device_check elsewhere"
    )
    parser.add_argument("--seal", type=Path, metavar="FILE", help="also write the sealed bundle, to take elsewhere")
    add_workloads(parser)
    parser.add_argument("--device", default="H200", help="what the model is for (default: H200)")


def add_workloads(parser: argparse.ArgumentParser) -> None:
    """The argument that names what to time."""
    parser.add_argument(
        "--workload", action="append", default=[], metavar="NAME", help="time only this one, repeatable (default: all)"
    )


def chosen_workloads(spec: Spec, names: Sequence[str]) -> tuple[Workload, ...]:
    """Those workloads of the spec, none where none is named. Raises Trouble for a name that it does not have."""
    known = {load.name: load for load in spec.workloads}
    for name in names:
        if name not in known:
            raise unknown_word(f"workload of {spec.name}", name, known)
    return tuple(known[name] for name in names)


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
    stages = standard(
        bench=True,
        device=arguments.device,
        elsewhere=elsewhere,
        sealed=arguments.seal,
        workloads=[load.name for load in chosen_workloads(spec, arguments.workload)],
    )
    with Display() as display:
        return examine_and_keep(
            arguments,
            display,
            spec,
            candidate,
            budget,
            stages,
        )


def _find(arguments: argparse.Namespace) -> tuple[Spec, Candidate]:
    from synth.candidates import find_candidate, find_spec, of_record
    from synth.keeping import read_record

    if arguments.candidate.endswith(".json"):
        record = read_record(Path(arguments.candidate))
        return find_spec(arguments.spec or record.spec.name), of_record(record)
    return find_candidate(arguments.candidate, arguments.spec, arguments.entry, arguments.policy)
