"""Render a record again in any of its formats, sign it off, or say what changed from one record to another."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.commands.verify import ending
from synth.exits import Ending, Exit, Trouble, unknown_word

if TYPE_CHECKING:
    from reports.record import Record

SUMMARY: Final = "render a record, sign it off, compare two"
FORMATS: Final = ("html", "md", "json", "sarif", "sarif-github", "junit", "intoto", "pytest")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `report`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = "render a record again"
    render = actions.add_parser("render", help=told, description=told, allow_abbrev=False)
    render.add_argument("record", type=Path, metavar="RECORD", help="a record's JSON file")
    render.add_argument("--format", choices=FORMATS, default="html", help=f"{', '.join(FORMATS)}; default: html")
    render.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: beside the record, with another ending or name"
    )
    render.add_argument(
        "--strength", type=Path, metavar="FILE", help="also show this result of `mutate` (html and md only)"
    )
    render.add_argument(
        "--since", type=Path, metavar="OLD", help="also show what changed since this record (html only)"
    )
    told = "append a reviewer's decision to the sign-off file beside a record, bound to the record's digest"
    sign = actions.add_parser("sign", help="decide on a record", description=told, allow_abbrev=False)
    sign.add_argument("record", type=Path, metavar="RECORD", help="a record's JSON file")
    sign.add_argument("--reviewer", required=True, metavar="NAME", help="who decides")
    sign.add_argument("--role", required=True, help="as what, such as maintainer or safety reviewer")
    sign.add_argument("--decision", required=True, help="accept, accept-until or reject")
    sign.add_argument("--until", metavar="DATE", help="the last day of accept-until, such as 2027-01-31")
    sign.add_argument("--for", dest="config", default="", metavar="CONFIG", help="accept only this use of it")
    sign.add_argument("--comment", default="", metavar="TEXT", help="why; needed to accept what is not admitted")
    told = "say what is better, worse or weaker in a later record; ends with 1 if anything is worse or weaker"
    diff = actions.add_parser("diff", help="compare two records", description=told, allow_abbrev=False)
    diff.add_argument("old", type=Path, metavar="OLD", help="the earlier record's JSON file")
    diff.add_argument("new", type=Path, metavar="NEW", help="the later record's JSON file")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `report render`, `report sign` or `report diff`."""
    return {"render": _render, "sign": _sign, "diff": _diff}[arguments.action](arguments)


def _render(arguments: argparse.Namespace) -> Ending:
    """It ends with 0 whatever the record says: rendering asks no gate."""
    from reports import html
    from reports.canonical import digest
    from reports.index import INDEX
    from reports.reproduction import file_name
    from reports.store import write_whole
    from synth.folders import writable
    from synth.keeping import ENDINGS, RENDERERS, SIGNED, read_record, read_strength, signoffs_of

    record, signoffs = read_record(arguments.record), signoffs_of(arguments.record)
    form, strength, since = arguments.format, None, None
    if arguments.strength is not None:
        if form not in SIGNED:
            raise Trouble(f"{form} has no place for what became of seeded bugs", f"use --format {' or '.join(SIGNED)}")
        strength = read_strength(arguments.strength, record)
    if arguments.since is not None:
        if form != "html":
            raise Trouble(f"{form} has no place for what changed", "use --format html, or `report diff`")
        since = read_record(arguments.since)
        _same_spec(arguments.since, since, arguments.record, record)
    # A test has a name of its own: beside kernel.json may lie kernel.py.
    beside = arguments.record.with_suffix(f".{ENDINGS.get(form, form)}")
    target = arguments.output or (beside.with_name(file_name(record)) if form == "pytest" else beside)
    if form == "html":  # with links to what lies in the same folder
        near = target.resolve().parent == arguments.record.resolve().parent
        links = {"json": arguments.record.name} if near else {}
        links |= {"index": INDEX} if near and (target.parent / INDEX).is_file() else {}
        text = html.render(record, signoffs=signoffs, strength=strength, since=since, **links)
    else:
        text = SIGNED[form](record, signoffs, strength) if form in SIGNED else RENDERERS[form](record)
    if not text:
        raise Trouble("no gate of this record can be asked again about a counterexample", "there is no test to write")
    if target.resolve() == arguments.record.resolve():
        raise Trouble(f"{target} is the record itself", "name another file by -o")
    if target.is_dir() or not target.parent.is_dir():
        raise Trouble(f"cannot write {target}: it is a directory, or there is no folder for it")
    writable(target.parent)
    write_whole(target, text)
    found = ending(record, str(target))
    # What day it is may be said here, and not in a page that is the same for equal input.
    signed = signoffs.word(digest(record), datetime.now(UTC).date())
    return Ending(Exit.PASSED, found.verdict, {**found.facts, "signoff": signed})


