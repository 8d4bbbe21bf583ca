"""Mistakes planted in the prover: the differential test sees each of them within a few hundred kernels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "verify" / "symbolic"))
from differential import disagreements, observations
from generated import Trial, trials

from verify.symbolic import control, integers, tensors
from verify.symbolic.meanings import MEANINGS
from verify.symbolic.terms import FALSE, at_most, less
from verify.symbolic.values import Lane

CASES: Final = 600
Plant = Callable[[pytest.MonkeyPatch], None]


def meaning(operation: str, change: Callable[[Any], Any]) -> Plant:
    """Another meaning of one operation, made from the right one."""
    return lambda patch: patch.setitem(MEANINGS, operation, change(MEANINGS[operation]))  # type: ignore[arg-type]


def trips(by: int) -> Plant:
    right = control._trips
    return lambda patch: patch.setattr(control, "_trips", lambda *given: right(*given) + by)


def defined(load: Any) -> Any:
    def changed(*given: Any) -> list[Lane]:
        return [evolve(each, undef=FALSE) for each in load(*given)]

    return changed


def signed(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(integers.RELATIONS, "ult", less)  # type: ignore[arg-type]
    patch.setitem(integers.RELATIONS, "uge", lambda a, b: at_most(b, a))  # type: ignore[arg-type]


PLANTS: Final[dict[str, Plant]] = {
    "a loop goes round once more": trips(1),
    "a loop goes round once less": trips(-1),
    "unsigned numbers compare as signed ones": signed,
    "rows are columns": meaning("tt.expand_dims", lambda _: tensors.same),
    "masked lanes are defined": meaning("tt.load", defined),
}


def seen(number: int) -> bool:
    """Whether prover and executor disagree about one of the kernels of the seed."""

    @seed(number)
    @settings(max_examples=CASES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(trial=trials())
    def agree(trial: Trial) -> None:
        assert not list(disagreements(trial, observations(trial)))

    try:
        agree()
    except AssertionError:
        return True
    return False


@pytest.mark.quality
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_mistake_is_seen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTS[what](monkeypatch)
    assert seen(1), f"{CASES} kernels do not show that {what}"
