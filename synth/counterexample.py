"""A counterexample asked again of a kernel as it is now: what `verify --at` and generated tests do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from synth.exits import Ending, Exit, Trouble

if TYPE_CHECKING:  # a generated test is collected without what it takes to run it
    from specs.spec import Spec
    from verify.case import Budget, Candidate
    from verify.dossier import Gate
    from verify.verdict import Verdict

_WORDS: Final = {Exit.REFUTED: "refuted", Exit.PASSED: "held", Exit.INCONCLUSIVE: "inconclusive", Exit.ERROR: "crashed"}


def check(kernel: str, spec: str, gate: str, at: str = "", claim: str = "", entry: str | None = None) -> None:
    """Raise AssertionError unless the gate's claims hold for the kernel at the point, or at all without one.

    `kernel` is a file or package.module:function, `at` as `kernelproof verify --at` takes it. What could not be
    decided raises too: nothing was shown then.
    """
    __tracebackhide__ = True
    from synth.candidates import find_candidate
    from synth.pipeline import standard
    from verify.case import PROFILES

    try:
        against, candidate = find_candidate(kernel, spec, entry)
        gates = [each for each in standard().gates if each.__name__ == gate]
        found = verdicts(gates, against, candidate, at, PROFILES["ci"], claim)
    except Trouble as trouble:
        raise AssertionError(f"{trouble}; {trouble.hint}" if trouble.hint else str(trouble)) from None
    if ending(found).code != Exit.PASSED:
        raise AssertionError("\n".join(told(found)))


def verdicts(
    gates: Sequence[Gate], spec: Spec, candidate: Candidate, at: str, budget: Budget, claim: str = ""
) -> tuple[Verdict, ...]:
    """What the gates answer at the point that `at` spells. Raises Trouble."""
    from synth.pipeline import standard
    from verify.again import Point, ask_again, read_point

    try:
        point = read_point(spec, at) if at else Point()
        capture = standard().capture
        asked = (ask_again(gate, spec, candidate, point, budget, capture, claim) for gate in gates)
        return tuple(verdict for each in asked for verdict in each)
    except ValueError as error:
        raise Trouble(str(error), "a point is spelled as in M=1, N=3, float16, normal values, seed 0") from None


def ending(found: Sequence[Verdict]) -> Ending:
    """How it ends: 0 only if every claim holds there."""
    from verify.verdict import Outcome, worst

    outcome = worst(verdict.outcome for verdict in found)
    codes = {Outcome.REFUTED: Exit.REFUTED, Outcome.CRASHED: Exit.ERROR, Outcome.UNKNOWN: Exit.INCONCLUSIVE}
    code = codes.get(outcome, Exit.PASSED)
    return Ending(code, _WORDS[code])


def told(found: Sequence[Verdict]) -> list[str]:
    """A line for each claim that does not hold there; where all do, how many there are."""
    from verify.verdict import Outcome

    short = [verdict for verdict in found if verdict.outcome < Outcome.HELD]
    lines = [
        f"{verdict.outcome.word} {verdict.gate}: {verdict.witness.sentence if verdict.witness else verdict.detail}"
        for verdict in short
    ]
    return lines or [f"{len(found)} claims hold there"]
