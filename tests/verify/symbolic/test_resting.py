"""What a proof says it rests on: all that it needs, and a mask or a precondition only where it is needed."""

from __future__ import annotations

import pytest
from questions import BUDGET, Asked, asked, kernel, launch, operator, planned, question, tensor
from questions import dense as view
from store_plans import stored
from test_gaps import F32, I32, ONE, PID, get, put

from specs.sizes import TRUE, name
from verify.case import Candidate
from verify.symbolic import core, obligations, solver
from verify.symbolic.reading import readings
from verify.symbolic.resting import rests
from verify.symbolic.smtlib import script
from verify.symbolic.terms import Truth, conj
from verify.verdict import Outcome, Trail

M, N, V = name("M"), name("N"), name("V")
MASKED = ("%when = arith.cmpi slt, %p, %N : i32", f"%a = tt.addptr %y, %p : {F32}, i32",
          f"tt.store %a, %one, %when : {F32}")  # fmt: skip


def trail(whole: Asked, gate: str, claim: str) -> Trail:
    (found,) = (each for each in whole.verdicts(gate) if claim in each.claim)
    assert found.outcome is Outcome.PROVED and found.trail is not None
    return found.trail


@pytest.mark.parametrize(("grid", "mask"), [("N", False), (N + 1, True)])
def test_a_mask_is_named_where_the_grid_does_not_do(grid: object, mask: bool) -> None:
    whole = question(kernel(f"%y: {F32}, %N: i32", *ONE, PID, *MASKED), [grid])  # type: ignore[list-item]
    place = "the mask at kernel.py:7"
    assert (place in trail(whole, "bounds", "store").rests) is mask


@pytest.mark.parametrize(("grid", "said"), [("M", True), ("N", False)])
@pytest.mark.parametrize("by", ["spec", "host code"])
def test_a_precondition_is_named_where_it_is_needed(grid: str, said: bool, by: str) -> None:
    text = kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p"))
    spec = operator({"M": (0, 99), "N": (0, 99)}, requires=(M <= N,) if by == "spec" else ())
    step = launch(text, [grid], {"y": view("y", "N")})
    plan = planned(spec, [step], {"y": N}, [view("y", "N")], M <= N if by != "spec" else TRUE)
    assert trail(asked(spec, plan), "bounds", "store").rests == ((f"`M <= N` ({by})",) if said else ())


def test_values_that_the_spec_ranges_are_named() -> None:
    lines = (*ONE, PID, *get("i_p", "%i", "%p", I32), *get("v", "%x", "%i_p"), *put("%y", "%p", value="%v"))
    text = kernel(f"%i: {I32}, %x: {F32}, %y: {F32}", *lines)
    whole = question(text, dims={"N": (0, 1 << 20), "V": (0, 1 << 20)},
                     inputs=[tensor("i", "N", dtype="int32", low=0, high=V), tensor("x", "V")])  # fmt: skip
    told = "what the spec says of the values in i"
    assert trail(whole, "bounds", "load stays inside x").rests == (told,)
    assert trail(whole, "bounds", "load stays inside i").rests == ()


@pytest.mark.parametrize(("grid", "length", "sizes"), [
    ("N", 99, ("N",)), (90, 99, ()), ("N", "N", ()), ("N", V, ("N", "V")), (90, V, ("V",)),
])  # fmt: skip
def test_the_range_of_a_size_is_named(grid: object, length: object, sizes: tuple[str, ...]) -> None:
    """y[p] is inside: of N programs because N is at most 99, of 90 programs whatever N is."""
    text = kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p"))
    spec = operator({"N": (0, 99), "V": (99, 200)})
    step = launch(text, [grid], {"y": view("y", length)})  # type: ignore[list-item, arg-type]
    whole = asked(spec, planned(spec, [step], {"y": V}, [view("y", V)]))
    assert trail(whole, "bounds", "store").sizes == sizes


def test_an_address_chosen_by_its_own_mask_rests_on_it() -> None:
    """Where the mask holds the offset is 0: read so, the claim is plain, and it is the mask that makes it so."""
    lines = (*ONE, PID, "%far = arith.constant 1000 : i32",
             "%when = arith.cmpi slt, %p, %N : i32", "%q = arith.select %when, %c0, %far : i32",
             f"%a = tt.addptr %y, %q : {F32}, i32", f"tt.store %a, %one, %when : {F32}")  # fmt: skip
    whole = question(kernel(f"%y: {F32}, %N: i32", *lines), [9], dims={"N": (1, 99)})
    assert "the mask at kernel.py:9" in trail(whole, "bounds", "store").rests


