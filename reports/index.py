"""The folder of a run: `index.html`, a page and a JSON file for each candidate, and `summary.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final

from attrs import frozen

from reports import canonical, html, markdown, tally
from reports.record import Record
from reports.store import write

INDEX: Final = "index.html"
SUMMARY: Final = "summary.md"
_WORDS: Final = ("admitted", "kept", "refuted", "inconclusive")


@frozen
class Listing:
    """A candidate's line on the index."""

    record: Record
    stem: str
    rows: tuple[tally.Row, ...]
    reason: str
    bench: str

    @property
    def page(self) -> str:
        return f"{self.stem}.html"

    @property
    def json(self) -> str:
        return f"{self.stem}.json"


def write_run(folder: Path, records: Sequence[Record]) -> Path:
    """Write every file of a run into its folder and return the index's path. Raises store.StoreError."""
    for record, stem in zip(records, stems(records), strict=True):
        write_record(folder, record, stem=stem, index=INDEX)
    pages = [f"{stem}.html" for stem in stems(records)]
    write(folder / SUMMARY, markdown.summary(records, pages))
    # Last, so that an index never links to pages that are not there.
    return write(folder / INDEX, render(records))


def write_record(folder: Path, record: Record, *, stem: str = "", index: str = "") -> Path:
    """Write a record's JSON and page and return the JSON's path. Raises store.StoreError."""
    stem = stem or stem_of(record)
    path = write(folder / f"{stem}.json", canonical.encode(record))
    write(folder / f"{stem}.html", html.render(record, json=f"{stem}.json", index=index))
    return path


def render(records: Sequence[Record]) -> str:
    """The index page, candidates grouped by spec. Equal records give equal pages."""
    listings = [_listing(record, stem) for record, stem in zip(records, stems(records), strict=True)]
    words = [record.word for record in records]
    return (
        html.templates()
        .get_template("index.j2")
        .render(
            groups=_by_spec(listings),
            sums={word: words.count(word) for word in _WORDS if word != "kept" or word in words},
            gates=list(dict.fromkeys(row.gate for listing in listings for row in listing.rows)),
            meanings=tally.MEANINGS,
            environments=list(dict.fromkeys(_machine(record) for record in records)),
            times=sorted({record.environment.time for record in records}),
            profiles=sorted({record.profile for record in records}),
            summary=SUMMARY,
        )
    )


def stem_of(record: Record) -> str:
    """The name of a record's files without ending: spec, candidate, and enough of the case's digest."""
    own = PurePath(record.candidate.path).name.removesuffix(".py")
    return f"{_safe(record.spec.name)}-{_safe(own)}-{record.case[:8]}"


def stems(records: Sequence[Record]) -> tuple[str, ...]:
    """A name for each record; a second record of the same case gets a number."""
    taken: dict[str, int] = {}
    names = []
    for record in records:
        stem = stem_of(record)
        taken[stem] = taken.get(stem, 0) + 1
        names.append(stem if taken[stem] == 1 else f"{stem}-{taken[stem]}")
    return tuple(names)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:60] or "unnamed"


def _listing(record: Record, stem: str) -> Listing:
    return Listing(record, stem, tally.tally(record), markdown.first_reason(record), markdown.bench_line(record))


def _by_spec(listings: Sequence[Listing]) -> Mapping[str, list[Listing]]:
    groups: dict[str, list[Listing]] = {}
    for listing in listings:
        groups.setdefault(listing.record.spec.name, []).append(listing)
    return groups


def _machine(record: Record) -> str:
    own = record.environment
    packages = ", ".join(f"{name} {version}" for name, version in sorted(own.packages.items()) if version)
    return f"{own.platform}, {own.python}, {packages}"
