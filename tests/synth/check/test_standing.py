"""Waivers and the baseline: what they let by, what they do not, and the exit codes that come of it."""

from __future__ import annotations

from datetime import date

import pytest
from attrs import evolve

from synth.check import baseline, waivers
from synth.check.objections import Objection, exit_of
from synth.exits import Exit, Trouble
from verify.verdict import Place

TODAY = date(2026, 11, 25)
REFUTED = Objection("bounds@a:b#1", "refuted", "outside", Place("a.py", 3), "c0de", "bounds")
UNKNOWN = Objection("races@a:b#2", "unknown", "not modelled", Place("a.py", 4), "c0de", "races")
WAIVER = waivers.Waiver(
    "W-1", REFUTED.id, "c0de", "false-positive", "padded by the caller", "@one", "@two", date(2026, 11, 1),
    date(2026, 12, 1),
)  # fmt: skip
TEXT = """\
[[waiver]]
id = "W-1"
finding = "bounds@a:b#1"
digest = "c0de"
category = "false-positive"
reason = "padded by the caller"
owner = "@one"
approver = "@two"
created = 2026-11-01
expires = 2026-12-01
"""


def settled(waiver, objections=(REFUTED, UNKNOWN), everything=True):
    return waivers.settle(objections, (waiver,), "waivers.toml", TODAY, everything)


def test_a_waiver_is_read_as_it_is_written():
    assert waivers.parse(TEXT, "waivers.toml") == (WAIVER,)
    assert waivers.parse(None, "waivers.toml") == ()


def test_a_waiver_lets_its_finding_by_and_no_other():
    refuted, unknown = settled(WAIVER)
    assert refuted.settled == "waived by W-1 until 2026-12-01" and unknown.blocks
    assert exit_of([refuted, unknown]) is Exit.INCONCLUSIVE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digest": "0ther"}, "was given for code 0ther, which is now c0de"),
        ({"expires": date(2026, 11, 24)}, "expired on 2026-11-24"),
        ({"approver": "@one"}, "owned and approved by @one"),
        ({"expires": date(2027, 2, 1)}, "is to last 92 days"),
        ({"created": date(2026, 11, 26)}, "has not come yet"),
        ({"finding": "bounds@a:b#9"}, "was not found"),
    ],
)
def test_a_wrong_waiver_lets_nothing_by(change, said):
    found = settled(evolve(WAIVER, **change))
    assert found[0].blocks
    assert said in found[-1].message and found[-1].kind == "waiver"
    another_code = change.keys() & {"digest", "finding"}  # nobody has agreed to let this one by
    assert exit_of(found[:1]) is (Exit.REFUTED if another_code else Exit.WAIVER)
    assert exit_of([*found[2:], *found[:1]]) is exit_of(found[:1])
    assert exit_of(found) is (Exit.REFUTED if another_code else Exit.INCONCLUSIVE)  # the worse one counts
    assert exit_of(found[2:]) is Exit.WAIVER


def test_a_waiver_of_something_not_looked_at_is_left_alone():
    assert settled(evolve(WAIVER, finding="bounds@z:z#1"), everything=False) == (REFUTED, UNKNOWN)


def test_what_could_not_be_examined_cannot_be_waived():
    failed = evolve(REFUTED, kind="failed")
    found = settled(WAIVER, (failed,))
    assert found[0].blocks and "cannot be waived" in found[1].message


def test_an_id_stands_once():
    found = waivers.settle((REFUTED,), (WAIVER, WAIVER), "waivers.toml", TODAY, True)
    assert found[0].blocks and "stands twice" in found[1].message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('owner = "@one"\n', "", "owner"),
        ('reason = "padded by the caller"', 'reason = " "', "is no text"),
        ("expires = 2026-12-01", 'expires = "soon"', "is no date"),
        ('category = "false-positive"', 'category = "because"', "category"),
        ("[[waiver]]", "[[waivers]]", "unknown key 'waivers'"),
        ('id = "W-1"', 'id = "W-1"\nnote = "x"', "note"),
    ],
)
def test_a_damaged_file_is_a_waiver_problem(old, new, said):
    with pytest.raises(Trouble) as raised:
        waivers.parse(TEXT.replace(old, new), "waivers.toml")
    assert raised.value.code is Exit.WAIVER and said in str(raised.value)


def test_a_waiver_that_ends_soon_is_told():
    assert waivers.soon((WAIVER,), TODAY) == ("W-1 ends on 2026-12-01",)
    assert waivers.soon((WAIVER,), date(2026, 11, 3)) == ()


def test_the_baseline_lets_by_what_was_known_and_nothing_worse():
    known = baseline.parse(baseline.dump([REFUTED, UNKNOWN]), "baseline.json")
    assert exit_of(baseline.settle([REFUTED, UNKNOWN], known, "baseline.json", True)) is Exit.PASSED
    worse = evolve(UNKNOWN, kind="refuted")
    assert exit_of(baseline.settle([REFUTED, worse], known, "baseline.json", True)) is Exit.REFUTED
    new = evolve(REFUTED, id="bounds@a:b#3")
    assert exit_of(baseline.settle([REFUTED, UNKNOWN, new], known, "baseline.json", True)) is Exit.REFUTED


def test_a_stale_entry_of_the_baseline_is_told_where_everything_was_looked_at():
    known = baseline.parse(baseline.dump([REFUTED]), "baseline.json")
    assert exit_of(baseline.settle([], known, "baseline.json", True)) is Exit.WAIVER
    assert baseline.settle([], known, "baseline.json", False) == ()


def test_a_baseline_holds_no_weakening():
    weaker = evolve(REFUTED, kind="weakening")
    assert baseline.parse(baseline.dump([weaker]), "baseline.json") == {}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema":"kernelproof-baseline/1","known":{"x":"weakening"}}'])
def test_a_damaged_baseline_is_a_baseline_problem(text):
    with pytest.raises(Trouble) as raised:
        baseline.parse(text, "baseline.json")
    assert raised.value.code is Exit.WAIVER


def test_the_worst_code_wins():
    kinds = ("baseline", "unknown", "refuted", "failed")
    codes = [exit_of(evolve(REFUTED, kind=kind) for kind in kinds[: upto + 1]) for upto in range(4)]
    assert codes == [Exit.WAIVER, Exit.INCONCLUSIVE, Exit.REFUTED, Exit.ERROR]
    assert exit_of(()) is Exit.PASSED
