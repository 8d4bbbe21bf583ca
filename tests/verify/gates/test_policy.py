"""The policy gate: every kind of answer becomes the outcome that it deserves."""

from __future__ import annotations

from attrs import evolve

from specs.sizes import name
from tests.verify.capture.small import candidate, double
from verify.case import PROFILES, Case
from verify.gates.policy import INPUTS, policy
from verify.plan import Answer, Capture, CompileFailure, Plan, Refusal, Unsupported, Violation
from verify.verdict import Outcome, Place, Verdict, worst

PLACE = Place("copies.py", 16)
WHOLE = name("N") >= 0
PLAN = Plan("float32", {}, WHOLE, (), (), ())
VIOLATION = Violation("host-compute", "computes with torch on the host side: aten.add", PLACE)
UNSUPPORTED = Unsupported("float arithmetic on a size", PLACE)
REFUSAL = Refusal("float32", {}, name("N") > 1000, "ValueError: too long", PLACE)


def host_verdicts(case: Case) -> list[Verdict]:
    """Without the verdict on stores, which reads kernels; `capture/test_stores.py` has some."""
    return [verdict for verdict in policy(case, PROFILES["quick"]) if verdict.claim != INPUTS]


def outcomes(*answers: Answer, uncovered: tuple[str, ...] = ()) -> list[Outcome]:
    capture = Capture(answers, uncovered, "process+rlimits")
    return [verdict.outcome for verdict in host_verdicts(Case(double(), candidate("copies"), capture))]


def test_a_covered_domain_is_proved() -> None:
    assert outcomes(PLAN) == [Outcome.PROVED, Outcome.PROVED]


def test_a_violation_is_refuted_with_its_line() -> None:
    capture = Capture((PLAN, VIOLATION), (), "process+rlimits")
    (verdict,) = policy(Case(double(), candidate("copies"), capture), PROFILES["quick"])
    assert verdict.outcome is Outcome.REFUTED and verdict.witness is not None
    assert verdict.witness.sentence.startswith("copies.py:16: computes with torch")
    assert verdict.witness.replayed == "host" and verdict.place == PLACE


def test_nothing_less_than_a_cover_is_proved() -> None:
    assert outcomes(PLAN, REFUSAL) == [Outcome.PROVED, Outcome.UNKNOWN]
    assert outcomes(PLAN, uncovered=("float32: the budget of 1 cells is spent",)) == [
        Outcome.PROVED,
        Outcome.UNKNOWN,
    ]
    assert outcomes(PLAN, UNSUPPORTED, uncovered=("not modelled",)) == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert worst(outcomes(REFUSAL)) is Outcome.UNKNOWN
    assert worst(outcomes()) is Outcome.UNKNOWN


def test_a_kernel_that_does_not_compile_is_no_matter_of_policy() -> None:
    failure = CompileFailure("copy_kernel", "", "no", PLACE, "float32", name("N") <= 0)
    assert Outcome.REFUTED not in outcomes(PLAN, failure, uncovered=("copy_kernel does not compile",))


def test_the_sandbox_is_among_the_assumptions() -> None:
    case = Case(double(), candidate("copies"), Capture((PLAN,), (), "process+rlimits+seccomp"))
    assert all("process+rlimits+seccomp" in verdict.assumptions[0] for verdict in host_verdicts(case))
    repo = Case(double(), evolve(candidate("copies"), policy="repo"), Capture((PLAN,), (), "process"))
    assert any("package" in assumption for assumption in policy(repo, PROFILES["quick"])[0].assumptions)
