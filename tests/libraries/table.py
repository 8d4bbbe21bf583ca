"""The table of all results: JSON for programs, Markdown for people, and the figures that sum it up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Final

from libraries.examine import GATES

DECIDED: Final = ("proved", "refuted")
PROOFS: Final = ("reading", "bounds", "races")  # what the published figures time
UNSEEN: Final = "Refuted, and nobody has yet held it against the source."
# Race-freedom of 947 Triton kernels for any grid: the best figures that are published.
PUBLISHED: Final = "40% of 947 kernels race-free for any grid (races only); median 3.6 s, 95th percentile 63 s a kernel"


def write(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Write `libraries.json` and `libraries.md`. Equal results give equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "libraries.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "libraries.md").write_text("\n".join(_page(results)) + "\n", encoding="utf-8")


def summary(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures, a line each."""
    launches = [(result, launch) for result in results for launch in result.get("launches", ())]
    failed = [result for result in results if not result.get("launches")]
    lines = [f"{len(results)} host functions, {len(launches)} launches; {len(failed)} functions without any launch"]
    for gate in GATES:
        asked = [launch["gates"][gate]["outcome"] for _, launch in launches if gate in launch["gates"]]
        # A function that was not captured, or broke us, counts as a launch that is not decided.
        asked += ["unknown"] * len(failed) if gate != "coverage" else []
        if asked:
            counts = ", ".join(f"{asked.count(word)} {word}" for word in dict.fromkeys(sorted(asked)))
            decided = sum(word in DECIDED for word in asked)
            told = f"{decided} of {len(asked)} decided for all shapes of their contracts ({decided / len(asked):.0%})"
            lines.append(f"{gate}: {told}: {counts}")
    if refuted := [result for result in results if _refuted(result)]:
        seen = sum(bool(result.get("note")) for result in refuted)
        lines.append(
            f"{len(refuted)} functions with a refutation, {seen} of them held against the source (see the notes)"
        )
    times = sorted(spent(result) for result, _ in launches)
    if times:
        median, late = times[(len(times) - 1) // 2], times[ceil(0.95 * len(times)) - 1]
        lines.append(
            f"CPU seconds a launch for reading, bounds and races: median {median:.2f}, 95th percentile {late:.2f}"
        )
    return [*lines, f"published before: {PUBLISHED}"]


def spent(result: Mapping[str, Any]) -> float:
    """CPU seconds that one launch of the result took: reading, bounds and races, shared evenly among its launches."""
    return sum(result["seconds"].get(part, 0.0) for part in PROOFS) / len(result["launches"])


def _page(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "# Kernels of four packages"
    yield ""
    yield "Each host function is captured as its package has it, under a launch contract that says what it is given (in"
    yield "`tests/libraries/`); `make quality-libraries` makes this page. Numbers were not looked at. A launch is"
    yield "a kernel of one host function, with all cells of sizes and all autotune configurations. Seconds are CPU."
    yield ""
    yield from (f"- {line}" for line in summary(results))
    states = dict.fromkeys(result["code"] for result in results if "code" in result)
    yield f"- made by {len(states)} state(s) of specs and verify: {', '.join(states)}"
    for package in dict.fromkeys(result["package"] for result in results):
        own = [result for result in results if result["package"] == package]
        yield ""
        yield f"## {package} {own[0]['version']}"
        yield ""
        yield f"| function | kernel | variants | {' | '.join(GATES)} | s |"
        yield f"| --- | --- | --: |{' --- |' * len(GATES)} --: |"
        for result in own:
            yield from _rows(result)
        for result in own:
            yield from _reasons(result)


def _rows(result: Mapping[str, Any]) -> Iterator[str]:
    function = result["function"].partition(":")[2]
    for launch in result.get("launches", ()):
        words = [launch["gates"].get(gate, {}).get("outcome", "") for gate in GATES]
        words = [f"**{word}**" if word == "refuted" else word for word in words]
        told = [function, launch["kernel"], str(launch["variants"]), *words, f"{spent(result):.2f}"]
        yield f"| {' | '.join(told)} |"
    if not result.get("launches"):
        yield f"| {function} | not captured | {' |' * (len(GATES) + 2)}"


def _reasons(result: Mapping[str, Any]) -> Iterator[str]:
    """What is refuted or open, and what a person found out about it."""
    lines = [f"- host: {_plain(each)}" for each in (*result.get("host", ()), *filter(None, [result.get("failed")]))]
    note = result.get("note") or (UNSEEN if _refuted(result) else "")
    for launch in result.get("launches", ()):
        for gate, answer in launch["gates"].items():
            lines += [f"- {launch['kernel']}, {gate} {answer['outcome']}: {_plain(why)}" for why in answer["why"][:2]]
    if lines or note:
        yield ""
        yield f"**{result['function'].partition(':')[2]}**" + (f": {note}" if note else "")
        yield ""
        yield from lines


def _refuted(result: Mapping[str, Any]) -> bool:
    outcomes = [answer["outcome"] for launch in result.get("launches", ()) for answer in launch["gates"].values()]
    return "refuted" in outcomes


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:400]
