"""A check's result in the words of whoever reads it: people, GitHub, SARIF viewers, JUnit, lintrunner."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree as xml

from attrs import asdict

from reports.sarif import SCHEMA, location
from reports.text import LARGEST, clip, one_line, plain, visible
from synth.check.examining import Result
from synth.check.objecting import Checked
from synth.check.objections import EXITS, Objection, exit_of
from synth.exits import Exit
from verify.verdict import count

MOST: Final = 10  # annotations of one kind that GitHub shows for a step
ORDER: Final = list(EXITS)
ALL_WELL: Final = "nothing stands against a merge"


def text(result: Result) -> str:
    """For a terminal: every subject, then every objection, those that say the same together."""
    broad = max((len(one.subject.function) for one in result.checked), default=0)
    lines = [subject_line(one, broad) for one in result.checked]
    for first, *others in alike(sorted_(result.objections)):
        of = f" of {first.function}" if first.function else ""
        lines += ["", f"{title(first)}{of}", f"  --> {first.place}"]
        lines += [f"   = {line}" for line in _wrapped(first.message)]
        lines += [f"   = {line}" for line in ([first.settled] if first.settled else _named(first))]
        lines += [f"   = {first.lapsed} was to let it by and does not count"] if first.lapsed else []
        if others:
            lines.append(f"   = {len(others)} more like it: {', '.join(each.id.rpartition('#')[2] for each in others)}")
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(visible(line) for line in [*lines, "", conclusion(result)]) + "\n"


def subject_line(one: Checked, broad: int = 0) -> str:
    """A subject's state on one line."""
    word = one.record.word if one.record else "-"
    why = f"  ({'; '.join(one.changed)} changed)" if one.changed else ""
    return f"  {one.subject.function:<{broad}}  {one.state:<9} {word}{why}"


def conclusion(result: Result) -> str:
    """One sentence on what was looked at and what stands against it."""
    open_ = [each for each in result.objections if each.blocks]
    settled = len(result.objections) - len(open_)
    told = f"{count(len(result.checked), 'function')}, {count(result.found.kernels, 'kernel')}: "
    unread = sum(one.state == "unexamined" for one in result.checked)
    fine = f"nothing found by reading; {count(unread, 'function')} not examined" if unread else ALL_WELL
    told += count(len(open_), "objection") if open_ else fine
    return told + (f"; {settled} waived or in the baseline" if settled else "")


def title(each: Objection) -> str:
    """What kind of objection it is."""
    return f"{'settled' if each.settled else each.kind} {each.gate}".strip()


def sorted_(objections: Sequence[Objection]) -> list[Objection]:
    """Open ones first, the worst first."""
    return sorted(objections, key=lambda each: (not each.blocks, ORDER.index(each.kind)))


def alike(objections: Sequence[Objection]) -> list[list[Objection]]:
    """The objections of one gate to one place together: a fault meets every dtype, law and input anew."""
    groups: dict[tuple[str, ...], list[Objection]] = {}
    for each in objections:
        key = (each.kind, each.gate or each.id, each.function, str(each.place), each.settled, each.lapsed)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def as_json(result: Result) -> str:
    """Everything, for programs. Records themselves lie in the cache, by `record` digest."""
    from reports.canonical import digest

    data = {
        "schema": "kernelproof-check/1",
        "base": result.base or None,
        "exit": int(exit_of(result.objections)),
        "functions": [
            {
                "function": one.subject.function,
                "spec": one.subject.spec,
                "code": one.subject.closure.digest,
                "state": one.state,
                "changed": list(one.changed),
                "verdict": one.record.word if one.record else None,
                "record": digest(one.record) if one.record else None,
            }
            for one in result.checked
        ],
        "objections": [asdict(each) | {"blocks": each.blocks} for each in sorted_(result.objections)],
        "notes": list(result.notes),
    }
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def github(result: Result) -> str:
    """Workflow commands, which GitHub shows at the lines of a change: the worst first, each function in its turn."""
    groups = alike([each for each in sorted_(result.objections) if each.blocks])
    turns: dict[str, int] = {}
    turn = {}
    for first, *_ in groups:
        turn[first.id] = turns[first.function] = turns.get(first.function, -1) + 1
    groups.sort(key=lambda group: (ORDER.index(group[0].kind), turn[group[0].id]))
    lines = []
    for command in ("error", "warning"):
        own = [group for group in groups if _level(group[0]) == command]
        shown = own if len(own) <= MOST else own[: MOST - 1]
        lines += [_annotation(command, first, len(others)) for first, *others in shown]
        if len(own) > len(shown):
            lines.append(f"::{command} title=kernelproof::+{len(own) - len(shown)} more, in the log and the summary")
    return "\n".join([*lines, *(f"::notice title=kernelproof::{_data(note)}" for note in result.notes)]) + "\n"


def _annotation(command: str, each: Objection, others: int) -> str:
    line = f",line={each.place.line}" if each.place.line else ""
    named = f"file={_property(each.place.file)}{line},title={_property('kernelproof ' + title(each))}"
    return f"::{command} {named}::{_data(clip(each.message, 2000) + _and(others))}"


def _and(others: int) -> str:
    return f" (and {others} more like it)" if others else ""


def _level(each: Objection) -> str:
    return "error" if EXITS[each.kind] in (Exit.ERROR, Exit.REFUTED) else "warning"


