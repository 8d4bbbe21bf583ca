"""The native checks, with a stand-in kernel on host memory, and what the gate makes of their answer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch
from plans import PLACE, SPEC, HostKernel, N, floats, plan

import specs
from specs.spec import MAX_STRIDE
from verify.gates.native import CLAIMS, verdicts
from verify.native import check as checking
from verify.native.check import check
from verify.native.child import Answer
from verify.native.codec import canonical
from verify.native.findings import Finding
from verify.native.points import Point, points
from verify.plan import Refusal
from verify.verdict import Outcome

FEW = tuple(Point("float32", {"M": m, "N": n}, {"x": (n, 1)}, {}, "contiguous") for m, n in ((1, 4), (3, 5), (7, 129)))


def _kinds(kernel: Any) -> set[str]:
    found = check(SPEC, (plan(),), (), FEW, lambda variant: kernel, "cpu")
    assert not found.skipped and not found.failures
    return {finding.kind for finding in found.findings}


def test_a_right_kernel_shows_nothing() -> None:
    found = check(SPEC, (plan(),), (), FEW, lambda variant: HostKernel(), "cpu")
    assert (found.runs, found.findings, found.skipped, found.failures) == (3, (), (), ())


def test_a_wrong_result_is_found() -> None:
    assert _kinds(HostKernel(lambda out: out * 1.0001)) == {"wrong"}


def test_an_unwritten_element_is_found() -> None:
    class Lazy(HostKernel):
        def __getitem__(self, grid: Any) -> Callable[..., None]:
            honest = super().__getitem__(grid)
            return lambda x, y, stride, rows, columns: honest(x, y, stride, rows - 1, columns) if rows > 1 else None

    assert "wrong" in _kinds(Lazy())


def test_bits_that_move_are_found() -> None:
    calls = count()
    assert "moved" in _kinds(HostKernel(lambda out: out.nextafter(torch.ones(())) if next(calls) % 2 else out))


def test_stores_behind_the_output_are_found() -> None:
    assert _kinds(HostKernel(reach=3)) == {"red-zone"}


def test_a_changed_input_is_found() -> None:
    class Vandal(HostKernel):
        def __getitem__(self, grid: Any) -> Callable[..., None]:
            honest = super().__getitem__(grid)

            def run(x: int, *others: int) -> None:
                honest(x, *others)
                floats(x, 1)[0] = 1e6

            return run

    assert "input-changed" in _kinds(Vandal())


def test_a_kernel_that_cannot_be_started_is_a_failure_and_no_finding() -> None:
    class Broken:
        def __getitem__(self, grid: Any) -> Any:
            raise RuntimeError("out of resources: shared memory\nmore")

    found = check(SPEC, (plan(),), (), FEW[:1], lambda variant: Broken(), "cpu")
    assert (found.runs, found.findings) == (0, ())
    assert found.failures == ("M=1, N=4, float32, contiguous: out of resources: shared memory",)


def test_a_fault_ends_the_run_and_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def __getitem__(self, grid: Any) -> Any:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(checking, "_usable", lambda device: False)
    found = check(SPEC, (plan(),), (), FEW, lambda variant: Faulty(), "cpu")
    assert [finding.kind for finding in found.findings] == ["fault"] and found.runs == 1


def test_points_outside_every_plan_are_skipped_aloud_and_declined_ones_in_silence() -> None:
    narrow = plan(cell=N <= 4)
    found = check(SPEC, (narrow,), (), FEW, lambda variant: HostKernel(), "cpu")
    assert found.runs == 1 and len(found.skipped) == 2 and "no captured plan covers" in found.skipped[0]
    refusal = Refusal("float32", {}, N > 4, "too wide", PLACE)
    found = check(SPEC, (narrow,), (refusal,), FEW, lambda variant: HostKernel(), "cpu")
    assert (found.runs, found.skipped) == (1, ())


@pytest.mark.parametrize("spec", specs.ALL.values(), ids=list(specs.ALL))
def test_points_repeat_and_lie_in_the_domain(spec: Any) -> None:
    found = points(spec)
    assert found == points(spec)
    assert {point.dtype for point in found} == set(spec.dtypes)
    assert {"contiguous", "transposed", "expanded rows"} <= {point.layout for point in found}
    for dim in spec.dims:
        assert set(dim.samples) <= {point.sizes[dim.name] for point in found}
    assert all(step <= MAX_STRIDE for point in found for steps in point.strides.values() for step in steps)


def test_the_gate_gives_one_verdict_a_claim() -> None:
    given = verdicts(canonical(Answer("H200", 9)))
    assert [verdict.outcome for verdict in given] == [Outcome.HELD] * len(CLAIMS)
    assert all("9 runs" in verdict.scope for verdict in given)


def test_a_finding_refutes_its_claim_alone() -> None:
    finding = Finding("wrong", "M=1, N=3, float32: out[0, 2] is 7", {"M": 1, "N": 3})
    given = {verdict.claim: verdict for verdict in verdicts(canonical(Answer("H200", 9, (finding,))))}
    refuted = given[CLAIMS["wrong"]]
    assert refuted.outcome is Outcome.REFUTED and refuted.witness and "out[0, 2]" in refuted.witness.sentence
    assert {verdict.outcome for claim, verdict in given.items() if claim != CLAIMS["wrong"]} == {Outcome.HELD}


@pytest.mark.parametrize(
    "answer",
    [
        Answer("H200", 9, failures=("M=1: does not compile",)),
        Answer("H200", 9, skipped=("M=1: no plan",)),
        Answer("H200", 0),
        Answer(refusal="torch finds no device"),
    ],
)
def test_what_did_not_run_holds_nothing(answer: Answer) -> None:
    assert {verdict.outcome for verdict in verdicts(canonical(answer))} == {Outcome.UNKNOWN}


def test_a_spec_of_integers_runs_in_its_own_first_dtype():
    import specs
    from verify.native.accept import element_dtype

    counts = specs.ALL["histogram"]
    assert element_dtype(counts, {"x": torch.zeros(3, dtype=torch.int64), "bins": 4}) == counts.dtypes[0]
    assert element_dtype(specs.ALL["softmax"], {"x": torch.zeros(1, 1, dtype=torch.bfloat16)}) == "bfloat16"
