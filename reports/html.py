"""One self-contained HTML page for a record: no network, no scripts, readable from a file and on paper.

Everything that comes from a candidate, a model or a gate is untrusted text: the environment escapes it, makes
unseen letters visible, and refuses undefined names.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import assurance, canonical, tally
from reports.comparison import compare
from reports.counterexample import Seen, seen
from reports.readability import measure
from reports.record import Record
from reports.reproduction import command, file_name, pytest_file
from reports.roofline import roofline, scaled
from reports.signoff import SignOffs
from reports.source import Line, legend, lines, lines_of
from reports.strength import FATES, Strength
from reports.strip import Strip, strips
from reports.text import clip, listed, one_line, visible
from verify.case import PROFILES
from verify.verdict import LedgerEntry, Verdict, count

LARGEST: Final = 2_000_000  # bytes of a page
_FOLDER: Final = Path(__file__).parent
# What follows the first screen, in order: the anchor, which is the name of a template in sections/, and the title.
SECTIONS: Final = (
    ("shown", "Shown, assumed, implied"),
    ("provenance", "Provenance"),
    ("refuted", "Refuted"),
    ("open", "Open: unknown, crashed, not run"),
    ("evidence", "Evidence by gate"),
    ("assumptions", "Assumptions and trusted base"),
    ("doubts", "Defeaters and residual risk"),
    ("strength", "Gate strength"),
    ("ledger", "Tolerance ledger"),
    ("bench", "Benchmark"),
    ("environment", "Environment"),
    ("redo", "Reproduction"),
    ("change", "Change since the last accepted version"),
    ("readability", "Readability"),
    ("signoff", "Sign-off"),
    ("source", "Source"),
    ("words", "Words"),
)


@frozen
class Limits:
    """How much of a record one page shows; the JSON always has all of it."""

    lines: int
    line: int  # letters
    items: int  # verdicts of one gate
    text: int  # letters of one sentence


# From generous to certain: the first that keeps the page below LARGEST is used.
_LIMITS: Final = (
    Limits(lines=3000, line=400, items=300, text=4000),
    Limits(lines=1000, line=200, items=60, text=1000),
    Limits(lines=200, line=120, items=10, text=300),
)


@frozen
class Item:
    """A verdict as the page shows it. `line` is its line in the candidate's source, 0 where it has none."""

    anchor: str
    verdict: Verdict
    word: str
    line: int
    excerpt: tuple[Line, ...]
    strips: tuple[Strip, ...]
    seen: tuple[Seen, ...]
    again: str  # the command that asks about the witness again

    @property
    def text(self) -> str:
        """What its line says."""
        found = (line for line in self.excerpt if line.number == self.line)
        return "".join(piece.text for line in found for piece in line.pieces).strip()


@frozen
class Entry:
    """A line of the tolerance ledger and the verdict that it belongs to."""

    item: Item
    entry: LedgerEntry


def render(
    record: Record,
    *,
    json: str = "",
    index: str = "",
    signoffs: SignOffs | None = None,
    strength: Strength | None = None,
    since: Record | None = None,
) -> str:
    """The page of one record. `json` and `index` are file names to link to, relative to the page.

    `strength` must be about the record's candidate, and `since` about its spec. Equal input gives equal pages.
    A page that would pass `LARGEST` shows less and says so.
    """
    page, signed = "", signoffs or SignOffs()
    for limits in _LIMITS:
        context = _context(record, limits, json, index, signed, strength)
        page = templates().get_template("record.j2").render(context | _change(record, since))
        if len(page.encode()) < LARGEST:
            break
    return page


@cache
def templates() -> Templates:
    """The environment of all HTML pages."""
    found = Templates(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_final,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "count": count,
        "clip": clip,
        "one_line": one_line,
        "figure": figure,
        "ratio": ratio,
        "scaled": scaled,
        "listed": listed,
        "seconds": seconds,
        "slug": slug,
    }
    found.globals |= {
        "style": Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
        "labels": tally.LABELS,
        "glyphs": tally.GLYPHS,
        "buckets": tally.BUCKETS,
    }
    return found


