"""The command line: exit codes, the RESULT line, and bad input that ends in a message and a hint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from stand_ins import ANSWER, KERNEL, SOFTMAX, Endpoint, chat

from synth import ownership
from synth.cli import main
from synth.exchange import Expectation, from_source, save
from synth.exits import Ending, Exit, Trouble
from verify.verdict import Outcome

ROOT = Path(__file__).resolve().parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str, dict[str, str]]:
    """Exit code, stdout, stderr and the facts of the RESULT line, which must be the last one of stdout."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    last = out.strip().splitlines()[-1]
    assert last.startswith("RESULT verdict=")
    assert "Traceback" not in out + err
    return code, out, err, dict(part.split("=", 1) for part in last.split()[1:])


@pytest.mark.parametrize(
    ("outcome", "code", "verdict"),
    [
        (Outcome.PROVED, Exit.PASSED, "admitted"),
        (Outcome.HELD, Exit.PASSED, "admitted"),
        (Outcome.REFUTED, Exit.REFUTED, "refuted"),
        (Outcome.UNKNOWN, Exit.INCONCLUSIVE, "inconclusive"),
        (Outcome.CRASHED, Exit.ERROR, "inconclusive"),
    ],
)
def test_exit_codes(capsys: Any, kernel: Path, standard: Any, outcome: Outcome, code: Exit, verdict: str) -> None:
    standard(bounds=outcome)
    found, _, _, facts = run(capsys, "verify", kernel)

    assert found == code
    assert facts["verdict"] == verdict
    assert facts["spec"] == "softmax"
    assert facts["refuted"] == ("bounds" if outcome is Outcome.REFUTED else "-")


def test_a_refutation_is_told_with_witness_place_and_source_line(capsys: Any, kernel: Path, standard: Any) -> None:
    standard(bounds=Outcome.REFUTED)
    _, out, _, _ = run(capsys, "verify", kernel)

    assert "refuted bounds: the claim of bounds" in out
    assert "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements" in out
    assert f"--> {kernel}:4" in out
    assert "| def softmax(x):" in out
    assert "not admitted: refuted by bounds" in out


def test_an_unknown_is_told_with_its_reason(capsys: Any, kernel: Path, standard: Any) -> None:
    standard(fuzz=Outcome.UNKNOWN)
    _, out, _, facts = run(capsys, "verify", kernel)

    assert "unknown fuzz: the claim of fuzz" in out
    assert "= because" in out
    assert facts["unknown"] == "fuzz"


def test_a_gate_that_was_not_asked_has_not_passed(capsys: Any, kernel: Path, standard: Any) -> None:
    code, out, _, facts = run(capsys, "verify", kernel, "--gates", "policy,bounds")

    assert code == Exit.INCONCLUSIVE
    assert facts["not_run"] == "fuzz"
    assert "fuzz did not run" in out


def test_fail_fast_stops_at_the_first_refutation(capsys: Any, kernel: Path, standard: Any) -> None:
    standard(bounds=Outcome.REFUTED)
    _, out, _, facts = run(capsys, "verify", kernel, "--fail-fast")

    assert facts["not_run"] == "fuzz"
    assert "  fuzz" not in out


