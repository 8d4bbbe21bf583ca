"""Claims that look true to a prover that is careless in one place, with the nearest ones that are true."""

from __future__ import annotations

import pytest
from attrs import evolve
from questions import HERE, PROOFS, Asked, asked, dense, kernel, launch, operator, planned, question, strided, tensor

from specs.sizes import name
from verify.plan import Buffer, Copy
from verify.verdict import Outcome

F32, I32 = "!tt.ptr<f32>", "!tt.ptr<i32>"
ONE = ("%one = arith.constant 1.0 : f32", "%c0 = arith.constant 0 : i32", "%c1 = arith.constant 1 : i32")
PID = "%p = tt.get_program_id x : i32"


def put(pointer: str, index: str, at: str = "a", value: str = "%one", mask: str = "") -> tuple[str, str]:
    """Store a float at one index."""
    return (
        f"%{at} = tt.addptr {pointer}, {index} : {F32}, i32",
        f"tt.store %{at}, {value}{', ' + mask if mask else ''} : {F32}",
    )


def get(name: str, pointer: str, index: str, type: str = F32) -> tuple[str, str]:
    return (f"%{name}_at = tt.addptr {pointer}, {index} : {type}, i32", f"%{name} = tt.load %{name}_at : {type}")


def counted(result: str, float: str) -> tuple[str, ...]:
    """A while loop that counts up to a float: how far, nobody knows."""
    return (
        f"%{result} = scf.while (%{result}_i = %c0) : (i32) -> i32 {{",
        f'%{result}_f = arith.sitofp %{result}_i : i32 to f32 loc("kernel.py":99:1)',
        f'%{result}_c = arith.cmpf olt, %{result}_f, {float} : f32 loc("kernel.py":99:1)',
        f'scf.condition(%{result}_c) %{result}_i : i32 loc("kernel.py":99:1)',
        "} do {",
        f"^bb0(%{result}_j: i32):",
        f'%{result}_n = arith.addi %{result}_j, %c1 : i32 loc("kernel.py":99:1)',
        f'scf.yield %{result}_n : i32 loc("kernel.py":99:1)',
        '} loc("kernel.py":99:1)',
    )


def refused(question: Asked, gate: str) -> None:
    outcome = question.outcome(gate)
    assert outcome in (Outcome.UNKNOWN, Outcome.REFUTED), outcome


def proved(question: Asked, gate: str) -> None:
    found = question.verdicts(gate)
    assert all(each.outcome is Outcome.PROVED for each in found), [
        (each.claim, each.outcome.word, each.detail, each.witness) for each in found
    ]


def test_two_programs_leave_a_while_loop_after_their_own_number_of_rounds() -> None:
    x = tensor("x", "N")
    lines = (*ONE, PID, *get("v", "%x", "%p"), *counted("n", "%v"), "%i = arith.addi %p, %n : i32", *put("%y", "%i"))
    refused(question(kernel(f"%x: {F32}, %y: {F32}, %N: i32", *lines), inputs=[x]), "races")
    lines = (*ONE, PID, *get("v", "%x", "%p"), *counted("n", "%v"), *put("%y", "%p"))
    proved(question(kernel(f"%x: {F32}, %y: {F32}, %N: i32", *lines), inputs=[x]), "races")


def test_two_loops_of_one_source_line_are_two_loops() -> None:
    lines = (*ONE, *counted("n", "%u"), *counted("m", "%v"), "%i = arith.subi %n, %m : i32", *put("%y", "%i"))
    text = kernel(f"%y: {F32}, %u: f32, %v: f32", *lines)
    refused(question(text, [1], dims={"N": (1, 1)}, u=3.0, v=2.0), "bounds")


SQUARE = (
    "%r = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>",
    "%rows = tt.expand_dims %r {axis = 1 : i32} : tensor<4xi32> -> tensor<4x1xi32>",
    "%columns = tt.expand_dims %r {axis = 0 : i32} : tensor<4xi32> -> tensor<1x4xi32>",
    "%i = tt.broadcast %rows : tensor<4x1xi32> -> tensor<4x4xi32>",
    "%j = tt.broadcast %columns : tensor<1x4xi32> -> tensor<4x4xi32>",
)


