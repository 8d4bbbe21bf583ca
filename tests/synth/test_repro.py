"""`kernelproof repro` compares verdict by verdict, says what else is not as it was, and harms no record."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from attrs import evolve
from stand_ins import KERNEL, SOFTMAX

from reports.canonical import encode
from reports.environment import collect
from synth.cli import main
from synth.commands.repro import circumstances
from synth.exits import Exit
from synth.keeping import read_record
from verify.verdict import Outcome


@pytest.fixture
def recorded(kernel: Any, standard: Any, capsys: Any, monkeypatch: Any) -> Any:
    """`recorded(bounds=Outcome.REFUTED)` is the path of a new record with these verdicts, from a clean checkout."""
    clean = evolve(collect(), revision="a" * 40, dirty=False)
    monkeypatch.setattr("synth.pipeline.collect", lambda: clean)
    monkeypatch.setattr("reports.environment.collect", lambda: clean)

    def make(**outcomes: Outcome) -> Any:
        standard(**outcomes)
        path = kernel.parent / "r.json"
        main(["verify", str(kernel), "--json", str(path)])
        capsys.readouterr()
        return path

    return make


def redo(capsys: Any, *arguments: object) -> tuple[int, str, dict[str, str]]:
    """Exit code, everything said, and the facts of the RESULT line."""
    code = main(["repro", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out + err, dict(re.findall(r"(\w+)=(\S+)", out.strip().splitlines()[-1]))


@pytest.mark.parametrize(
    ("outcome", "code", "verdict"),
    [
        (Outcome.PROVED, Exit.PASSED, "admitted"),
        (Outcome.REFUTED, Exit.REFUTED, "refuted"),
        (Outcome.UNKNOWN, Exit.INCONCLUSIVE, "inconclusive"),
    ],
)
def test_what_is_as_it_was_ends_as_it_did(
    recorded: Any, capsys: Any, outcome: Outcome, code: Exit, verdict: str
) -> None:
    record = recorded(bounds=outcome)
    held = record.read_bytes()
    found, said, facts = redo(capsys, record)

    assert (found, facts["verdict"], facts["reproduced"], facts["others"]) == (code, verdict, "yes", "-")
    assert "every verdict is as it was" in said and "not as then" not in said
    assert record.read_bytes() == held


@pytest.mark.parametrize(
    ("then", "now"),
    [(Outcome.REFUTED, Outcome.PROVED), (Outcome.PROVED, Outcome.REFUTED), (Outcome.PROVED, Outcome.HELD)],
)
def test_any_other_outcome_is_a_difference(
    recorded: Any, standard: Any, capsys: Any, then: Outcome, now: Outcome
) -> None:
    record = recorded(bounds=then)
    standard(bounds=now)
    code, said, facts = redo(capsys, record)

    assert (code, facts["reproduced"]) == (Exit.REFUTED, "no")
    assert f"was:   bounds {then.word} the claim" in said and f"is now: bounds {now.word} the claim" in said
    assert "2 differences;" in said and "which may be why" not in said


def test_other_versions_are_said_and_do_not_hide_a_difference(recorded: Any, standard: Any, capsys: Any) -> None:
    record = recorded()
    data = json.loads(record.read_text())
    data["environment"]["packages"] |= {"torch": "1.0", "triton": None}
    data["environment"]["revision"] = "b" * 40
    record.write_text(json.dumps(data))
    code, said, facts = redo(capsys, record)

    assert (code, facts["reproduced"], facts["others"]) == (Exit.PASSED, "yes", "torch,triton,revision")
    assert "not as then: torch was 1.0, is" in said and "triton was not installed, is" in said
    standard(bounds=Outcome.HELD)
    code, said, facts = redo(capsys, record)
    assert (code, facts["reproduced"]) == (Exit.REFUTED, "no")
    assert "not as then, which may be why: torch, triton, revision" in said


def test_a_spec_that_has_changed_is_said(recorded: Any, capsys: Any) -> None:
    record = recorded()
    record.write_text(re.sub(r'(digest":")\w{64}(","domain)', rf"\g<1>{'0' * 64}\2", record.read_text()))

    assert redo(capsys, record)[2]["others"] == "spec"


def test_a_gate_that_is_no_more_is_said(recorded: Any, capsys: Any) -> None:
    record = recorded()
    data = json.loads(record.read_text())
    data["verdicts"].append(data["verdicts"][0] | {"gate": "astrology"})
    record.write_text(json.dumps(data))
    code, said, facts = redo(capsys, record)

    assert (code, facts["others"], facts["reproduced"]) == (Exit.REFUTED, "gates", "no")
    assert "astrology asked then, unknown to this version" in said


def _with(**changes: Any) -> Any:
    return lambda text: json.dumps(json.loads(text) | changes)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda text: text[: len(text) // 2], "this is not JSON"),
        (lambda text: "", "this is not JSON"),
        (lambda text: text.replace("kernelproof-record/1", "kernelproof-record/9"), "newer than"),
        (lambda text: text.replace("return x", "return 2 * x"), "has digest"),
        (lambda text: text.replace('"outcome":"proved"', '"outcome":"refuted"', 1), "damaged"),
        (_with(profile="thorough"), "unknown profile 'thorough'"),
        (_with(admitted=False), "its verdicts admit it"),
        (lambda text: text.replace('"name":"softmax"', '"name":"soft_maximum"'), "--spec path/to/file.py:NAME"),
    ],
)
def test_a_record_that_cannot_be_redone_is_told_and_left_alone(
    recorded: Any, capsys: Any, harm: Any, said: str
) -> None:
    record = recorded()
    record.write_text(harm(record.read_text()))
    held = record.read_bytes()
    code, told, facts = redo(capsys, record)

    assert (code, facts["verdict"]) == (Exit.ERROR, "error")
    assert said in told
    assert record.read_bytes() == held


def test_the_new_record_does_not_take_the_place_of_the_old_one(recorded: Any, capsys: Any) -> None:
    record = recorded()
    held = record.read_bytes()

    assert redo(capsys, record, "--json", record)[0] == Exit.ERROR
    assert record.read_bytes() == held
    new = record.with_name("new.json")
    assert redo(capsys, record, "--json", new)[0] == Exit.PASSED
    assert json.loads(new.read_text())["verdicts"]


def test_another_spec_is_not_asked(recorded: Any, capsys: Any) -> None:
    code, told, _ = redo(capsys, recorded(), "--spec", "matmul")

    assert code == Exit.ERROR and "is about the spec 'softmax', and matmul is 'matmul'" in told


def test_of_a_package_only_the_recorded_source_is_redone(
    tmp_path: Any, standard: Any, capsys: Any, monkeypatch: Any
) -> None:
    module = tmp_path / "rows_of_mine.py"
    module.write_text(KERNEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    record = tmp_path / "r.json"
    main(["verify", "rows_of_mine:softmax", "--json", str(record)])
    assert redo(capsys, record)[0] == Exit.PASSED
    module.write_text(KERNEL.replace("return x", "return 2 * x"))
    code, told, _ = redo(capsys, record)

    assert code == Exit.ERROR and "is not the one that the record is about" in told
    module.unlink()
    assert "there is no module 'rows_of_mine'" in redo(capsys, record)[1]


def test_uncommitted_changes_are_said(recorded: Any) -> None:
    record = read_record(recorded())
    here = record.environment

    assert circumstances(record, here, SOFTMAX) == {}
    assert list(circumstances(record, evolve(here, dirty=True), SOFTMAX)) == ["checkout"]


@pytest.mark.parametrize("thorough", [True, False])
def test_gates_look_as_closely_as_then(recorded: Any, capsys: Any, tmp_path: Any, thorough: bool) -> None:
    record, old, new = read_record(recorded(bounds=Outcome.REFUTED)), tmp_path / "old.json", tmp_path / "new.json"
    old.write_bytes(encode(evolve(record, thorough=thorough)))
    redo(capsys, old, "--json", new)
    assert read_record(new).thorough is thorough and not record.thorough
