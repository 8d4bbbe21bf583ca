"""The baseline: what stood against the code when the gate was set up, so that it stops what is new."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import rfc8785
from attrs import evolve

from synth.check.objections import Objection
from synth.exits import Exit, Trouble
from verify.verdict import Place

SCHEMA: Final = "kernelproof-baseline/1"
ACCEPTED: Final = ("refuted", "unknown", "unspecified", "unspecified-error")


def dump(objections: Sequence[Objection]) -> str:
    """The file that lets these objections by: their ids and kinds, one a line in order, equal for equal ones."""
    known = {each.id: each.kind for each in objections if each.kind in ACCEPTED}
    text: bytes = rfc8785.dumps({"schema": SCHEMA, "known": known})
    return json.dumps(json.loads(text), indent=1) + "\n"


def parse(text: str | None, where: str) -> dict[str, str]:
    """id -> kind; empty where there is no file. Raises Trouble with exit code 5."""
    if text is None:
        return {}
    again = "make it again with `kernelproof baseline create`"
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise Trouble(f"{where}:{error.lineno}: {error.msg}", again, Exit.WAIVER) from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise Trouble(f"{where} is no {SCHEMA}: {found!r}", again, Exit.WAIVER)
    known = data.get("known")
    if data.keys() != {"schema", "known"} or not isinstance(known, dict):
        raise Trouble(f"{where} is damaged", again, Exit.WAIVER)
    if strange := [kind for kind in known.values() if kind not in ACCEPTED]:
        raise Trouble(f"{where} lets by what is {strange[0]!r}", again, Exit.WAIVER)
    return known


def settle(
    objections: Sequence[Objection], known: dict[str, str], where: str, everything: bool
) -> tuple[Objection, ...]:
    """The objections with those of the baseline let by. What was unknown and is now refuted is not let by.

    That an entry is of no use any more is told only where `everything` was looked at.
    """
    settled = [
        evolve(each, settled="in the baseline") if each.blocks and known.get(each.id) == each.kind else each
        for each in objections
    ]
    gone = sorted(known.keys() - {each.id for each in objections}) if everything else ()
    for id in gone:
        told = f"{id} is in the baseline and no longer found: run `kernelproof baseline prune`"
        settled.append(Objection(f"baseline@{id}", "baseline", told, Place(where, 0)))
    return tuple(settled)
