"""`kernelproof mutate` as its user meets it: a small run for real, its result in a report, and bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from attrs import evolve

import specs
from reports.canonical import encode, read, spell
from reports.environment import collect
from reports.record import spec_digest
from reports.strength import STRENGTH_SCHEMA, Kind, Seeded, Strength, check, doubt
from synth.cli import main
from synth.exits import Exit
from synth.mutation.equivalence import SAME_CODE, compared, same_code
from synth.mutation.examining import Examined, Original, examine_one
from synth.mutation.kinds import KINDS, Mutant, mutants
from synth.pipeline import Stages
from verify.case import PROFILES, Candidate, Case
from verify.plan import Capture, CompileFailure
from verify.verdict import Outcome, Place

BRANCHING = "import triton\n\n\n@triton.jit\ndef k(n):\n    n < 3\n\n\ndef softmax(x):\n    return x\n"
SPECIMEN = Path(__file__).parents[2] / "specimens" / "admitted" / "transpose__tiled.py"


def seeded(fate: str, kind: str = "mask-or", **more) -> Seeded:
    return Seeded(kind, 12, "    m = a & b", "    m = a | b", fate, f"it {fate}", **more)


def strength(candidate: str, digest: str, *bugs: Seeded, **more) -> Strength:
    kinds = (Kind("mask-or", "either condition", len(bugs)), Kind("eps-dropped", "no eps", 0))
    given = {"profile": "quick", "seed": 0, "fail_fast": False, "gates": ("bounds", "races")} | more
    return Strength(STRENGTH_SCHEMA, "softmax", digest, candidate, "softmax.py", kinds=kinds, seeded=bugs,
                    environment=collect(), **given)  # fmt: skip


BUGS = (
    seeded("killed", gates=("bounds", "races")),
    seeded("killed", gates=("bounds",)),
    seeded("survived"),
    seeded("equivalent"),
    seeded("stopped", gates=("races",)),
)


def test_a_result_counts_what_each_gate_killed_and_killed_alone() -> None:
    found = strength("c", "d", *BUGS)
    assert [(row.gate, row.killed, row.alone) for row in found.rows] == [("bounds", 2, 1), ("races", 1, 0)]
    assert found.sentence == "2 of 4 seeded bugs killed, 1 stopped, 1 survived, 1 equivalent, of 1 kind"
    assert [kind.name for kind in found.without_site] == ["eps-dropped"]
    assert "None was refuted by races" in doubt(strength("c", "d", *BUGS[1:]))


def test_a_result_comes_back_as_it_was_written() -> None:
    found = strength("c", "d", *BUGS)
    assert read(spell(found), Strength, STRENGTH_SCHEMA, "result") == found


@pytest.mark.parametrize(
    "wrong", [seeded("killed"), seeded("survived", gates=("bounds",)), seeded("killed", "no-kind")]
)
def test_a_result_that_contradicts_itself_is_not_made(wrong) -> None:
    with pytest.raises(ValueError):
        strength("c", "d", wrong)


@pytest.fixture(scope="module")
def original() -> Original:
    from synth.pipeline import standard

    source = SPECIMEN.read_text()
    candidate = Candidate(source, "transpose", "transpose.py")
    capture = standard().capture(specs.find("transpose"), candidate, PROFILES["quick"])
    return Original("transpose", candidate, capture, "quick", fail_fast=True)


def mutant(original: Original, name: str, becomes: str) -> Mutant:
    kind = next(kind for kind in KINDS if kind.name == name)
    found = mutants(original.candidate.source, (kind,))[name]
    return next(each for each in found if becomes in each.line.after)


def test_a_bug_is_killed_by_the_gate_that_refutes_it(original) -> None:
    found = examine_one(original, mutant(original, "store-mask-dropped", "tl.store")).seeded
    assert (found.fate, found.gates) == ("killed", ("bounds",))
    assert "stores out" in found.told and "tl.store" in found.before


def capturing(monkeypatch, capture: Capture) -> None:
    """Stages that capture what is given, and have no gate to ask."""
    monkeypatch.setattr("synth.pipeline.standard", lambda: Stages(lambda *given: capture, (), {}))


def changed(capture: Capture, old: str, new: str) -> Capture:
    """The capture with another text of its kernels."""
    plans = []
    for plan in capture.plans:
        (launch,) = plan.launches
        variants = tuple(evolve(each, ttir=re.sub(old, new, each.ttir, count=1)) for each in launch.variants)
        assert variants != launch.variants
        plans.append(evolve(plan, steps=(evolve(launch, variants=variants, place=Place("k.py", 99)),)))
    return Capture(tuple(plans), capture.uncovered, capture.sandbox)


def test_the_same_code_elsewhere_is_equivalent_without_asking_a_gate(original, monkeypatch) -> None:
    moved = changed(original.capture, r"transpose.py\":(\d+):(\d+)", r'transpose.py":\1:99')
    capturing(monkeypatch, moved)
    found = examine_one(original, mutant(original, "store-mask-dropped", "tl.store")).seeded
    assert (found.fate, found.told) == ("equivalent", SAME_CODE)
    assert not same_code(original.capture, changed(original.capture, "slt", "sle"))


def test_what_triton_does_not_take_is_stillborn(original, monkeypatch) -> None:
    failure = CompileFailure("k", "", "error at line 3:\nno attribute", Place("k.py", 3))
    capturing(monkeypatch, Capture((failure,), (), ""))
    found = examine_one(original, mutant(original, "store-mask-dropped", "tl.store")).seeded
    assert (found.fate, found.told) == ("stillborn", "Triton does not take k: no attribute")


@pytest.mark.parametrize(("old", "new", "equal", "told"), [
    ("slt", "slt", True, "the same values in "),
    ("slt", "sle", False, ": loads x["),
    (r"\n *tt\.store [^\n]*", "", False, "out[0, 0] is nan, should be"),
    (r"arith.extsi (\S+) : i32 to i64", r"arith.extsi \1 {tt.divisibility = dense<16> : tensor<1xi32>} : i32 to i64",
     False, "does not heed what the compiler is told"),
])  # fmt: skip
def test_running_both_tells_equal_from_different(original, old, new, equal, told) -> None:
    spec, budget = specs.find("transpose"), evolve(PROFILES["quick"], elements=64)
    other = changed(original.capture, old, new) if old != new else original.capture
    cases = (Case(spec, original.candidate, each) for each in (original.capture, other))
    found = compared(*cases, budget)
    assert found.equal == equal and told in found.told


def run(capsys, *given: str) -> tuple[int, str, str]:
    code = main(["mutate", *given])
    told = capsys.readouterr()
    return code, told.out.splitlines()[-1], told.err


def test_a_kernel_that_is_not_admitted_gets_no_bugs(standard, kernel, capsys) -> None:
    kernel.write_text(BRANCHING)
    standard(bounds=Outcome.REFUTED)
    code, last, _ = run(capsys, str(kernel))
    assert code == Exit.REFUTED and last.startswith("RESULT verdict=refuted spec=softmax")
    standard(fuzz=Outcome.UNKNOWN)
    assert run(capsys, str(kernel))[0] == Exit.INCONCLUSIVE


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["no-such-file.py"], Exit.ERROR, "no file no-such-file.py"),
        (["{kernel}", "--kinds", "mask-ore"], Exit.ERROR, "did you mean 'mask-or'?"),
        (["{kernel}", "--kinds", ","], Exit.ERROR, "--kinds names no kind"),
        (["{kernel}", "--limit", "0"], Exit.ERROR, "at least 1"),
        (["{kernel}", "--json", "/no/such/folder/x.json"], Exit.ERROR, "there is no folder for it"),
        (["{kernel}"], Exit.NOTHING, "kinds of bug fits"),
        (["torch.nn.functional:softmax", "--spec", "softmax"], Exit.ERROR, "copy the function and its kernels"),
    ],
)
def test_bad_input_is_told_in_words(given, code, said, kernel, capsys) -> None:
    if "--json" in given:
        kernel.write_text(BRANCHING)
    found, last, told = run(capsys, *(each.format(kernel=kernel) for each in given))
    assert found == code and said in told and "Traceback" not in told
    assert last.startswith("RESULT verdict=")


def test_a_run_that_is_stopped_keeps_what_it_found(standard, kernel, tmp_path, monkeypatch, capsys) -> None:
    def examine(original, seeds, jobs, seconds):
        yield Examined(seeds[0], Seeded(seeds[0].kind, 6, "n < 3", "n <= 3", "killed", "so", ("bounds",)), 1.0)
        raise KeyboardInterrupt

    kernel.write_text(BRANCHING)
    monkeypatch.setattr("synth.mutation.examining.examine_all", examine)
    code, last, _ = run(capsys, str(kernel), "--limit", "2", "--json", str(tmp_path / "s.json"))
    assert code == Exit.INCONCLUSIVE and "killed=1" in last and "unexamined=1" in last
    kept = read((tmp_path / "s.json").read_bytes(), Strength, STRENGTH_SCHEMA, "result")
    assert [each.fate for each in kept.seeded] == ["killed", "unexamined"]


@pytest.mark.parametrize(("fates", "code", "verdict"), [
    (["killed", "equivalent"], Exit.PASSED, "no-survivors"),
    (["killed", "stopped"], Exit.PASSED, "no-survivors"),
    (["killed", "survived"], Exit.REFUTED, "survivors"),
    (["survived", "unexamined"], Exit.REFUTED, "survivors"),
    (["killed", "unexamined"], Exit.INCONCLUSIVE, "incomplete"),
    (["stillborn", "equivalent"], Exit.NOTHING, "nothing"),
])  # fmt: skip
def test_what_became_of_the_bugs_gives_the_exit_code(standard, kernel, monkeypatch, capsys, fates, code, verdict):
    def examine(original, seeds, jobs, seconds):
        for seed, fate in zip(seeds, fates, strict=True):
            gates = ("bounds",) if fate in ("killed", "stopped") else ()
            yield Examined(seed, Seeded(seed.kind, 6, seed.line.before, seed.line.after, fate, "so", gates), 1.0)

    kernel.write_text(BRANCHING)
    monkeypatch.setattr("synth.mutation.examining.examine_all", examine)
    found, last, _ = run(capsys, str(kernel), "--limit", "2")
    assert found == code and last.startswith(f"RESULT verdict={verdict} spec=softmax")


def test_text_that_is_no_python_is_told_in_words(kernel, capsys) -> None:
    kernel.write_text("def softmax(x):\n    return (x\n")
    code, _, told = run(capsys, str(kernel))
    assert code == Exit.ERROR and "is no Python that can be changed" in told


@pytest.fixture
def stored(tmp_path, examples_of_reports):
    record = examples_of_reports.admitted()
    (tmp_path / "record.json").write_bytes(encode(record))
    found = strength(record.candidate.digest, record.spec.digest, *BUGS)
    (tmp_path / "strength.json").write_bytes(spell(found))
    (tmp_path / "other.json").write_bytes(spell(evolve(found, candidate="0" * 64)))
    return tmp_path


@pytest.fixture
def examples_of_reports():
    import importlib.util

    path = Path(__file__).parents[2] / "reports" / "examples.py"
    spec = importlib.util.spec_from_file_location("report_examples_for_mutate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("form", ["html", "md"])
def test_a_report_shows_what_each_gate_killed_and_what_survived(stored, form, capsys) -> None:
    record, result = str(stored / "record.json"), str(stored / "strength.json")
    assert main(["report", "render", record, "--strength", result, "--format", form]) == Exit.PASSED
    page = (stored / f"record.{form}").read_text()
    assert "2 of 4 seeded bugs killed" in page and "m = a | b" in page.replace("\\|", "|") and "it survived" in page
    assert main(["report", "render", record, "--format", form]) == Exit.PASSED
    assert "seeded bugs killed" not in (stored / f"record.{form}").read_text()


def test_a_result_for_another_candidate_is_refused(stored, capsys) -> None:
    record = str(stored / "record.json")
    assert main(["report", "render", record, "--strength", str(stored / "other.json")]) == Exit.ERROR
    assert "seeded for candidate 0000000000000000, and the record is about" in capsys.readouterr().err


@pytest.mark.parametrize(("old", "new", "said"), [
    ('"killed"', '"slain"', "damaged"), ("strength/1", "strength/2", "newer"), ('"seed":0', '"seeds":0', "damaged"),
])  # fmt: skip
def test_a_damaged_result_is_told_in_words(stored, old, new, said, capsys) -> None:
    path = stored / "strength.json"
    path.write_text(path.read_text().replace(old, new, 1))
    assert main(["report", "render", str(stored / "record.json"), "--strength", str(path)]) == Exit.ERROR
    assert said in capsys.readouterr().err


def test_formats_without_room_for_it_say_so(stored, capsys) -> None:
    given = ["report", "render", str(stored / "record.json"), "--strength", str(stored / "strength.json")]
    assert main([*given, "--format", "sarif"]) == Exit.ERROR
    assert "use --format html or md" in capsys.readouterr().err


def test_spec_and_candidate_must_both_be_the_record_s(examples_of_reports) -> None:
    record = examples_of_reports.admitted()
    check(strength(record.candidate.digest, record.spec.digest), record)
    with pytest.raises(ValueError, match="for spec"):
        check(strength(record.candidate.digest, spec_digest(specs.find("rope"))), record)


@pytest.mark.quality
@pytest.mark.timeout(900)
def test_a_small_run_from_the_command_line(tmp_path, capsys) -> None:
    result = tmp_path / "strength.json"
    code, last, _ = run(capsys, str(SPECIMEN), "--kinds", "store-mask-dropped,load-shifted", "--json", str(result))
    assert code == Exit.PASSED and "verdict=no-survivors" in last and "killed=2" in last
    kinds = {each["kind"]: each["fate"] for each in json.loads(result.read_text())["seeded"]}
    assert kinds == {"store-mask-dropped": "killed", "load-shifted": "killed"}
