"""`kernelproof report` as its user meets it: formats, comparison, exit codes, bad files."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from reports.canonical import encode
from reports.signoff import load
from synth.cli import main
from synth.exits import Exit

EXAMPLES = Path(__file__).parents[1] / "reports" / "examples.py"
WRITTEN = {
    "sarif": "sarif", "sarif-github": "github.sarif", "junit": "xml", "intoto": "intoto.json", "md": "md",
    "html": "html",
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """An admitted, a refuted and a damaged record, as files."""
    spec = importlib.util.spec_from_file_location("report_examples_for_commands", EXAMPLES)
    examples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(examples)
    folder = tmp_path_factory.mktemp("records")
    for name in ("admitted", "refuted"):
        (folder / f"{name}.json").write_bytes(encode(getattr(examples, name)()))
    damaged = (folder / "admitted.json").read_text().replace('"admitted":true', '"admitted":false')
    (folder / "damaged.json").write_text(damaged)
    newer = (folder / "admitted.json").read_text().replace("kernelproof-record/1", "kernelproof-record/9")
    (folder / "newer.json").write_text(newer)
    return folder


@pytest.mark.parametrize("form", WRITTEN)
def test_every_format_lies_beside_the_record(stored, capsys, form):
    assert main(["report", "render", str(stored / "refuted.json"), "--format", form]) == Exit.PASSED
    written = stored / f"refuted.{WRITTEN[form]}"
    assert str(written) in capsys.readouterr().out
    assert written.read_text()
    written.unlink()


def test_a_page_links_to_what_lies_beside_it_and_only_there(stored, tmp_path, capsys):
    page, index = stored / "refuted.html", stored / "index.html"
    for linked in (False, True):
        if linked:
            index.write_text("an index")
        assert main(["report", "render", str(stored / "refuted.json"), "--format", "html"]) == Exit.PASSED
        text = page.read_text()
        assert 'href="refuted.json"' in text and ('href="index.html"' in text) is linked
    away = str(tmp_path / "away.html")
    assert main(["report", "render", str(stored / "refuted.json"), "--format", "html", "-o", away]) == Exit.PASSED
    assert 'href="refuted.json"' not in Path(away).read_text() and 'href="index.html"' not in Path(away).read_text()
    page.unlink()
    index.unlink()


def test_the_later_record_is_worse(stored, capsys):
    assert main(["report", "diff", str(stored / "admitted.json"), str(stored / "refuted.json")]) == Exit.REFUTED
    lines = capsys.readouterr().out.splitlines()
    assert "worse    the verdict: admitted -> refuted" in lines
    assert lines[-1].startswith("RESULT verdict=regressed spec=softmax worse=")


def test_a_record_is_no_worse_than_itself(stored, capsys):
    assert main(["report", "diff", str(stored / "admitted.json"), str(stored / "admitted.json")]) == Exit.PASSED
    assert capsys.readouterr().out.splitlines()[0] == "no difference"


@pytest.mark.parametrize(("other", "said"), [("damaged", "damaged"), ("newer", "kernelproof-record/9")])
def test_a_record_that_cannot_be_read_is_named(stored, capsys, other, said):
    assert main(["report", "diff", str(stored / "admitted.json"), str(stored / f"{other}.json")]) == Exit.ERROR
    told = capsys.readouterr().err
    assert f"{other}.json" in told and said in told and "Traceback" not in told


def test_records_of_two_specs_are_not_compared(stored, tmp_path, capsys):
    data = json.loads((stored / "admitted.json").read_text())
    data["spec"]["name"] = "rms_norm"
    (tmp_path / "other.json").write_text(json.dumps(data))
    assert main(["report", "diff", str(stored / "admitted.json"), str(tmp_path / "other.json")]) == Exit.ERROR
    assert "compare two records of one spec" in capsys.readouterr().err


@pytest.fixture
def record(stored, tmp_path):
    """An admitted record in a folder of its own."""
    return Path(shutil.copy(stored / "admitted.json", tmp_path / "r.json"))


def sign(record, *more):
    who = ["--reviewer", "R. Viewer", "--role", "maintainer"]
    return main(["report", "sign", str(record), *who, *more])


def test_a_decision_is_kept_beside_the_record_and_shown(record, capsys):
    assert sign(record, "--decision", "accept-until", "--until", "2999-01-31", "--for", "inference") == Exit.PASSED
    assert "RESULT verdict=signed decision=accept-until" in capsys.readouterr().out
    assert main(["report", "render", str(record)]) == Exit.PASSED
    assert "signoff=accepted" in capsys.readouterr().out
    assert "accepted until 2999-01-31, for inference" in record.with_suffix(".html").read_text()


def test_a_record_that_is_made_again_makes_its_decisions_stale(record, capsys):
    sign(record, "--decision", "accept")
    record.write_text(record.read_text().replace('"seed":0', '"seed":1'))
    main(["report", "render", str(record)])

    assert "signoff=stale" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said", "hint"),
    [
        (["--decision", "acept"], "unknown decision 'acept'", "did you mean 'accept'"),
        (["--decision", "accept-until"], "accept-until wants a date", "--until"),
        (["--decision", "accept-until", "--until", "1999-01-31"], "has passed already", ""),
        (["--decision", "accept-until", "--until", "31.1.2999"], "is no date", "2027-01-31"),
        (["--decision", "accept", "--until", "2999-01-31"], "--until goes with accept-until", "leave out"),
        (["--decision", "reject", "--for", "inference"], "--for narrows an acceptance", "leave out"),
        (["--decision", "accept", "--reviewer", " "], "names its reviewer", "--reviewer"),
        ([], "required: --decision", "--help"),
    ],
)
def test_a_decision_that_cannot_be_kept_is_told_and_leaves_no_file(record, capsys, more, said, hint):
    assert sign(record, *more) == Exit.ERROR
    told = capsys.readouterr().err
    assert said in told and hint in told
    assert [path.name for path in record.parent.iterdir()] == ["r.json"]


def test_what_is_not_admitted_is_accepted_with_a_reason_only(stored, tmp_path, capsys):
    record = Path(shutil.copy(stored / "refuted.json", tmp_path / "r.json"))

    assert sign(record, "--decision", "accept") == Exit.ERROR
    assert "refuted, not admitted" in capsys.readouterr().err
    assert sign(record, "--decision", "reject") == Exit.PASSED
    assert sign(record, "--decision", "accept", "--comment", "N is 4096 here") == Exit.PASSED


def test_nothing_is_appended_to_a_damaged_file(record, capsys):
    sign(record, "--decision", "reject")
    path = record.with_suffix(".signoff.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"reject"', b'"accept"'))
    held = path.read_bytes()

    assert sign(record, "--decision", "accept") == Exit.ERROR
    assert "line 1 was edited" in capsys.readouterr().err and path.read_bytes() == held
    assert main(["report", "render", str(record)]) == Exit.PASSED
    assert "signoff=damaged" in capsys.readouterr().out
    assert load(path).lines == ()


@pytest.mark.parametrize("name", ["damaged.json", "newer.json", "none.json"])
def test_only_a_record_can_be_signed(stored, capsys, name):
    assert sign(stored / name, "--decision", "reject") == Exit.ERROR
    assert name in capsys.readouterr().err
    assert not (stored / name).with_suffix(".signoff.jsonl").exists()
