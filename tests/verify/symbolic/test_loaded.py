"""Indices from memory: what the spec says of them is used, what it does not say is named."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from questions import Asked, kernel, question, tensor
from test_gaps import F32, I32, ONE, PID, get, proved, put

from specs.sizes import name, size
from specs.spec import Values
from verify.verdict import Outcome

SIZES = {"N": (0, 1 << 20), "V": (0, 1 << 20)}
N, V = name("N"), name("V")


def gathered(**values: Any) -> Asked:
    """y[p] = x[i[p]]: an embedding of one column."""
    lines = (*ONE, PID, *get("i_p", "%i", "%p", I32), *get("v", "%x", "%i_p"), *put("%y", "%p", value="%v"))
    text = kernel(f"%i: {I32}, %x: {F32}, %y: {F32}", *lines)
    return question(text, dims=SIZES, inputs=[tensor("i", "N", dtype="int32", **values), tensor("x", "V")])


@pytest.mark.parametrize(("low", "high", "outcome"), [
    (0, V, Outcome.PROVED), (0, V + 1, Outcome.REFUTED), (-1, V, Outcome.REFUTED), (1, V - 1, Outcome.PROVED),
])  # fmt: skip
def test_an_index_is_inside_where_its_domain_is(low: int, high: Any, outcome: Outcome) -> None:
    assert gathered(low=low, high=high).outcome("bounds") is outcome


def scattered(**values: Any) -> Asked:
    """y[i[p]] = 1."""
    lines = (*ONE, PID, *get("i_p", "%i", "%p", I32), *put("%y", "%i_p"))
    text = kernel(f"%i: {I32}, %y: {F32}", *lines)
    index = tensor("i", "N", dtype="int32", **{"low": 0, "high": V, **values})
    return question(text, dims=SIZES, inputs=[index], outputs={"y": ("V",)})


@pytest.mark.parametrize("unique", [True, False])
def test_a_scatter_through_a_permutation_does_not_race(unique: bool) -> None:
    whole = scattered(unique=unique)
    assert whole.outcome("bounds") is Outcome.PROVED
    assert whole.outcome("races") is (Outcome.PROVED if unique else Outcome.REFUTED)


def test_the_same_element_holds_the_same_value() -> None:
    """y[i[0] - i[0]] and y[i[0] - i[p]] are another story."""
    for second, outcome in (("%c0", Outcome.PROVED), ("%p", Outcome.REFUTED)):
        lines = (*ONE, PID, *get("s", "%i", "%c0", I32), *get("t", "%i", second, I32),
                 "%d = arith.subi %s, %t : i32", *put("%y", "%d"))  # fmt: skip
        text = kernel(f"%i: {I32}, %y: {F32}", *lines)
        index = tensor("i", "N", dtype="int32", low=0, high=1 << 20)
        whole = question(text, dims={"N": (1, 9)}, inputs=[index])
        assert whole.outcome("bounds") is outcome, second


@pytest.mark.parametrize(("ascending", "outcome"), [(True, Outcome.PROVED), (False, Outcome.REFUTED)])
def test_segments_between_sorted_bounds_are_apart(ascending: bool, outcome: Outcome) -> None:
    """Program p fills y[c[p] : c[p + 1]]."""
    lines = (
        *ONE,
        PID,
        "%q = arith.addi %p, %c1 : i32",
        *get("begin", "%c", "%p", I32),
        *get("end", "%c", "%q", I32),
        "scf.for %k = %begin to %end step %c1 : i32 {",
        *put("%y", "%k"),
        "}",
    )
    text = kernel(f"%c: {I32}, %y: {F32}", *lines)
    bounds = tensor("c", "N", dtype="int32", low=0, high=V + 1, sorted=ascending)
    whole = question(text, [N - 1], dims={"N": (1, 1 << 20), "V": (0, 1 << 20)}, inputs=[bounds], outputs={"y": ("V",)})
    assert whole.outcome("bounds") is Outcome.PROVED
    assert whole.outcome("races") is outcome


def test_what_a_masked_off_lane_holds_is_in_no_domain() -> None:
    """Only the first program's index is loaded; every program uses what it got."""
    for used, outcome in (("%m", proved), ("", None)):
        lines = (*ONE, PID, "%m = arith.cmpi eq, %p, %c0 : i32",
                 f"%ia = tt.addptr %i, %p : {I32}, i32", f"%j = tt.load %ia, %m : {I32}",
                 *put("%y", "%j", mask=used))  # fmt: skip
        text = kernel(f"%i: {I32}, %y: {F32}", *lines)
        index = tensor("i", "N", dtype="int32", low=0, high=V)
        whole = question(text, dims=SIZES, inputs=[index], outputs={"y": ("V",)})
        if outcome:
            outcome(whole, "bounds")
        else:
            assert whole.outcome("bounds") is not Outcome.PROVED


