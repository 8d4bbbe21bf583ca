"""`verify --queries`: what z3 was asked, as files that other solvers read, with the answers that verdicts rest on."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
import z3

from reports.canonical import decode
from reports.record import Record
from synth.cli import main

ROOT = Path(__file__).resolve().parents[2]
SPECIMEN = ROOT / "tests/specimens/refuted/bounds__softmax_store_without_mask.py"
GATES = "bounds,races,overflow"
OURS = (";;", "(reset", "(set-logic")
# What SMT-LIB calls a symbol; z3 itself is less strict.
SYMBOL = re.compile(r"\|[^|\\]*\||[A-Za-z~!@$%^&*_+=<>.?/-][A-Za-z0-9~!@$%^&*_+=<>.?/-]*")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, dict[str, str]]:
    """The record of a softmax that stores too far, and the files by name in the order of their claims."""
    folder = tmp_path_factory.mktemp("queries")
    record, queries = folder / "record.json", folder / "asked"
    assert main(["verify", str(SPECIMEN), "--gates", GATES, "--json", str(record), "--queries", str(queries)]) == 1
    return decode(record.read_bytes()), {path.name: path.read_text() for path in queries.iterdir()}


def own(text: str) -> str:
    """What was asked, without what the file adds to it."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(OURS))


def said(text: str, what: str) -> list[str]:
    return [line.removeprefix(f";; {what} ") for line in text.splitlines() if line.startswith(f";; {what} ")]


def test_another_reader_comes_to_the_answer_that_is_expected(kept: tuple[Record, dict[str, str]]) -> None:
    answers = set()
    for name, text in kept[1].items():
        expected = said(text, "expected")[0].split(":")[0]
        for part in text.split("(reset)\n"):
            solver = z3.Solver(ctx=z3.Context())
            solver.from_string(part)
            assert str(solver.check()) == expected, name
            answers.add(expected)
    assert answers == {"sat", "unsat"}


def test_names_are_such_that_other_solvers_read_them(kept: tuple[Record, dict[str, str]]) -> None:
    names = [name for text in kept[1].values() for name in re.findall(r"^\(declare-fun (.*?) \(\)", text, re.M)]
    assert len(names) > 100
    assert [name for name in names if not SYMBOL.fullmatch(name)] == []


def test_a_digest_in_the_record_is_that_of_its_files(kept: tuple[Record, dict[str, str]]) -> None:
    record, files = kept
    for text in files.values():
        assert said(text, "sha256")[0].split()[0] == sha256(own(text).encode()).hexdigest()
    digests = {trail for text in files.values() for trail in re.findall(r"trail is (\w+)", text)}
    trails = [verdict.trail for verdict in record.verdicts if verdict.trail and verdict.trail.queries]
    assert digests == {trail.digest for trail in trails} and len(digests) > 3
    for trail in trails:
        if trail.queries == 1:
            (text,) = [text for text in files.values() if trail.digest in text]
            assert trail.digest == sha256(said(text, "sha256")[0].split()[0].encode()).hexdigest()


def test_a_file_says_what_it_is_asked_for(kept: tuple[Record, dict[str, str]]) -> None:
    record, files = kept
    (refuted,) = [verdict for verdict in record.verdicts if verdict.gate == "bounds" and verdict.witness]
    told = f"bounds, {refuted.place}, float32: {refuted.claim} (refuted)"
    (name,) = [name for name, text in files.items() if told in said(text, "asked for")]
    assert name.startswith("bounds-line33-") and said(files[name], "expected")[0].startswith("sat")
    assert f"answered by z3 {z3.get_version_string()}" in files[name]


@pytest.mark.parametrize("profile", ["quick", "ci"])
def test_where_nothing_can_be_kept_nothing_is_begun(profile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "there").write_text("mine")
    queries = tmp_path if profile == "ci" else tmp_path / "new"
    assert main(["verify", str(SPECIMEN), "--profile", profile, "--queries", str(queries)]) == 2
    out, err = capsys.readouterr()
    assert "capture" not in out
    assert ("is no empty folder" if profile == "ci" else "profile quick does not spell out") in err
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
