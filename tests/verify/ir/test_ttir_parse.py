"""What single operations say: attributes, operand groups, types, regions, names, places."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from verify.ir.parse import ParseError, parse
from verify.ir.program import Dense, Descriptor, Operation, Pointer, Program, Scalar, Symbol, Tensor
from verify.verdict import Place

ARGUMENTS = (
    "%p: !tt.ptr<f32>, %q: tensor<8x!tt.ptr<f16>>, %t: tensor<8xf32>, %i: tensor<8xi32>, %m: tensor<8xi1>, "
    "%n: i32, %c: i1, %w: i64, %a: tensor<64x64xf8E5M2>, %s: tensor<64x2xi8>, %z: tensor<64x64xf32>, "
    "%h: tensor<8xf16>, %d: !tt.tensordesc<tensor<16x32xf16>>"
)


def module(*lines: str, arguments: str = ARGUMENTS) -> Program:
    body = "\n    ".join(lines)
    return parse(f"module {{\n  tt.func public @k({arguments}) {{\n    {body}\n    tt.return\n  }}\n}}\n")


def operation(*lines: str) -> Operation:
    return module(*lines).kernel.body.blocks[0].operations[0]


def test_words_become_attributes() -> None:
    compare = operation("%0 = arith.cmpi slt, %n, %n : i32")
    assert compare.attributes == {"predicate": Symbol("slt")}
    assert compare.results[0].type == Scalar("i1")
    atomic = operation("%0 = tt.atomic_rmw fadd, acq_rel, gpu, %p, %t : (!tt.ptr<f32>, f32) -> f32")
    assert atomic.attributes == {
        "atomic_rmw_op": Symbol("fadd"),
        "sem": Symbol("acq_rel"),
        "scope": Symbol("gpu"),
        "operand_counts": (1, 1, 0),
    }
    assert operation("%0 = tt.get_program_id y : i32").attributes == {"axis": Symbol("y")}
    assert operation("%0 = arith.addi %n, %n overflow<nsw> : i32").attributes == {"overflow": Symbol("nsw")}


def test_the_generic_syntax_says_the_same() -> None:
    custom = operation("%0 = arith.cmpi ult, %i, %i : tensor<8xi32>")
    generic = operation(
        '%0 = "arith.cmpi"(%i, %i) <{predicate = 6 : i64}> : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi1>'
    )
    assert (custom.name, custom.operands, custom.results) == (generic.name, generic.operands, generic.results)
    assert custom.attributes == generic.attributes
    load = operation(
        '%0 = "tt.load"(%q, %m) <{operandSegmentSizes = array<i32: 1, 1, 0>}> : '
        "(tensor<8x!tt.ptr<f16>>, tensor<8xi1>) -> tensor<8xf16>"
    )
    assert load.attributes["operand_counts"] == (1, 1, 0)


def test_a_dot_without_a_precision_is_an_ieee_dot() -> None:
    types = "tensor<64x64xf8E5M2> * tensor<64x64xf8E5M2> -> tensor<64x64xf32>"
    assert operation(f"%0 = tt.dot %a, %a, %z : {types}").attributes == {"inputPrecision": Symbol("ieee")}
    dot = operation(f"%0 = tt.dot %a, %a, %z, inputPrecision = tf32x3 {{fast = true}} : {types}")
    assert dot.attributes == {"inputPrecision": Symbol("tf32x3"), "fast": True}
    assert str(dot.results[0].type) == "tensor<64x64xf32>"


@pytest.mark.parametrize(
    ("text", "names", "counts"),
    [
        ("%a scale %s, %a scale %s, %z", ["%a", "%a", "%z", "%s", "%s"], (1, 1, 1, 1, 1)),
        ("%a scale %s, %a, %z", ["%a", "%a", "%z", "%s"], (1, 1, 1, 1, 0)),
        ("%a, %a scale %s, %z", ["%a", "%a", "%z", "%s"], (1, 1, 1, 0, 1)),
        ("%a, %a, %z", ["%a", "%a", "%z"], (1, 1, 1, 0, 0)),
    ],
)
def test_scales_keep_their_side(text: str, names: list[str], counts: tuple[int, ...]) -> None:
    types = "tensor<64x64xf8E5M2>, tensor<64x2xi8> * tensor<64x64xf8E5M2> -> tensor<64x64xf32>"
    dot = operation(f"%0 = tt.dot_scaled {text} lhs = e5m2 rhs = e4m3 {{fastMath = false}} : {types}")
    assert [operand.name for operand in dot.operands] == names
    assert dot.attributes == {
        "a_elem_type": Symbol("e5m2"),
        "b_elem_type": Symbol("e4m3"),
        "fastMath": False,
        "operand_counts": counts,
    }


def test_load_and_store_tell_their_operands_apart() -> None:
    for operands, counts in [("%q", (1, 0, 0)), ("%q, %m", (1, 1, 0)), ("%q, %m, %h", (1, 1, 1))]:
        load = operation(f"%0 = tt.load {operands} cacheModifier = ca : tensor<8x!tt.ptr<f16>>")
        assert load.attributes == {"cacheModifier": Symbol("ca"), "operand_counts": counts}
        assert load.results[0].type == Tensor((8,), Scalar("f16"))
    store = operation("tt.store %q, %h {boundaryCheck = array<i32: 0, 1>} : tensor<8x!tt.ptr<f16>>")
    assert store.attributes == {"boundaryCheck": (0, 1), "operand_counts": (1, 1, 0)}
    assert operation("%0 = tt.load %p {isVolatile = true} : !tt.ptr<f32>").results[0].type == Scalar("f32")


def test_block_pointers_and_descriptors() -> None:
    pointer = operation(
        "%0 = tt.make_tensor_ptr %p, [%w, %w], [%w, %w], [%n, %n] {order = array<i32: 1, 0>} : <tensor<64x32xf16>>"
    )
    block = Tensor((64, 32), Scalar("f16"))
    assert pointer.results[0].type == Pointer(block)
    assert pointer.attributes == {"order": (1, 0), "operand_counts": (1, 2, 2, 2)}
    load = operation("%0 = tt.descriptor_load %d[%n, %n] : !tt.tensordesc<16x32xf16> -> tensor<16x32xf16>")
    assert load.attributes == {"operand_counts": (1, 2)}
    for short in ("<f32>, <64x32xf16>", "<f32>, <tensor<64x32xf16>>", "<f32>, !tt.tensordesc<64x32xf16>"):
        descriptor = operation(f"%0 = tt.make_tensor_descriptor %p, [%n, %n], [%w, %w] : {short}")
        assert descriptor.results[0].type == Descriptor(block)
        assert descriptor.attributes == {"operand_counts": (1, 2, 2)}
    store = operation("tt.descriptor_store %d[%n, %w], %h : !tt.tensordesc<16x32xf16>, tensor<16x32xf16>")
    assert [operand.name for operand in store.operands] == ["%d", "%h", "%n", "%w"]
    assert store.attributes == {"operand_counts": (1, 1, 2)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0xFF800000 : f32", -inf),
        ("0xFF80 : bf16", -inf),
        ("0x7C00 : f16", inf),
        ("4.6566126E-10 : f32", float(np.float32(4.6566126e-10))),
        ("-7 : i32", -7),
        ("true", True),
        ("dense<[true, false, true]> : tensor<3xi1>", Dense((True, False, True), splat=False)),
        ("dense<[[1, -2], [3, 4]]> : tensor<2x2xi8>", Dense((1, -2, 3, 4), splat=False)),
        ("dense<5.000000e-01> : tensor<8xf16>", Dense((0.5,), splat=True)),
        ('dense<"0x0100000002000000"> : tensor<2xi32>', Dense((1, 2), splat=False)),
    ],
)
def test_constants(text: str, value: object) -> None:
    constant = operation(f"%0 = arith.constant {text}")
    read = constant.attributes["value"]
    assert read == value and type(read) is type(value)


def test_a_nan_stays_a_nan() -> None:
    value = operation("%0 = arith.constant dense<0x7FC00000> : tensor<4xf32>").attributes["value"]
    assert isinstance(value, Dense) and isinstance(value.elements[0], float) and isnan(value.elements[0])


def test_loops_declare_their_arguments() -> None:
    program = module(
        "%0:2 = scf.for %j = %n to %n step %n iter_args(%x = %t, %y = %p) -> (tensor<8xf32>, !tt.ptr<f32>)  : i32 {",
        "  scf.yield %x, %y : tensor<8xf32>, !tt.ptr<f32>",
        "} {tt.num_stages = 3 : i32}",
        "tt.store %0#1, %n : !tt.ptr<f32>",
    )
    loop, store, _ = program.kernel.body.blocks[0].operations
    assert [operand.name for operand in loop.operands] == ["%n", "%n", "%n", "%t", "%p"]
    assert [(value.name, str(value.type)) for value in loop.results] == [
        ("%0#0", "tensor<8xf32>"),
        ("%0#1", "!tt.ptr<f32>"),
    ]
    assert [argument.name for argument in loop.regions[0].blocks[0].arguments] == ["%j", "%x", "%y"]
    assert loop.regions[0].blocks[0].arguments[0].type == Scalar("i32")
    assert loop.attributes == {"tt.num_stages": 3}
    assert store.operands[0] is loop.results[1]


def test_a_loop_over_an_index_and_an_unsigned_one() -> None:
    loop = operation("scf.for unsigned %j = %w to %w step %w {", "}")
    assert loop.attributes == {"unsignedCmp": True}
    assert loop.regions[0].blocks[0].arguments[0].type == Scalar("index")
    assert [inner.name for inner in loop.regions[0].blocks[0].operations] == ["scf.yield"]


def test_names_used_again_in_sibling_regions_stay_apart() -> None:
    program = module(
        "scf.if %c {",
        "  %x = arith.addi %n, %n : i32",
        "} else {",
        "  %x = arith.muli %n, %n : i32",
        "  %y = arith.subi %x, %x : i32",
        "}",
    )
    first, second = program.kernel.body.blocks[0].operations[0].regions
    assert [o.results[0].name for o in first.blocks[0].operations[:-1]] == ["%x"]
    assert [o.results[0].name for o in second.blocks[0].operations[:-1]] == ["%x~2", "%y"]
    assert {operand.name for operand in second.blocks[0].operations[1].operands} == {"%x~2"}


def test_branches_and_values_of_later_lines() -> None:
    program = module(
        "cf.cond_br %c, ^bb2(%n : i32), ^bb1",
        "^bb1:  // pred: ^bb0",
        "  tt.return",
        "^bb2(%k: i32):  // 2 preds: ^bb0, ^bb3",
        "  %0 = arith.addi %k, %k : i32",
        "  cf.br ^bb3",
        "^bb3:",
        "  %1 = arith.addi %0, %k : i32",
    )
    entry, early, _, last = program.kernel.body.blocks
    assert entry.label == "^bb0" and early.operations[0].name == "tt.return"
    branch = entry.operations[0]
    assert [(target.block, [value.name for value in target.arguments]) for target in branch.successors] == [
        ("^bb2", ["%n"]),
        ("^bb1", []),
    ]
    assert [operand.name for operand in branch.operands] == ["%c"]
    assert [operand.name for operand in last.operations[0].operands] == ["%0", "%k"]


def test_split_and_inline_assembly_have_many_results() -> None:
    split = operation("%l, %r = tt.split %z : tensor<64x64xf32> -> tensor<64xf32>")
    assert [(value.name, str(value.type)) for value in split.results] == [
        ("%l", "tensor<64xf32>"),
        ("%r", "tensor<64xf32>"),
    ]
    assembly = operation(
        r'%0:2 = tt.elementwise_inline_asm "mov \22$0\22;" {constraints = "=r,=r,r", '
        "packed_element = 1 : i32, pure = false} %i : tensor<8xi32> -> tensor<8xi32>, tensor<8xf32>"
    )
    assert assembly.attributes["asm_string"] == 'mov "$0";'
    assert [str(value.type) for value in assembly.results] == ["tensor<8xi32>", "tensor<8xf32>"]


def test_an_operation_that_nobody_knows_still_reads() -> None:
    unknown = operation("%0:2 = new.thing fast, %n [%i, %t] mode = odd {deep = 3 : i32} : i32 -> i1, f64")
    assert unknown.name == "new.thing"
    assert [operand.name for operand in unknown.operands] == ["%n", "%i", "%t"]
    assert [str(value.type) for value in unknown.results] == ["i1", "f64"]
    assert unknown.attributes == {"fast": True, "mode": Symbol("odd"), "deep": 3}
    held = operation("new.loop (%e: i32) {", "  %1 = arith.addi %e, %n : i32", "}")
    assert held.regions[0].blocks[0].arguments[0].name == "%e"


LOCATED = """#loc = loc("/home/someone/kernel.py":3:0)
module {
  tt.func public @k(%n: i32 loc("n"(#loc))) attributes {noinline = false} {
    %0 = arith.addi %n, %n : i32 loc(#loc5)
    %1 = arith.addi %n, %n : i32 loc(unknown)
    %2 = arith.addi %n, %n : i32 loc(fused[#loc1, #loc2])
    %3 = arith.addi %n, %n : i32 loc("x.py":7:1 to :9)
    %4 = arith.addi %n, %n : i32 loc(#loc2)
    tt.return loc(#loc4)
  } loc(#loc)
} loc(#loc)
#loc1 = loc(unknown)
#loc2 = loc("/usr/lib/site-packages/triton/language/standard.py":170:27)
#loc3 = loc("/home/someone/kernel.py":8:20)
#loc4 = loc("out"(#loc3))
#loc5 = loc(callsite(#loc2 at #loc4))
"""


def test_places_are_the_innermost_lines_of_the_user() -> None:
    added, constant, fused, ranged, library, returned = parse(LOCATED).kernel.body.blocks[0].operations
    inner, user = Place("standard.py", 170, 27), Place("kernel.py", 8, 20)
    assert (added.place, added.stack) == (user, (inner, user))
    assert (constant.place, constant.stack) == (Place("kernel.py", 0), ())
    assert fused.place == inner and library.place == inner
    assert ranged.place == Place("x.py", 7, 1)
    assert (returned.place, returned.stack) == (user, (user,))
    assert parse(LOCATED).kernel.place == Place("kernel.py", 3, 0)


def test_arguments_keep_what_the_compiler_was_told() -> None:
    program = module(arguments='%p: !tt.ptr<f32> {tt.divisibility = 16 : i32} loc("p"), %n: i32')
    assert program.kernel.argument_attributes == ({"tt.divisibility": 16}, {})
    assert [argument.name for argument in program.kernel.arguments] == ["%p", "%n"]


def test_one_text_is_read_once() -> None:
    assert parse(LOCATED) is parse(LOCATED)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%0 = arith.addi %n, %none : i32", "4:.*%none is not defined"),
        ("%0 = arith.addi %n, %1 : i32\n    %1 = arith.addi %n, %n : i32", "%1 is used before it is defined"),
        ("%n = arith.addi %n, %n : i32", "%n is defined twice"),
        ("%0 = arith.addi %n : i32", "arith.addi with 1 operands"),
        ("%0:2 = arith.addi %n, %n : (i32) -> (i32, i32, i32)", "names 2 results but has 3 types"),
        ("%0 = arith.constant 300 : i8", "300 does not fit i8"),
        ("%0 = arith.constant 1 : f32", "1 is no f32"),
        ("%0 = arith.constant dense<[1, 2]> : tensor<3xi32>", "does not fit its shape"),
        ("%0 = arith.addi %n, %n : strange", "no type: 'strange'"),
        ("%0 = arith.addi %n, %n : i32 loc(#loc9)", "location #loc9 is not defined"),
        ("cf.br ^bb9", r"block \^bb9 is not defined"),
        ("%0 = tt.load %n : i32", "i32 is no pointer"),
        ("%0 = tt.call @other(%n) : (i32) -> i32", "which is not defined"),
        ("what is (this", "4:"),
        ("}", "7:1: unexpected"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, message: str) -> None:
    with pytest.raises(ParseError, match=r"^TTIR \d+:\d+: ") as caught:
        parse(f"module {{\n  tt.func public @k(%n: i32) {{\n\n    {line}\n    tt.return\n  }}\n}}\n")
    assert caught.match(message)


def test_the_offending_line_is_shown() -> None:
    with pytest.raises(ParseError) as caught:
        module("%0 = arith.addi %n, %missing : i32")
    assert str(caught.value).endswith("\n    %0 = arith.addi %n, %missing : i32")
    assert str(caught.value).startswith("TTIR 3:25: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "module {\n}\n",
        "hello",
        "\x00\x01",
        "module {\n  tt.func private @k() {\n    tt.return\n  }\n}\n",
        "module {\n  tt.func @k() {\n    tt.return\n  }\n  tt.func public @l() {\n    tt.return\n  }\n}\n",
        "#loc = loc(#loc)\nmodule {\n  tt.func public @k() {\n    tt.return loc(#loc)\n  }\n}\n",
        "module {\n" + "scf.if {\n" * 5000,
    ],
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match=r"^TTIR \d+:\d+: "):
        parse(text)
