"""The compile gate on TTIR from real captures: resources, limits of the target, limits of the launch grid."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from specs.spec import Spec
from tests.verify.capture.small import candidate, captured, double
from verify.capture import targets
from verify.capture.targets import CompilerBroke, Job, Rejected, Resources, compile_all, compile_ttir
from verify.case import PROFILES, Case
from verify.gates.compile import compile as gate
from verify.plan import Capture
from verify.verdict import Outcome, Verdict

OPTIONS = {"num_warps": 4, "num_stages": 3, "num_ctas": 1}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def copies() -> Capture:
    return captured("copies")


def verdicts(found: Capture, file: str, spec: Spec | None = None, profile: str = "quick") -> tuple[Verdict, ...]:
    return gate(Case(spec or double(), candidate(file), found), PROFILES[profile])


def test_every_target_takes_a_plain_kernel(copies: Capture, cache: Path) -> None:
    found = verdicts(copies, "copies", profile="ci")
    assert [verdict.outcome for verdict in found] == [Outcome.PROVED] * 3
    assert "registers" in found[0].detail and "sm_80, sm_100, gfx942" in found[2].claim
    assert list(cache.rglob("*.json"))


def test_the_cache_answers_without_a_compiler(copies: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    text = copies.plans[0].launches[0].variants[-1].ttir
    first = compile_ttir(text, "sm_90", OPTIONS)
    assert isinstance(first, Resources) and first.registers > 0 and first.spills == 0
    monkeypatch.setattr(targets, "COMPILER", Path("/nowhere.py"))
    assert compile_ttir(text, "sm_90", OPTIONS) == first
    with pytest.raises(CompilerBroke):
        compile_ttir(text + "\n// another", "sm_90", OPTIONS)


def test_a_kernel_further_down_in_another_file_is_not_compiled_again(
    copies: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = copies.plans[0].launches[0].variants[-1]
    moved = evolve(variant, ttir=variant.ttir.replace("copies.py", "other.py").replace('.py":', '.py":1'))
    assert moved.ttir != variant.ttir
    (answer,) = compile_all([Job.of(variant, "sm_90")]).values()
    monkeypatch.setattr(targets, "COMPILER", Path("/nowhere.py"))
    assert compile_all([Job.of(moved, "sm_90")]) == {Job.of(variant, "sm_90"): answer}
    other = evolve(variant, ttir=variant.ttir.replace("arith.addi", "arith.subi"))
    with pytest.raises(CompilerBroke):
        compile_all([Job.of(other, "sm_90")])


def test_of_what_is_refuted_already_one_variant_of_each_kernel_is_compiled(
    copies: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[Job]] = []
    monkeypatch.setitem(gate.__globals__, "compile_all", lambda jobs: asked.append(jobs) or compile_all(jobs))
    case, budget = Case(double(), candidate("copies"), copies), PROFILES["ci"]
    whole, small = gate(case, budget), gate(case, budget.after_refutation())
    kernels = {launch.kernel for plan in copies.plans for launch in plan.launches}
    assert len(asked[0]) > len(asked[1]) == len(kernels) and {job.target for job in asked[1]} == {"sm_90"}
    assert whole[0].claim == small[0].claim and f"{len(kernels)} of " in small[0].scope
    assert [verdict.outcome for verdict in small] == [Outcome.HELD, Outcome.PROVED]  # some variants are a sample


def test_text_that_is_no_ttir_is_rejected() -> None:
    answer = compile_ttir("module { not ttir }", "sm_90", OPTIONS)
    assert isinstance(answer, Rejected)


def test_shared_memory_beyond_the_target(copies: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(copies.plans[0].launches[0].variants[-1].ttir, "sm_90")
    small = evolve(targets.TARGETS["sm_90"], shared=-1)
    monkeypatch.setattr(targets, "TARGETS", {**targets.TARGETS, "sm_90": small})
    answer = compile_all([job])[job]
    assert isinstance(answer, Rejected) and "shared memory" in answer.message
    (first, *_) = verdicts(copies, "copies")
    assert first.outcome is Outcome.REFUTED and first.witness is not None
    assert first.witness.replayed == "compiler" and "copies.py:" in first.witness.sentence


def test_a_kernel_that_triton_rejects_is_refuted() -> None:
    found = captured("bad_kernel")
    first = verdicts(found, "bad_kernel")[0]
    assert first.outcome is Outcome.REFUTED and first.witness is not None
    assert "arange's range must be a power of 2" in first.witness.sentence
    assert first.place is not None and first.place.file == "bad_kernel.py"


def test_a_grid_that_cannot_be_launched_is_refuted_with_sizes() -> None:
    found = captured("too_many")
    grid = verdicts(found, "too_many")[1]
    assert grid.outcome is Outcome.REFUTED and grid.witness is not None
    sizes = dict(grid.witness.sizes)
    assert sizes["M"] > 65535 and f"M={sizes['M']}" in grid.witness.sentence


def test_the_same_grid_within_the_domain_is_proved() -> None:
    spec = double(rows=65535)
    assert verdicts(captured("too_many", spec), "too_many", spec)[1].outcome is Outcome.PROVED


def test_nothing_captured_is_unknown() -> None:
    (verdict,) = verdicts(Capture((), (), "process"), "copies")
    assert verdict.outcome is Outcome.UNKNOWN