@pytest.mark.parametrize("turned", [True, False])
def test_a_carried_tensor_that_is_transposed_each_round_is_not_unchanged(turned: bool) -> None:
    """y has 4 * 3 elements: rows of 4 fit transposed an even number of times only."""
    turn = "%t = tt.trans %o {order = array<i32: 1, 0>} : tensor<4x4xi32> -> tensor<4x4xi32>"
    lines = (
        *ONE,
        *SQUARE,
        "%c2 = arith.constant 2 : i32",
        "%c3 = arith.constant dense<3> : tensor<4x4xi32>",
        "%ones = arith.constant dense<1.0> : tensor<4x4xf32>",
        "%four = arith.constant dense<4> : tensor<4x4xi32>",
        "%down = arith.muli %i, %four : tensor<4x4xi32>",
        "%start = arith.addi %down, %j : tensor<4x4xi32>",
        "%m = arith.cmpi slt, %i, %c3 : tensor<4x4xi32>",
        "%q = tt.splat %y : !tt.ptr<f32> -> tensor<4x4x!tt.ptr<f32>>",
        "%end = scf.for %k = %c0 to %c2 step %c1 iter_args(%o = %start) -> (tensor<4x4xi32>) : i32 {",
        "%a = tt.addptr %q, %o : tensor<4x4x!tt.ptr<f32>>, tensor<4x4xi32>",
        "tt.store %a, %ones, %m : tensor<4x4x!tt.ptr<f32>>",
        turn,
        f"scf.yield {'%t' if turned else '%o'} : tensor<4x4xi32>",
        "}",
    )
    whole = question(kernel(f"%y: {F32}", *lines), [1], dims={"N": (12, 12)})
    (refused if turned else proved)(whole, "bounds")


def summed(value: str, result: str, source: str, target: str) -> tuple[str, ...]:
    where = 'loc("kernel.py":50:1)'
    return (
        f'{result} = "tt.reduce"({value}) <{{axis = 0 : i32}}> ({{',
        f"^bb0({result}_l: f32, {result}_r: f32):",
        f"{result}_s = arith.addf {result}_l, {result}_r : f32 {where}",
        f"tt.reduce.return {result}_s : f32 {where}",
        f"}}) : ({source}) -> {target} {where}",
    )


@pytest.mark.parametrize("other", [True, False])
def test_a_sum_of_sums_looks_at_every_element(other: bool) -> None:
    """Loaded only on the diagonal; both sums stand in one line."""
    lines = (
        *ONE,
        *SQUARE,
        "%zero = arith.constant dense<0.0> : tensor<4x4xf32>",
        "%m = arith.cmpi eq, %i, %j : tensor<4x4xi32>",
        "%q = tt.splat %x : !tt.ptr<f32> -> tensor<4x4x!tt.ptr<f32>>",
        "%a = tt.addptr %q, %i : tensor<4x4x!tt.ptr<f32>>, tensor<4x4xi32>",
        f"%v = tt.load %a, %m{', %zero' if other else ''} : tensor<4x4x!tt.ptr<f32>>",
        *summed("%v", "%s", "tensor<4x4xf32>", "tensor<4xf32>"),
        *summed("%s", "%t", "tensor<4xf32>", "f32"),
        *put("%y", "%c0", "b", "%t"),
    )
    text = kernel(f"%x: {F32}, %y: {F32}", *lines)
    whole = question(text, [1], dims={"N": (1, 1), "K": (4, 4)}, inputs=[tensor("x", "K")])
    (proved if other else refused)(whole, "undefined")


