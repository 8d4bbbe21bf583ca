"""Size expressions: integers over named sizes, strides and storage offsets, and conditions on them.

They are plain data. Specs state domains with them, capture brings grids and extents back as them, and the
prover and the executor each give them their own meaning. Division and remainder floor, as in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import field, frozen

ARITHMETIC: Final[Mapping[str, Callable[[int, int], int]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "min": min,
    "max": max,
}
COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
_STEPS: Final = {"eq": 0, "le": 0, "lt": 1, "ne": 1}  # how far apart the sides of a comparison must at least be
_SIGNS: Final = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//", "mod": "%"}
_RELATIONS: Final = {"le": "<=", "lt": "<", "eq": "==", "ne": "!="}


@frozen(order=False, cache_hash=True)
class Size:
    """An integer expression: a constant, a name, or an operation of `ARITHMETIC` on two expressions."""

    kind: str
    value: int = 0
    name: str = ""
    parts: tuple[Size, ...] = ()

    def __attrs_post_init__(self) -> None:
        legal = {"const": 0, "name": 0} | dict.fromkeys(ARITHMETIC, 2)
        if self.kind not in legal:
            raise ValueError(f"unknown size operation {self.kind!r}; known: {', '.join(legal)}")
        if len(self.parts) != legal[self.kind]:
            raise ValueError(f"{self.kind} takes {legal[self.kind]} parts, got {len(self.parts)}")
        if (self.kind == "name") != bool(self.name):
            raise ValueError(f"a {self.kind} size has name {self.name!r}")

    def __add__(self, other: Size | int) -> Size:
        return _operation("add", self, other)

    def __radd__(self, other: int) -> Size:
        return _operation("add", other, self)

    def __sub__(self, other: Size | int) -> Size:
        return _operation("sub", self, other)

    def __rsub__(self, other: int) -> Size:
        return _operation("sub", other, self)

    def __mul__(self, other: Size | int) -> Size:
        return _operation("mul", self, other)

    def __rmul__(self, other: int) -> Size:
        return _operation("mul", other, self)

    def __floordiv__(self, other: Size | int) -> Size:
        return _operation("floordiv", self, other)

    def __mod__(self, other: Size | int) -> Size:
        return _operation("mod", self, other)

    def __le__(self, other: Size | int) -> Condition:
        return Condition("le", sides=(self, size(other)))

    def __lt__(self, other: Size | int) -> Condition:
        return Condition("lt", sides=(self, size(other)))

    def __ge__(self, other: Size | int) -> Condition:
        return Condition("le", sides=(size(other), self))

    def __gt__(self, other: Size | int) -> Condition:
        return Condition("lt", sides=(size(other), self))

    def equals(self, other: Size | int) -> Condition:
        return Condition("eq", sides=(self, size(other)))

    def differs(self, other: Size | int) -> Condition:
        return Condition("ne", sides=(self, size(other)))

    def names(self) -> frozenset[str]:
        """Every name the expression mentions."""
        return frozenset(part.name for part in _walk(self) if part.kind == "name")

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The value under `values`. Raises KeyError for an unbound name, ZeroDivisionError for x // 0."""
        if self.kind == "const":
            return self.value
        if self.kind == "name":
            return values[self.name]
        left, right = self.parts
        return ARITHMETIC[self.kind](left.evaluate(values), right.evaluate(values))

    def __str__(self) -> str:
        if self.kind == "const":
            return str(self.value)
        if self.kind == "name":
            return self.name
        left, right = self.parts
        if self.kind in ("min", "max"):
            return f"{self.kind}({left}, {right})"
        return f"{_bracket(left)} {_SIGNS[self.kind]} {_bracket(right)}"


