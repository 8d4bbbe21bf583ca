"""What can be said of a size without a solver: a normal form, an interval, and whether a condition is
decided.

Capture asks these questions thousands of times while the host code runs. An answer of None only costs a
guard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from specs.sizes import Condition, Size, all_of, any_of, none_of, size

Monomial: TypeAlias = tuple[Size, ...]  # atoms in the order of their text; () is the constant term
Polynomial: TypeAlias = dict[Monomial, int]
Range: TypeAlias = tuple[int | None, int | None]  # inclusive; None is unbounded
MOST_TERMS: Final = 64  # beyond this a product stays an atom

ZERO: Final = size(0)
ONE: Final = size(1)


def polynomial(part: Size) -> Polynomial:
    """The normal form over names and over the operations that are not polynomial."""
    if part.kind == "const":
        return {(): part.value} if part.value else {}
    if part.kind in ("add", "sub", "mul"):
        left, right = (polynomial(each) for each in part.parts)
        if part.kind == "mul":
            if len(left) * len(right) > MOST_TERMS:
                return {(part,): 1}
            return _product(left, right)
        return _sum(left, right, 1 if part.kind == "add" else -1)
    return {(part,): 1}


def simplified(part: Size) -> Size:
    """An equal size: differences that cancel, exact quotients and decided minima are worked out.

    A quotient is taken as exact where the divisor is not 0, which whoever divides has to make sure of.
    """
    if part.kind in ("const", "name"):
        return part
    left, right = part.parts
    if part.kind in ("add", "sub", "mul"):
        terms = polynomial(part)
        return size(terms.get((), 0)) if terms.keys() <= {()} else _rebuilt(part, terms)
    if part.kind in ("floordiv", "mod"):
        quotient = _quotient(polynomial(left), polynomial(right))
        if quotient is not None:
            return expression(quotient) if part.kind == "floordiv" else ZERO
        return part
    gap = polynomial(left - right)
    if gap.keys() <= {()}:
        low, high = (left, right) if gap.get((), 0) <= 0 else (right, left)
        return low if part.kind == "min" else high
    return part


def expression(terms: Polynomial) -> Size:
    """The size that a normal form denotes."""
    total = ZERO
    for monomial, factor in terms.items():
        product = ONE
        for atom in monomial:
            product = product * atom
        total = total - product * -factor if factor < 0 and total != ZERO else total + product * factor
    return total


def same(left: Size, right: Size) -> bool:
    """Whether the two are equal for all values of their names. False only means: not shown."""
    return left == right or not polynomial(left - right)


def divides(left: Size, right: Size) -> bool:
    """Whether `right` is `left` times a size, to be seen from their normal forms. False only means: not shown."""
    return _quotient(polynomial(right), polynomial(left)) is not None


def interval(part: Size, ranges: Mapping[str, Range]) -> Range:
    """Values that the size can take when each name keeps to its range."""
    if part.kind == "const":
        return part.value, part.value
    if part.kind == "name":
        return ranges.get(part.name, (None, None))
    left, right = (interval(each, ranges) for each in part.parts)
    if part.kind == "add":
        return _plus(left[0], right[0]), _plus(left[1], right[1])
    if part.kind == "sub":
        return _plus(left[0], _minus(right[1])), _plus(left[1], _minus(right[0]))
    if part.kind == "mul":
        return _times(left, right)
    if part.kind == "min":
        lows = None if None in (left[0], right[0]) else min(left[0] or 0, right[0] or 0)
        highs = [high for high in (left[1], right[1]) if high is not None]
        return lows, min(highs, default=None)
    if part.kind == "max":
        lows_known = [low for low in (left[0], right[0]) if low is not None]
        return max(lows_known, default=None), None if None in (left[1], right[1]) else max(left[1] or 0, right[1] or 0)
    return _divided(part.kind, left, right)


def decided(condition: Condition, ranges: Mapping[str, Range]) -> bool | None:
    """True or False where the ranges settle it, else None."""
    if condition.kind == "not":
        inner = decided(condition.parts[0], ranges)
        return None if inner is None else not inner
    if condition.kind in ("and", "or"):
        found = [decided(part, ranges) for part in condition.parts]
        ends = condition.kind == "or"  # one true part settles an `or`, one false part an `and`
        if ends in found:
            return ends
        return None if None in found else not ends
    left, right = condition.sides
    gap = polynomial(right - left)
    low, high = _tightest(interval(expression(gap), ranges), interval(right - left, ranges))
    return _compared(condition.kind, low, high)


def negated(condition: Condition) -> Condition:
    """The negation, as a comparison where that can be."""
    kinds = {"eq": "ne", "ne": "eq"}
    if condition.kind in kinds:
        return Condition(kinds[condition.kind], sides=condition.sides)
    if condition.kind in ("le", "lt"):
        left, right = condition.sides
        return right < left if condition.kind == "le" else right <= left
    if condition.kind == "not":
        return condition.parts[0]
    if condition.kind in ("and", "or"):
        join = any_of if condition.kind == "and" else all_of
        return join(*(negated(part) for part in condition.parts))
    return none_of(condition)


def narrowed(ranges: Mapping[str, Range], condition: Condition) -> dict[str, Range]:
    """The ranges once the condition is known to hold: comparisons of a name with a constant tighten them."""
    result = dict(ranges)
    if condition.kind == "and":
        for part in condition.parts:
            result = narrowed(result, part)
        return result
    if condition.kind in ("and", "or", "not"):
        return result
    left, right = condition.sides
    if condition.kind == "ne":
        if left.kind == "name" and right.kind == "const":
            low, high = result.get(left.name, (None, None))
            result[left.name] = (
                (right.value + 1 if low == right.value else low),
                (right.value - 1 if high == right.value else high),
            )
        return result
    slack = 1 if condition.kind == "lt" else 0
    if left.kind == "name" and right.kind == "const":
        low = right.value if condition.kind == "eq" else None
        result[left.name] = _tightest(result.get(left.name, (None, None)), (low, right.value - slack))
    if left.kind == "const" and right.kind == "name":
        high = left.value if condition.kind == "eq" else None
        result[right.name] = _tightest(result.get(right.name, (None, None)), (left.value + slack, high))
    return result


def _compared(kind: str, low: int | None, high: int | None) -> bool | None:
    """A comparison of left and right whose difference `right - left` lies in low..high."""
    if kind in ("le", "lt"):
        least = 0 if kind == "le" else 1
        if low is not None and low >= least:
            return True
        return False if high is not None and high < least else None
    if low == high == 0:
        return kind == "eq"
    apart = (low is not None and low > 0) or (high is not None and high < 0)
    return (kind == "ne") if apart else None


def _sum(left: Polynomial, right: Polynomial, sign: int) -> Polynomial:
    result = dict(left)
    for monomial, factor in right.items():
        total = result.get(monomial, 0) + sign * factor
        if total:
            result[monomial] = total
        else:
            result.pop(monomial, None)
    return result


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for first, factor in left.items():
        for second, other in right.items():
            result = _sum(result, {tuple(sorted((*first, *second), key=str)): factor * other}, 1)
    return result


def _quotient(dividend: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """The exact quotient by a single term, or None."""
    if len(divisor) != 1:
        return None
    ((atoms, scale),) = divisor.items()
    result: Polynomial = {}
    for monomial, factor in dividend.items():
        rest = list(monomial)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if factor % scale:
            return None
        result[tuple(rest)] = factor // scale
    return result


def _rebuilt(part: Size, terms: Polynomial) -> Size:
    """The normal form where it is shorter, else the size as it was written, which reads better."""
    shorter = expression(terms)
    return shorter if len(str(shorter)) < len(str(part)) else part


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


def _minus(value: int | None) -> int | None:
    return None if value is None else -value


def _times(left: Range, right: Range) -> Range:
    if left == (0, 0) or right == (0, 0):
        return 0, 0
    if None not in (*left, *right):
        corners = [(a or 0) * (b or 0) for a in left for b in right]
        return min(corners), max(corners)
    if (left[0] or 0) >= 0 and (right[0] or 0) >= 0 and left[0] is not None and right[0] is not None:
        return left[0] * right[0], None
    return None, None


def _divided(kind: str, left: Range, right: Range) -> Range:
    if right[0] is None or right[0] <= 0:
        return None, None
    if kind == "mod":
        return 0, None if right[1] is None else right[1] - 1
    smallest = right[0]
    if left[0] is not None and left[0] >= 0:
        low = 0 if right[1] is None else left[0] // right[1]
        return low, None if left[1] is None else left[1] // smallest
    if right[0] == right[1]:
        return tuple(None if end is None else end // smallest for end in left)  # type: ignore[return-value]
    return None, None


def _tightest(left: Range, right: Range) -> Range:
    lows = [low for low in (left[0], right[0]) if low is not None]
    highs = [high for high in (left[1], right[1]) if high is not None]
    return max(lows, default=None), min(highs, default=None)
