"""What stands against a merge, drawn from what was found: every objection with the line at which it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Literal, TypeAlias

from attrs import frozen

from reports.findings import Finding, findings
from reports.record import Record
from synth.check.closure import Repository
from synth.check.config import FILE, Config
from synth.check.difference import Change, Difference
from synth.check.objections import Kind, Objection
from synth.check.subjects import Found, Kernel, Subject
from synth.check.trees import Unreadable
from verify.verdict import Place

State: TypeAlias = Literal["unchanged", "cached", "examined", "failed", "unexamined"]


@frozen
class Checked:
    """One subject and what came of it. `changed` says what about it is not as at the base."""

    subject: Subject
    state: State
    changed: tuple[str, ...] = ()
    record: Record | None = None
    failure: str = ""


def objections_of(
    checked: Sequence[Checked], config: Config, found: Found, against: Difference, head: Repository
) -> list[Objection]:
    """Everything that stands against a merge; what lies in files of the change comes first."""
    told = [*_weakened(against, head), *_unexamined(config, found, against, head)]
    for one in checked:
        told += _of_subject(one, config, against, head)
    return sorted(told, key=lambda each: not against.touches(each.place.file))


def _of_subject(one: Checked, config: Config, against: Difference, head: Repository) -> Iterator[Objection]:
    function, digest = one.subject.function, one.subject.closure.digest
    if one.state == "failed":
        told = f"{function} was not examined: {one.failure}"
        yield Objection(f"failed@{function}", "failed", told, _start(one.subject, head), digest, function=function)
    for finding in findings(one.record) if one.record is not None else ():
        if finding.blocks:
            yield _of_finding(finding, one.subject, against, head)
    if one.record is not None and one.record.word == "kept" and config.kept != "pass":
        told = f"{function} keeps what it is held to, which says nothing of numbers: give it a spec with a reference"
        yield Objection(
            f"numbers@{function}", _kind(config.kept), told, _start(one.subject, head), digest, "", function
        )


def _of_finding(finding: Finding, subject: Subject, against: Difference, head: Repository) -> Objection:
    crashed = finding.bucket == "crashed"
    message = finding.message.strip().splitlines()[-1] if crashed else finding.message
    place = finding.verdict and (finding.verdict.place or (finding.verdict.witness and finding.verdict.witness.place))
    if not (isinstance(place, Place) and place.line):
        # No line is to blame for a wrong value, but a reader has to begin somewhere.
        place = against.first_change(subject)
        message += " [shown where the code first differs from the base]" if place else " [shown at the function]"
    return Objection(
        f"{finding.gate}@{subject.function}#{finding.key[:8]}",
        "failed" if crashed else "refuted" if finding.bucket == "refuted" else "unknown",
        message,
        _placed(place, subject) if place else _start(subject, head),
        subject.closure.digest,
        finding.gate,
        subject.function,
    )


def _start(subject: Subject, head: Repository) -> Place:
    name = subject.function.rpartition(":")[2].partition(".")[0]
    at = head.definition(subject.path, name, set()) or (subject.path, name)
    return Place(at[0], head.line(*at))


def _placed(place: Place, subject: Subject) -> Place:
    """The place with the file's path in the repository: a verdict may name it from its package's folder."""
    fitting = [path for path in subject.closure.files if path == place.file or path.endswith(f"/{place.file}")]
    of_kernels = {path for path, _ in subject.closure.kernels}
    named = [path for path in fitting if path == place.file or path in of_kernels] or fitting
    return Place(named[0], place.line, place.column) if named else place


def _unexamined(config: Config, found: Found, against: Difference, head: Repository) -> Iterator[Objection]:
    for missing in found.missing:
        told = f"{missing.function}: {missing.why}"
        yield Objection(f"missing@{missing.function}", "missing", told, _in_config(head, missing.function))
    for damaged in found.damaged:
        if against.touches(damaged.path):
            told = f"{damaged.why}; kernels in it were not looked at"
            yield Objection(f"damaged@{damaged.path}", "damaged", told, Place(damaged.path, damaged.line))
    for kernel in found.unspecified:
        if config.unspecified != "pass" and against.changes(kernel):
            yield _without_spec(kernel, _kind(config.unspecified))


def _without_spec(kernel: Kernel, kind: Kind) -> Objection:
    told = (
        f"no function of [tool.kernelproof.specs] reaches the kernel {kernel.name}, so nothing was shown of it: "
        "tie the function that launches it to a spec, or say what it is given, as in "
        + (kernel.call or '"module:function" = "function(x: T[M, N])"')
    )
    return Objection(f"spec@{kernel.path}:{kernel.name}", kind, told, Place(kernel.path, kernel.line), kernel.digest)


def _kind(strictness: str) -> Kind:
    return "unspecified-error" if strictness == "error" else "unspecified"


def _weakened(against: Difference, head: Repository) -> Iterator[Objection]:
    for change in against.weaker:
        yield _weakening(change, head)


def _weakening(change: Change, head: Repository) -> Objection:
    named = sha256(change.what.encode()).hexdigest()
    subject = change.function or "configuration"
    told = f"{subject} is asked less than before: {change.what}"
    place = Place(change.path, head.line(change.path, change.name)) if change.path else _in_config(head, subject)
    return Objection(f"weakening@{subject}#{named[:8]}", "weakening", told, place, change.digest, "", change.function)


def _in_config(head: Repository, function: str) -> Place:
    """The line of the configuration that names a function, or that of its table."""
    try:
        lines = (head.tree.read(FILE) or "").splitlines()
    except Unreadable:
        lines = []
    for wanted in (f'"{function}"', "[tool.kernelproof.specs]", "[tool.kernelproof]"):
        for number, line in enumerate(lines, start=1):
            if wanted in line:
                return Place(FILE, number)
    return Place(FILE, 0)
