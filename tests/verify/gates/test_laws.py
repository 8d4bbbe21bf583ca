"""`laws`: each property is broken by a kernel that breaks only it, and held by one that is right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve

import specs
from specs.sizes import all_of, name
from tests.verify.gates.stand_in import BUDGET as USUAL
from tests.verify.gates.stand_in import HERE, Kernel, answer, case, matmul, softmax
from verify.executor.faults import Fault
from verify.executor.modes import Fill, Mode, Unmodelled
from verify.gates.laws import laws
from verify.numerics.invariance import independent
from verify.plan import Plan
from verify.verdict import Outcome, Verdict

BUDGET = evolve(USUAL, elements=USUAL.elements // 4)  # every law runs several times a trial
SOFTMAX, MATMUL = specs.ALL["softmax"], specs.ALL["matmul"]


def asked(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, spec: Any = SOFTMAX) -> dict[str, Verdict]:
    answer(monkeypatch, kernel)
    return {" ".join(verdict.claim.split()[:2]).rstrip(": "): verdict for verdict in laws(case(spec), BUDGET)}


def refuted(verdicts: dict[str, Verdict]) -> set[str]:
    return {name.split(":")[0] for name, verdict in verdicts.items() if verdict.outcome is Outcome.REFUTED}


def test_right_kernels_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec, kernel, dims in ((SOFTMAX, softmax, 1), (MATMUL, matmul, 2)):
        answer(monkeypatch, kernel)
        verdicts = laws(case(spec), BUDGET)
        assert len(verdicts) == len(spec.laws) + 4 + dims
        assert {verdict.outcome for verdict in verdicts} == {Outcome.HELD}
        assert all(verdict.scope for verdict in verdicts)


def _scaled(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    return softmax(inputs, work) * 0.999


def _by_row(inputs: dict[str, Any], work: torch.dtype, mode: Mode, **_: Any) -> torch.Tensor:
    """Odd rows are one unit in the last place off, in low precision only."""
    result = softmax(inputs, work)
    if mode is Mode.FAITHFUL:
        result[1::2] = torch.nextafter(result[1::2], torch.tensor(2.0))
    return result


def _by_order(inputs: dict[str, Any], work: torch.dtype, order: int, **_: Any) -> torch.Tensor:
    return softmax(inputs, work) + (order * 2.0**-8)


def _by_fill(inputs: dict[str, Any], work: torch.dtype, fill: Fill, **_: Any) -> torch.Tensor:
    return softmax(inputs, work) + (2.0**-8 if fill is Fill.HUGE else 0.0)


def _by_padding(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    x = inputs["x"]
    storage = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
    return softmax(inputs, work) + (2.0**-8 if bool((storage.double() > 5e4).any()) else 0.0)


def _by_column(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    result = softmax(inputs, work)
    result[:, -1:] = 0.0
    return result


def _by_count(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    """Another last bit for a single row, as with another split of the work."""
    few = inputs["x"].shape[0] == 1 and inputs["x"].shape[1] > 16
    return softmax(inputs, work) * (1 + 2.0**-7 if few and work is torch.float32 else 1.0)


def _by_neighbour(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    x, result = inputs["x"], softmax(inputs, work)
    return result + (x[1, :1].to(work) / 16 if x.shape[0] > 2 and x.shape[1] else 0.0)


def _by_stride(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
    return softmax(inputs, work) + (0.0 if inputs["x"].is_contiguous() or work is torch.float64 else 2.0**-8)


@pytest.mark.parametrize(
    ("kernel", "broken"),
    [
        (_by_stride, {"rows", "strides", "batch M"}),
        (_scaled, {"sum"}),
        (_by_row, {"rows"}),
        (_by_order, {"determinism"}),
        (_by_fill, {"irrelevance"}),
        (_by_padding, {"irrelevance"}),
        (_by_column, {"sum", "permutation"}),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_each_property_is_broken_by_what_breaks_it(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel, broken: set[str]
) -> None:
    verdicts = asked(monkeypatch, kernel)
    assert refuted(verdicts) == broken
    for verdict in verdicts.values():
        if verdict.witness:
            assert verdict.witness.replayed == "executor"
            assert "out[" in verdict.witness.sentence
            assert dict(verdict.witness.sizes).keys() == {"M", "N"}


@pytest.mark.parametrize(
    ("kernel", "broken"),
    [
        (lambda inputs, work, **_: matmul(inputs, work).abs(), "sign"),
        (lambda inputs, work, **_: matmul(inputs, work) + 1, "halves"),
        (lambda inputs, work, **_: inputs["a"].to(work)[:, :-1] @ inputs["b"].to(work)[:-1], "permutation"),
        (lambda inputs, work, **_: matmul(inputs, work).square(), "sum"),
        (lambda inputs, work, **_: matmul(inputs, work) * 2, "identity"),
    ],
)
def test_laws_of_matmul(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, broken: str) -> None:
    assert broken in refuted(asked(monkeypatch, kernel, MATMUL))


def test_faults_refute_and_unmodelled_operations_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, softmax, lambda sizes: Fault("wrapped-index", "wraps here", (), HERE))
    assert {verdict.outcome for verdict in laws(case(SOFTMAX), BUDGET)} == {Outcome.REFUTED}

    def raises(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        raise Unmodelled("tt.mystery", HERE)

    answer(monkeypatch, raises)
    verdicts = laws(case(SOFTMAX), BUDGET)
    assert {(verdict.outcome, verdict.place) for verdict in verdicts} == {(Outcome.UNKNOWN, HERE)}


def test_which_dims_are_batches_is_told_by_the_reference() -> None:
    told = {name: [dim.name for dim in spec.dims if independent(spec, dim.name)] for name, spec in specs.ALL.items()}
    assert told["softmax"] == told["rms_norm"] == told["layer_norm"] == told["cumsum"] == ["M"]
    assert told["matmul"] == ["M", "N"]
    assert told["cross_entropy"] == ["M"]
    assert told["transpose"] == ["M", "N"]
    assert told["attention"] == told["attention_backward"] == ["B", "H"]
    assert told["dropout"] == ["M"]  # what is dropped depends on where an element stands among all
    assert told["histogram"] == []


@pytest.mark.parametrize("kernel", [_by_count, _by_neighbour])
def test_a_neighbour_that_matters_is_met(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    assert "batch M" in refuted(asked(monkeypatch, kernel))


def test_a_count_with_a_plan_of_its_own_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host code divides the work otherwise at one count only, that count is tried."""
    rows, wide = name("M"), evolve(USUAL, elements=4 * USUAL.elements)
    own = [rows < 23, rows.equals(23), all_of(rows > 23, rows < 40), rows >= 40]
    plans = [Plan(dtype, {}, cell, (), (), ()) for dtype in SOFTMAX.dtypes for cell in own]

    def kernel(inputs: dict[str, Any], work: torch.dtype, **_: Any) -> torch.Tensor:
        other = inputs["x"].shape[0] == 23 and work is torch.float32
        return softmax(inputs, work) * (1 + 2.0**-7 if other else 1.0)

    answer(monkeypatch, kernel)
    told = {verdict.claim.split(":")[0]: verdict for verdict in laws(case(SOFTMAX, *plans), wide)}
    witness = told["batch M"].witness
    assert witness is not None
    assert "normal values" in witness.reproduce  # the run that differed, whatever values were asked
