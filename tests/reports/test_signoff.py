"""Sign-offs hold together, and say nothing of another record."""

from __future__ import annotations

import json
from datetime import date

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import html, markdown
from reports.canonical import digest
from reports.signoff import FIRST, SCHEMA, Damaged, SignOff, append, load, read

TODAY = date(2026, 11, 26)
RECORD, OTHER = "a" * 64, "b" * 64
TEXTS = st.text(max_size=12)


def sign(decision="accept", reviewer="R. Viewer", until=None, record=RECORD, **more):
    given = {"role": "maintainer", "config": "", "comment": "", "time": "2026-11-26T09:00:00Z"} | more
    return SignOff(SCHEMA, FIRST, record, reviewer, decision=decision, until=until, **given)


@pytest.fixture
def three(tmp_path):
    """A file of three decisions by three people."""
    path = tmp_path / "r.signoff.jsonl"
    for name in ("first", "second", "third"):
        append(path, sign(reviewer=name, comment=f"by the {name}"))
    return path


def test_lines_are_appended_and_none_is_touched(three):
    before = three.read_bytes()
    added = append(three, sign("reject", "fourth"))

    assert three.read_bytes() == before + added.line
    assert load(three).damage == "" and load(three).last == added.digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[1:], "line 1 does not continue"),
        (lambda lines: [lines[0], lines[2]], "line 2 does not continue"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1 does not continue"),
        (lambda lines: [*lines, lines[2]], "line 4 does not continue"),
        (lambda lines: [*lines[:2], lines[2].replace(b"third", b"fifth")], "line 3 was edited"),
        (lambda lines: [lines[0].replace(b'"accept"', b'"reject"'), *lines[1:]], "line 1 was edited"),
        (lambda lines: [*lines[:2], lines[2].replace(b'{"', b'{ "')], "line 3 is not spelled as it was written"),
        (lambda lines: [*lines[:2], lines[2][:40]], "line 3 is no sign-off"),
        (lambda lines: [*lines[:2], lines[2][:-1]], "line 3 is not spelled"),
        (lambda lines: [b"\n", *lines], "line 1 is no sign-off"),
        (lambda lines: [lines[0].replace(b"signoff/1", b"signoff/2")], "its schema is 'kernelproof-signoff/2'"),
        (lambda lines: [b"\xff\xfe", *lines], "line 1 is no sign-off"),
        (lambda lines: [b"[]\n", *lines], "line 1 is no sign-off"),
    ],
)
def test_what_was_done_to_the_file_shows_and_nothing_is_appended(three, change, said):
    three.write_bytes(b"".join(change(three.read_bytes().splitlines(keepends=True))))
    held = three.read_bytes()

    assert said in load(three).damage
    assert load(three).word(RECORD, TODAY) == "damaged"
    with pytest.raises(Damaged, match="line"):
        append(three, sign())
    assert three.read_bytes() == held


@settings(max_examples=20)
@given(st.lists(st.builds(sign, reviewer=TEXTS.map("r{}".format), comment=TEXTS, config=TEXTS), max_size=4))
def test_what_is_written_is_read(tmp_path_factory, signs):
    path = tmp_path_factory.mktemp("signed") / "r.signoff.jsonl"
    written = [append(path, each) for each in signs]

    assert load(path).lines == tuple(written) and load(path).damage == ""


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(three, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    held = three.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        append(three, sign())
    assert three.read_bytes() == held


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        ([], "none"),
        ([sign()], "accepted"),
        ([sign("accept-until", until="2026-11-26")], "accepted"),
        ([sign("accept-until", until="2026-11-25")], "expired"),
        ([sign("accept-until", until="2026-11-25"), sign(reviewer="another")], "accepted"),
        ([sign(record=OTHER)], "stale"),
        ([sign(record=OTHER), sign("reject")], "rejected"),
        ([sign(), sign("reject", "another")], "rejected"),
        ([sign("reject"), sign()], "accepted"),
        ([sign("reject"), sign(config="inference only")], "rejected"),
        ([sign(config="inference only"), sign("reject")], "rejected"),
    ],
)
def test_what_the_file_says_today(tmp_path, signs, word):
    for each in signs:
        append(tmp_path / "s", each)

    assert load(tmp_path / "s").word(RECORD, TODAY) == word


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": "accept-until"},
        {"until": "2027-01-31"},
        {"decision": "accept-until", "until": "20270131"},
        {"decision": "accept-until", "until": "soon"},
        {"reviewer": " "},
        {"role": ""},
    ],
)
def test_a_decision_that_says_too_little_or_too_much_is_none(wrong):
    with pytest.raises(ValueError, match=r"."):
        sign(**wrong)


def test_a_decision_of_another_kind_is_no_sign_off():
    assert "line 1 is no sign-off" in read(sign().line.replace(b'"accept"', b'"admit"')).damage


def test_a_page_shows_decisions_and_those_of_another_record_as_stale(examples, tmp_path):
    record = examples.admitted()
    append(tmp_path / "s", sign("accept-until", until="2027-01-31", record=digest(record), comment="<b>fine</b>"))
    signoffs = load(tmp_path / "s")
    page, changed = html.render(record, signoffs=signoffs), html.render(evolve(record, seed=1), signoffs=signoffs)

    assert "accepted until 2027-01-31" in page and "<td>stands</td>" in page and "&lt;b&gt;fine" in page
    assert "<td>stale</td>" in changed and "<td>stands</td>" not in changed
    assert "**stands**: accepted until 2027-01-31 by R. Viewer, maintainer" in markdown.render(record, signoffs)
    assert "Nobody had signed" in html.render(record) and "Sign-off" not in markdown.render(record)
    assert html.render(record, signoffs=signoffs) == page


def test_a_page_says_that_the_file_is_damaged(examples, three):
    three.write_bytes(three.read_bytes().replace(b"second", b"forged"))
    page, text = (show(examples.admitted(), signoffs=load(three)) for show in (html.render, markdown.render))

    assert "line 2 was edited" in page and "<td>stands</td>" not in page
    assert "**damaged**: line 2 was edited" in text and "**stands**" not in text


def test_every_line_is_canonical_json(three):
    for line in three.read_text().splitlines():
        assert json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")) == line
