"""What stands against a merge, as it is shown: together what is one fault, the worst first, every function in turn."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from synth.check.config import Config
from synth.check.examining import Result
from synth.check.formats import FORMATS, MOST
from synth.check.objections import Objection
from synth.check.subjects import Found
from verify.verdict import Place

NOTHING = Found((), (), (), (), 3)


def objection(function, gate, number, kind="refuted", line=7):
    where = Place(f"{function.partition(':')[0]}.py", line)
    return Objection(f"{gate}@{function}#{number}", kind, f"fault {number}", where, "c0de", gate, function)


def shown(form, *objections):
    return FORMATS[form](Result(Config(), "", NOTHING, (), objections, ()))


def test_one_fault_met_by_many_is_one_annotation():
    fault = [objection("a:f", "laws", number) for number in range(5)]
    assert shown("github", *fault).splitlines() == [
        "::error file=a.py,line=7,title=kernelproof refuted laws::fault 0 (and 4 more like it)"
    ]
    assert shown("text", *fault).count("-->") == 1
    assert "4 more like it: 1, 2, 3, 4" in shown("text", *fault)
    assert shown("markdown", *fault).count("- **refuted laws**") == 1
    assert len(json.loads(shown("json", *fault))["objections"]) == 5  # a waiver names each


def test_every_function_has_its_turn_before_one_fills_the_list():
    gates = [f"gate{number}" for number in range(MOST + 3)]
    many = [objection("a:f", gate, 0) for gate in gates]
    lines = shown("github", *many, objection("b:g", "overflow", 1)).splitlines()
    assert len(lines) == MOST
    assert "file=b.py" in lines[1]
    assert lines[-1] == f"::error title=kernelproof::+{len(many) + 1 - (MOST - 1)} more, in the log and the summary"


def test_what_is_refuted_comes_before_what_is_not_known_and_what_is_settled_is_not_shown():
    waived = evolve(objection("a:f", "bounds", 1), settled="waived by W-1")
    open_ = objection("a:f", "races", 2, "unknown")
    lines = shown("github", waived, open_, objection("b:g", "laws", 3)).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]


@pytest.mark.parametrize("form", ["github", "lintrunner", "junit", "markdown", "text"])
def test_nothing_that_a_kernel_says_ends_a_line_or_a_command(form):
    bad = evolve(objection("a:f", "bounds", 1), message="one\n::error::two\r\x1b[31m %0A\x00")
    said = shown(form, bad)
    assert "\x1b" not in said and "\x00" not in said and "\r" not in said
    assert "\n::error::two" not in said


def test_one_fault_that_every_dtype_meets_is_one_lint():
    same = [objection("a:f", "laws", 7), objection("a:f", "laws", 7), objection("a:f", "bounds", 7)]
    found = [json.loads(line) for line in shown("lintrunner", *same).splitlines()]
    assert [each["name"] for each in found] == ["laws", "bounds"]
    assert found[0]["description"].endswith(" (and 1 more like it)")


def test_a_summary_stays_below_what_github_takes():
    many = [objection(f"m{number}:f", "bounds", number) for number in range(3000)]
    said = shown("markdown", *many)
    assert len(said.encode()) <= 60_000 and said.endswith("_Cut here: the rest is in the log._\n")
