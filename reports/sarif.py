"""SARIF 2.1.0: every claim a result, so that a viewer shows what was shown as well as what was not.

`for_github` leaves out what was shown and gives the rest a level: GitHub makes an alert of every result,
whatever its kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from reports.findings import SHOWN, Finding, findings
from reports.record import Record
from reports.tally import BRIEFS, CLAIMS, NOT_RUN
from reports.text import visible
from verify.verdict import Access, Place

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
KINDS: Final[Mapping[str, str]] = {
    "proved": "pass", "held": "pass", "refuted": "fail", "unknown": "open", "crashed": "open", NOT_RUN: "open",
}  # fmt: skip


def render(record: Record) -> str:
    """The whole record as one SARIF run. Equal records give equal text."""
    return _log(record, [_result(record, finding) for finding in findings(record)])


def for_github(record: Record) -> str:
    """Only what was refuted or is open, each with a level, as GitHub's code scanning takes it."""
    results = []
    for finding in findings(record):
        if finding.bucket not in SHOWN:
            level = "error" if finding.blocks else "note"
            results.append(_result(record, finding) | {"kind": "fail", "level": level})
    return _log(record, results)


def _log(record: Record, results: list[dict[str, Any]]) -> str:
    gates = list(dict.fromkeys([*CLAIMS, *record.required, *(verdict.gate for verdict in record.verdicts)]))
    run = {
        "tool": {
            "driver": {
                "name": "kernelproof",
                "version": record.environment.packages.get("kernelproof") or "0",
                "rules": [_rule(gate) for gate in gates],
            }
        },
        "automationDetails": {"id": f"kernelproof/{quote(record.spec.name)}/{record.candidate.digest[:16]}"},
        "artifacts": [
            {
                "location": {"uri": _uri(record.candidate.path)},
                "hashes": {"sha-256": sha256(record.candidate.source.encode(errors="replace")).hexdigest()},
                "roles": ["analysisTarget"],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(record)],
        "results": [{**result, "ruleIndex": gates.index(result["ruleId"])} for result in results],
        "properties": {
            "verdict": record.word,
            "spec": record.spec.name,
            "specDigest": record.spec.digest,
            "profile": record.profile,
            "uncovered": [visible(text) for text in record.uncovered],
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _rule(gate: str) -> dict[str, Any]:
    told = CLAIMS.get(gate, gate)
    return {
        "id": gate,
        "name": gate.capitalize(),
        "shortDescription": {"text": BRIEFS.get(gate, told)},
        "fullDescription": {"text": told},
    }


def _invocation(record: Record) -> dict[str, Any]:
    crashed = [verdict for verdict in record.verdicts if verdict.outcome.word == "crashed"]
    notes = [{"level": "error", "message": {"text": visible(verdict.detail or verdict.claim)}} for verdict in crashed]
    return {
        "executionSuccessful": not crashed,
        "endTimeUtc": record.environment.time,
        "toolExecutionNotifications": notes,
    }


def _result(record: Record, finding: Finding) -> dict[str, Any]:
    kind = KINDS[finding.bucket]
    result: dict[str, Any] = {
        "ruleId": finding.gate,
        "kind": kind,
        "level": "error" if kind == "fail" else "none",
        "message": {"text": visible(finding.message)},
        "locations": [location(_place(record, finding))],
        "partialFingerprints": {"kernelproof/v1": finding.key},
        "properties": {"outcome": finding.bucket, "claim": visible(finding.claim), "required": finding.required},
    }
    verdict = finding.verdict
    if verdict is not None:
        result["properties"] |= {
            "scope": visible(verdict.scope),
            "detail": visible(verdict.detail),
            "assumptions": [visible(text) for text in verdict.assumptions],
        }
        if verdict.trail is not None:
            result["properties"] |= {
                "restsOn": [visible(text) for text in verdict.trail.told],
                "queriesDigest": verdict.trail.digest,
            }
        if verdict.witness is not None and verdict.witness.accesses:
            result["relatedLocations"] = list(_accesses(verdict.witness.accesses))
    return result


def _place(record: Record, finding: Finding) -> Place:
    verdict = finding.verdict
    found = verdict and (verdict.place or (verdict.witness and verdict.witness.place))
    return found or Place(record.candidate.path, 0)


def _accesses(accesses: tuple[Access, ...]) -> Iterator[dict[str, Any]]:
    for number, access in enumerate(accesses, start=1):
        told = (
            f"program {access.program}, lane {access.lane}: {access.kind} of {access.buffer}[{access.offset}], "
            f"which has {access.elements} elements"
        )
        yield {"id": number, "message": {"text": visible(told)}, **location(access.place)}


def location(place: Place) -> dict[str, Any]:
    """A SARIF location; the file alone where the line is not known."""
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line:
        region = {"startLine": place.line} | ({"startColumn": place.column} if place.column else {})
        where["region"] = region
    return {"physicalLocation": where}


def _uri(path: str) -> str:
    return quote(path.encode(errors="replace"), safe="/")
