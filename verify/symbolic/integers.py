"""What integer and boolean operations mean symbolically. One row an operation in `INTEGERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from verify.ir.program import Dense, Operation, Scalar, Symbol, Value, element_of, shape_of
from verify.symbolic.ranges import Ranges
from verify.symbolic.terms import (
    FALSE,
    TRUE,
    Poly,
    Truth,
    apply,
    at_most,
    choose,
    conj,
    disj,
    equal,
    less,
    negate,
    poly,
    within,
)
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Content, Lane, Wrap, merged, tainted

Meaning = Callable[[Tracer, Operation, list[Lane]], list[Lane]]


def bits_of(operation: Operation) -> int:
    """The width of the operation's result."""
    element = element_of(operation.results[0].type)
    assert isinstance(element, Scalar)
    return element.bits


RESULTS: Final = {
    "arith.addi": "sum", "arith.subi": "difference", "arith.muli": "product", "arith.shli": "shift",
    "math.absi": "magnitude", "tt.reduce": "sum over lanes", "tt.scan": "running sum", "tt.dot": "dot product",
}  # fmt: skip


def may_wrap(
    tracer: Tracer, operation: Operation, content: Poly, *sources: Lane, factors: tuple[Poly, ...] = ()
) -> Lane:
    """An integer result over the mathematical integers, with the obligation that the machine's is the same."""
    bits = bits_of(operation)
    shape = shape_of(operation.results[0].type)
    low, high = tracer.ranges_over(shape).of(content)
    if low >= -(2 ** (bits - 1)) and high < 2 ** (bits - 1):
        return tainted(content, *sources)
    wrap = Wrap(content, bits, TRUE, RESULTS.get(operation.name, operation.name), operation.place, factors)
    return tainted(content, *sources, own=(wrap,))


def ranging(tracer: Tracer, value: Lane, of: Value) -> tuple[int, int]:
    """Where an integer lies, over all lanes, as long as it has not wrapped."""
    element = element_of(of.type)
    assert isinstance(element, Scalar)
    low, high = tracer.ranges_over(shape_of(of.type)).of(value.poly)
    half = 2 ** (element.bits - 1)
    return int(min(max(low, -half), half - 1)), int(min(max(high, -half), half - 1))


def bounded(tracer: Tracer, operation: Operation, span: tuple[int, int], *sources: Lane) -> Lane:
    """An integer result of which only the range is known, over the mathematical integers: it may be beyond the type."""
    unknown = tracer.unknown(operation, operation.results[0].type, 0, *sources, within=span)
    return may_wrap(tracer, operation, unknown.poly, unknown)


