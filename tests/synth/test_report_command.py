"""`kernelproof report` as its user meets it: formats, comparison, exit codes, bad files."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from reports.canonical import encode
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
