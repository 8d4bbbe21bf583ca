"""A dossier on a terminal: what belongs together is told together, and nothing is told twice."""

from __future__ import annotations

import io

from synth.progress import Display
from synth.terminal import show_findings
from verify.case import Candidate
from verify.dossier import Dossier
from verify.verdict import Outcome, Place, Verdict, Witness

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


def test_a_long_reason_is_told_once_and_pointed_at_after_that() -> None:
    why = "bfloat16: a float division of a size beyond 2**53, for the sizes with 8192 < K and 2**53 <= M * K"
    run = f"{why} [M=1, N=2, float16, seed 0]"
    said = told(
        Verdict("policy", Outcome.UNKNOWN, "every shape is handled", "", why),
        Verdict("bounds", Outcome.UNKNOWN, "it stays inside", "", f"not captured: {why}"),
        Verdict("laws", Outcome.UNKNOWN, "rows sum to one", "", run),
        Verdict("fuzz", Outcome.UNKNOWN, "it is right", "", f"{why}!"),
    )
    assert said.count("2**53 <= M * K") == 2 and "2**53 <= M * K!" in said
    assert "= not captured: as above\n" in said and "= as above, at M=1, N=2, float16, seed 0\n" in said


def test_a_line_is_quoted_once_until_another_is() -> None:
    places = [Place("kernel.py", 1), Place("kernel.py", 1), Place("other.py", 1), Place("kernel.py", 1)]
    said = told(*(Verdict("bounds", Outcome.UNKNOWN, f"claim {at}", "", "too hard", place=place)
                  for at, place in enumerate(places[:2])),
                *(Verdict("races", Outcome.UNKNOWN, f"claim {at}", "", "too hard", place=place)
                  for at, place in enumerate(places[2:])))  # fmt: skip
    assert said.count("--> kernel.py:1") == 2 and said.count("--> other.py:1") == 1
    assert said.count("| def softmax(x): ...") == 2
