"""A dossier on a terminal: what belongs together is told together, and nothing is told twice."""

from __future__ import annotations

import io

from synth.progress import Display
from synth.terminal import show_findings
from verify.case import Candidate
from verify.dossier import Dossier
from verify.verdict import Outcome, Verdict, Witness

CANDIDATE = Candidate("def softmax(x): ...\n", "softmax", "kernel.py")


def told(*verdicts: Verdict) -> str:
    stream = io.StringIO()
    show_findings(Display(stream), Dossier("", "ci", 0, {"bounds": Outcome.PROVED}, verdicts), CANDIDATE)
    return stream.getvalue()


def test_verdicts_of_one_claim_share_its_heading() -> None:
    said = told(
        Verdict("bounds", Outcome.UNKNOWN, "it stays inside", "", "float32 is too hard"),
        Verdict("bounds", Outcome.UNKNOWN, "it stays inside", "", "float16 is too hard"),
        Verdict("races", Outcome.UNKNOWN, "nothing collides", "", "float16 is too hard"),
    )
    assert said.count("unknown bounds: it stays inside") == 1
    assert said.index("float32") < said.index("float16") < said.index("unknown races: nothing collides")


def test_a_scope_that_the_witness_names_is_not_told_again() -> None:
    witness = Witness("M=1, N=2: out[0] is 3, should be 2", "fuzz")
    same = told(Verdict("fuzz", Outcome.REFUTED, "it is right", "M=1, N=2", witness=witness))
    other = told(Verdict("fuzz", Outcome.REFUTED, "it is right", "float32, every shape", witness=witness))
    assert same.count("M=1, N=2") == 1
    assert "for float32, every shape" in other


def test_a_fault_that_every_law_meets_is_told_twice_and_counted() -> None:
    witness = Witness("M=1, N=2: stores out[2]", "executor")
    laws = [Verdict("laws", Outcome.REFUTED, f"law {at}", "M=1, N=2", witness=witness) for at in range(5)]
    said = told(*laws, Verdict("fuzz", Outcome.REFUTED, "it is right", "M=1, N=2", witness=witness))
    assert said.count("refuted laws:") == 2
    assert "and 3 more claims refuted by laws" in said
    assert "refuted fuzz: it is right" in said