def figure(value: float | None, digits: int = 4) -> str:
    """A number for people: `digits` significant ones, thousands apart, a dash for none."""
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:  # JSON does not tell 1980 from 1980.0
        return f"{int(value):,}"
    text = f"{value:.{digits}g}"
    return f"{value:,.0f}" if "e+" in text and abs(value) < 1e15 else text


def ratio(value: float) -> str:
    """The used share of a tolerance: two decimals, more where those would hide that it is small or broken."""
    text = f"{value:.2f}"
    if value == 0 or (value >= 0.01 and (value > 1) == (float(text) > 1) and (value < 1) == (float(text) < 1)):
        return text
    return f"{value:.1g}" if value < 0.01 else repr(value)


def seconds(value: float) -> str:
    """A duration; nothing takes no time."""
    return f"{value:.2f} s" if value >= 0.005 else "under 0.01 s"


def slug(word: str) -> str:
    """A word as the name of a style class."""
    return word.replace(" ", "-")


def _final(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _context(
    record: Record, limits: Limits, json: str, index: str, signoffs: SignOffs, strength: Strength | None
) -> dict[str, Any]:
    digest = canonical.digest(record)
    rows = tally.tally(record)
    source = lines(record)
    items = tuple(_item(record, number, source) for number in range(len(record.verdicts)))
    ledger = tuple(Entry(item, entry) for item in items for entry in item.verdict.ledger)
    refuted = [item for item in items if item.word == "refuted"]
    leading = {item.verdict.gate: item.anchor for item in reversed(refuted)}
    open_ = [item for item in items if item.word in ("unknown", "crashed", tally.NOT_RUN)]
    silent = [row for row in rows if not row.verdicts]
    absent = {name for name, there in (("refuted", refuted), ("strength", strength)) if not there}
    return {
        "record": record,
        "own": record.candidate,
        "limits": limits,
        "sections": [each for each in SECTIONS if each[0] not in absent],
        "badges": {"refuted": len(refuted), "open": len(open_) + len(silent)},
        "json": json,
        "index": index,
        "digest": digest,
        "stable": canonical.stable(record),
        "rows": rows,
        "sums": tally.totals(rows),
        "meanings": tally.MEANINGS,
        "reaches": assurance.REACHES,
        "trails": any(verdict.trail for verdict in record.verdicts),
        "rungs": assurance.rungs(record),
        "items": items,
        "refuted": refuted,
        "pytest": pytest_file(record),
        "pytest_name": file_name(record),
        "leading": set(leading.values()),
        "open": open_,
        "silent": silent,
        "conclusion": assurance.conclusion(record, rows),
        "claim": assurance.claim(record),
        "scope": assurance.scope(record),
        "not_shown": assurance.not_shown(record, rows),
        "implied": assurance.implied(record),
        "assumptions": assurance.assumptions(record),
        "trusted": assurance.TRUSTED,
        "doubts": assurance.doubts(record, rows, len(ledger), strength),
        "redo": assurance.redo(record, json),
        "ledger": ledger,
        "roofs": roofline(record.bench),
        "legend": legend(source),
        "budget": PROFILES[record.profile].rlimit if record.profile in PROFILES else None,
        "risks": assurance.risks(record, rows),
        "lines": source[: limits.lines],
        "hidden_lines": max(0, len(source) - limits.lines),
        "strength": strength,
        "fates": FATES,
        "reading": measure(record.candidate.source),
        "own_lines": min(len(source), limits.lines),
        "signoffs": signoffs,
        "signed": signoffs.states(digest),
        "provenance": asdict(record.candidate.provenance),
    }


def _change(record: Record, since: Record | None) -> dict[str, Any]:
    return {"since": since and canonical.digest(since), "changes": compare(since, record) if since else ()}


def _item(record: Record, number: int, source: tuple[Line, ...]) -> Item:
    verdict = record.verdicts[number]
    witness = verdict.witness
    line = next(iter(lines_of(record.candidate, verdict)), 0)
    return Item(
        anchor=f"v{number + 1}",
        verdict=verdict,
        word=tally.bucket(verdict),
        line=line,
        excerpt=source[max(0, line - 3) : line + 2] if line else (),
        strips=strips(witness.accesses) if witness else (),
        seen=seen(record.candidate, witness, source) if witness else (),
        again=command(record, verdict) if witness else "",
    )
