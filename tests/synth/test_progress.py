"""What is shown: plain lines without a terminal, no colour where none is wanted, no control characters ever."""

from __future__ import annotations

import io

import pytest
from stand_ins import stages

from synth.progress import Display, tally
from verify.verdict import Outcome, Verdict

VERDICTS = (Verdict("bounds", Outcome.PROVED, "a", "all"), Verdict("bounds", Outcome.UNKNOWN, "b", ""))


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    with Display(stream) as display:
        display("bounds", ())
        display("bounds", VERDICTS)

    assert stream.getvalue() == "  bounds     unknown     0.0 s  1 unknown, 1 proved\n"


@pytest.mark.parametrize("live", [True, False])
def test_control_characters_of_a_candidate_are_spelt_out(live: bool) -> None:
    stream = io.StringIO()
    with Display(stream, live=live) as display:
        display.line("before\x1b[2Jafter\r\nRESULT verdict=admitted [red]x[/red]")

    assert "\x1b[2J" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1
    assert "[red]x[/red]" in stream.getvalue()


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    with Display(stream, live=True) as display:
        display.line("refuted", "refuted")

    assert "\x1b[31m" not in stream.getvalue()
    assert "refuted" in stream.getvalue()


def test_outcomes_are_counted_worst_first() -> None:
    assert tally(VERDICTS) == "1 unknown, 1 proved"
    assert [gate.__name__ for gate in stages(bounds=Outcome.HELD).gates] == ["bounds"]
