"""Where an operation comes from: `loc(...)` resolved through its aliases to places in the source."""

from __future__ import annotations

import re
from collections.abc import Mapping

from verify.ir.syntax import Location, flaw
from verify.verdict import Place

# Frames inside Triton's own Python library are of no use to the author of a kernel.
_LIBRARY = re.compile(r"(^|[/\\])triton[/\\](language|experimental|tools|runtime|compiler)[/\\]")
_DEEPEST = 64  # frames kept of one location: nesting aliases can denote exponentially many


def _written(depth: int) -> re.Pattern[str]:
    plain = r'[^()"]|"(?:[^"\\]|\\.)*"'  # a mangled function name in quotes holds parentheses of its own
    inside = plain
    for _ in range(depth):
        inside = rf"{plain}|\((?:{inside})*\)"
    return re.compile(rf"^#loc.*\n?| loc\((?:{inside})*\)", re.MULTILINE)


_WRITTEN = _written(8)


def without_places(text: str) -> str:
    """The same TTIR without a word of where in the source it comes from: equal for kernels that differ only in that."""
    bare = _WRITTEN.sub("", text)
    return text if "#loc" in bare else bare  # half of it gone would be no TTIR


class Locations:
    """The aliases of one text, each resolved once."""

    def __init__(self, aliases: Mapping[str, Location]) -> None:
        self._aliases = aliases
        self._frames: dict[str, tuple[Place, ...]] = {}
        self._opened: set[str] = set()
        self._labels: dict[str, str] = {}
        self._answers: dict[tuple[Place, ...], tuple[Place, tuple[Place, ...]]] = {}

    def resolve(self, location: Location | None, default: Place) -> tuple[Place, tuple[Place, ...]]:
        """The innermost place outside Triton's library, and all frames, innermost first.

        Files are cut to their base names. Without any frame the place is `default`.
        Raises Flaw for an alias that is not defined or that means itself.
        """
        frames = self._of(location) if location is not None else ()
        if not frames:
            return default, ()
        if frames not in self._answers:
            user = next((frame for frame in frames if not _LIBRARY.search(frame.file)), frames[0])
            self._answers[frames] = (_short(user), tuple(map(_short, frames)))
        return self._answers[frames]

    def label(self, location: Location | None) -> str:
        """The variable that a resolved location's source line assigns to; empty where the compiler does not say."""
        if location is None or location.kind in ("file", "unknown"):
            return ""
        if location.kind == "named":
            return str(location.parts[0])
        if location.kind == "alias":
            name = location.parts[0]
            if name not in self._labels:
                self._labels[name] = self.label(self._aliases[name])
            return self._labels[name]
        if location.kind == "callsite" and all(_LIBRARY.search(frame.file) for frame in self._of(location.parts[0])):
            return self.label(location.parts[1])
        return next(filter(None, map(self.label, location.parts)), "")

    def _of(self, location: Location) -> tuple[Place, ...]:
        if location.kind == "file":
            return (Place(*location.parts),)
        if location.kind == "alias":
            return self._alias(location)
        if location.kind == "fused":
            return next(filter(None, [self._of(part) for part in location.parts]), ())
        parts = location.parts[1:] if location.kind == "named" else location.parts
        frames = tuple(frame for part in parts for frame in self._of(part))
        return frames[:_DEEPEST]

    def _alias(self, location: Location) -> tuple[Place, ...]:
        name = location.parts[0]
        if name not in self._frames:
            if name not in self._aliases or name in self._opened:
                assert location.at is not None  # an alias is always read from a token
                why = "means itself" if name in self._opened else "is not defined"
                raise flaw(f"location {name} {why}", location.at)
            self._opened.add(name)
            self._frames[name] = self._of(self._aliases[name])
            self._opened.remove(name)
        return self._frames[name]


def _short(place: Place) -> Place:
    return Place(re.split(r"[/\\]", place.file)[-1], place.line, place.column)
