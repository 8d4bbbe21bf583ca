"""The tuner: which points a candidate has, in which order they are tried, and going on after a stop."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import SOFTMAX

from synth.knobs import MOST, KnobError, apart, knobs, points
from synth.loop import Examined, Limits, Search
from synth.proposers import ProposerFailure
from synth.proposers.tune import Forecast, Space, tune
from verify.case import Candidate

SOURCE = """\
TEXT = "# tune: 1, 2"
BLOCK = 4  # tune: 2, 4, 8
ORDER = "rows"  # tune: "rows", "columns"


def softmax(x):
    return x
"""


def test_the_candidate_as_it_stands_comes_first_and_each_point_once() -> None:
    found = knobs(SOURCE)
    space = list(points(SOURCE, found))
    assert [(knob.name, knob.choices) for knob in found] == [("BLOCK", (2, 4, 8)), ("ORDER", ("rows", "columns"))]
    assert space[0].source == SOURCE
    assert len({point.source for point in space}) == 6
    assert str(space[0]) == "BLOCK=4, ORDER='rows'"


@given(st.lists(st.sampled_from([1, 64, -3, 0.5, True, None, "a", "ü # b"]), min_size=1, unique_by=repr), st.data())
def test_a_point_has_its_values_and_nothing_else_changes(choices: list[object], data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(choices))
    source = f"ONE = 'é'; ONE_MORE = 2\nKNOB = {value!r}  # tune: {', '.join(map(repr, choices))}\nLAST = KNOB\n"
    if isinstance(value, int | float) and value < 0:
        with pytest.raises(KnobError, match="a constant in that line"):
            knobs(source)  # a minus is no part of a constant
        return
    for point in points(source, knobs(source)):
        assert repr(ast.literal_eval(ast.parse(point.source).body[-2].value)) == repr(point.values["KNOB"])  # type: ignore[attr-defined]
        assert point.source.splitlines()[::2] == source.splitlines()[::2]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("BLOCK = 4  # tune: 2, 8", "BLOCK is 4, which is not among its values"),
        ("BLOCK = 4  # tune:", "not among its values"),
        ("BLOCK = 4  # tune: 4, 4", "has a value twice"),
        ("BLOCK = 4  # tune: 4, SIX", "are constants with commas between"),
        ("BLOCK = 2 + 2  # tune: 4, 8", "its value is a constant in that line"),
        ("A = B = 4  # tune: 4, 8", "assignment to one name"),
        ("if True:\n    BLOCK = 4  # tune: 4, 8", "at the module's top level"),
        ("BLOCK = 4  # tune: 4\nBLOCK = 5  # tune: 5", "BLOCK is a knob already, in line 1"),
    ],
)
def test_a_knob_that_cannot_be_read_is_said_with_its_line(line: str, told: str) -> None:
    with pytest.raises(KnobError, match="line [12]: .*" + told):
        knobs(line + "\n")


def test_too_many_points_are_refused_before_any_is_made() -> None:
    source = "".join(f"K{at} = 0  # tune: 0, 1, 2, 3\n" for at in range(7))
    with pytest.raises(KnobError, match=f"16384 points, at most {MOST}"):
        next(points(source, knobs(source)))


def test_steps_between_points() -> None:
    found = knobs(SOURCE)
    one, other = {"BLOCK": 2, "ORDER": "rows"}, {"BLOCK": 8, "ORDER": "columns"}
    assert (apart(one, one, found), apart(one, other, found)) == (0, 3)


def space(tmp_path: Path, text: str = SOURCE) -> Space:
    (start := tmp_path / "start.py").write_text(text)
    return Space.of(start)


def block(source: str) -> int:
    return next(knob.value for knob in knobs(source) if knob.name == "BLOCK")


def tried(folder: Path, found: Space, times: dict[int, float] | None, proposals: int = 9) -> list[str]:
    """The points that a search tried, in order; BLOCK decides what is measured, and forecast the other way round."""

    def forecast(source: str) -> Forecast:
        return Forecast(None, "not counted") if block(source) == 2 else Forecast(100.0 / block(source))

    def examine(candidate: Candidate, number: int) -> Examined:
        return Examined("admitted", microseconds={"load": times[block(candidate.source)]} if times else None)

    search = Search(SOFTMAX, tune(found, folder, forecast), examine, folder, Limits(proposals))
    list(search)
    return [str(found.point(attempt.source)) for attempt in search.attempts]


def test_without_measurements_the_forecast_gives_the_order(tmp_path: Path) -> None:
    order = tried(tmp_path, space(tmp_path), None)
    assert [int(each[6]) for each in order] == [4, 8, 8, 4, 2, 2]  # where nothing is forecast last


def test_neighbours_of_the_best_measured_point_come_before_better_forecasts(tmp_path: Path) -> None:
    order = tried(tmp_path, space(tmp_path), {2: 1.0, 4: 2.0, 8: 3.0})
    assert order[0] == "BLOCK=4, ORDER='rows'"
    assert set(order[1:4]) == {"BLOCK=8, ORDER='rows'", "BLOCK=4, ORDER='columns'", "BLOCK=2, ORDER='rows'"}
    assert order[4] == "BLOCK=2, ORDER='columns'"  # beside the best, though forecast last


def test_a_stopped_search_goes_on_and_ends_when_all_was_tried(tmp_path: Path) -> None:
    (once := tmp_path / "once").mkdir()
    whole = tried(once, space(tmp_path), None)
    for proposals in (2, 5, 9):
        parts = tried(tmp_path, space(tmp_path), None, proposals)
    assert parts == whole and len(whole) == 6


def test_damaged_forecasts_are_made_again(tmp_path: Path) -> None:
    tried(tmp_path, space(tmp_path), None, 2)
    (tmp_path / "forecasts.json").write_text('{"half')
    assert len(tried(tmp_path, space(tmp_path), None)) == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "has no knobs"),
        ("def (:\n", r"start.py:1: not a Python module"),
        ("B = 1  # tune: 2\n", "not among"),
    ],
)
def test_a_candidate_without_points_is_no_start(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ProposerFailure, match=told):
        space(tmp_path, text)
