"""Every symbolic meaning against the executor's on concrete lanes: one value, unless something must not wrap."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.executor.faults import Log
from verify.executor.lanes import Lanes
from verify.executor.launch import batch
from verify.executor.machine import Machine
from verify.executor.meanings import MEANINGS as CONCRETE
from verify.executor.modes import Fill, Mode
from verify.executor.phantom import Phantom
from verify.ir.program import Block, Dense, Function, Operation, Program, Region, Scalar, Symbol, Tensor, Type, Value
from verify.symbolic.evaluate import evaluate
from verify.symbolic.integers import INTEGERS
from verify.symbolic.meanings import MEANINGS
from verify.symbolic.ranges import Ranges
from verify.symbolic.terms import Atom, Poly, Truth, atom, closure, equal, lane, of, poly
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Lane
from verify.verdict import Place

HERE = Place("k.py", 7)
END = Operation("tt.return", (), (), {}, (), (), HERE)
PROGRAM = Program((Function("k", (), (), (), Region((Block("^bb0", (), (END,)),)), True, HERE),))
BINARY = [
    name
    for name in INTEGERS
    if name.startswith("arith.") and name.removeprefix("arith.") in
    {"addi", "subi", "muli", "divsi", "remsi", "divui", "remui", "floordivsi", "ceildivsi", "minsi", "maxsi", "minui",
     "maxui", "andi", "ori", "xori", "shli", "shrsi", "shrui"}
]  # fmt: skip
PREDICATES = ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"]
CASTS = [("arith.extsi", True), ("arith.extui", True), ("arith.trunci", False), ("arith.index_cast", True)]


def operation(name: str, given: list[Type], result: Type, **attributes: Any) -> Operation:
    operands = tuple(Value(f"%{at}", type) for at, type in enumerate(given))
    return Operation(name, operands, (Value("%r", result),), attributes, (), (), HERE)


def leaf(type: Scalar, value: int, at: int, tight: bool, bounds: dict[Atom, Any], values: dict[Atom, int]) -> Lane:
    """An operand of which only its value's type is known, or its sign too."""
    each = atom("opaque", f"int:operand{at}:{type.bits}", ())
    values[each] = value
    if tight and value >= 0:
        bounds[each] = (0, 2 ** (type.bits - 1) - 1)
    if type == Scalar("i1"):
        return Lane(equal(of(each), -1))  # a true i1 is all ones
    return Lane(of(each))


def symbolic(done: Operation, operands: list[Lane], bounds: dict[Atom, Any]) -> Lane:
    """What the prover makes of it."""
    one = poly(1)
    tracer = Tracer(PROGRAM, Ranges(bounds), (one, one, one), {}, lambda claim: False)
    (result,) = MEANINGS[done.name](tracer, done, operands)
    return result


def concrete(done: Operation, values: list[int], types: list[Scalar]) -> int:
    """What the executor makes of it."""
    lanes = [
        Lanes(torch.tensor([bool(value)] if type == Scalar("i1") else [value]))
        for value, type in zip(values, types, strict=True)
    ]
    log = Log({})
    machine = Machine(
        PROGRAM, CONCRETE, Mode.FAITHFUL, Fill.ZERO, Phantom({}, 0, log), log, batch((1, 1, 1), torch.arange(1)), 100
    )
    (found,) = CONCRETE[done.name](machine, done, lanes)
    assert isinstance(found, Lanes)
    return int(found.data.reshape(-1)[0])


def agrees(result: Lane, values: dict[Atom, int], expected: int) -> bool:
    """The value is the executor's, or is not known, or an obligation about a wrap is broken."""
    content = result.content
    assert isinstance(content, Poly | Truth)
    if any(each not in values and each.kind in ("opaque", "load") for each in closure([content])):
        return True
    for wrap in result.wraps:
        value = evaluate(wrap.value, values)
        if evaluate(wrap.when, values) and not -(2 ** (wrap.bits - 1)) <= value < 2 ** (wrap.bits - 1):
            return True
    value = evaluate(content, values)
    return bool(value) == bool(expected) if isinstance(content, Truth) else value == expected


WIDTHS = st.sampled_from([8, 16, 32, 64])


def numbers(bits: int) -> st.SearchStrategy[int]:
    half = 2 ** (bits - 1)
    return st.one_of(st.integers(-9, 9).filter(lambda value: -half <= value < half), st.integers(-half, half - 1))


@settings(max_examples=1500, deadline=None)
@given(data=st.data(), name=st.sampled_from(BINARY), bits=WIDTHS, tight=st.booleans())
def test_binary_operations(data: st.DataObject, name: str, bits: int, tight: bool) -> None:
    type = Scalar(f"i{bits}")
    a = data.draw(numbers(bits))
    b = data.draw(st.integers(0, bits - 1) if "sh" in name else numbers(bits))
    if ("div" in name or "rem" in name) and b == 0:
        return  # undefined, which is an obligation of its own
    done = operation(name, [type, type], type)
    bounds: dict[Atom, Any] = {}
    values: dict[Atom, int] = {}
    operands = [leaf(type, a, 0, tight, bounds, values), leaf(type, b, 1, tight, bounds, values)]
    if data.draw(st.booleans()) or "sh" in name:
        operands[1] = Lane(poly(b))
    assert agrees(symbolic(done, operands, bounds), values, concrete(done, [a, b], [type, type]))


