"""The dossier: all verdicts on one case, and whether they admit it. `examine` asks every gate in order."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import evolve, field, frozen

from verify.case import Budget, Case
from verify.verdict import Cost, Outcome, Verdict, worst


class Gate(Protocol):
    """One question about one case. The same case and budget give the same verdicts."""

    __name__: str

    def __call__(self, case: Case, budget: Budget) -> tuple[Verdict, ...]: ...


@frozen
class Dossier:
    """What was asked and answered. `required` maps a gate to the least outcome that lets a candidate by.

    It is stored with the verdicts, so an old dossier keeps its meaning when the policy changes.
    """

    case_digest: str
    profile: str
    seed: int
    required: Mapping[str, Outcome] = field()
    verdicts: tuple[Verdict, ...]
    contract: bool = False  # the spec has no reference: nobody looked at numbers, and nothing is admitted
    thorough: bool = True  # no gate got less because one before it had refuted

    @required.validator
    def _asks_something(self, _: object, required: Mapping[str, Outcome]) -> None:
        if not required:
            raise ValueError("a dossier that requires no gate would admit everything")

    def outcome(self, gate: str) -> Outcome | None:
        """The worst outcome of a gate; None when it gave no verdict, which is: it did not run."""
        own = [verdict.outcome for verdict in self.verdicts if verdict.gate == gate]
        return worst(own) if own else None

    @property
    def refuted(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.outcome is Outcome.REFUTED)

    @property
    def missing(self) -> tuple[str, ...]:
        """Required gates that fell short in the order of answering, then by name those that did not run.

        Not in the order of `required`: a record that was read back has another one, and must read the same.
        """
        answered = list(dict.fromkeys(verdict.gate for verdict in self.verdicts))
        short = [
            gate for gate, least in self.required.items() if (found := self.outcome(gate)) is None or found < least
        ]
        return (*(gate for gate in answered if gate in short), *sorted(set(short) - set(answered)))

    @property
    def passed(self) -> bool:
        """Whether every required gate reached what is asked of it and none refuted."""
        return not self.missing and not self.refuted

    @property
    def admitted(self) -> bool:
        return self.passed and not self.contract

    @property
    def word(self) -> str:
        """`admitted`, `kept` (all that a launch contract asks for), `refuted` or `inconclusive`."""
        if self.refuted:
            return "refuted"
        if not self.passed:
            return "inconclusive"
        return "kept" if self.contract else "admitted"


def examine(
    case: Case,
    budget: Budget,
    gates: tuple[Gate, ...],
    required: Mapping[str, Outcome],
    *,
    fail_fast: bool = False,
    thorough: bool = False,
    progress: Callable[[str, tuple[Verdict, ...]], None] = lambda gate, verdicts: None,
) -> Dossier:
    """Ask every gate about the case. A refutation by `policy` stops the rest; `fail_fast` lets any stop it.

    Otherwise the gates after a refutation get a smaller budget, unless `thorough`: for who may waive the refutation.
    `progress(gate, ())` is called before a gate runs and `progress(gate, verdicts)` after it.
    """
    verdicts: list[Verdict] = []
    refuted, left = False, budget
    for gate in gates:
        if refuted and not thorough:
            left = budget.after_refutation()
        progress(gate.__name__, ())
        found = ask(gate, case, left)
        verdicts += found
        progress(gate.__name__, found)
        refutes = any(verdict.outcome is Outcome.REFUTED for verdict in found)
        if refutes and (fail_fast or gate.__name__ == "policy"):
            break
        refuted |= refutes
    asked = case.digest, budget.profile, budget.seed, dict(required)
    return Dossier(*asked, tuple(verdicts), case.spec.is_contract, left is budget)


def ask(gate: Gate, case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One gate's verdicts; a gate that raises is CRASHED, which is our bug and never the kernel's."""
    start = time.perf_counter()
    name = gate.__name__
    try:
        found = gate(case, budget)
    except Exception:  # noqa: BLE001  the one boundary: a bug of ours must not look like a verdict on the kernel
        last = traceback.format_exc().strip()
        found = (Verdict(name, Outcome.CRASHED, f"the {name} gate answers", "", detail=last),)
    if not found:
        found = (Verdict(name, Outcome.UNKNOWN, f"the {name} gate answers", "", detail="it gave no verdict"),)
    spent = time.perf_counter() - start
    if sum(verdict.cost.seconds for verdict in found) == 0.0:
        share = spent / len(found)
        found = tuple(evolve(verdict, cost=Cost(share, verdict.cost.rlimit)) for verdict in found)
    return found
