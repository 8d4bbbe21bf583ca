"""Asking the gates: what a refutation leaves of the budget, and of the gates."""

from __future__ import annotations

import pytest

from tests.verify.capture.small import candidate, double
from verify.case import PROFILES, Budget, Case
from verify.dossier import Dossier, Gate, examine
from verify.plan import Capture
from verify.verdict import Outcome, Verdict, Witness

WHOLE = PROFILES["ci"]
LEFT = WHOLE.after_refutation()


def asked(refuting: str, *, fail_fast: bool = False, thorough: bool = False) -> tuple[Dossier, dict[str, Budget]]:
    """The dossier of three gates of which one refutes, and the budget that each was given."""
    given: dict[str, Budget] = {}

    def gate(name: str) -> Gate:
        def ask(case: Case, budget: Budget) -> tuple[Verdict, ...]:
            given[name] = budget
            if name == refuting:
                return (Verdict(name, Outcome.REFUTED, "it holds", "", witness=Witness("it does not", "host")),)
            return (Verdict(name, Outcome.PROVED, "it holds", "all"),)

        ask.__name__ = name
        return ask

    gates = tuple(gate(name) for name in ("policy", "bounds", "fuzz"))
    case = Case(double(), candidate("copies"), Capture((), (), "process"))
    required = {"fuzz": Outcome.PROVED}
    return examine(case, WHOLE, gates, required, fail_fast=fail_fast, thorough=thorough), given


def test_gates_after_a_refutation_get_less() -> None:
    dossier, given = asked("bounds")
    assert given == {"policy": WHOLE, "bounds": WHOLE, "fuzz": LEFT} and not dossier.thorough
    assert LEFT.samples < WHOLE.samples and LEFT.elements < WHOLE.elements and not LEFT.admitting
    assert (LEFT.rlimit, LEFT.seconds, LEFT.trails, LEFT.seed) == (
        WHOLE.rlimit, WHOLE.seconds, WHOLE.trails, WHOLE.seed,
    )  # fmt: skip


def test_thorough_gates_get_all() -> None:
    dossier, given = asked("bounds", thorough=True)
    assert set(given.values()) == {WHOLE} and len(given) == 3 and dossier.thorough


def test_where_none_refutes_all_get_all() -> None:
    dossier, given = asked("")
    assert dossier.thorough and set(given.values()) == {WHOLE} and len(given) == 3


@pytest.mark.parametrize(("refuting", "fail_fast"), [("policy", False), ("bounds", True)])
def test_what_stops_the_rest(refuting: str, fail_fast: bool) -> None:
    dossier, given = asked(refuting, fail_fast=fail_fast)
    assert dossier.thorough and list(given)[-1] == refuting and "fuzz" not in given


def test_no_profile_gets_more_by_being_refuted() -> None:
    for budget in PROFILES.values():
        left = budget.after_refutation()
        assert left.samples <= budget.samples and left.elements <= budget.elements and left.rlimit == budget.rlimit
