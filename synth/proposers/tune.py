"""The tuner: a candidate with knobs, point after point. Asks no model; every point goes through all gates.

The candidate comes first as it stands. Then the points that lie next to the best measured one, and of these and of
all others the one first that the forecast takes for the fastest. What was tried is read from the search's folder, so
a search that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from reports.store import write_whole
from specs.spec import Spec
from synth import lineage
from synth.exchange import Exchange, Request, from_source
from synth.knobs import Knob, KnobError, Point, apart, knobs, points
from synth.lineage import Attempt
from synth.proposers import Exhausted, Proposer, ProposerFailure

FORECASTS: Final = "forecasts.json"  # in the search's folder: source -> microseconds, or why there are none


@frozen
class Forecast:
    """What a point would take by counting and compiling; None where it cannot be told, with the reason."""

    microseconds: float | None
    why: str = ""

    def __str__(self) -> str:
        return f"none ({self.why})" if self.microseconds is None else f"{self.microseconds:.4g} us"


@frozen
class Space:
    """The candidate of `file` with all its points."""

    file: str
    knobs: tuple[Knob, ...]
    points: tuple[Point, ...]

    @classmethod
    def of(cls, start: Path) -> Space:
        """Read it. Raises ProposerFailure where the file cannot be read, is no module or has no knobs."""
        try:
            source = start.read_text(encoding="utf-8")
            found = knobs(source)
            space = cls(start.name, found, tuple(points(source, found)))
        except (OSError, UnicodeDecodeError) as error:
            raise ProposerFailure(f"{start} cannot be read: {error}") from None
        except SyntaxError as error:
            raise ProposerFailure(f"{start}:{error.lineno}: not a Python module: {error.msg}") from None
        except KnobError as error:
            raise ProposerFailure(f"{start}: {error}") from None
        if not found:
            hint = "a knob is a constant at the module's top level with a comment: BLOCK = 1024  # tune: 512, 1024"
            raise ProposerFailure(f"{start} has no knobs", hint)
        return space

    def point(self, source: str) -> Point | None:
        """The point with that source, if it is one of these."""
        return next((point for point in self.points if point.source == source), None)


def tune(space: Space, folder: Path, forecast: Callable[[str], Forecast]) -> Proposer:
    """A proposer of the points that the search in `folder` has not tried yet."""

    def propose(spec: Spec, request: Request, number: int, seconds: float | None) -> Exchange:
        attempts = lineage.load(folder)
        tried = {attempt.source for attempt in attempts}
        left = [point for point in space.points if point.source not in tried]
        if not left:
            raise Exhausted(f"all {len(space.points)} points of {space.file} were tried")
        if not tried:
            return _exchange(spec, space, left[0], "as it stands")
        known = _forecasts(folder, left, forecast)
        best = _best(space, attempts)

        def order(point: Point) -> tuple[bool, float]:
            beside = best is not None and apart(point.values, best.values, space.knobs) == 1
            microseconds = known[point.source].microseconds
            return not beside, float("inf") if microseconds is None else microseconds

        chosen = min(left, key=order)
        beside = not order(chosen)[0]
        why = f"next to the best measured point ({best})" if beside else "by the forecast's order"
        return _exchange(spec, space, chosen, f"{why}; forecast {known[chosen.source]}")

    return propose


def _best(space: Space, attempts: Sequence[Attempt]) -> Point | None:
    """The point of the fastest attempt that was measured, if any was."""
    best = lineage.best([attempt for attempt in attempts if attempt.microseconds])
    return None if best is None else space.point(best.source)


def _exchange(spec: Spec, space: Space, point: Point, why: str) -> Exchange:
    made = from_source(spec, point.source, f"{space.file}, {point}: {why}", prose=f"A point of {space.file}: {point}.")
    return evolve(made, proposer="tune")


def _forecasts(folder: Path, left: Sequence[Point], forecast: Callable[[str], Forecast]) -> dict[str, Forecast]:
    """The forecasts of all points; those that are not in the folder are made, and put there one by one."""
    path = folder / FORECASTS
    try:
        known = {source: Forecast(*told) for source, told in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        known = {}  # none yet, or half of a file: they can be made again
    for point in left:
        if point.source not in known:
            known[point.source] = forecast(point.source)
            plain = {source: [told.microseconds, told.why] for source, told in known.items()}
            write_whole(path, json.dumps(plain, indent=1) + "\n")
    return known