@pytest.mark.parametrize(("mark", "outcome"), [(-100, Outcome.REFUTED), (0, Outcome.PROVED)])
def test_a_mark_beside_the_range_is_a_value_too(mark: int, outcome: Outcome) -> None:
    lines = (*ONE, PID, *get("i_p", "%i", "%p", I32), *put("%y", "%i_p"))
    index = evolve(tensor("i", "N", dtype="int32"), values=Values(low=size(1), high=V, also=(mark,)))
    whole = question(
        kernel(f"%i: {I32}, %y: {F32}", *lines), dims={"N": (0, 9), "V": (1, 9)}, inputs=[index], outputs={"y": ("V",)}
    )
    assert whole.outcome("bounds") is outcome


def wanted(whole: Asked, gate: str) -> list[str]:
    """The conditions that the gate's unknown verdicts name; it has no others."""
    found = [each for each in whole.verdicts(gate) if each.outcome is not Outcome.PROVED]
    assert all(each.outcome is Outcome.UNKNOWN and each.needs for each in found), [(e.claim, e.detail) for e in found]
    return [str(need) for each in found for need in each.needs]


def test_where_the_spec_says_nothing_the_weakest_range_is_named() -> None:
    whole = gathered()
    assert wanted(whole, "bounds") == ["0 <= i[...] < V for every element loaded at kernel.py:6"]
    (unknown,) = [each for each in whole.verdicts("bounds") if each.needs]
    assert unknown.needs[0].exact
    assert "with one value more at an end it is false" in unknown.detail


def test_a_scatter_wants_a_permutation_and_its_range() -> None:
    range = "0 <= i[...] < V for every element loaded at kernel.py:6"
    silent = scattered(low=None, high=None)
    assert wanted(silent, "bounds") == [range]
    assert wanted(silent, "races") == ["no value occurs twice along the last dimension of i"]


def test_blocks_by_index_want_indices_of_blocks() -> None:
    """Program p fills block i[p] of four elements."""
    r = "tensor<4xi32>"
    lines = (
        *ONE, PID, *get("j", "%i", "%p", I32), "%c4 = arith.constant 4 : i32", "%s = arith.muli %j, %c4 : i32",
        f"%l = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {r}", f"%w = tt.splat %s : i32 -> {r}",
        f"%o = arith.addi %w, %l : {r}", "%ones = arith.constant dense<1.0> : tensor<4xf32>",
        f"%n = tt.splat %V : i32 -> {r}", f"%m = arith.cmpi slt, %o, %n : {r}",
        "%q = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%at = tt.addptr %q, %o : tensor<4x!tt.ptr<f32>>, {r}",
        "tt.store %at, %ones, %m : tensor<4x!tt.ptr<f32>>",
    )  # fmt: skip
    text = kernel(f"%i: {I32}, %y: {F32}, %V: i32", *lines)
    whole = question(text, dims=SIZES, inputs=[tensor("i", "N", dtype="int32")], outputs={"y": ("V",)})
    assert wanted(whole, "bounds") == ["0 <= i[...] for every element loaded at kernel.py:6"]  # above it is masked


def test_what_no_condition_on_values_mends_is_refuted() -> None:
    """y[i[p] - i[p] + V] is outside whatever i holds."""
    lines = (*ONE, PID, *get("j", "%i", "%p", I32), "%z = arith.subi %j, %j : i32", "%o = arith.addi %z, %V : i32",
             *put("%y", "%o"))  # fmt: skip
    text = kernel(f"%i: {I32}, %y: {F32}, %V: i32", *lines)
    whole = question(text, dims=SIZES, inputs=[tensor("i", "N", dtype="int32")], outputs={"y": ("V",)})
    assert whole.outcome("bounds") is Outcome.REFUTED
