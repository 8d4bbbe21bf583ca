"""The candidate's source as numbered lines, coloured, with what the verdicts say about each."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import frozen
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
from pygments.token import Token  # type: ignore[import-untyped]

from reports.record import CandidatePart, Record
from reports.tally import WORST_FIRST, bucket
from verify.verdict import Place, Verdict

_COLOURED: Final = 200_000  # letters; longer sources stay plain, which no lexer can be slow on
_CLASSES: Final = (
    (Token.Comment, "c"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "n"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Decorator, "d"),
    (Token.Name.Function, "f"),
)

NOT_REACHED: Final = "not reached"


@frozen
class Piece:
    """A run of letters of one kind; `kind` is a style class or empty."""

    text: str
    kind: str


@frozen
class Mark:
    """A verdict on a line: which one, how it ended, and what it says."""

    verdict: int
    gate: str
    word: str
    text: str


@frozen
class Line:
    """One line of source. `word` is the worst of its marks, `not reached` in a kernel that no captured launch
    starts, and empty where no verdict points here.
    """

    number: int
    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    reached: bool = True

    @property
    def word(self) -> str:
        nothing = "" if self.reached else NOT_REACHED
        return min((mark.word for mark in self.marks), key=WORST_FIRST.index, default=nothing)

    @property
    def claims(self) -> tuple[tuple[Mark, int], ...]:
        """The marks, worst first, those of one gate that ended alike as the first of them and how many there are."""
        first: dict[tuple[str, str], Mark] = {}
        for mark in self.marks:
            first.setdefault((mark.gate, mark.word), mark)
        counts = Counter((mark.gate, mark.word) for mark in self.marks)
        return tuple(sorted(((mark, counts[key]) for key, mark in first.items()), key=_rank))

    @property
    def notes(self) -> tuple[Mark, ...]:
        """The marks worth spelling out below the line."""
        return tuple(mark for mark in self.marks if mark.word not in ("proved", "held"))


def lines(record: Record) -> tuple[Line, ...]:
    """Every line of the candidate, counted as Python counts them."""
    marks: dict[int, list[Mark]] = {}
    for index, verdict in enumerate(record.verdicts):
        for number in lines_of(record.candidate, verdict):
            marks.setdefault(number, []).append(_mark(index, verdict))
    text = re.sub("\r\n?", "\n", record.candidate.source)
    rows, missed = _rows(text), _unreached(record)
    return tuple(
        Line(number, row, tuple(marks.get(number, ())), number not in missed) for number, row in enumerate(rows, 1)
    )


def legend(rows: Iterable[Line]) -> Mapping[str, int]:
    """How many lines have each mark, worst first."""
    counts = Counter(line.word for line in rows)
    return {word: counts[word] for word in (*WORST_FIRST, NOT_REACHED) if counts[word]}


def _rank(claim: tuple[Mark, int]) -> int:
    return WORST_FIRST.index(claim[0].word)


def _unreached(record: Record) -> frozenset[int]:
    """The lines of jitted functions that no launch starts and no function that one starts names."""
    try:
        tree = ast.parse(record.candidate.source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    jitted = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("jit" in ast.unparse(each) for each in node.decorator_list)
    }
    waiting = [launch.kernel for cell in record.cells for launch in cell.launches]
    if not waiting:  # nothing was captured, so nothing is known of what would be reached
        return frozenset()
    reached: set[str] = set()
    while waiting:
        named = waiting.pop()
        if named in jitted and named not in reached:
            reached.add(named)
            waiting += _named(jitted[named])
    missed = (jitted[named] for named in jitted.keys() - reached)
    return frozenset(line for node in missed for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _named(node: ast.AST) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def lines_of(candidate: CandidatePart, verdict: Verdict) -> tuple[int, ...]:
    """The lines of the candidate's own file that a verdict and its witness point to."""
    places = [verdict.place]
    if verdict.witness is not None:
        places += [verdict.witness.place, *(access.place for access in verdict.witness.accesses)]
    found = [line_of(candidate, place) for place in places]
    return tuple(dict.fromkeys(number for number in found if number))


def line_of(candidate: CandidatePart, place: Place | None) -> int:
    """The line in the candidate's own file; 0 for a place elsewhere, or none."""
    return place.line if place is not None and place.inside(candidate.path) else 0


def by_number(rows: Iterable[Line]) -> Mapping[int, Line]:
    """Lines by their number."""
    return {line.number: line for line in rows}


def _mark(index: int, verdict: Verdict) -> Mark:
    text = verdict.witness.sentence if verdict.witness else verdict.detail or verdict.claim
    if verdict.outcome.word in ("proved", "held"):
        text = verdict.claim
    return Mark(index, verdict.gate, bucket(verdict), text)


def _rows(text: str) -> list[tuple[Piece, ...]]:
    rows: list[list[Piece]] = [[]]
    for kind, piece in _pieces(text):
        first, *rest = piece.split("\n")
        rows[-1].append(Piece(first, kind))
        rows += [[Piece(part, kind)] for part in rest]
    if len(rows) > 1 and not any(piece.text for piece in rows[-1]):
        rows.pop()
    return [tuple(piece for piece in row if piece.text) for row in rows]


def _pieces(text: str) -> Iterable[tuple[str, str]]:
    if len(text) > _COLOURED:
        return [("", text)]
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    found = [(_class(token), piece) for _, token, piece in lexer.get_tokens_unprocessed(text)]
    # A lexer that loses a letter must not change what a reviewer reads.
    return found if "".join(piece for _, piece in found) == text else [("", text)]


def _class(token: object) -> str:
    return next((name for parent, name in _CLASSES if token in parent), "")