@frozen(order=False, cache_hash=True)
class Condition:
    """A claim on sizes: a comparison of two sizes, or `and`, `or`, `not` of conditions.

    `all_of()` of nothing is true, `any_of()` of nothing is false.
    """

    kind: str
    sides: tuple[Size, ...] = ()
    parts: tuple[Condition, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        if self.kind in COMPARISONS:
            if len(self.sides) != 2 or self.parts:
                raise ValueError(f"{self.kind} compares two sizes, got {len(self.sides)}")
        elif self.kind in ("and", "or", "not"):
            if self.sides or (self.kind == "not" and len(self.parts) != 1):
                raise ValueError(f"{self.kind} joins conditions, got {len(self.parts)}")
        else:
            raise ValueError(f"unknown condition {self.kind!r}")

    def names(self) -> frozenset[str]:
        """Every name the condition mentions."""
        own = frozenset[str]().union(*(side.names() for side in self.sides))
        return own.union(*(part.names() for part in self.parts))

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether it is true under `values`. Raises as `Size.evaluate` does."""
        if self.kind == "and":
            return all(part.holds(values) for part in self.parts)
        if self.kind == "or":
            return any(part.holds(values) for part in self.parts)
        if self.kind == "not":
            return not self.parts[0].holds(values)
        left, right = self.sides
        return COMPARISONS[self.kind](left.evaluate(values), right.evaluate(values))

    def __str__(self) -> str:
        if self.kind in COMPARISONS:
            left, right = self.sides
            return f"{left} {_RELATIONS[self.kind]} {right}"
        if self.kind == "not":
            return f"not ({self.parts[0]})"
        if not self.parts:
            return "true" if self.kind == "and" else "false"
        return f" {self.kind} ".join(f"({part})" if part.kind in ("and", "or") else str(part) for part in self.parts)


def size(value: Size | int) -> Size:
    """An int as a constant size; a size as it is."""
    return value if isinstance(value, Size) else Size("const", value=int(value))


def name(text: str) -> Size:
    """The size called `text`."""
    return Size("name", name=text)


def smallest(left: Size | int, right: Size | int) -> Size:
    return _operation("min", left, right)


def largest(left: Size | int, right: Size | int) -> Size:
    return _operation("max", left, right)


def all_of(*parts: Condition) -> Condition:
    """The conjunction; of one condition, that condition."""
    return parts[0] if len(parts) == 1 else Condition("and", parts=parts)


def any_of(*parts: Condition) -> Condition:
    """The disjunction; of one condition, that condition."""
    return parts[0] if len(parts) == 1 else Condition("or", parts=parts)


def none_of(part: Condition) -> Condition:
    """The negation."""
    return Condition("not", parts=(part,))


TRUE: Final = all_of()


def sizes_where(condition: Condition) -> str:
    """`every size`, or `the sizes with N <= 3`."""
    return "every size" if condition == TRUE else f"the sizes with {condition}"


def toward(condition: Condition, values: Mapping[str, int]) -> dict[str, int]:
    """`values` with as little as possible changed so that the condition holds: of a comparison, a side that is a
    name; of alternatives, the one that is nearest. Where no side is a name, nothing changes."""
    found = dict(values)
    if condition.holds(found):
        return found
    if condition.kind == "and":
        for part in condition.parts:
            found = toward(part, found)
    elif condition.kind == "or":
        ways = [each for part in condition.parts if part.holds(each := toward(part, found))]
        found = min(ways, key=lambda each: sum(abs(each[key] - values[key]) for key in values), default=found)
    elif condition.kind in _STEPS:
        left, right = condition.sides
        step = _STEPS[condition.kind]
        if left.kind == "name":
            found[left.name] = right.evaluate(values) - step
        elif right.kind == "name":
            found[right.name] = left.evaluate(values) + step
    return found


def _operation(kind: str, left: Size | int, right: Size | int) -> Size:
    left, right = size(left), size(right)
    if left.kind == right.kind == "const" and not (kind in ("floordiv", "mod") and right.value == 0):
        return Size("const", value=ARITHMETIC[kind](left.value, right.value))
    if kind == "mul" and Size("const", value=1) in (left, right):
        return right if left == Size("const", value=1) else left
    if kind in ("add", "sub") and right == Size("const"):
        return left
    if kind == "add" and left == Size("const"):
        return right
    return Size(kind, parts=(left, right))


def _bracket(part: Size) -> str:
    return f"({part})" if part.kind in _SIGNS else str(part)


def _walk(part: Size) -> Iterator[Size]:
    yield part
    for inner in part.parts:
        yield from _walk(inner)