def _data(value: str) -> str:
    return visible(value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def markdown(result: Result) -> str:
    """A summary for a pull request, within what GitHub takes."""
    open_ = [each for each in sorted_(result.objections) if each.blocks]
    parts = [f"## kernelproof: {plain(conclusion(result))}"]
    if open_:
        parts.append(
            "\n".join(
                f"- **{plain(title(each))}** {plain(str(each.place))}: {plain(each.message, 500)}{_and(len(others))}"
                for each, *others in alike(open_)
            )
        )
    if result.checked:
        rows = ["| function | spec | state | verdict | changed |", "| --- | --- | --- | --- | --- |"]
        rows += [
            f"| {plain(one.subject.function)} | {plain(one.subject.spec)} | {one.state} | "
            f"{one.record.word if one.record else '–'} | {plain('; '.join(one.changed)) or '–'} |"
            for one in result.checked
        ]
        parts.append("\n".join(rows))
    settled = [each for each in result.objections if not each.blocks]
    if settled:
        told = "\n".join(f"- {plain(each.id)}: {plain(each.settled)}" for each in settled)
        parts.append(f"<details><summary>{len(settled)} waived or in the baseline</summary>\n\n{told}\n\n</details>")
    whole = "\n\n".join([*parts, *(f"> {plain(note)}" for note in result.notes)]) + "\n"
    if len(whole.encode()) <= LARGEST:
        return whole
    cut = whole.encode()[: LARGEST - 200].decode(errors="ignore")
    return f"{cut[: cut.rfind(chr(10))]}\n\n_Cut here: the rest is in the log._\n"


def sarif(result: Result) -> str:
    """SARIF 2.1.0: each open objection fails, each settled one is suppressed, each function without any passes."""
    results = [_sarif_result(each) for each in sorted_(result.objections)]
    objected = {each.function for each in result.objections}
    for one in result.checked:
        if one.record is not None and one.record.admitted and one.subject.function not in objected:
            told = f"{one.subject.function} is admitted against {one.subject.spec}"
            results.append(
                {
                    "ruleId": "admitted",
                    "kind": "pass",
                    "level": "none",
                    "message": {"text": told},
                    "locations": [location(_first(one))],
                }
            )
    return _sarif_log(results)


def sarif_for_github(result: Result) -> str:
    """Open objections only: GitHub makes an alert of every result, whatever its kind."""
    return _sarif_log([_sarif_result(each) for each in sorted_(result.objections) if each.blocks])


def _first(one: Checked) -> Any:
    from verify.verdict import Place

    return Place(one.subject.path, 0)


def _sarif_result(each: Objection) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": each.gate or each.kind,
        "kind": "fail",
        "level": _level(each),
        "message": {"text": visible(each.message)},
        "locations": [location(each.place)],
        "partialFingerprints": {"kernelproof/v1": each.id},
        "properties": {"kind": each.kind, "code": each.digest},
    }
    if each.settled:
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": visible(each.settled)}]
    return found


def _sarif_log(results: list[dict[str, Any]]) -> str:
    rules = list(dict.fromkeys(each["ruleId"] for each in results))
    results = [{**each, "ruleIndex": rules.index(each["ruleId"])} for each in results]
    driver = {"name": "kernelproof", "rules": [{"id": rule} for rule in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, sort_keys=True) + "\n"


def junit(result: Result) -> str:
    """A case for each function and each other objection. What was not shown is an error, never skipped."""
    cases = list(_cases(result))
    tags = [tag for _, _, found in cases for tag in found]
    counts = {"tests": str(len(cases)), "failures": str(tags.count("failure")), "errors": str(tags.count("error"))}
    root = xml.Element("testsuites", {"name": "kernelproof check", **counts})
    suite = xml.SubElement(root, "testsuite", {"name": "kernelproof check", **counts})
    for name, messages, found in cases:
        case = xml.SubElement(suite, "testcase", {"classname": "kernelproof", "name": visible(name)})
        for tag, message in zip(found, messages, strict=True):
            xml.SubElement(case, tag, {"message": visible(message)})
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(result: Result) -> Iterator[tuple[str, list[str], list[str]]]:
    left = [each for each in sorted_(result.objections) if each.blocks]
    for one in result.checked:
        own = [each for each in left if each.function == one.subject.function]
        left = [each for each in left if each not in own]
        yield one.subject.function, [_told(each) for each in own], [_tag(each) for each in own]
    for each in left:
        yield each.id, [_told(each)], [_tag(each)]


def _told(each: Objection) -> str:
    return f"{title(each)} at {each.place}: {each.message}"


def _tag(each: Objection) -> str:
    return "failure" if EXITS[each.kind] is Exit.REFUTED else "error"


def lintrunner(result: Result) -> str:
    """A JSON object a line, as lintrunner reads them."""
    lines = [
        {
            "path": each.place.file,
            "line": each.place.line or None,
            "char": each.place.column or None,
            "code": "KERNELPROOF",
            "severity": _level(each),
            "name": each.gate or each.kind,
            "original": None,
            "replacement": None,
            "description": visible(one_line(each.message, 2000) + _and(len(others))),
        }
        for each, *others in alike(sorted_(result.objections))
        if each.blocks
    ]
    return "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)


def _named(each: Objection) -> list[str]:
    """What a waiver has to repeat."""
    return [f"id {each.id}", *([f"digest {each.digest}"] if each.digest else [])]


def _wrapped(message: str) -> list[str]:
    return [clip(line, 400) for line in message.strip().splitlines()[:4]]


FORMATS: Final[Mapping[str, Callable[[Result], str]]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "markdown": markdown,
    "sarif": sarif,
    "sarif-github": sarif_for_github,
    "junit": junit,
    "lintrunner": lintrunner,
}