@pytest.mark.parametrize(("guard", "gate"), [("always", proved), ("sometimes", refused), ("never", refused)])
def test_a_barrier_counts_only_where_it_is_passed(guard: str, gate: object) -> None:
    """Lane i writes y[i], then reads y[3 - i]."""
    r = "tensor<4xi32>"
    fence = {
        "always": ("gpu.barrier",),
        "sometimes": ("%c = arith.cmpi sgt, %N, %c1 : i32", "scf.if %c {", "gpu.barrier", "}"),
        "never": (),
    }[guard]
    lines = (
        *ONE,
        f"%r = tt.make_range {{end = 4 : i32, start = 0 : i32}} : {r}",
        f"%three = arith.constant dense<3> : {r}",
        f"%back = arith.subi %three, %r : {r}",
        "%ones = arith.constant dense<1.0> : tensor<4xf32>",
        "%q = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%a = tt.addptr %q, %r : tensor<4x!tt.ptr<f32>>, {r}",
        f"%b = tt.addptr %q, %back : tensor<4x!tt.ptr<f32>>, {r}",
        "tt.store %a, %ones : tensor<4x!tt.ptr<f32>>",
        *fence,
        "%v = tt.load %b : tensor<4x!tt.ptr<f32>>",
        "%z_q = tt.splat %z : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>",
        f"%z_a = tt.addptr %z_q, %r : tensor<4x!tt.ptr<f32>>, {r}",
        "tt.store %z_a, %v : tensor<4x!tt.ptr<f32>>",
    )
    text = kernel(f"%y: {F32}, %z: {F32}, %N: i32", *lines)
    whole = question(text, [1], dims={"K": (4, 4), "N": (0, 9)}, outputs={"y": ("K",), "z": ("K",)})
    gate(whole, "races")  # type: ignore[operator]


@pytest.mark.parametrize("written", [True, False])
def test_memory_that_is_written_is_read_anew(written: bool) -> None:
    """The difference of two loads of one address is 0 only while nobody writes."""
    one = "%v1 = arith.addi %v, %c1 : i32"
    lines = (
        *ONE,
        *get("v", "%x", "%c0", I32),
        one,
        *([f"tt.store %v_at, %v1 : {I32}"] if written else []),
        *get("w", "%x", "%c0", I32),
        "%i = arith.subi %w, %v : i32",
        *put("%y", "%i"),
    )
    x = tensor("x", "N", dtype="int32", low=0, high=100)
    whole = question(kernel(f"%x: {I32}, %y: {F32}", *lines), [1], dims={"N": (1, 1)}, inputs=[x])
    (refused if written else proved)(whole, "bounds")


@pytest.mark.parametrize("copied", [True, False])
def test_value_domains_hold_until_somebody_writes(copied: bool) -> None:
    lines = (*ONE, *get("v", "%x", "%c0", I32), *put("%y", "%v"))
    x, z = tensor("x", "N", dtype="int32", low=0, high=4), tensor("z", "N", dtype="int32")
    spec = operator({"N": (4, 4)}, [x, z], {"y": ("N",)})
    step = launch(kernel(f"%x: {I32}, %y: {F32}", *lines), [1], {"x": strided("x", "N"), "y": dense("y", "N")})
    steps = [Copy(strided("z", "N"), strided("x", "N"), HERE), step] if copied else [step]
    whole = asked(spec, planned(spec, steps, {"y": name("N")}, [dense("y", "N")]))
    (refused if copied else proved)(whole, "bounds")


def test_a_value_domain_without_values_proves_nothing() -> None:
    lines = (*ONE, *get("v", "%x", "%c0", I32), *put("%y", "%v"))
    x = tensor("x", "N", dtype="int32", low=5, high="V")
    text = kernel(f"%x: {I32}, %y: {F32}", *lines)
    for gate in PROOFS:
        (contradictory,) = question(text, [1], dims={"N": (4, 4), "V": (0, 5)}, inputs=[x]).verdicts(gate)
        assert (contradictory.outcome, "vacuous" in contradictory.detail) == (Outcome.UNKNOWN, True)
    *shown, empty = question(text, [0], dims={"N": (0, 0), "V": (0, 5)}, inputs=[x]).verdicts("bounds")
    assert {each.outcome for each in shown} == {Outcome.PROVED} and all(each.vacuous for each in shown)
    assert empty.outcome is Outcome.UNKNOWN and "vacuous" in empty.detail  # no element, no value, no program
    proved(question(text, [1], dims={"N": (6, 6), "V": (0, 6)}, inputs=[x]), "bounds")  # sizes with a value