@settings(max_examples=600, deadline=None)
@given(data=st.data(), predicate=st.sampled_from(PREDICATES), bits=st.sampled_from([1, 8, 32, 64]), tight=st.booleans())
def test_comparisons(data: st.DataObject, predicate: str, bits: int, tight: bool) -> None:
    type = Scalar(f"i{bits}")
    a, b = (data.draw(st.sampled_from([-1, 0]) if bits == 1 else numbers(bits)) for _ in range(2))
    b = data.draw(st.sampled_from([a, b]))
    done = operation("arith.cmpi", [type, type], Scalar("i1"), predicate=Symbol(predicate))
    bounds: dict[Atom, Any] = {}
    values: dict[Atom, int] = {}
    operands = [leaf(type, a, 0, tight, bounds, values), leaf(type, b, 1, tight, bounds, values)]
    assert agrees(symbolic(done, operands, bounds), values, concrete(done, [a, b], [type, type]))


@settings(max_examples=600, deadline=None)
@given(data=st.data(), cast=st.sampled_from(CASTS), bits=st.sampled_from([1, 8, 16, 32, 64]), tight=st.booleans())
def test_casts(data: st.DataObject, cast: tuple[str, bool], bits: int, tight: bool) -> None:
    name, widens = cast
    others = [each for each in (1, 8, 16, 32, 64) if (each > bits if widens else each < bits)]
    if not others or (name == "arith.index_cast" and bits == 1):
        return
    source, target = Scalar(f"i{bits}"), Scalar(f"i{data.draw(st.sampled_from(others))}")
    if name == "arith.index_cast":
        target = Scalar("index")
    value = data.draw(st.sampled_from([-1, 0]) if bits == 1 else numbers(bits))
    done = operation(name, [source], target)
    bounds: dict[Atom, Any] = {}
    values: dict[Atom, int] = {}
    operands = [leaf(source, value, 0, tight, bounds, values)]
    assert agrees(symbolic(done, operands, bounds), values, concrete(done, [value], [source]))


@settings(max_examples=300, deadline=None)
@given(data=st.data(), condition=st.sampled_from([-1, 0]), bits=st.sampled_from([1, 8, 32, 64]))
def test_select(data: st.DataObject, condition: int, bits: int) -> None:
    type, truth = Scalar(f"i{bits}"), Scalar("i1")
    a, b = (data.draw(st.sampled_from([-1, 0]) if bits == 1 else numbers(bits)) for _ in range(2))
    done = operation("arith.select", [truth, type, type], type)
    bounds: dict[Atom, Any] = {}
    values: dict[Atom, int] = {}
    given = [(truth, condition), (type, a), (type, b)]
    operands = [leaf(kind, value, at, False, bounds, values) for at, (kind, value) in enumerate(given)]
    assert agrees(symbolic(done, operands, bounds), values, concrete(done, [condition, a, b], [truth, type, type]))


@pytest.mark.parametrize("name", ["arith.andi", "arith.ori", "arith.xori"])
@pytest.mark.parametrize("a", [0, -1])
@pytest.mark.parametrize("b", [0, -1])
def test_logic(name: str, a: int, b: int) -> None:
    truth = Scalar("i1")
    done = operation(name, [truth, truth], truth)
    values: dict[Atom, int] = {}
    operands = [leaf(truth, value, at, False, {}, values) for at, value in enumerate((a, b))]
    assert agrees(symbolic(done, operands, {}), values, concrete(done, [a, b], [truth, truth]))


@pytest.mark.parametrize("value", [0, 1, -1, -128, 127])
def test_constants(value: int) -> None:
    done = operation("arith.constant", [], Tensor((4,), Scalar("i8")), value=Dense((value,), True))
    assert symbolic(done, [], {}).content == poly(value)


SHAPES: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("tt.expand_dims", (2, 3), (1, 2, 3), {"axis": 0}),
    ("tt.expand_dims", (2, 3), (2, 1, 3), {"axis": 1}),
    ("tt.expand_dims", (2, 3), (2, 3, 1), {"axis": 2}),
    ("tt.broadcast", (2, 1, 4), (2, 8, 4), {}),
    ("tt.trans", (2, 4, 8), (8, 2, 4), {"order": (2, 0, 1)}),
    ("tt.trans", (2, 4, 8), (4, 8, 2), {"order": (1, 2, 0)}),
    ("tt.reshape", (4, 8), (32,), {}),
    ("tt.reshape", (32,), (2, 16), {}),
    ("tt.reshape", (4, 8), (8, 4), {}),
    ("tt.reshape", (4, 1, 8), (4, 8), {}),
]


@pytest.mark.parametrize(("name", "source", "target", "attributes"), SHAPES)
def test_shapes_move_lanes_as_the_executor_does(
    name: str, source: tuple[int, ...], target: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    """A tensor whose lanes hold their own coordinates."""
    index = poly(0)
    for axis, extent in enumerate(source):
        index = index * 100 + (of(lane(axis)) if extent > 1 else poly(0))
    data = torch.zeros(source, dtype=torch.int64)
    for position in torch.cartesian_prod(*(torch.arange(extent) for extent in source)).reshape(-1, len(source)):
        at = tuple(map(int, position))
        data[at] = evaluate(index, {lane(axis): value for axis, value in enumerate(at)})
    done = operation(name, [Tensor(source, Scalar("i32"))], Tensor(target, Scalar("i32")), **attributes)
    log = Log({})
    machine = Machine(
        PROGRAM, CONCRETE, Mode.FAITHFUL, Fill.ZERO, Phantom({}, 0, log), log, batch((1, 1, 1), torch.arange(1)), 100
    )
    (found,) = CONCRETE[name](machine, done, [Lanes(data.unsqueeze(0))])
    assert isinstance(found, Lanes)
    moved = symbolic(done, [Lane(index)], {}).poly
    expected = found.data[0].expand(target)
    for position in torch.cartesian_prod(*(torch.arange(extent) for extent in target)).reshape(-1, len(target)):
        at = tuple(map(int, position))
        assert evaluate(moved, {lane(axis): value for axis, value in enumerate(at)}) == int(expected[at])
