"""A dossier in words on a terminal: refutations with their witnesses, open questions with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from reports.measurement import Measurement
from reports.record import shortfall
from reports.text import parted
from synth.progress import Display
from verify.case import Candidate
from verify.dossier import Dossier
from verify.verdict import Outcome, Place, Verdict, count

MOST_TOLD: Final = 2  # verdicts of one gate and outcome: a fault that every dtype and law meets is told twice
NOT_CAPTURED: Final = "not captured: "
SHORT: Final = 60  # letters up to which a note is repeated rather than pointed at


def show_findings(display: Display, dossier: Dossier, candidate: Candidate) -> None:
    """Print what is refuted, then what crashed, then what is open, then the conclusion."""
    teller = _Teller(display, candidate)
    for outcome in (Outcome.REFUTED, Outcome.CRASHED, Outcome.UNKNOWN):
        for gate in dict.fromkeys(verdict.gate for verdict in dossier.verdicts):
            like = [verdict for verdict in dossier.verdicts if (verdict.gate, verdict.outcome) == (gate, outcome)]
            for verdict in like[:MOST_TOLD]:
                teller.tell(verdict)
            if len(like) > MOST_TOLD:
                left = count(len(like) - MOST_TOLD, "more claim")
                display.line(f"   … and {left} {outcome.word} by {gate}, all of them in the record (--json, --out)")
    display.line()
    display.line(conclusion(dossier), dossier.word)


def show_bench(display: Display, bench: Measurement) -> None:
    """Print what was timed, and what was only modelled, told apart in every line."""
    if not bench.workloads and not bench.models:
        return
    display.line()
    for timed in bench.workloads:
        median = f"{timed.workload} {timed.dtype}: measured {timed.kernel.median:.4g} us"
        gaps = [f"{rival.gap:.2f}x {rival.baseline.name}" for rival in timed.against]
        display.line(f"  {', '.join([median, *gaps])}", "admitted")
    for model in bench.models:
        told = f"{model.workload}: model of {model.target}, at least {model.microseconds:.4g} us ({model.limit})"
        display.line(f"  {told}, {model.bytes} bytes, {model.operations} operations", "faint")


def conclusion(dossier: Dossier) -> str:
    """One sentence: admitted, or not and why."""
    if dossier.admitted:
        return f"admitted: all {len(dossier.required)} required gates passed"
    if dossier.passed:
        return f"contract kept: all {len(dossier.required)} required gates passed; {shortfall(dossier)}"
    return f"not admitted: {shortfall(dossier)}"


@define
class _Teller:
    """Prints verdicts; what was said of one and holds of the next is not said again."""

    display: Display
    candidate: Candidate
    heading: str = ""
    place: Place | None = None
    said: set[str] = field(factory=set)

    def tell(self, verdict: Verdict) -> None:
        place = verdict.place or (verdict.witness.place if verdict.witness else None)
        heading = f"{verdict.outcome.word} {verdict.gate}: {verdict.claim}"
        if (heading, place) != (self.heading, self.place):
            self.display.line()
            self.display.line(heading, verdict.outcome.word)
        if place is not None and place != self.place:
            self.display.line(f"  --> {place}", "faint")
            if quoted := _quote(place, self.candidate):
                self.display.line(f"   | {quoted}")
        self.heading, self.place = heading, place
        for note in _notes(verdict):
            self._note(note)

    def _note(self, text: str) -> None:
        """A note; of one that was said, only how it begins and where else it was met."""
        head = NOT_CAPTURED if text.startswith(NOT_CAPTURED) else ""
        body, point = parted(text.removeprefix(head))
        if len(body) > SHORT and body in self.said:
            text = f"{head}as above" + (f", at {point}" if point else "")
        self.said.add(body)
        _note(self.display, text)


def _notes(verdict: Verdict) -> Iterator[str]:
    if verdict.witness is not None:
        yield verdict.witness.sentence
        if verdict.witness.reproduce not in verdict.witness.sentence:
            yield f"again with: {verdict.witness.reproduce}"
    elif verdict.detail:
        crash = verdict.outcome is Outcome.CRASHED
        yield f"our bug, not the kernel's: {_last_line(verdict.detail)}" if crash else verdict.detail
    if verdict.scope and not (verdict.witness and verdict.scope in verdict.witness.sentence):
        yield f"for {verdict.scope}"


def _note(display: Display, text: str) -> None:
    first, *rest = text.strip().splitlines() or [""]
    display.line(f"   = {first}")
    for line in rest[:8]:
        display.line(f"     {line}")
    if len(rest) > 8:
        display.line(f"     … {len(rest) - 8} more lines in the record")


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no detail"


def _quote(place: Place, candidate: Candidate) -> str:
    lines = candidate.source.splitlines()
    return lines[place.line - 1].strip() if place.inside(candidate.path) and 0 < place.line <= len(lines) else ""
