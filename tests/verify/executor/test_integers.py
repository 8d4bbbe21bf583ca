"""Integer operations against Python's integers, on all values that matter; wraps are noticed and only then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plans import apply

from verify.executor.lanes import Lanes
from verify.ir.program import Scalar, Symbol, Tensor

WIDTHS = (8, 16, 32, 64)


def signed(value: int, bits: int) -> int:
    top = 1 << (bits - 1)
    return (value + top) % (2 * top) - top


def unsigned(value: int, bits: int) -> int:
    return value % (1 << bits)


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


Oracle = Callable[[int, int, int], int]
EXACT: dict[str, Oracle] = {
    "arith.addi": lambda a, b, n: a + b,
    "arith.subi": lambda a, b, n: a - b,
    "arith.muli": lambda a, b, n: a * b,
    "arith.shli": lambda a, b, n: a << b,
    "arith.divsi": lambda a, b, n: truncated(a, b),
}
INSIDE: dict[str, Oracle] = {
    "arith.remsi": lambda a, b, n: a - b * truncated(a, b),
    "arith.divui": lambda a, b, n: unsigned(a, n) // unsigned(b, n),
    "arith.remui": lambda a, b, n: unsigned(a, n) % unsigned(b, n),
    "arith.floordivsi": lambda a, b, n: a // b,
    "arith.ceildivsi": lambda a, b, n: -(-a // b),
    "arith.ceildivui": lambda a, b, n: -(-unsigned(a, n) // unsigned(b, n)),
    "arith.minsi": lambda a, b, n: min(a, b),
    "arith.maxsi": lambda a, b, n: max(a, b),
    "arith.minui": lambda a, b, n: min(unsigned(a, n), unsigned(b, n)),
    "arith.maxui": lambda a, b, n: max(unsigned(a, n), unsigned(b, n)),
    "arith.andi": lambda a, b, n: a & b,
    "arith.ori": lambda a, b, n: a | b,
    "arith.xori": lambda a, b, n: a ^ b,
    "arith.shrsi": lambda a, b, n: a >> b,
    "arith.shrui": lambda a, b, n: unsigned(a, n) >> b,
}
SHIFTS = ("arith.shli", "arith.shrsi", "arith.shrui")
DIVISIONS = ("div", "rem")


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    bits = draw(st.sampled_from(WIDTHS))
    top = 1 << (bits - 1)
    edges = st.sampled_from([-top, -top + 1, -3, -1, 0, 1, 2, 7, top - 2, top - 1, 1 << (bits // 2)])
    values = st.one_of(edges, st.integers(-top, top - 1))
    both = draw(st.lists(st.tuples(values, values), min_size=1, max_size=6))
    return bits, [a for a, _ in both], [b for _, b in both]


def run(operation: str, bits: int, a: list[int], b: list[int], **attributes: object) -> Lanes:
    kind = Tensor((len(a),), Scalar(f"i{bits}"))
    return apply(operation, [(torch.tensor(a), kind), (torch.tensor(b), kind)], kind, **attributes)


def legal(operation: str, bits: int, b: list[int]) -> list[int]:
    if operation in SHIFTS:
        return [value % bits for value in b]
    return [value or 3 for value in b] if any(part in operation for part in DIVISIONS) else b


@settings(max_examples=150, deadline=None)
@given(operation=st.sampled_from(sorted(EXACT)), case=pairs())
def test_arithmetic_wraps_to_its_width_and_says_so(operation: str, case: tuple[int, list[int], list[int]]) -> None:
    bits, a, b = case
    b = legal(operation, bits, b)
    found = run(operation, bits, a, b)
    exact = [EXACT[operation](left, right, bits) for left, right in zip(a, b, strict=True)]
    assert found.data[0].tolist() == [signed(value, bits) for value in exact]
    wrapped = [value != signed(value, bits) for value in exact]
    lanes = [False] * len(a) if found.wrap is None else found.wrap.lanes.expand(1, len(a))[0].tolist()
    assert lanes == wrapped


@settings(max_examples=200, deadline=None)
@given(operation=st.sampled_from(sorted(INSIDE)), case=pairs())
def test_other_operations_stay_in_their_type(operation: str, case: tuple[int, list[int], list[int]]) -> None:
    bits, a, b = case
    b = legal(operation, bits, b)
    found = run(operation, bits, a, b)
    exact = [INSIDE[operation](left, right, bits) for left, right in zip(a, b, strict=True)]
    assert found.data[0].tolist() == [signed(value, bits) for value in exact]
    assert found.wrap is None


@settings(max_examples=100, deadline=None)
@given(predicate=st.sampled_from(["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"]), case=pairs())
def test_comparisons(predicate: str, case: tuple[int, list[int], list[int]]) -> None:
    bits, a, b = case
    kind, boolean = Tensor((len(a),), Scalar(f"i{bits}")), Tensor((len(a),), Scalar("i1"))
    operands = [(torch.tensor(a), kind), (torch.tensor(b), kind)]
    found = apply("arith.cmpi", operands, boolean, predicate=Symbol(predicate))
    read = signed if predicate[0] != "u" else unsigned
    compare = {"eq": "__eq__", "ne": "__ne__", "lt": "__lt__", "le": "__le__", "gt": "__gt__", "ge": "__ge__"}
    expected = [getattr(read(x, bits), compare[predicate[-2:]])(read(y, bits)) for x, y in zip(a, b, strict=True)]
    assert found.data[0].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(case=pairs(), bits=st.sampled_from([32, 64]))
def test_upper_half_of_products(case: tuple[int, list[int], list[int]], bits: int) -> None:
    a, b = ([signed(value, bits) for value in values] for values in case[1:])
    found = run("tt.mulhiui", bits, a, b)
    exact = [unsigned(x, bits) * unsigned(y, bits) >> bits for x, y in zip(a, b, strict=True)]
    assert found.data[0].tolist() == [signed(value, bits) for value in exact]


@pytest.mark.parametrize("bits", WIDTHS)
def test_division_by_zero_and_of_the_least_integer_does_not_trap(bits: int) -> None:
    least = -(1 << (bits - 1))
    assert run("arith.divsi", bits, [least, 5], [-1, 0]).data[0].tolist() == [least, -1]
    assert run("arith.remsi", bits, [least, 5], [-1, 0]).data[0].tolist() == [0, 5]
    assert run("arith.divui", bits, [5], [0]).data[0].tolist() == [-1]
    assert run("arith.remui", bits, [5], [0]).data[0].tolist() == [5]


def test_shifts_by_the_width_and_more() -> None:
    assert run("arith.shli", 32, [-1, 1], [32, 100]).data[0].tolist() == [0, 0]
    assert run("arith.shrui", 32, [-1, 1], [32, 31]).data[0].tolist() == [0, 0]
    assert run("arith.shrsi", 32, [-8], [40]).data[0].tolist() == [-1]


def cast(operation: str, data: torch.Tensor, source: str, target: str) -> Lanes:
    shape = (len(data),)
    return apply(operation, [(data, Tensor(shape, Scalar(source)))], Tensor(shape, Scalar(target)))


def test_casts() -> None:
    wide = torch.tensor([-1, 255, 256, -129, 127])
    narrow = cast("arith.trunci", wide, "i32", "i8")
    assert narrow.data[0].tolist() == [-1, -1, 0, 127, 127]
    assert narrow.wrap is None  # such a cast really wraps, and is no fault
    assert cast("arith.trunci", wide, "i32", "i1").data[0].tolist() == [True, True, False, True, True]
    assert cast("arith.extsi", torch.tensor([-5]), "i8", "i64").data[0].tolist() == [-5]
    assert cast("arith.extui", torch.tensor([-5]), "i8", "i64").data[0].tolist() == [251]
    truth = torch.tensor([True, False])
    assert cast("arith.extui", truth, "i1", "i32").data[0].tolist() == [1, 0]
    assert cast("arith.extsi", truth, "i1", "i32").data[0].tolist() == [-1, 0]


def test_low_bits_survive_a_wrap_and_high_bits_do_not() -> None:
    kind = Tensor((1,), Scalar("i8"))
    narrow = run("arith.addi", 8, [127], [4])
    assert narrow.wrap is not None and narrow.wrap.bits == 8
    wide = cast("arith.trunci", torch.tensor([1 << 20]), "i32", "i16")
    assert wide.wrap is None and wide.data.item() == 0

    def masked(mask: int) -> Lanes:
        from small_plans import machine

        from verify.executor.meanings import MEANINGS
        from verify.ir.program import Operation, Value
        from verify.verdict import Place

        values = (Value("%a", kind), Value("%b", kind))
        operation = Operation("arith.andi", values, (Value("%c", kind),), {}, (), (), Place("k.py", 1))
        (found,) = MEANINGS["arith.andi"](machine(), operation, [narrow, Lanes(torch.tensor([[mask]]))])
        assert isinstance(found, Lanes)
        return found

    low, high = masked(3), masked(-4)
    assert low.data.item() == 3 and low.wrap is not None and not low.wrap.lanes.any()
    assert high.wrap is not None and high.wrap.lanes.all()
