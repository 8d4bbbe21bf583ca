"""What the study saw, added up: false rejects and catches by rule, as JSON and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import define, field

from tests.quality.numerics.rivals import OURS, RULES
from tests.quality.numerics.study import MARGIN, Seen

MARGINS: Final = (2, 4, 8, 16, 32)
OURS_AT: Final = list(RULES).index(OURS)


@define
class Row:
    """Counts of some outputs; those by rule are in the order of RULES."""

    right: int = 0  # controls included
    bugs: int = 0
    detectable: int = 0
    false_rejects: list[int] = field(factory=lambda: [0] * len(RULES))
    caught: list[int] = field(factory=lambda: [0] * len(RULES))

    def add(self, seen: Seen, margin: float = MARGIN) -> None:
        refused = [not accepted for accepted in seen.accepted]
        if seen.kind != "bug":
            self.right += 1
            self.false_rejects = [sum(pair) for pair in zip(self.false_rejects, refused, strict=True)]
            return
        self.bugs += 1
        if seen.beyond >= margin and seen.clear:
            self.detectable += 1
            self.caught = [sum(pair) for pair in zip(self.caught, refused, strict=True)]

    @property
    def mistakes(self) -> list[int]:
        """By rule: right outputs refused and detectable bugs accepted."""
        return [wrong + self.detectable - caught for wrong, caught in zip(self.false_rejects, self.caught, strict=True)]

    @property
    def ahead(self) -> bool:
        """Whether every other rule makes more mistakes."""
        ours = self.mistakes[OURS_AT]
        return all(ours < others for at, others in enumerate(self.mistakes) if at != OURS_AT)


def rows(everything: Sequence[Seen], key: Callable[[Seen], str], margin: float = MARGIN) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for seen in everything:
        found.setdefault(key(seen), Row()).add(seen, margin)
    return found


def summary(everything: Sequence[Seen], environment: dict[str, str]) -> dict[str, Any]:
    """The study as data: counts in the order of `rules`, and every mistake of our rule by name."""
    bugs = [seen for seen in everything if seen.kind == "bug"]
    by_case = rows(everything, lambda seen: f"{seen.operator}, {seen.dtype}")
    by_bug = rows(bugs, lambda seen: f"{seen.operator}: {seen.way}")
    ours = [seen for seen in everything if seen.accepted[OURS_AT] == (seen.kind == "bug")]
    controls = sorted((seen for seen in everything if seen.kind == "control"), key=lambda seen: -seen.beyond)
    return {
        "environment": environment,
        "margin": MARGIN,
        "rules": list(RULES),
        "operators": {name: _counts(row) for name, row in by_case.items()},
        "bugs": {name: _counts(row) for name, row in by_bug.items()},
        "margins": {str(margin): _counts(*rows(bugs, lambda seen: "", margin).values()) for margin in MARGINS},
        "mistakes": [_named(seen) for seen in ours if seen.kind != "bug" or seen.detectable],
        "controls": [_named(seen) for seen in controls[:8]],
    }


def _counts(row: Row) -> dict[str, Any]:
    counts = {"right": row.right, "bugs": row.bugs, "detectable": row.detectable}
    return counts | {"false_rejects": row.false_rejects, "caught": row.caught, "ahead": row.ahead}


def _named(seen: Seen) -> dict[str, Any]:
    beyond = seen.beyond if seen.beyond < float("inf") else "infinite"
    return {"kind": seen.kind, "operator": seen.operator, "way": seen.way, "case": seen.case, "beyond_rounding": beyond}


def markdown(found: dict[str, Any]) -> str:
    """The summary for people."""
    names, counts = found["rules"], found["operators"]
    total = {key: [sum(column) for column in zip(*(row[key] for row in counts.values()), strict=True)]
             for key in ("false_rejects", "caught")}  # fmt: skip
    every = {key: sum(row[key] for row in counts.values()) for key in ("right", "bugs", "detectable")} | total
    lines = ["# Which rule accepts right kernels and sees wrong ones", ""]
    lines += [f"{', '.join(f'{key} {value}' for key, value in found['environment'].items())}.", ""]
    lines += ["Right outputs refused / detectable bugs caught, of so many.", ""]
    lines += _table(["operator", "right", "detectable bugs", *names, "ahead of every other"])
    for name, row in [*counts.items(), ("all", every)]:
        cells = [f"{wrong} / {caught}" for wrong, caught in zip(row["false_rejects"], row["caught"], strict=True)]
        ahead = {True: "yes", False: "no"}.get(row.get("ahead"), "")
        lines.append(_line([name, row["right"], row["detectable"], *cells, ahead]))
    lines += ["", "Detectable bugs caught, by bug (of so many outputs that have it).", ""]
    lines += _table(["bug", "outputs", "detectable", *names])
    lines += [_line([name, row["bugs"], row["detectable"], *row["caught"]]) for name, row in found["bugs"].items()]
    lines += [
        "",
        f"A bug counts as detectable from {found['margin']} times the noise of rounding on; at other margins:",
        "",
    ]
    lines += _table(["margin", "detectable", *names])
    lines += [_line([margin, row["detectable"], *row["caught"]]) for margin, row in found["margins"].items()]
    lines += [
        "",
        f"Controls, farthest beyond the noise; no bug counts in the cases where one reaches {found['margin']}:",
        "",
    ]
    lines += [_told(each) for each in found["controls"]]
    lines += ["", f"Every mistake of the {names[OURS_AT]}:", "", *[_told(each) for each in found["mistakes"]]]
    return "\n".join(lines + ([] if found["mistakes"] else ["none"])) + "\n"


def _told(each: dict[str, Any]) -> str:
    beyond = each["beyond_rounding"]
    times = beyond if isinstance(beyond, str) else f"{beyond:.3g}"
    what = "missed" if each["kind"] == "bug" else "right"
    return f"- {what}: {each['operator']}, {each['way']}, {times} beyond rounding ({each['case']})"


def _table(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---"] * len(names))]


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