@pytest.mark.parametrize("diagonal", [True, False])
def test_one_lane_for_two_axes_writes_a_diagonal_only(diagonal: bool) -> None:
    lines = (
        *ONE,
        *SQUARE,
        "%ones = arith.constant dense<1.0> : tensor<4x4xf32>",
        "%four = arith.constant dense<4> : tensor<4x4xi32>",
        f"%down = arith.muli {'%j' if diagonal else '%i'}, %four : tensor<4x4xi32>",
        "%o = arith.addi %down, %j : tensor<4x4xi32>",
        "%q = tt.splat %y : !tt.ptr<f32> -> tensor<4x4x!tt.ptr<f32>>",
        "%a = tt.addptr %q, %o : tensor<4x4x!tt.ptr<f32>>, tensor<4x4xi32>",
        "tt.store %a, %ones : tensor<4x4x!tt.ptr<f32>>",
    )
    whole = question(kernel(f"%y: {F32}", *lines), [1], dims={"M": (4, 4), "N": (4, 4)}, outputs={"y": ("M", "N")})
    (refused if diagonal else proved)(whole, "coverage")


def test_an_output_that_a_kernel_gets_but_never_writes_is_not_covered() -> None:
    lines = (*ONE, PID, *get("v", "%z", "%p"), *put("%y", "%p", value="%v"))
    text = kernel(f"%y: {F32}, %z: {F32}", *lines)
    whole = question(text, outputs={"y": ("N",), "z": ("N",)})
    refused(whole, "coverage")
    refused(whole, "undefined")


def rows(text: str, view: object, length: object, grid: object) -> Asked:
    spec = operator({"N": (0, 1000)}, (), {"y": ("N",)})
    step = launch(text, [grid], {"y": view})  # type: ignore[list-item]
    return asked(spec, planned(spec, [step], {"y": length}, [dense("y", "N")]))  # type: ignore[dict-item]


PLAIN = kernel(f"%y: {F32}", *ONE, PID, *put("%y", "%p"))