def constant(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    value = operation.attributes["value"]
    element = element_of(operation.results[0].type)
    if not (isinstance(element, Scalar) and element.integer):
        return [Lane()]
    if isinstance(value, Dense):
        if not value.splat:
            return [tracer.unknown(operation, operation.results[0].type)]
        value = value.elements[0]
    if element == Scalar("i1"):
        return [Lane(TRUE if value else FALSE)]
    assert isinstance(value, int)
    return [Lane(poly(value))]


def _arithmetic(compute: Callable[[Poly, Poly], Poly]) -> Meaning:
    def meaning(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
        if isinstance(operands[0].content, Truth):
            return [tracer.unknown(operation, operation.results[0].type, 0, *operands)]
        left, right = operands
        factors = (left.poly, right.poly) if operation.name == "arith.muli" else ()
        return [may_wrap(tracer, operation, compute(left.poly, right.poly), left, right, factors=factors)]

    return meaning


def _division(kind: str, signed: bool) -> Meaning:
    def meaning(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
        left, right = operands
        shape = shape_of(operation.results[0].type)
        tracer.learn_positive(right.poly)
        ranges = tracer.ranges_over(shape)
        nonzero = negate(equal(right.poly, 0))
        tracer.decide("divisor", right, operation, shape, TRUE if ranges.positive(right.poly) else nonzero)
        if not signed and not (ranges.nonnegative(left.poly) and ranges.nonnegative(right.poly)):
            return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]
        result = _divided(kind, left.poly, right.poly, ranges)
        if signed and kind != "rem" and not ranges.positive(right.poly):  # the least integer by -1 has no quotient
            return [may_wrap(tracer, operation, result, left, right)]
        return [tainted(result, left, right)]

    return meaning


def _divided(kind: str, left: Poly, right: Poly, ranges: Ranges) -> Poly:
    """`div`/`rem` under their floor names where both agree: host and kernel then share the same atoms."""
    if ranges.nonnegative(left) and ranges.positive(right):
        kind = {"div": "floordiv", "rem": "floormod"}.get(kind, kind)
    return apply(kind, left, right)


def _ceiling(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    left, right = operands
    tracer.decide("divisor", right, operation, shape_of(operation.results[0].type), negate(equal(right.poly, 0)))
    ranges = tracer.ranges_over(shape_of(operation.results[0].type))
    if operation.name.endswith("ui") and not (ranges.nonnegative(left.poly) and ranges.nonnegative(right.poly)):
        return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]
    return [may_wrap(tracer, operation, -apply("floordiv", -left.poly, right.poly), left, right)]


def _extreme(kind: str, signed: bool) -> Meaning:
    def meaning(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
        left, right = operands
        ranges = tracer.ranges_over(shape_of(operation.results[0].type))
        if not signed and not (ranges.nonnegative(left.poly) and ranges.nonnegative(right.poly)):
            return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]
        return [tainted(apply(kind, left.poly, right.poly), left, right)]

    return meaning


def _and(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    left, right = operands
    if isinstance(left.content, Truth) and isinstance(right.content, Truth):
        return [tainted(conj(left.content, right.content), left, right)]
    for value, mask in ((left, right), (right, left)):
        ones = mask.poly.constant
        if ones is not None and ones >= 0 and (ones + 1) & ones == 0:  # two's complement: x & (2^k - 1) is x mod 2^k
            return [tainted(apply("floormod", value.poly, poly(ones + 1)), left, right)]
    return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]


def _or(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    left, right = operands
    if isinstance(left.content, Truth) and isinstance(right.content, Truth):
        return [tainted(disj(left.content, right.content), left, right)]
    return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]


def _xor(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    left, right = operands
    if isinstance(left.content, Truth) and isinstance(right.content, Truth):
        differ = disj(conj(left.content, negate(right.content)), conj(negate(left.content), right.content))
        return [tainted(differ, left, right)]
    return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]


def _shift(direction: str) -> Meaning:
    def meaning(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
        left, right = operands
        amount, bits = right.poly.constant, bits_of(operation)
        ranges = tracer.ranges_over(shape_of(operation.results[0].type))
        if amount is None or not 0 <= amount < bits:  # poison, unless the amount is one of the value's bits
            sources = left, right, Lane(None, negate(within(0, right.poly, bits)))
            if direction != "left":
                return [tracer.unknown(operation, operation.results[0].type, 0, *sources)]
            (low, high), (least, most) = map(ranging, (tracer,) * 2, (left, right), operation.operands)
            steps = (0 if least < 0 or most >= bits else 2**least, 2 ** min(most, bits - 1) if most >= 0 else 0)
            ends = [value * step for value in (low, high) for step in steps]
            return [bounded(tracer, operation, (min(ends), max(ends)), *sources)]
        if direction == "left":
            return [may_wrap(tracer, operation, left.poly * 2**amount, left, right)]
        if direction == "logical" and not ranges.nonnegative(left.poly):
            return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]
        return [tainted(apply("floordiv", left.poly, poly(2**amount)), left, right)]

    return meaning


RELATIONS: Final[Mapping[str, Callable[[Poly, Poly], Truth]]] = {
    "eq": equal,
    "ne": lambda a, b: negate(equal(a, b)),
    "slt": less,
    "sle": at_most,
    "sgt": lambda a, b: less(b, a),
    "sge": lambda a, b: at_most(b, a),
}


def _compare(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    left, right = operands
    predicate = operation.attributes["predicate"]
    assert isinstance(predicate, Symbol)
    relation = predicate.text
    if isinstance(left.content, Truth) and isinstance(right.content, Truth):
        same = disj(conj(left.content, right.content), conj(negate(left.content), negate(right.content)))
        if relation in ("eq", "ne"):
            return [tainted(same if relation == "eq" else negate(same), left, right)]
    elif isinstance(left.content, Poly) and isinstance(right.content, Poly):
        ranges = tracer.ranges_over(shape_of(operation.results[0].type))
        if relation[0] == "u" and ranges.nonnegative(left.content) and ranges.nonnegative(right.content):
            relation = f"s{relation[1:]}"
        if relation in RELATIONS:
            return [tainted(RELATIONS[relation](left.content, right.content), left, right)]
    return [tracer.unknown(operation, operation.results[0].type, 0, left, right)]


def _widen(signed: bool) -> Meaning:
    def meaning(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
        (value,) = operands
        if isinstance(value.content, Truth):
            return [tainted(choose(value.content, poly(-1 if signed else 1), poly(0)), value)]
        if not signed and not tracer.ranges_over(shape_of(operation.operands[0].type)).nonnegative(value.poly):
            source = element_of(operation.operands[0].type)
            assert isinstance(source, Scalar)
            positive = choose(less(value.poly, 0), value.poly + 2**source.bits, value.poly)
            return [tainted(positive, value)]
        return [tainted(value.poly, value)]

    return meaning


def _narrow(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    (value,) = operands
    bits = bits_of(operation)
    if bits == 1:
        return [tainted(equal(apply("floormod", value.poly, poly(2)), 1), value)]
    low, high = tracer.ranges_over(shape_of(operation.results[0].type)).of(value.poly)
    if low >= -(2 ** (bits - 1)) and high < 2 ** (bits - 1):
        return [tainted(value.poly, value)]
    return [tainted(apply("wrap", value.poly, label=str(bits)), value)]


def _index_cast(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    source, target = element_of(operation.operands[0].type), element_of(operation.results[0].type)
    assert isinstance(source, Scalar) and isinstance(target, Scalar)
    return (_narrow if target.bits < source.bits else _widen(signed=True))(tracer, operation, operands)


def _index_cast_unsigned(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    source, target = element_of(operation.operands[0].type), element_of(operation.results[0].type)
    assert isinstance(source, Scalar) and isinstance(target, Scalar)
    return (_narrow if target.bits < source.bits else _widen(signed=False))(tracer, operation, operands)


def select(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    condition, yes, no = operands
    unknown: Content = tracer.unknown(operation, operation.results[0].type).content
    joined = merged(condition.truth, yes, no, Lane(unknown))
    if yes.undef != no.undef:  # what is undefined now hangs on the condition: no part of it may wrap
        chosen = Lane(None, FALSE, condition.wraps)
        tracer.decide("choice of what is defined", chosen, operation, shape_of(operation.results[0].type))
    return [tainted(joined.content, joined, Lane(None, condition.undef, condition.wraps))]


def _magnitude(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    (value,) = operands
    return [may_wrap(tracer, operation, apply("max", value.poly, -value.poly), value)]


INTEGERS: Final[Mapping[str, Meaning]] = {
    "arith.constant": constant,
    "arith.addi": _arithmetic(lambda a, b: a + b),
    "arith.subi": _arithmetic(lambda a, b: a - b),
    "arith.muli": _arithmetic(lambda a, b: a * b),
    "arith.divsi": _division("div", signed=True),
    "arith.remsi": _division("rem", signed=True),
    "arith.divui": _division("div", signed=False),
    "arith.remui": _division("rem", signed=False),
    "arith.floordivsi": _division("floordiv", signed=True),
    "arith.ceildivsi": _ceiling,
    "arith.ceildivui": _ceiling,
    "arith.minsi": _extreme("min", signed=True),
    "arith.maxsi": _extreme("max", signed=True),
    "arith.minui": _extreme("min", signed=False),
    "arith.maxui": _extreme("max", signed=False),
    "arith.andi": _and,
    "arith.ori": _or,
    "arith.xori": _xor,
    "arith.shli": _shift("left"),
    "arith.shrsi": _shift("arithmetic"),
    "arith.shrui": _shift("logical"),
    "arith.cmpi": _compare,
    "arith.extsi": _widen(signed=True),
    "arith.extui": _widen(signed=False),
    "arith.trunci": _narrow,
    "arith.index_cast": _index_cast,
    "arith.index_castui": _index_cast_unsigned,
    "arith.select": select,
    "math.absi": _magnitude,
}
