"""Waivers: one person lets one finding of one version of the code by, another agrees, for some weeks.

[[waiver]]
id = "W-014"
finding = "bounds@ops.softmax:softmax#1f0c9a52"
digest = "9c1e..."             # of the function's code, as the finding names it: the waiver ends when it changes
category = "false-positive"    # or "accepted-risk", "tool-limitation"
reason = "n_cols is padded by the caller; see #812"
owner = "@alice"
approver = "@bob"              # another person
created = 2026-11-20
expires = 2026-12-20           # at most 90 days later
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, Literal

from attrs import evolve, fields, frozen
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.v import format_exception

from synth.check.objections import Objection
from synth.exits import Exit, Trouble
from verify.verdict import Place

LONGEST: Final = timedelta(days=90)
SOON: Final = timedelta(days=14)
WAIVABLE: Final = ("refuted", "weakening", "unspecified-error", "unknown", "unspecified")


@frozen
class Waiver:
    """One waiver, as written."""

    id: str
    finding: str
    digest: str
    category: Literal["false-positive", "accepted-risk", "tool-limitation"]
    reason: str
    owner: str
    approver: str
    created: date
    expires: date


def parse(text: str | None, where: str) -> tuple[Waiver, ...]:
    """The waivers of a file; none where there is no file. Raises Trouble with exit code 5."""
    if text is None:
        return ()
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Trouble(f"{where}: {error}", code=Exit.WAIVER) from None
    if strange := [key for key in document if key != "waiver"]:
        raise Trouble(f"{where}: unknown key {strange[0]!r}", "waivers stand under [[waiver]]", Exit.WAIVER)
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(date, _date)
    converter.register_structure_hook(str, _text)
    found = []
    for number, entry in enumerate(document.get("waiver", []), start=1):
        try:
            found.append(converter.structure(entry, Waiver))
        except BaseValidationError as error:
            name = entry.get("id", f"number {number}") if isinstance(entry, dict) else f"number {number}"
            told = f"{where}: waiver {name}: {transform_error(error, path='waiver', format_exception=_complaint)[0]}"
            raise Trouble(
                told, f"a waiver has {', '.join(each.name for each in fields(Waiver))}", Exit.WAIVER
            ) from None
    return tuple(found)


def _complaint(error: BaseException, wanted: type | None) -> str:
    return str(error) if isinstance(error, _Slip) else format_exception(error, wanted)


class _Slip(ValueError):
    """A value that is not what it should be, said for people."""


def _date(value: object, _: object) -> date:
    if not isinstance(value, date):
        raise _Slip(f"{value!r} is no date such as 2026-12-20")
    return date(value.year, value.month, value.day)


def _text(value: object, _: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Slip(f"{value!r} is no text")
    return value


def settle(
    objections: Sequence[Objection], waivers: Sequence[Waiver], where: str, today: date, everything: bool
) -> tuple[Objection, ...]:
    """The objections with valid waivers applied, and new ones for waivers that are wrong.

    That a waiver is of no use any more is told only where `everything` was looked at.
    """
    faults = {waiver.id: list(_faults(waiver, objections, waivers, today, everything)) for waiver in waivers}
    valid = {waiver.finding: waiver for waiver in waivers if not faults[waiver.id]}
    wrong = {(waiver.finding, waiver.digest): waiver.id for waiver in waivers if faults[waiver.id]}

    def applied(each: Objection) -> Objection:
        if each.kind not in WAIVABLE:
            return each
        if each.id in valid:
            return evolve(each, settled=f"waived by {valid[each.id].id} until {valid[each.id].expires}")
        return evolve(each, lapsed=wrong.get((each.id, each.digest), ""))

    settled = list(map(applied, objections))
    for waiver in waivers:
        told = [
            Objection(f"waiver@{waiver.id}", "waiver", f"{waiver.id} {why}", Place(where, 0))
            for why in faults[waiver.id]
        ]
        settled += told
    return tuple(settled)


def _faults(
    waiver: Waiver, objections: Sequence[Objection], waivers: Sequence[Waiver], today: date, everything: bool
) -> Iterator[str]:
    if sum(each.id == waiver.id for each in waivers) > 1:
        yield "stands twice: give each waiver an id of its own"
    if waiver.owner == waiver.approver:
        yield f"is owned and approved by {waiver.owner}: another person has to approve it"
    if waiver.expires < today:
        yield f"expired on {waiver.expires}: mend the kernel, or have it approved anew"
    if waiver.expires - waiver.created > LONGEST:
        yield f"is to last {(waiver.expires - waiver.created).days} days; at most {LONGEST.days} are allowed"
    if waiver.created > today:
        yield f"was created on {waiver.created}, which has not come yet"
    found = next((each for each in objections if each.id == waiver.finding), None)
    if found is None:
        if everything:
            yield f"waives {waiver.finding}, which was not found: remove it"
    elif found.kind not in WAIVABLE:
        yield f"waives {waiver.finding}; what is {found.kind} cannot be waived"
    elif found.digest != waiver.digest:
        yield f"was given for code {waiver.digest[:12]}, which is now {found.digest[:12]}: have it approved anew"


def soon(waivers: Sequence[Waiver], today: date) -> tuple[str, ...]:
    """Waivers that are about to end, a sentence each."""
    return tuple(
        f"{waiver.id} ends on {waiver.expires}" for waiver in waivers if today <= waiver.expires < today + SOON
    )