def test_writing_a_part_of_an_output_is_not_writing_it() -> None:
    n = name("N")
    proved(rows(PLAIN, dense("y", "N"), n, n), "coverage")
    refused(rows(PLAIN, dense("y", n // 2), n, n // 2), "coverage")
    refused(rows(PLAIN, dense("y", n, offset=1), n + 1, n), "coverage")


def test_a_copy_into_a_part_of_an_output_does_not_cover_it() -> None:
    x = tensor("x", "N")
    spec = operator({"N": (4, 4)}, [x], {"y": ("N",)})
    steps = [
        launch(PLAIN, ["N"], {"y": dense("y", "N")}),
        Copy(dense("x", 2), dense("y", 2), HERE),
    ]
    refused(asked(spec, planned(spec, steps, {"y": name("N")}, [dense("y", "N")])), "coverage")


def test_views_beyond_their_memory_are_seen() -> None:
    n = name("N")
    proved(rows(PLAIN, dense("y", "N"), n, n), "bounds")
    refused(rows(PLAIN, dense("y", n + 1), n, n + 1), "bounds")
    refused(rows(PLAIN, dense("y", "N", offset=1), n, n), "bounds")
    proved(rows(PLAIN, dense("y", n, offset=1), n + 1, n), "bounds")


def test_two_windows_on_one_buffer_are_compared_by_their_memory() -> None:
    lines = (*ONE, PID, *put("%u", "%p"), "%i = arith.addi %p, %c1 : i32", *put("%v", "%p", "b"))
    text, n = kernel(f"%u: {F32}, %v: {F32}", *lines), name("N")
    spec = operator({"N": (0, 1000)}, (), {"y": ("N",)})

    def with_offset(offset: object) -> Asked:
        given = {"u": dense("y", "N"), "v": dense("y", "N", offset=offset)}  # type: ignore[arg-type]
        step = launch(text, ["N"], given)
        return asked(spec, planned(spec, [step], {"y": n * 2 + 8}, [dense("y", n * 2 + 8)]))

    proved(with_offset(n), "races")
    refused(with_offset(n - 1), "races")
    refused(with_offset(1), "races")


def test_strides_of_the_caller_may_be_zero() -> None:
    x = tensor("x", "N", free=True)
    lines = (*ONE, PID, "%i = arith.muli %p, %s : i32", *put("%x", "%i"))
    whole = question(kernel(f"%x: {F32}, %s: i32", *lines), inputs=[x], s="x.stride0")
    refused(whole, "races")
    whole = question(
        kernel(f"%x: {F32}, %s: i32", *lines), inputs=[x], s="x.stride0", requires=(name("x.stride0") >= 1,)
    )
    proved(whole, "races")


CALLEE = """  tt.func private @pick(%v: f32) -> i32 attributes {noinline = true} {
    %n = arith.fptosi %v : f32 to i32
    tt.return %n : i32
  }
"""


def test_a_function_called_twice_may_give_two_values() -> None:
    call = "tt.call @pick({}) : (f32) -> i32"
    lines = (*ONE, "%n = " + call.format("%u"), "%m = " + call.format("%v"), "%i = arith.subi %n, %m : i32")
    text = kernel(f"%y: {F32}, %u: f32, %v: f32", *lines, *put("%y", "%i"), functions=CALLEE)
    refused(question(text, [1], dims={"N": (1, 1)}, u=1.0, v=2.0), "bounds")


def test_a_kernel_and_its_function_have_values_of_one_name_that_differ() -> None:
    lines = (*ONE, "%n = arith.fptosi %u : f32 to i32", "%m = tt.call @pick(%v) : (f32) -> i32")
    lines = (*lines, "%i = arith.subi %n, %m : i32", *put("%y", "%i"))
    text = kernel(f"%y: {F32}, %u: f32, %v: f32", *lines, functions=CALLEE)
    refused(question(text, [1], dims={"N": (1, 1)}, u=1.0, v=2.0), "bounds")


@pytest.mark.parametrize("wide", [True, False])
def test_what_is_defined_may_not_hang_on_a_wrap(wide: bool) -> None:
    """x[0] is loaded where p < 2; the value is taken where p * 2^20 < 2^21, which wraps for p = 4096."""
    big = 1 << 21 if wide else 2
    lines = (
        *ONE,
        PID,
        "%c2 = arith.constant 2 : i32",
        f"%big = arith.constant {big} : i32",
        f"%scale = arith.constant {big // 2} : i32",
        "%scaled = arith.muli %p, %scale : i32",
        "%m = arith.cmpi slt, %p, %c2 : i32",
        "%take = arith.cmpi slt, %scaled, %big : i32",
        f"%v = tt.load %x, %m : {F32}",
        "%w = arith.select %take, %v, %one : f32",
        *put("%y", "%p", value="%w"),
    )
    whole = question(kernel(f"%x: {F32}, %y: {F32}", *lines), inputs=[tensor("x", "N")])
    assert whole.outcome("undefined") is Outcome.PROVED  # as long as nothing wraps, which is overflow's to say
    (refused if wide else proved)(whole, "overflow")


def test_a_round_that_would_go_on_may_never_come() -> None:
    """`while i != 2` writes y[0] and y[1], though 5 != 2 too."""
    lines = (
        *ONE,
        "%c2 = arith.constant 2 : i32",
        "%end = scf.while (%i = %c0) : (i32) -> i32 {",
        "%c = arith.cmpi ne, %i, %c2 : i32",
        "scf.condition(%c) %i : i32",
        "} do {",
        "^bb0(%j: i32):",
        *put("%y", "%j"),
        "%n = arith.addi %j, %c1 : i32",
        "scf.yield %n : i32",
        "}",
        *put("%y", "%c2", "last"),
    )
    refused(question(kernel(f"%y: {F32}", *lines), [1], dims={"N": (8, 8)}), "coverage")


@pytest.mark.parametrize("defined", [True, False])
def test_what_a_compare_and_swap_may_store_is_looked_at(defined: bool) -> None:
    lines = (
        *ONE,
        "%m = arith.cmpi sgt, %N, %c1 : i32",
        f"%v = tt.load %x, %m{', %c0' if defined else ''} : {I32}",
        f"%old = tt.atomic_cas acq_rel, gpu, %y, %c0, %v : ({I32}, i32, i32) -> i32",
    )
    spec = operator({"N": (1, 9)}, [tensor("x", "N", dtype="int32")], {"y": ("N",)})
    text = kernel(f"%x: {I32}, %y: {I32}, %N: i32", *lines)
    step = launch(text, [1], {"x": dense("x", "N"), "y": dense("y", "N"), "N": "N"})
    zeros = Buffer("y", "int32", name("N"), fill=0.0)
    whole = asked(spec, planned(spec, [step], {"y": zeros}, [dense("y", "N")]))
    (proved if defined else refused)(whole, "undefined")


@pytest.mark.parametrize(("condition", "gate"), [("sge", proved), ("sgt", refused)])
def test_an_assertion_must_hold(condition: str, gate: object) -> None:
    lines = (*ONE, PID, f"%c = arith.cmpi {condition}, %p, %c0 : i32", "%t = tt.splat %c : i1 -> tensor<1xi1>",
             'tt.assert %t, "positive" : tensor<1xi1>', *put("%y", "%p"))  # fmt: skip
    gate(question(kernel(f"%y: {F32}", *lines)), "undefined")  # type: ignore[operator]


@pytest.mark.parametrize("filled", [True, False])
def test_memory_that_nobody_has_written_is_not_read(filled: bool) -> None:
    lines = (*ONE, PID, *get("v", "%t", "%p"), *put("%y", "%p", value="%v"))
    spec = operator({"N": (0, 1000)}, (), {"y": ("N",)})
    step = launch(kernel(f"%t: {F32}, %y: {F32}", *lines), ["N"], {"t": dense("t", "N"), "y": dense("y", "N")})
    fresh = {"t": Buffer("t", "float32", name("N"), fill=0.0 if filled else None), "y": name("N")}
    whole = asked(spec, planned(spec, [step], fresh, [dense("y", "N")]))
    (proved if filled else refused)(whole, "undefined")
    if not filled:
        assert "loads t[0], which nobody has written" in whole.witness("undefined")


@pytest.mark.parametrize(("count", "gate"), [("N", proved), (name("N") - 1, refused)])
def test_an_earlier_launch_writes_all_that_a_later_one_reads(count: object, gate: object) -> None:
    read = kernel(f"%t: {F32}, %y: {F32}", *ONE, PID, *get("v", "%t", "%p"), *put("%y", "%p", value="%v"))
    spec = operator({"N": (1, 1000)}, (), {"y": ("N",)})
    steps = [
        launch(PLAIN, [count], {"y": dense("t", "N")}),  # type: ignore[list-item]
        launch(read, ["N"], {"t": dense("t", "N"), "y": dense("y", "N")}),
    ]
    whole = asked(spec, planned(spec, steps, {"t": name("N"), "y": name("N")}, [dense("y", "N")]))
    gate(whole, "undefined")  # type: ignore[operator]


@pytest.mark.parametrize(("filled", "added", "shown"), [(True, True, True), (False, True, False), (True, False, False)])
def test_what_is_filled_and_then_only_added_to_is_covered(filled: bool, added: bool, shown: bool) -> None:
    """One program meets one element of many; a plain store there may have been meant for all of them."""
    add = f"%old = tt.atomic_rmw fadd, relaxed, gpu, %y, %one : ({F32}, f32) -> f32"
    lines = (*ONE, *([add] if added else put("%y", "%c0")))
    spec = operator({"N": (2, 1000)}, (), {"y": ("N",)})
    step = launch(kernel(f"%y: {F32}", *lines), [1], {"y": dense("y", "N")})
    fresh = {"y": Buffer("y", "float32", name("N"), fill=0.0 if filled else None)}
    whole = asked(spec, planned(spec, [step], fresh, [dense("y", "N")]))
    assert (whole.outcome("coverage") is Outcome.PROVED) == shown


def test_an_atomic_on_fresh_memory_reads_it() -> None:
    lines = (*ONE, f"%old = tt.atomic_rmw fadd, acq_rel, gpu, %y, %one : ({F32}, f32) -> f32")
    refused(question(kernel(f"%y: {F32}", *lines), [1], dims={"N": (1, 1)}), "undefined")


@pytest.mark.parametrize(("most", "gate"), [(2**31 - 1, proved), (2**31, refused)])
def test_sizes_fit_the_types_that_the_kernel_was_compiled_for(most: int, gate: object) -> None:
    text = kernel(f"%y: {F32}, %k: i32", *ONE, PID, *put("%y", "%p"))
    whole = question(text, dims={"N": (1, most // 2 + 1)}, k=name("N") * 2 - 1)
    gate(whole, "overflow")  # type: ignore[operator]


def test_a_view_as_another_dtype_is_not_read() -> None:
    spec = operator({"N": (1, 9)}, (), {"y": ("N",)})
    view = dense("y", "N")
    step = launch(PLAIN, ["N"], {"y": evolve(view, dtype="float16")})
    whole = asked(spec, planned(spec, [step], {"y": name("N")}, [view]))
    assert whole.outcome("bounds") is Outcome.UNKNOWN


@pytest.mark.parametrize("gate", ["bounds", "races", "overflow", "coverage", "undefined"])
def test_a_spec_that_contradicts_itself_shows_nothing(gate: str) -> None:
    whole = question(PLAIN, requires=(name("N") >= 5, name("N") <= 4))
    (verdict,) = whole.verdicts(gate)
    assert verdict.outcome is Outcome.UNKNOWN and "vacuous" in verdict.detail


def test_what_a_program_divides_by_says_nothing_where_no_program_runs() -> None:
    """Every program has N >= 1; with N = 0 there is none, and y still has its one element."""
    lines = (*ONE, PID, "%q = arith.divsi %p, %N : i32", *put("%y", "%q"))
    text = kernel(f"%y: {F32}, %N: i32", *lines)
    proved(question(text, dims={"N": (0, 9), "K": (1, 1)}, outputs={"y": ("K",)}), "bounds")
    refused(question(text, dims={"N": (0, 9), "K": (1, 1)}, outputs={"y": ("K",)}), "coverage")
    proved(question(text, dims={"N": (1, 1), "K": (1, 1)}, outputs={"y": ("K",)}), "coverage")


def test_a_loop_that_compares_unsigned_from_below_zero_is_not_read() -> None:
    lines = (
        *ONE,
        "%low = arith.constant -1 : i32",
        "%v = scf.for unsigned %k = %low to %N step %c1 iter_args(%s = %c0) -> (i32) : i32 {",
        "%t = arith.addi %s, %c1 : i32",
        "scf.yield %t : i32",
        "}",
        *put("%y", "%v"),
    )
    whole = question(kernel(f"%y: {F32}, %N: i32", *lines), [1], dims={"N": (3, 3), "K": (5, 5)}, outputs={"y": ("K",)})
    assert whole.outcome("bounds") is Outcome.UNKNOWN


def test_sizes_without_a_variant_are_seen() -> None:
    spec, view = operator({"N": (0, 1000)}, (), {"y": ("N",)}), dense("y", "N")
    for bound, gate in ((1001, proved), (1000, refused)):
        step = launch(PLAIN, ["N"], {"y": view}, condition=name("N") < bound)
        gate(asked(spec, planned(spec, [step], {"y": name("N")}, [view])), "bounds")
