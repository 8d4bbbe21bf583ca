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
from verify.symbolic.terms import FALSE, at_most, less, poly
from verify.symbolic.values import Lane

CASES: Final = 600
SEEDS: Final = (1, 2, 3, 4)  # tried in turn: what kernels a seed gives depends on Hypothesis' version
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


def further(load: Any) -> Any:
    return lambda tracer, what, given: load(tracer, what, [*given[:-1], evolve(given[-1], content=given[-1].poly + 1)])


def one_lane_less(name: str) -> Plant:
    """The ends of what a sum over lanes may come to, as if there were three of four."""
    right = tensors.bounded

    def changed(tracer: Any, operation: Any, ends: tuple[int, int], *rest: Any) -> Lane:
        low, high = ends
        return right(tracer, operation, (low * 3 // 4, high * 3 // 4) if operation.name == name else ends, *rest)

    return lambda patch: patch.setattr(tensors, "bounded", changed)


def never_wraps(patch: pytest.MonkeyPatch) -> None:
    """What is added up over lanes is not asked to fit: `bounded` and equal lanes are the two ways to it."""
    asked = integers.may_wrap

    def unasked(tracer: Any, operation: Any, result: Any, *given: Any, **more: Any) -> Lane:
        found = asked(tracer, operation, result, *given, **more)
        over_lanes = operation.name in ("tt.reduce", "tt.scan")
        return (
            evolve(found, wraps=tuple(each for each in found.wraps if each.place != operation.place))
            if over_lanes
            else found
        )

    patch.setattr(integers, "may_wrap", unasked)
    patch.setattr(tensors, "may_wrap", unasked)


def first_lane(patch: pytest.MonkeyPatch) -> None:
    right = tensors.apply
    patch.setattr(tensors, "apply", lambda kind, *given: poly(0) if kind == "floormod" else right(kind, *given))


def signed(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(integers.RELATIONS, "ult", less)  # type: ignore[arg-type]
    patch.setitem(integers.RELATIONS, "uge", lambda a, b: at_most(b, a))  # type: ignore[arg-type]


PLANTS: Final[dict[str, Plant]] = {
    "a loop goes round once more": trips(1),
    "a loop goes round once less": trips(-1),
    "unsigned numbers compare as signed ones": signed,
    "rows are columns": meaning("tt.expand_dims", lambda _: tensors.same),
    "masked lanes are defined": meaning("tt.load", defined),
    "the larger of two is the smaller": meaning("arith.maxsi", lambda _: MEANINGS["arith.minsi"]),
    "a selecting reduction takes the first lane": first_lane,
    "a sum leaves a lane out": one_lane_less("tt.reduce"),
    "a running sum leaves its last lane out": one_lane_less("tt.scan"),
    "a sum over lanes does not wrap": never_wraps,
    "quotients of negative numbers are rounded down": meaning("arith.divsi", lambda _: MEANINGS["arith.floordivsi"]),
    "tiles start one further on": meaning("tt.descriptor_load", further),
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
    assert any(map(seen, SEEDS)), f"{len(SEEDS)} times {CASES} kernels do not show that {what}"
