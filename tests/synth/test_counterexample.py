"""A counterexample asked again: refuted until the kernel is fixed, by a command and by a test."""

from __future__ import annotations

import contextlib
import io
import shlex
from pathlib import Path

import pytest
from attrs import evolve

from reports.environment import collect
from reports.record import Record
from reports.reproduction import command, file_name, pytest_file
from specs.attention import SPEC as ATTENTION
from specs.softmax import SPEC as SOFTMAX
from synth.candidates import find_candidate
from synth.cli import main
from synth.pipeline import standard
from verify.again import narrowed, of_run, read_point
from verify.case import PROFILES, Case
from verify.dossier import Dossier, ask
from verify.verdict import Outcome, Run, Witness

WRONG = "refuted/bounds__softmax_store_without_mask"
SPECIMENS = Path(__file__).resolve().parents[1] / "specimens"


def kernel(tmp_path: Path, specimen: str) -> Path:
    path = tmp_path / "kernel.py"
    path.write_text((SPECIMENS / f"{specimen}.py").read_text())
    return path


def record_of(path: Path, *gates: str) -> Record:
    """The record of a softmax in float32 at one width, of these gates: a capture of moments."""
    spec = of_run(evolve(SOFTMAX, dims=tuple(evolve(dim, high=64, samples=()) for dim in SOFTMAX.dims), workloads=()),
                  Run("float32"))  # fmt: skip
    _, candidate = find_candidate(str(path), "softmax")
    stages, budget = standard(), PROFILES["quick"]
    case = Case(spec, candidate, stages.capture(spec, candidate, budget))
    found = tuple(each for gate in stages.gates if gate.__name__ in gates for each in ask(gate, case, budget))
    return Record.from_case(case, Dossier(case.digest, "quick", 0, {"bounds": Outcome.PROVED}, found), collect())


@pytest.fixture(scope="module")
def refuted(tmp_path_factory):
    return record_of(kernel(tmp_path_factory.mktemp("refuted"), WRONG), "bounds", "algorithm")


@pytest.mark.parametrize("gate", ["bounds", pytest.param("algorithm", marks=pytest.mark.quality)])
def test_a_generated_test_fails_until_the_kernel_is_fixed(refuted, gate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {}
    text = pytest_file(evolve(refuted, candidate=evolve(refuted.candidate, path="kernel.py")))
    exec(compile(text, "test", "exec"), made)  # noqa: S102  as pytest would

    with pytest.raises(AssertionError, match="there is no file kernel"):
        made[f"test_{gate}"]()  # there is no kernel at all
    kernel(tmp_path, WRONG)
    with pytest.raises(AssertionError, match=rf"refuted {gate}: M=\d+, N=\d+, program 0.* stores out"):
        made[f"test_{gate}"]()
    kernel(tmp_path, "admitted/softmax__looped")
    made[f"test_{gate}"]()


def test_the_command_beside_a_witness_finds_it_again_and_makes_no_record(refuted, tmp_path):
    record, refuted = refuted, refuted.dossier.refuted[0]
    assert refuted.witness is not None and refuted.witness.accesses[0].masked is False
    assert [(held.name, held.dtype) for held in refuted.witness.held] == [("x", "float32"), ("out", "float32")]

    words = shlex.split(command(record, refuted))[1:]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(words)
    assert code == 1 and said.getvalue().splitlines()[-1].startswith("RESULT verdict=refuted spec=softmax")
    assert main([*words, "--json", str(tmp_path / "x.json")]) == 2
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("run", [
    Run("float32"),
    Run("bfloat16", (("causal", True),), "BLOCK_M: 64, num_warps: 4"),
    Run("float16", (("causal", False),), "", "normal", (("q", "transposed"), ("k", "offset")), 7),
])  # fmt: skip
def test_a_point_reads_back(run):
    sizes = {"B": 1, "H": 2, "N": 33, "D": 64, "q.stride0": 0}
    point = read_point(ATTENTION, Witness("", "executor", tuple(sizes.items()), run=run).point)

    assert dict(point.sizes) == sizes and point.run == run


@pytest.mark.parametrize(("text", "told"), [
    ("M=1, float32", "does not say N"),
    ("M=1, N=2", "does not say which of"),
    ("M=1, N=2, float32, K=3", "'K=3' says nothing of softmax"),
    ("M=1, N=2, float32, strange values", "'strange values' says nothing"),
])  # fmt: skip
def test_a_point_that_says_too_little_is_an_error(text, told):
    with pytest.raises(ValueError, match=told):
        read_point(SOFTMAX, text)


def test_a_point_outside_of_the_domain_is_an_error():
    with pytest.raises(ValueError, match=r"N is \d to"):
        narrowed(SOFTMAX, {"M": 1, "N": 2**31 - 1})


def test_test_files_have_a_name_of_their_own(refuted):
    assert file_name(refuted) == "test_kernel_counterexamples.py"
    assert pytest_file(evolve(refuted, verdicts=())) == "", "nothing is refuted, so there is nothing to ask again"
