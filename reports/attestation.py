"""An in-toto Statement about a candidate: unsigned, ready to be signed by whoever vouches for the run.

The predicate, `urn:kernelproof:verification:v1`, says what was asked, what came of it and where the whole record is:

    verifier      {id, version}: this program
    timeVerified  UTC, ISO 8601
    spec          {name, version, digest{sha256}, domain, dtypes}
    policy        gate -> least outcome that lets a candidate by
    verdict       `admitted`, `refuted` or `inconclusive`
    outcomes      gate -> its worst outcome; `not run` where it gave none
    properties    one word for each claim class that was shown, such as `KERNELPROOF_BOUNDS_PROVED`
    assumptions   sentences that the outcomes rest on
    proofs        {gate, claim, restsOn, queries{count, digest{sha256}}}: what each proof took beside the grid and the
                  tiles, and what z3 was asked for it (digest null where ranges decided); none at profile `quick`
    uncovered     sizes of the domain that were not looked at
    record        {digest{sha256}} of the record's canonical JSON
    environment   as in the record
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import rfc8785

from reports import assurance
from reports.canonical import digest, to_data
from reports.record import Record
from reports.tally import Row, tally
from reports.text import visible
from verify.verdict import Trail, Verdict

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "urn:kernelproof:verification:v1"


def render(record: Record) -> str:
    """The Statement as canonical JSON. Its subjects are the candidate's source and, once admitted, the bundle."""
    source = sha256(record.candidate.source.encode(errors="replace")).hexdigest()
    subjects = [{"name": visible(record.candidate.path), "digest": {"sha256": source}}]
    if record.bundle is not None:
        subjects.append(
            {"name": f"bundle of {visible(record.candidate.path)}", "digest": {"sha256": record.bundle.digest}}
        )
    statement = {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": _predicate(record),
    }
    text: bytes = rfc8785.dumps(statement)
    return text.decode()


def _predicate(record: Record) -> dict[str, Any]:
    rows, data = tally(record), to_data(record)
    return {
        "verifier": {"id": "kernelproof", "version": record.environment.packages.get("kernelproof")},
        "timeVerified": record.environment.time,
        "spec": {
            "name": data["spec"]["name"],
            "version": data["spec"]["version"],
            "digest": {"sha256": record.spec.digest},
            "domain": data["spec"]["domain"],
            "dtypes": data["spec"]["dtypes"],
        },
        "policy": data["required"],
        "verdict": record.word,
        "outcomes": {row.gate: row.worst for row in rows},
        "properties": [word for row in rows if (word := _property(row))],
        "assumptions": [visible(text) for text in assurance.assumptions(record)],
        "proofs": [_proof(verdict, verdict.trail) for verdict in record.verdicts if verdict.trail],
        "uncovered": data["uncovered"],
        "record": {"digest": {"sha256": digest(record)}},
        "environment": data["environment"],
    }


def _proof(verdict: Verdict, trail: Trail) -> dict[str, Any]:
    asked = {"count": trail.queries, "digest": {"sha256": visible(trail.digest)} if trail.queries else None}
    told = [visible(text) for text in trail.told]
    return {"gate": visible(verdict.gate), "claim": visible(verdict.claim), "restsOn": told, "queries": asked}


def _property(row: Row) -> str:
    """Only a gate all of whose claims were shown has one, and a test is not called a proof."""
    shown = {"proved": "PROVED", "held": "TESTED"}.get(row.worst)
    return f"KERNELPROOF_{row.gate.upper()}_{shown}" if shown and row.enough else ""
