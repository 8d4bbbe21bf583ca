"""One function against one spec, by the same road and the same store of records as `kernelproof check`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve

from reports.record import Record
from synth.check.config import FILE, Config, parse
from synth.check.examining import GATES, Request, examined
from synth.exits import Trouble


class NotExamined(Exception):
    """There is no record of the function: why, and what to do."""


def record_of(
    root: Path, function: str, spec: str | None = None, profile: str | None = None, required: Sequence[str] = ()
) -> Record:
    """The record of `module:function`. What is not given is as the repository's configuration says.

    Raises NotExamined.
    """
    try:
        file = root / FILE
        config = parse(file.read_text(encoding="utf-8") if file.is_file() else None, GATES)
        against = spec or config.specs.get(function) or function.rpartition(":")[2]
        own = evolve(
            config,
            specs={function: against},
            profile=profile or config.profile,
            required=tuple(required) or config.required,
        )
        return _only(root, own)
    except Trouble as trouble:
        raise NotExamined(f"{trouble}; {trouble.hint}" if trouble.hint else str(trouble)) from None


def _only(root: Path, config: Config) -> Record:
    request = Request(root, today=datetime.now(UTC).date())
    checked, missing = examined(request, config)
    for each in missing:
        raise NotExamined(f"{each.function}: {each.why}")
    (one,) = checked
    if one.record is None:
        raise NotExamined(f"{one.subject.function} was not examined: {one.failure}")
    return one.record