def _sign(arguments: argparse.Namespace) -> Ending:
    """Append one decision. Nothing is appended to a file that is damaged."""
    from reports.canonical import digest
    from reports.signoff import DECISIONS, FIRST, SCHEMA, Damaged, SignOff, append, beside
    from synth.folders import writable
    from synth.keeping import read_record

    record, path = read_record(arguments.record), beside(arguments.record)
    if arguments.decision not in DECISIONS:
        raise unknown_word("decision", arguments.decision, DECISIONS)
    now = datetime.now(UTC)
    until = _until(arguments.decision, arguments.until, now.date())
    if not arguments.reviewer.strip() or not arguments.role.strip():
        raise Trouble("a sign-off names its reviewer and their role", "give --reviewer and --role")
    if arguments.decision == "reject" and arguments.config:
        raise Trouble("--for narrows an acceptance, and the decision is to reject", "leave out --for")
    if arguments.decision != "reject" and not record.admitted and not arguments.comment.strip():
        raise Trouble(f"the record is {record.word}, not admitted", "say by --comment why it is accepted all the same")
    sign = SignOff(
        SCHEMA, FIRST, digest(record), arguments.reviewer.strip(), arguments.role.strip(), arguments.decision,
        until, arguments.config.strip(), arguments.comment.strip(), now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip
    if path.exists() and not path.is_file():
        raise Trouble(f"{path} is no regular file")
    writable(path.parent)
    try:
        written = append(path, sign)
    except Damaged as damaged:
        told = "nothing was appended; restore the file, or move it away and sign anew"
        raise Trouble(f"{path} is damaged: {damaged}", told) from None
    print(f"{written.said} by {written.reviewer}, {written.role}: {path}")
    return Ending(Exit.PASSED, "signed", {"decision": written.decision, "record": written.record[:12],
                                          "line": written.digest[:12], "signoffs": str(path)})  # fmt: skip


def _until(decision: str, until: str | None, today: date) -> str | None:
    if decision != "accept-until":
        if until is not None:
            raise Trouble(f"--until goes with accept-until, and the decision is {decision}", "leave out --until")
        return None
    if until is None:
        raise Trouble("accept-until wants a date", "give the last day by --until, such as 2027-01-31")
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise Trouble(f"--until {until!r} is no date", "write it as in 2027-01-31") from None
    if day < today:
        raise Trouble(f"--until {day} has passed already: today is {today} UTC")
    return day.isoformat()


def _same_spec(first: Path, old: Record, second: Path, new: Record) -> None:
    if old.spec.name != new.spec.name:
        told = f"{first} is about {old.spec.name}, {second} about {new.spec.name}"
        raise Trouble(told, "compare two records of one spec")


def _diff(arguments: argparse.Namespace) -> Ending:
    from reports.comparison import KINDS, compare, regressed
    from reports.text import visible
    from synth.keeping import read_record

    old, new = read_record(arguments.old), read_record(arguments.new)
    _same_spec(arguments.old, old, arguments.new, new)
    changes = compare(old, new)
    for change in changes:
        print(f"{change.kind:8} {visible(change.what)}")
    if not changes:
        print("no difference")
    kinds = [change.kind for change in changes]
    facts = {"spec": new.spec.name} | {kind: str(kinds.count(kind)) for kind in KINDS}
    worse = regressed(changes)
    return Ending(Exit.REFUTED if worse else Exit.PASSED, "regressed" if worse else "no-worse", facts)