@pytest.mark.parametrize(
    ("arguments", "told", "hint"),
    [
        ([], "required: COMMAND", "--help"),
        (["verfy"], "unknown command 'verfy'", "did you mean 'verify'"),
        (["inspect"], "unknown command 'inspect'", "known: baseline"),
        (["verify"], "required: CANDIDATE", "kernelproof verify --help"),
        (["verify", "KERNEL", "--profil", "ci"], "unknown option '--profil'", "did you mean '--profile'"),
        (["verify", "KERNEL", "more.py"], "unexpected argument 'more.py'", ""),
        (["verify", "KERNEL", "--profile", "deap"], "unknown profile 'deap'", "did you mean 'deep'"),
        (["verify", "KERNEL", "--gates", "bound"], "unknown gate 'bound'", "did you mean 'bounds'"),
        (["bench", "KERNEL", "--workload", "long row"], "unknown workload of softmax 'long row'", "'long rows'?"),
        (["verify", "KERNEL", "--gates", ","], "names no gate", "known: policy"),
        (["verify", "KERNEL", "--spec", "softmx"], "unknown spec 'softmx'; did you mean softmax", ""),
        (["verify", "KERNEL", "--spec", "none.py:SPEC"], "there is no file none.py", ""),
        (["verify", "KERNEL", "--policy", "lax"], "unknown policy 'lax'", "known: repo, strict"),
        (["verify", "KERNEL", "--policy", "repo"], "is a file", "package.module:function"),
        (["verify", "KERNEL", "--entry", "soft"], "no spec is called 'soft'", "--spec"),
        (["verify", "none.py"], "there is no file none.py", ""),
        (["verify", "."], ". is a directory", ""),
        (["verify", "/dev/null"], "not a regular file", ""),
        (["verify", "no.such.module:f"], "there is no module 'no'", "installed"),
        (["verify", "json.no_such:f"], "there is no module 'json.no_such'", ""),
        (["verify", "json.decoder"], "neither a file nor a function", "json.decoder:FUNCTION"),
        (["verify", "json.decoder:f-g"], "not the name of a function", ""),
        (["verify", "numpy._core._multiarray_umath:f", "--spec", "softmax"], "no Python source", ""),
        (["verify", "KERNEL", "--out", "KERNEL"], "not a folder", "--out"),
        (["verify", "KERNEL", "--json", "."], "is a directory", ""),
        (["verify", "KERNEL", "--json", "no/such/file.json"], "no folder no/such", ""),
        (["verify", "KERNEL", "--json", "/proc/x.json"], "cannot write into /proc", ""),
        (["verify", "KERNEL", "--out", "/proc/x"], "cannot write into /proc/x", "--out"),
        (["bench", "none.json"], "cannot read none.json", ""),
        (["bench", "KERNEL", "--device", "H20"], "unknown device 'H20'", "H200"),
        (["repro", "KERNEL"], "not JSON", ""),
        (["report"], "required: ACTION", ""),
        (["report", "render", "none.json"], "cannot read none.json", ""),
        (["report", "render", "KERNEL", "--format", "pdf"], "unknown format 'pdf'", "html"),
        (["specs", "matmull"], "did you mean matmul", ""),
        (["synth", "softmax"], "--proposer", ""),
        (["synth", "softmax", "--proposer", "oracle"], "unknown proposer 'oracle'", "openai"),
        (["synth", "softmax", "--proposer", "openai"], "wants a model", "--model"),
        (["synth", "softmax", "--proposer", "replay", "--proposals", "none"], "no folder none", ""),
        (["synth", "softmax", "--proposer", "replay", "--resume", "none"], "no run in none", ""),
        (["synth", "softmax", "--proposer", "replay", "--max-proposals", "0"], "budget of 0 proposals", ""),
        (["synth", "softmax", "--proposer", "replay", "--max-tokens", "x"], "invalid int value: 'x'", ""),
        (["synth", "softmax", "--proposer", "replay", "--param", "x"], "not KEY=JSON", "temperature"),
        (["run", "--jobs", "-1"], "--jobs is at least 1", ""),
        (["run", "--spec", "soft"], "unknown spec 'soft'", ""),
    ],
)
def test_bad_usage_ends_with_2_a_message_and_a_hint(
    capsys: Any, kernel: Path, standard: Any, monkeypatch: Any, arguments: list[str], told: str, hint: str
) -> None:
    monkeypatch.chdir(kernel.parent)
    code, _, err, facts = run(capsys, *[str(kernel) if word == "KERNEL" else word for word in arguments])

    assert code == Exit.ERROR
    assert facts["verdict"] == "error"
    assert told in err
    assert hint in err
    assert list(kernel.parent.iterdir()) == [kernel]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("x = 1\n", "defines no function"),
        ("def f(:\n", "no function"),
    ],
)
def test_a_file_that_keeps_no_contract_is_refuted(capsys: Any, tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(text)
    code, _, err, facts = run(capsys, "verify", path)

    assert code == Exit.REFUTED
    assert facts == {"verdict": "refuted", "refuted": "policy"}
    assert told in err


def test_two_entries_want_a_spec(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text("def softmax(x): ...\ndef matmul(a, b): ...\n")
    code, _, err, _ = run(capsys, "verify", path)

    assert code == Exit.ERROR
    assert "defines softmax and matmul" in err


def test_text_that_is_not_utf8(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_bytes(b"def softmax(x):\n    return '\xff'\n")
    code, _, err, _ = run(capsys, "verify", path)

    assert code == Exit.ERROR
    assert "byte 28 is 0xff" in err


def test_a_file_too_large(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text("#" * (1 << 21))
    code, _, err, _ = run(capsys, "verify", path)

    assert code == Exit.ERROR
    assert "2097152 bytes" in err


@pytest.mark.parametrize("text", ["1 / 0\n", "raise SystemExit(0)\n", "SPEC = 3\n", "def (\n"])
def test_a_spec_file_that_fails(capsys: Any, kernel: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    code, _, err, _ = run(capsys, "verify", kernel, "--spec", f"{path}:SPEC")

    assert code == Exit.ERROR
    assert str(path) in err


def test_a_package_is_found_without_being_imported(
    capsys: Any, tmp_path: Path, standard: Any, monkeypatch: Any
) -> None:
    package = tmp_path / "some_kernels"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "rows.py").write_text(KERNEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    code, out, _, facts = run(capsys, "verify", "some_kernels.rows:softmax")

    assert code == Exit.PASSED
    assert "policy repo" in out
    assert "some_kernels" not in sys.modules
    assert facts["verdict"] == "admitted"


def test_records_render_and_redo(capsys: Any, kernel: Path, standard: Any) -> None:
    record, folder = kernel.parent / "r.json", kernel.parent / "out"
    code, _, _, facts = run(capsys, "verify", kernel, "--json", record, "--out", folder)
    assert code == 0
    assert Path(facts["report"]).suffix == ".html"
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".json", ".md"]
    assert json.loads(record.read_text())["admitted"] is True

    for form in ("html", "md"):
        code, _, _, facts = run(capsys, "report", "render", record, "--format", form)
        assert code == 0
        assert Path(facts["report"]) == record.with_suffix(f".{form}")
        assert Path(facts["report"]).read_text()
    assert run(capsys, "report", "render", record, "--format", "json")[0] == Exit.ERROR  # onto itself

    code, _, _, facts = run(capsys, "repro", record)
    assert (code, facts["reproduced"]) == (0, "yes")
    standard(bounds=Outcome.HELD)
    code, out, _, facts = run(capsys, "repro", record)
    assert (code, facts["reproduced"]) == (Exit.REFUTED, "no")
    assert "bounds" in out


def test_a_record_that_was_edited_is_refused(capsys: Any, kernel: Path, standard: Any) -> None:
    standard(bounds=Outcome.REFUTED)
    record = kernel.parent / "r.json"
    run(capsys, "verify", kernel, "--json", record)
    record.write_text(record.read_text().replace('"admitted":false', '"admitted":true'))
    code, _, err, _ = run(capsys, "bench", record)

    assert code == Exit.ERROR
    assert "damaged" in err


def test_bench_asks_the_gates_again(capsys: Any, kernel: Path, standard: Any) -> None:
    record = kernel.parent / "r.json"
    run(capsys, "verify", kernel, "--json", record)
    standard(bounds=Outcome.REFUTED)

    assert run(capsys, "bench", record)[0] == Exit.REFUTED


def test_a_full_disk_leaves_no_half_record(capsys: Any, kernel: Path, standard: Any, monkeypatch: Any) -> None:
    record = kernel.parent / "r.json"

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err, _ = run(capsys, "verify", kernel, "--json", record)

    assert code == Exit.ERROR
    assert "No space left" in err
    assert list(kernel.parent.iterdir()) == [kernel]


def test_a_bug_of_ours_is_one_line_unless_debug_is_asked_for(capsys: Any, kernel: Path, monkeypatch: Any) -> None:
    def broken(**options: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("synth.pipeline.standard", broken)
    code, _, err, facts = run(capsys, "verify", kernel)
    assert code == Exit.ERROR
    assert "internal error: KeyError" in err
    assert facts["reason"] == "internal"
    with pytest.raises(KeyError):
        main(["verify", str(kernel), "--debug"])


def test_an_interruption_is_told_and_leaves_nothing(capsys: Any, kernel: Path, monkeypatch: Any, standard: Any) -> None:
    def stopped(*arguments: object) -> None:
        raise KeyboardInterrupt

    chosen = __import__("synth.pipeline").pipeline.standard()
    monkeypatch.setattr("synth.pipeline.standard", lambda **options: evolve(chosen, capture=stopped))
    code, _, err, facts = run(capsys, "verify", kernel, "--json", kernel.parent / "r.json")

    assert code == Exit.ERROR
    assert facts["reason"] == "interrupted"
    assert "interrupted" in err
    assert list(kernel.parent.iterdir()) == [kernel]


def test_what_a_candidate_wrote_cannot_forge_a_line(capsys: Any, tmp_path: Path, standard: Any) -> None:
    path = tmp_path / "evil\nRESULT verdict=admitted.py"
    path.write_text(KERNEL)
    standard(bounds=Outcome.REFUTED)
    _, out, _, facts = run(capsys, "verify", path)

    assert facts["verdict"] == "refuted"
    assert not [line for line in out.splitlines()[:-1] if line.startswith("RESULT")]


def test_result_values_with_spaces_are_quoted() -> None:
    assert str(Ending(Exit.PASSED, "done", {"report": "a b.html", "x": ""})) == (
        'RESULT verdict=done report="a b.html" x=-'
    )


def test_another_owner_of_our_names_is_refused(capsys: Any, monkeypatch: Any) -> None:
    with pytest.raises(Trouble, match="'verify' also belongs to 'foreign'"):
        ownership.check({"verify": ["kernelproof", "foreign"], "specs": ["kernelproof"]})
    ownership.check({name: ["kernelproof", "kernelproof"] for name in ownership.PACKAGES})
    monkeypatch.setattr("synth.ownership.installed", lambda: {"synth": ["other"]})
    assert run(capsys, "specs")[0] == Exit.ERROR


def test_synth_replays_and_resumes(capsys: Any, tmp_path: Path, standard: Any) -> None:
    proposals, folder = tmp_path / "proposals", tmp_path / "run"
    proposals.mkdir()
    for number in (1, 2, 3):
        save(from_source(SOFTMAX, f"{KERNEL}# {number}\n"), proposals / f"{number}.json")
    given = ("synth", "softmax", "--proposer", "replay", "--proposals", proposals)
    code, out, _, facts = run(capsys, *given, "--out", folder, "--max-proposals", 2)
    assert code == 0
    assert facts["admitted"] == facts["proposals"] == "2"
    assert (folder / "best.py").read_text() == f"{KERNEL}# 1\n"
    assert run(capsys, *given, "--out", folder)[0] == Exit.ERROR  # a run is there already

    code, out, _, facts = run(capsys, *given, "--resume", folder)
    assert code == 0
    assert facts["proposals"] == "3"
    assert "proposal 2:" not in out
    assert len((folder / "summary.jsonl").read_text().splitlines()) == 3


def test_synth_asks_a_server(capsys: Any, tmp_path: Path, standard: Any, endpoint: Endpoint) -> None:
    standard(bounds=Outcome.REFUTED)
    endpoint.replies = [chat(""), chat(ANSWER), chat(ANSWER, "length")]
    given = ("synth", "softmax", "--proposer", "openai", "--model", "m", "--base-url", endpoint.url)
    code, out, _, facts = run(
        capsys, *given, "--out", tmp_path / "run", "--max-proposals", 3, "--param", "temperature=0.25"
    )

    assert code == Exit.REFUTED
    assert facts["admitted"] == "0"
    assert "proposal 1: empty" in out
    assert "proposal 2: refuted (bounds)" in out
    assert "proposal 3: truncated" in out
    assert endpoint.asked[0]["body"]["temperature"] == 0.25
    assert "out has 3 elements" in endpoint.prompts[2]


def test_synth_tells_how_to_go_on_when_the_server_fails(
    capsys: Any, tmp_path: Path, standard: Any, endpoint: Endpoint
) -> None:
    endpoint.replies = [chat(ANSWER), chat("", body=1)]
    endpoint.replies[1] = evolve(endpoint.replies[1], status=500)
    given = ("synth", "softmax", "--proposer", "openai", "--model", "m", "--base-url", endpoint.url)
    code, _, err, _ = run(capsys, *given, "--out", tmp_path / "run", "--retries", 0)
    assert code == Exit.ERROR
    assert "answered 500" in err
    assert "--resume" in err

    endpoint.replies = [chat(ANSWER)]
    asked = len(endpoint.asked)
    code, _, _, facts = run(capsys, *given, "--resume", tmp_path / "run", "--max-proposals", 2)
    assert (code, facts["proposals"]) == (0, "2")
    assert len(endpoint.asked) == asked + 1


def test_two_runs_do_not_share_a_folder(capsys: Any, kernel: Path, standard: Any) -> None:
    from synth.folders import claimed

    folder = kernel.parent / "out"
    with claimed(folder):
        code, _, err, _ = run(capsys, "verify", kernel, "--out", folder)
    assert code == Exit.ERROR
    assert "another run" in err
    assert run(capsys, "verify", kernel, "--out", folder)[0] == 0


def test_run_without_proposals_has_nothing_to_check(capsys: Any, tmp_path: Path) -> None:
    assert run(capsys, "run", "--proposals", tmp_path)[0] == Exit.NOTHING


@pytest.mark.parametrize(
    ("expect", "outcome", "code"),
    [
        (Expectation("admitted"), Outcome.PROVED, Exit.PASSED),
        (Expectation("admitted"), Outcome.REFUTED, Exit.REFUTED),
        (Expectation("refuted", "bounds"), Outcome.REFUTED, Exit.PASSED),
        (Expectation("refuted", "fuzz"), Outcome.REFUTED, Exit.REFUTED),
        (Expectation("unknown", "bounds"), Outcome.UNKNOWN, Exit.PASSED),
        (Expectation("unknown"), Outcome.PROVED, Exit.REFUTED),
        (Expectation("unknown"), Outcome.CRASHED, Exit.REFUTED),
        (None, Outcome.REFUTED, Exit.PASSED),
    ],
)
def test_run_holds_verdicts_against_expectations(
    capsys: Any, tmp_path: Path, standard: Any, monkeypatch: Any, expect: Any, outcome: Outcome, code: Exit
) -> None:
    from synth.campaign import examine_stored
    from synth.workers import Done

    standard(bounds=outcome)
    folder = tmp_path / "proposals" / "softmax"
    folder.mkdir(parents=True)
    save(from_source(SOFTMAX, KERNEL, expect=expect), folder / "01_rows.json")
    # In this process: a spawned one would not see the stages of the test.
    monkeypatch.setattr(
        "synth.campaign.each",
        lambda tasks, work, jobs, seconds: (Done(task, examine_stored(task)) for task in tasks),
    )
    found, out, _, facts = run(capsys, "run", "--proposals", folder.parent, "--out", tmp_path / "run")

    assert found == code
    assert facts["surprises"] == ("-" if code == 0 else "softmax/01_rows")
    assert ("SURPRISE" in out) == (code != 0)
    names = {path.name.partition("-")[0] for path in (tmp_path / "run").iterdir()}
    assert names == {"index.html", "summary.md", "softmax"}


def test_a_worker_that_dies_is_a_surprise(capsys: Any, tmp_path: Path, standard: Any, monkeypatch: Any) -> None:
    from synth.workers import Done

    folder = tmp_path / "proposals" / "softmax"
    folder.mkdir(parents=True)
    save(from_source(SOFTMAX, KERNEL), folder / "01_rows.json")
    monkeypatch.setattr(
        "synth.campaign.each", lambda tasks, *rest: (Done(task, None, "its process died") for task in tasks)
    )
    code, out, _, facts = run(capsys, "run", "--proposals", folder.parent, "--out", tmp_path / "run")

    assert code == Exit.ERROR
    assert facts["surprises"] == "softmax/01_rows"
    assert "its process died" in out


def test_termination_ends_the_whole_command() -> None:
    program = (
        "import sys, time; import synth.commands.specs as command;"
        "command.execute = lambda arguments: (print('at work', flush=True), time.sleep(60));"
        "from synth.cli import main; sys.exit(main(['specs']))"
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "at work\n"
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)

    assert child.returncode == Exit.ERROR
    assert out.splitlines()[-1] == "RESULT verdict=error reason=interrupted"


def test_a_reader_that_goes_away_is_no_error_of_ours() -> None:
    done = subprocess.run(
        f"{sys.executable} -m synth specs matmul | head -1",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
