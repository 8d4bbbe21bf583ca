"""What a person sees while work is under way: a line a gate, and on a terminal a live line below them.

Colour and the live line need a terminal; `NO_COLOR` and `TERM=dumb` are obeyed. rich is imported only where
it draws. Text that comes from a candidate is shown with its control characters spelt out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from reports.text import visible

if TYPE_CHECKING:
    from verify.verdict import Verdict

STYLES: Final = {
    "proved": "green",
    "held": "green",
    "admitted": "bold green",
    "unknown": "yellow",
    "inconclusive": "bold yellow",
    "crashed": "bold magenta",
    "refuted": "bold red",
    "error": "bold red",
    "title": "bold",
    "faint": "dim",
}


class Progress(Protocol):
    """Told what starts and what came of it."""

    def __call__(self, gate: str, verdicts: tuple[Verdict, ...]) -> None: ...
    def stage(self, name: str, done: str = "", seconds: float | None = None) -> None: ...


class Silent:
    """Shows nothing."""

    def __call__(self, gate: str, verdicts: tuple[Verdict, ...]) -> None:
        """Nothing."""

    def stage(self, name: str, done: str = "", seconds: float | None = None) -> None:
        """Nothing."""


class Display:
    """Lines on a stream, and the progress of one examination as such lines. Use it as a context."""

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None) -> None:
        self._stream = stream or sys.stdout
        self._console: Any = None
        self._status: Any = None
        self._started: dict[str, float] = {}
        if self._stream.isatty() if live is None else live:
            from rich.console import Console

            self._console = Console(file=self._stream, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rest()

    def line(self, text: str = "", style: str = "") -> None:
        """One line. `style` is a word of STYLES; colour is never the only bearer of a meaning."""
        shown = visible(text).replace("\n", " ")
        if self._console is None:
            print(shown, file=self._stream, flush=True)
        else:
            self._console.print(shown, style=STYLES.get(style) or None)

    def stage(self, name: str, done: str = "", seconds: float | None = None) -> None:
        """Say that a stage begins, or with `done` what came of it."""
        if not done:
            self._started[name] = time.perf_counter()
            self._busy(name)
            return
        spent = seconds if seconds is not None else time.perf_counter() - self._started.get(name, time.perf_counter())
        self._rest()
        self._row(name, "", done, spent)

    def __call__(self, gate: str, verdicts: tuple[Verdict, ...]) -> None:
        if not verdicts:
            self._busy(gate)
            return
        from verify.verdict import worst

        self._rest()
        word = worst(verdict.outcome for verdict in verdicts).word
        self._row(gate, word, tally(verdicts), sum(verdict.cost.seconds for verdict in verdicts))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show `text` on the live line while the body runs."""
        self._busy(text)
        try:
            yield
        finally:
            self._rest()

    def _row(self, name: str, word: str, told: str, seconds: float) -> None:
        shown = word.upper() if word in ("refuted", "crashed") else word
        self.line(f"  {name:<10} {shown:<8} {seconds:6.1f} s  {told}".rstrip(), word or "faint")

    def _busy(self, text: str) -> None:
        self._rest()
        if self._console is not None and self._console.is_terminal and not self._console.is_dumb_terminal:
            self._status = self._console.status(f"  {visible(text)} …", spinner="line")
            self._status.start()

    def _rest(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def tally(verdicts: tuple[Verdict, ...]) -> str:
    """How many claims came out how, worst first: `1 refuted, 3 proved`."""
    counts: dict[Any, int] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.outcome):
        counts[verdict.outcome] = counts.get(verdict.outcome, 0) + 1
    return ", ".join(f"{count} {outcome.word}" for outcome, count in counts.items())
