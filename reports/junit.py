"""JUnit XML: a suite for each gate, a case for each claim. A required gate that did not run is an error."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from reports.findings import SHOWN, Finding, findings
from reports.record import Record
from reports.text import visible


def render(record: Record) -> str:
    """The record as one `testsuites` element. Equal records give equal text."""
    found = findings(record)
    root = xml.Element("testsuites", {"name": visible(f"kernelproof {record.spec.name}"), **_counts(found)})
    for gate in dict.fromkeys(finding.gate for finding in found):
        own = tuple(finding for finding in found if finding.gate == gate)
        suite = xml.SubElement(root, "testsuite", {"name": visible(gate), **_counts(own)})
        for finding in own:
            _case(suite, record, finding)
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def ending(finding: Finding) -> str:
    """How a test run ends for the finding: `passed`, `failure`, `error`, or `skipped` where nothing was required."""
    if finding.bucket in SHOWN:
        return "passed"
    if finding.bucket == "refuted":
        return "failure"
    return "error" if finding.required or finding.bucket == "crashed" else "skipped"


def _counts(found: tuple[Finding, ...]) -> dict[str, str]:
    endings = [ending(finding) for finding in found]
    seconds = sum(finding.verdict.cost.seconds for finding in found if finding.verdict)
    return {
        "tests": str(len(found)),
        "failures": str(endings.count("failure")),
        "errors": str(endings.count("error")),
        "skipped": str(endings.count("skipped")),
        "time": f"{seconds:.3f}",
    }


def _case(suite: xml.Element, record: Record, finding: Finding) -> None:
    verdict = finding.verdict
    named = {
        "classname": visible(f"{record.candidate.path}:{record.candidate.entry}.{finding.gate}"),
        "name": visible(finding.claim),
        "time": f"{verdict.cost.seconds if verdict else 0:.3f}",
    }
    if verdict is not None and verdict.place is not None and verdict.place.line:
        named |= {"file": visible(verdict.place.file), "line": str(verdict.place.line)}
    case = xml.SubElement(suite, "testcase", named)
    properties = xml.SubElement(case, "properties")
    told = {"outcome": finding.bucket, "key": finding.key}
    if verdict is not None:
        told |= {"scope": verdict.scope, "detail": verdict.detail}
    for name, value in told.items():
        xml.SubElement(properties, "property", {"name": name, "value": visible(value)})
    if (tag := ending(finding)) != "passed":
        xml.SubElement(case, tag, {"message": visible(finding.message), "type": finding.bucket})
