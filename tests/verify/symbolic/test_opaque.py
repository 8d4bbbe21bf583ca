"""Operations that we do not follow inside: atomics, addresses as numbers, foreign code. Twins that are fine and not."""

from __future__ import annotations

import pytest
from questions import kernel, question, tensor
from test_gaps import F32, ONE, PID, get, proved, put, refused

from specs.sizes import name, size
from verify.verdict import Outcome


@pytest.mark.parametrize(("scope", "outcome"), [("gpu", Outcome.PROVED), ("sys", Outcome.PROVED), ("cta", None)])
def test_atomics_of_other_programs_are_seen_beyond_the_program_only(scope: str, outcome: Outcome | None) -> None:
    lines = (*ONE, "%true = arith.constant true",
             f"%o = tt.atomic_rmw fadd, relaxed, {scope}, %y, %one, %true : ({F32}, f32, i1) -> f32")  # fmt: skip
    whole = question(kernel(f"%y: {F32}", *lines), dims={"N": (1, 9)})
    if outcome is None:
        refused(whole, "races")
    else:
        assert whole.outcome("races") is outcome


@pytest.mark.parametrize(("bytes", "outcome"), [(4, proved), (2, refused), (8, refused)])
def test_an_address_as_a_number_is_a_pointer_again_by_whole_elements(bytes: int, outcome: object) -> None:
    lines = (
        *ONE,
        PID,
        "%w = arith.extsi %p : i32 to i64",
        f"%b = arith.constant {bytes} : i64",
        "%o = arith.muli %w, %b : i64",
        f"%n = tt.ptr_to_int %y : {F32} -> i64",
        "%m = arith.addi %n, %o : i64",
        f"%q = tt.int_to_ptr %m : i64 -> {F32}",
        f"tt.store %q, %one : {F32}",
    )
    outcome(question(kernel(f"%y: {F32}", *lines)), "bounds")  # type: ignore[operator]


def test_a_pointer_from_memory_is_of_unknown_origin() -> None:
    lines = (*ONE, *get("a", "%i", "%c0", "!tt.ptr<i64>"), f"%q = tt.int_to_ptr %a : i64 -> {F32}",
             f"tt.store %q, %one : {F32}")  # fmt: skip
    text = kernel(f"%i: !tt.ptr<i64>, %y: {F32}", *lines)
    whole = question(text, dims={"N": (1, 9)}, inputs=[tensor("i", "N", dtype="int64")])
    for gate in ("bounds", "races"):
        assert whole.outcome(gate) is Outcome.UNKNOWN
        assert any("pointer of unknown origin" in each.detail for each in whole.verdicts(gate))


@pytest.mark.parametrize(("pack", "outcome"), [(1, proved), (4, refused)])
def test_assembly_on_packs_of_lanes_spoils_neighbours(pack: int, outcome: object) -> None:
    """Lane 3 of 4 is undefined and never stored; four lanes at once share what they hold."""
    r, f = "tensor<4xi32>", "tensor<4xf32>"
    lines = (
        f"%l = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {r}",
        f"%n = arith.constant dense<3> : {r}",
        f"%m = arith.cmpi slt, %l, %n : {r}",
        "%xp = tt.splat %x : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%xa = tt.addptr %xp, %l : tensor<4x!tt.ptr<f32>>, {r}",
        "%v = tt.load %xa, %m : tensor<4x!tt.ptr<f32>>",
        '%w = tt.elementwise_inline_asm "mov $0, $1;" {constraints = "=r,r", packed_element = '
        f"{pack} : i32, pure = true}} %v : {f} -> {f}",
        "%yp = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%ya = tt.addptr %yp, %l : tensor<4x!tt.ptr<f32>>, {r}",
        "tt.store %ya, %w, %m : tensor<4x!tt.ptr<f32>>",
    )
    text = kernel(f"%x: {F32}, %y: {F32}", *lines)
    whole = question(text, [1], dims={"N": (3, 3)}, inputs=[tensor("x", "N")])
    proved(whole, "bounds")
    outcome(whole, "undefined")  # type: ignore[operator]


@pytest.mark.parametrize("used", [True, False])
def test_poison_must_not_reach_a_store(used: bool) -> None:
    lines = (*ONE, PID, "%u = ub.poison : f32", *put("%y", "%p", value="%u" if used else "%one"))
    (refused if used else proved)(question(kernel(f"%y: {F32}", *lines)), "undefined")


@pytest.mark.parametrize("fence", ["gpu.barrier", "tt.debug_barrier", "ttg.barrier all", "ttg.local_barrier"])
def test_barriers_for_all_memory_order_a_store_and_a_load(fence: str) -> None:
    r = "tensor<4xi32>"
    lines = (
        f"%r = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {r}",
        f"%three = arith.constant dense<3> : {r}",
        f"%back = arith.subi %three, %r : {r}",
        "%ones = arith.constant dense<1.0> : tensor<4xf32>",
        "%q = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%a = tt.addptr %q, %r : tensor<4x!tt.ptr<f32>>, {r}",
        f"%b = tt.addptr %q, %back : tensor<4x!tt.ptr<f32>>, {r}",
        "tt.store %a, %ones : tensor<4x!tt.ptr<f32>>",
        fence,
        "%v = tt.load %b : tensor<4x!tt.ptr<f32>>",
    )
    whole = question(kernel(f"%y: {F32}", *lines), [size(1)], dims={"N": (4, 4)})
    (refused if "local" in fence else proved)(whole, "races")


@pytest.mark.parametrize(("below", "outcome"), [(0, proved), (1, refused)])
def test_unsigned_ceilings_of_sizes_are_ceilings(below: int, outcome: object) -> None:
    """y[ceildiv(p, 2)] for the programs p < 2 N - 1."""
    lines = (*ONE, PID, "%c2 = arith.constant 2 : i32", "%h = arith.ceildivui %p, %c2 : i32", *put("%y", "%h"))
    whole = question(kernel(f"%y: {F32}", *lines), [name("N") * 2 - 1 + below], dims={"N": (1, 20_000)})
    outcome(whole, "bounds")  # type: ignore[operator]
