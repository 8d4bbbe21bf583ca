"""How to see a witness again: a command for each, and a test file that fails until the kernel is fixed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from reports.record import Record
from reports.text import one_line, visible
from verify.verdict import Verdict

ON_A_DEVICE: Final = "native"  # what only a device shows, no test on a CPU does
WHOLE: Final = ("policy", "compile")  # gates that look at the candidate, not at a size
HEAD: Final = '''"""Counterexamples to {entry}, found by kernelproof: the first of each gate that refuted it.

Each test asks that gate again where its claim was broken, on a CPU. It fails as long as the kernel does what the
witness shows, and passes once it is fixed. It says nothing of other sizes: `kernelproof verify` does.

    pytest {file}
"""

from synth.counterexample import check

{kernel}
SPEC = {spec!a}{own}
ENTRY = {function!a}
'''


def command(record: Record, verdict: Verdict) -> str:
    """The command that asks the verdict's gate again where its witness stands; empty where none can."""
    point = _point(verdict)
    if point is None:
        return ""
    own = record.candidate
    words = ["kernelproof", "verify", kernel(record)]
    if own.policy == "strict":
        words += ["--entry", own.entry]
    words += ["--spec", record.spec.name, "--gates", verdict.gate]
    return shlex.join([*words, "--at", point] if point else words)


def kernel(record: Record) -> str:
    """What the candidate is called on a command line; a proposal has no file, so it gets the name of its entry."""
    own = record.candidate
    if own.policy == "repo":
        return f"{own.path}:{own.entry}"
    if own.provenance.origin != "file":
        return f"{own.entry}.py"
    return f"./{own.path}" if own.path.startswith("-") else own.path


def pytest_file(record: Record) -> str:
    """The text of a test file, a test for each gate that refuted; empty where no gate can be asked again."""
    tests = list(_tests(record))
    if not tests:
        return ""
    own = record.candidate
    told = f"KERNEL = {kernel(record)!a}"
    if own.policy == "strict":
        note = "as seen from the folder in which pytest runs"
        told += f"  # {note}" if own.provenance.origin == "file" else f"  # save the candidate there, {note}"
    head = HEAD.format(
        entry=_word(own.entry), file=file_name(record), kernel=told, spec=record.spec.name, function=own.entry,
        own="  # or path/to/file.py:NAME, where it is a spec of your own",
    )  # fmt: skip
    return "\n\n".join([head, *tests])


def file_name(record: Record) -> str:
    """What to call the test file."""
    return f"test_{_word(PurePath(record.candidate.path).name.removesuffix('.py'))}_counterexamples.py"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:60]


def _tests(record: Record) -> Iterator[str]:
    seen: set[str] = set()
    for verdict in record.dossier.refuted:
        point = _point(verdict)
        if point is None or verdict.gate in seen:
            continue
        seen.add(verdict.gate)
        assert verdict.witness is not None
        given = ["KERNEL", "SPEC", repr(verdict.gate), ascii(point)]
        given += [f"claim={verdict.claim!a}"] if verdict.gate == "laws" else []
        given += ["entry=ENTRY"]
        body = ", ".join(given)
        lines = [f"def test_{verdict.gate}():", f"    # {visible(one_line(verdict.witness.sentence, 1000))}"]
        call = [f"    check({body})"]
        if len(call[0]) > 110:
            call = ["    check(", *(f"        {each}," for each in given), "    )"]
        yield "\n".join([*lines, *call]) + "\n"


def _point(verdict: Verdict) -> str | None:
    """Where to ask again; None where nobody can."""
    if verdict.witness is None or verdict.gate == ON_A_DEVICE or not verdict.gate.isidentifier():
        return None
    return verdict.witness.point or ("" if verdict.gate in WHOLE else None)