def parts(truth: Truth) -> tuple[Truth, ...]:
    return truth.parts if truth.kind == "and" else (truth,)


@pytest.mark.parametrize("label", ["softmax__looped", "matmul__grouped"])
def test_what_was_not_taken_is_not_needed(label: str) -> None:
    """Each proof is found again from what it took, and some of them took less than there was."""
    spec, plan = stored(label)
    less = 0
    (first, *_) = readings(asked(spec, plan).case)
    for obligation in [*obligations.bounds(first), *obligations.races(first)]:
        for way in obligation.ways[:1]:
            given = parts(conj(*(way.assumptions or obligation.assumptions)))
            found = solver.discharge(given, way.goal, obligation.ranges, BUDGET, explain=True)
            assert found.status == "proved" and found.query
            kept = [part for part in given if part in found.took]
            less += len(kept) < len(given)
            assert solver.discharge(kept, way.goal, obligation.ranges, BUDGET).status == "proved", obligation.claim
    assert less


@pytest.mark.parametrize("gives_up", [True, False])
def test_where_z3_gives_up_all_counts_as_taken(gives_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if gives_up:
        monkeypatch.setattr(solver, "core", lambda *_: None)
    sizes = {"M": (0, 99), "N": (0, 99)}
    whole = question(kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p")), ["N", "M"], dims=sizes, requires=(M <= N,))
    assert trail(whole, "bounds", "store").rests == (("`M <= N` (spec)",) if gives_up else ())


def test_sizes_may_be_called_as_our_own_constants_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size that a switch took for itself would be a truth value to z3, which says nothing of it."""
    texts = list[str]()
    monkeypatch.setattr(core, "script", lambda *told: texts.append(script(*told)) or texts[-1])
    few, many = name("given"), name("quotient")
    spec = operator({"given": (0, 99), "quotient": (1, 99)}, outputs={"y": ("quotient",)}, requires=(few <= many,))
    step = launch(kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p")), ["given"], {"y": view("y", "quotient")})
    whole = asked(spec, planned(spec, [step], {"y": many}, [view("y", "quotient")]))
    assert trail(whole, "bounds", "store").rests == ("`given <= quotient` (spec)",)
    assert texts and all("(declare-fun given!0 () Int)" in text for text in texts)


@pytest.mark.parametrize(("line", "told"), [
    ("tl.load(p, m < 3)", "mask `m < 3` (kernel.py:1)"),
    ("tl.load(p, mask=m < 3, other=0)", "mask `m < 3` (kernel.py:1)"),
    ("tile.load([0])", "the clipping of the tile at kernel.py:1"),
    ("tl.load(p, m < 3) + tl.load(q, m < 4)", "the mask at kernel.py:1"),
    ("tl.store(p, tl.load(q, m < 4), m < 3)", "mask `m < 4` (kernel.py:1)"),
    ("tl.load(p, k)\nk = m < 3", "mask `k`, which is `m < 3` (kernel.py:1)"),
    ("tl.load(p, k[None])\nk = m < 3", "mask `k[None]`, which is `m < 3` (kernel.py:1)"),
    ("tl.load(p, k)\nk = m < 3\nk = m < 4", "mask `k` (kernel.py:1)"),
    ("tl.load(p, k)\nk = m < 3\ndef f(k): pass", "mask `k` (kernel.py:1)"),
    ("tl.load(p, k)\nk = m < 3\nk &= True", "mask `k` (kernel.py:1)"),
])  # fmt: skip
def test_a_mask_is_spelled_as_the_source_does(line: str, told: str) -> None:
    lines = ("%c3 = arith.constant 3 : i32", PID, "%when = arith.cmpi slt, %p, %c3 : i32",
             f"%a = tt.addptr %x, %p : {F32}, i32", f'%v = tt.load %a, %when : {F32} loc("kernel.py":1:1)')  # fmt: skip
    spec = operator({"N": (3, 9)}, [tensor("x", "N")])
    step = launch(kernel(f"%x: {F32}", *lines), [9], {"x": view("x", "N")})
    whole = asked(spec, planned(spec, [step], {"y": N}, [view("y", "N")]))
    (reading,) = readings(whole.case)
    (obligation,) = obligations.bounds(reading)
    candidate = Candidate(line, "operator", "kernel.py")
    assert rests(candidate, obligation, (reading.trace.accesses[0].mask.truth,)) == (told,)
