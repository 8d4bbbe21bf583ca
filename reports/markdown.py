"""Markdown for pull requests and terminals: the same answers as the pages, in a form that GitHub renders.

Untrusted text cannot open a code span, a table cell, a link, a mention or an HTML tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reports import assurance, canonical, tally
from reports.measurement import MEASURED, NOT_COUNTED
from reports.readability import measure
from reports.record import Record, shortfall
from reports.signoff import SignOffs
from reports.strength import FATES, Seeded, Strength
from reports.tally import BUCKETS, GLYPHS, LABELS, NOT_RUN, Row
from reports.text import LARGEST, one_line, plain, visible
from verify.verdict import count

_WORDS: Final = ("admitted", "kept", "refuted", "inconclusive")


def render(record: Record, signoffs: SignOffs | None = None, strength: Strength | None = None) -> str:
    """The summary of one record, of bugs seeded into it, and of what people decided about it, below `LARGEST` bytes."""
    rows = tally.tally(record)
    parts = [
        f"## {_word(record.word)} {plain(record.candidate.path, 120)} for {plain(record.spec.name)}",
        plain(assurance.conclusion(record, rows), 2000),
        *_witnesses(record),
        _gates(rows),
        *_trails(record),
        f"**Bench:** {_bench(record)}",
        f"**Readability:** {plain(measure(record.candidate.source).summary)}.",
        *_walks(record),
        "**Not shown here:** " + " ".join(plain(sentence) for sentence in assurance.not_shown(record, rows)),
        *(_strength(strength) if strength is not None else ()),
        *_signed(record, signoffs or SignOffs()),
        f"Redo: {_code(assurance.redo(record))}",
        f"Candidate {_code(record.candidate.digest[:16])}, spec {_code(record.spec.digest[:16])}, profile "
        f"{plain(record.profile)}, seed {record.seed}.",
    ]
    return _within("\n\n".join(parts) + "\n")


def summary(records: Sequence[Record], pages: Sequence[str] = ()) -> str:
    """The summary of a run: candidates by gates. `pages` are files to link to, one for each record."""
    linked = list(zip(records, pages or [""] * len(records), strict=True))
    words = [record.word for record in records]
    head = ", ".join(f"{words.count(word)} {word}" for word in _WORDS if word != "kept" or word in words)
    parts = ["# kernelproof", f"{count(len(records), 'candidate')}: {head}."]
    for spec in dict.fromkeys(record.spec.name for record in records):
        own = [pair for pair in linked if pair[0].spec.name == spec]
        parts += [f"## {plain(spec)}", _matrix(own), _reasons([record for record, _ in own])]
    meanings = "; ".join(f"{GLYPHS[name]} {LABELS[name]}: {tally.MEANINGS[name]}" for name in BUCKETS)
    parts.append(f"<details><summary>Words</summary>\n\n{meanings}.\n\n</details>")
    return _within("\n\n".join(part for part in parts if part) + "\n")


def first_reason(record: Record) -> str:
    """The first witness, or what keeps the candidate from being admitted; empty once it is."""
    refuted = record.dossier.refuted
    if refuted and refuted[0].witness is not None:
        return f"{refuted[0].gate}: {refuted[0].witness.sentence}"
    return "" if record.admitted else shortfall(record.dossier)


def bench_line(record: Record) -> str:
    """The bench stage in a line: the gaps to each baseline over all workloads, or why there are none, with a model."""
    bench = record.bench
    if bench.word == MEASURED:
        gaps: dict[str, list[float]] = {}
        for timed in bench.workloads:
            for rival in timed.against:
                gaps.setdefault(rival.baseline.name, []).append(rival.gap)
        told = ", ".join(f"{name} {_span(each)}" for name, each in gaps.items())
        return f"{count(len(bench.workloads), 'workload')}{f': {told}' if told else ''}"
    if bench.word == NOT_COUNTED and not record.admitted:
        return "NOT COUNTED: not admitted"  # why not stands beside it
    line = f"{bench.word.upper()}: {bench.reason}"
    if bench.models:
        model = bench.models[0]
        line += f" (model, {model.target}, {model.workload}: at least {model.microseconds:.3g} µs, {model.limit})"
    return line


def _span(gaps: Sequence[float]) -> str:
    low, high = f"{min(gaps):.2f}×", f"{max(gaps):.2f}×"
    return low if low == high else f"{low} to {high}"


def _bench(record: Record) -> str:
    return plain(bench_line(record), 600)


def _witnesses(record: Record) -> list[str]:
    shown = record.dossier.refuted[:10]
    lines = [
        f"> **{GLYPHS['refuted']} {plain(verdict.gate)}** {plain(verdict.witness.sentence, 500)}"
        for verdict in shown
        if verdict.witness is not None
    ]
    hidden = len(record.dossier.refuted) - len(shown)
    return ["\n>\n".join(lines) + (f"\n>\n> +{hidden} more in the JSON" if hidden else "")] if lines else []


def _walks(record: Record) -> list[str]:
    """What the kernels do, folded away."""
    found = []
    for walk in record.walks[:10]:
        lines = [f"- {plain(text)}" for text in (*walk.program, *filter(None, [walk.unread]))]
        for step in walk.steps[:100]:
            where = f"{plain(step.file)} {step.where}" if step.file else step.where
            lines.append(f"{'  ' * min(step.depth, 5)}- {f'{where}: ' if where else ''}{plain(step.text, 1000)}")
        title = f"What {plain(walk.kernel)} does ({plain(walk.variant)})"
        found.append(f"<details><summary>{title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>")
    return found


def _trails(record: Record) -> list[str]:
    """What each proof rests on, folded away."""
    lines = [_line(["gate", "proved", "where", "rests on", "asked of z3"]), _line(["---"] * 5)]
    for verdict in record.verdicts:
        if trail := verdict.trail:
            asked = f"{count(trail.queries, 'question')}, {_code(trail.digest[:16])}" if trail.queries else "–"
            where = plain(str(verdict.place or ""))
            lines.append(_line([plain(verdict.gate), plain(verdict.claim), where, plain(str(trail), 1000), asked]))
    title = "What the proofs rest on"
    return [f"<details><summary>{title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"] if lines[2:] else []


def _signed(record: Record, signoffs: SignOffs) -> list[str]:
    lines = [
        f"- **{state}**: {plain(line.said)} by {plain(line.reviewer)}, {plain(line.role)}"
        + (f": {plain(line.comment)}" if line.comment else "")
        for line, state in signoffs.states(canonical.digest(record))
    ]
    if signoffs.damage:
        lines.insert(0, f"- **damaged**: {plain(signoffs.damage)}. Nothing in the sign-off file counts.")
    return ["**Sign-off:**\n\n" + "\n".join(lines)] if lines else []


def strength(found: Strength) -> str:
    """What became of the bugs seeded into a candidate, as a page of its own, below `LARGEST` bytes."""
    head = f"# Gate strength of {plain(found.spec)} on {plain(found.path, 120)}"
    versions = ", ".join(f"{name} {found.environment.packages.get(name)}" for name in ("torch", "triton"))
    told = (
        f"Candidate {_code(found.candidate[:16])}, spec {_code(found.spec_digest[:16])}, profile "
        f"{plain(found.profile)}, seed {found.seed}, {plain(found.environment.time)}, {plain(versions)}."
    )
    return _within("\n\n".join([head, told, *_strength(found), *_every(found)]) + "\n")


def _strength(found: Strength) -> list[str]:
    lines = [_line(["gate", "killed", "that no other gate killed"]), _line(["---", "--:", "--:"])]
    for row in found.rows:
        lines.append(_line([plain(row.gate), str(row.killed), "–" if found.fail_fast else str(row.alone)]))
    parts = [f"**Gate strength:** {plain(found.sentence)} (profile {plain(found.profile)}).", "\n".join(lines)]
    for fate in ("survived", "stopped", "unexamined", "equivalent"):
        parts += [f"**{fate}** {plain(bug.kind)}, line {bug.line}: {_change(bug)}: {plain(bug.told, 400)}"
                  for bug in found.of(fate)]  # fmt: skip
    return parts


def _every(found: Strength) -> list[str]:
    """The bugs one by one, and the kinds that fit nowhere."""
    lines = [_line(["kind", "line", "change", "fate", "by"]), _line(["---", "--:", "---", "---", "---"])]
    for bug in found.seeded:
        change = _change(bug).replace("|", "\\|")
        lines.append(_line([plain(bug.kind), str(bug.line), change, bug.fate, plain(", ".join(bug.gates))]))
    none = ", ".join(kind.name for kind in found.without_site)
    fates = "; ".join(f"{fate}: {told}" for fate, told in FATES.items())
    return [
        "\n".join(lines),
        *([f"No site in this candidate: {plain(none, 3000)}."] if none else []),
        f"Words: {fates}.",
    ]


def _change(bug: Seeded) -> str:
    return f"{_code(bug.before)} → {_code(bug.after)}"


def _gates(rows: tuple[Row, ...]) -> str:
    used = [name for name in BUCKETS if any(row.counts[name] for row in rows)]
    head = ["gate", "claim", "total", *(LABELS[name] for name in used), "worst", "required"]
    lines = [_line(head), _line(["---", "---", "--:", *("--:" for _ in used), "---", "---"])]
    for row in rows:
        required = LABELS[row.required] if row.required else "–"
        lines.append(
            _line(
                [
                    plain(row.gate),
                    row.brief,
                    str(row.total),
                    *(_number(row, name) for name in used),
                    _word(row.worst),
                    required if row.enough else f"{required}, **not met**",
                ]
            )
        )
    return "\n".join(lines)


def _number(row: Row, bucket: str) -> str:
    vacuous = f" ({row.vacuous} vacuous)" if bucket == "proved" and row.vacuous else ""
    return f"{row.counts[bucket] or '·'}{vacuous}"


def _matrix(linked: Sequence[tuple[Record, str]]) -> str:
    gates = list(dict.fromkeys(row.gate for record, _ in linked for row in tally.tally(record)))
    lines = [
        _line(["candidate", "verdict", *(plain(gate) for gate in gates), "bench"]),
        _line(["---"] * (len(gates) + 3)),
    ]
    for record, page in linked:
        worst = {row.gate: row.worst for row in tally.tally(record)}
        label = plain(record.candidate.path, 80)
        lines.append(
            _line(
                [
                    f"[{label}]({page})" if page else label,
                    f"**{_word(record.word)}**",
                    *(_word(worst.get(gate, NOT_RUN)) for gate in gates),
                    plain(bench_line(record), 160),
                ]
            )
        )
    return "\n".join(lines)


def _reasons(records: Sequence[Record]) -> str:
    return "\n".join(
        f"- {_word(record.word)} {plain(record.candidate.path, 80)}: {plain(first_reason(record), 400)}"
        for record in records
        if not record.admitted
    )


def _word(word: str) -> str:
    return f"{GLYPHS[word]} {LABELS.get(word, word)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Text as a code span. Backticks would end it, and a lone one cannot be escaped inside."""
    shown = visible(one_line(text, 1000))
    return plain(shown, 1000) if "`" in shown or "<" in shown else f"`{shown}`"


def _within(text: str) -> str:
    if len(text.encode()) <= LARGEST:
        return text
    cut = text.encode()[: LARGEST - 200].decode(errors="ignore")
    return f"{cut[: cut.rfind(chr(10))]}\n\n_Cut here: the rest is in the HTML pages and the JSON._\n"
