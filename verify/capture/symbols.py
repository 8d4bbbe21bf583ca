"""Sizes that the host code computes with: torch's SymInt, SymBool and SymFloat over nodes of our own.

torch accepts any node that answers its questions. Ours hold a `Size` or a `Condition` and the session, so
sizes come back exactly as the plan needs them and every branch on them becomes a guard.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from math import isqrt, sqrt
from typing import Any, Final

import torch
from attrs import frozen

from specs.sizes import ARITHMETIC, Condition, Size, all_of, any_of, size
from verify.capture.algebra import negated, simplified
from verify.capture.session import Session

EXACT: Final = 2**53  # integers up to here are exact in a float

COMPARED: Final[dict[str, Callable[[Size, Size], Condition]]] = {
    "eq": lambda a, b: a.equals(b),
    "ne": lambda a, b: a.differs(b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
WORKED: Final = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "mod": "mod",
    "floordiv": "floordiv",
    "int_floordiv": "floordiv",
    "sym_min": "min",
    "sym_max": "max",
}


class Node:
    """What torch asks of every node, and no more."""

    session: Session

    def is_int(self) -> bool:
        return False

    def is_bool(self) -> bool:
        return False

    def is_float(self) -> bool:
        return False

    def is_nested_int(self) -> bool:
        return False

    def is_constant(self) -> bool:
        return False

    def is_symbolic(self) -> bool:
        return True

    def has_hint(self) -> bool:
        return True

    def nested_int(self) -> None:
        return None

    def maybe_as_int(self) -> int | None:
        return None

    def clone(self) -> Node:
        return self

    def wrap_int(self, number: int) -> IntegerNode:
        return IntegerNode(self.session, size(number))

    def wrap_bool(self, value: bool) -> TruthNode:
        return TruthNode(self.session, all_of() if value else any_of())

    def str(self) -> builtins.str:
        return builtins.str(self)

    def _graph_repr(self) -> Any:
        return builtins.str(self)

    def __getattr__(self, name: builtins.str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.session.unsupported(f"the operation {name!r} on a size")


@frozen(eq=False)
class IntegerNode(Node):
    session: Session
    size: Size

    def is_int(self) -> bool:
        return True

    def maybe_as_int(self) -> int | None:
        return self.size.value if self.size.kind == "const" else None

    @property
    def hint(self) -> int:
        return self.session.value(self.size)

    def guard_int(self, file: str = "", line: int = 0) -> int:
        return self.session.fix(self.size)

    int_ = guard_int

    def neg(self) -> IntegerNode:
        return IntegerNode(self.session, size(0) - self.size)

    def __str__(self) -> str:
        return str(self.size)


@frozen(eq=False)
class TruthNode(Node):
    session: Session
    condition: Condition

    def is_bool(self) -> bool:
        return True

    def guard_bool(self, file: str = "", line: int = 0) -> bool:
        return self.session.decide(self.condition)

    bool_ = expect_true = guard_size_oblivious = guard_or_false = guard_or_true = guard_bool
    statically_known_true = guard_bool

    @property
    def hint(self) -> bool:
        return self.condition.holds(self.session.hints)

    def sym_not(self) -> TruthNode:
        return TruthNode(self.session, negated(self.condition))

    def sym_and(self, other: TruthNode) -> TruthNode:
        return TruthNode(self.session, all_of(self.condition, other.condition))

    def sym_or(self, other: TruthNode) -> TruthNode:
        return TruthNode(self.session, any_of(self.condition, other.condition))

    def __str__(self) -> str:
        return str(self.condition)


@frozen(eq=False)
class RatioNode(Node):
    """`above / below` as a float. Only rounding it back to an integer has a meaning here."""

    session: Session
    above: Size
    below: Size

    def is_float(self) -> bool:
        return True

    def floor(self) -> IntegerNode:
        exact_enough(self.session, self.above)
        return IntegerNode(self.session, divided(self.session, self.above, self.below))

    def ceil(self) -> IntegerNode:
        exact_enough(self.session, self.above)
        upward = divided(self.session, size(0) - self.above, self.below)
        return IntegerNode(self.session, simplified(size(0) - upward))

    def __str__(self) -> str:
        return f"({self.above}) / ({self.below})"


@frozen(eq=False)
class RootNode(Node):
    """`sqrt(inner)` as a float. It has a meaning rounded up, the way from a count to a block size."""

    session: Session
    inner: Size

    def is_float(self) -> bool:
        return True

    def ceil(self) -> UpperRootNode:
        return UpperRootNode(self.session, self.inner)

    def __str__(self) -> str:
        return f"sqrt({self.inner})"


@frozen(eq=False)
class UpperRootNode(Node):
    """`ceil(sqrt(inner))`, of which `next_power_of_2` takes no more than it needs; anything else fixes it."""

    session: Session
    inner: Size

    def is_int(self) -> bool:
        return True

    @property
    def root(self) -> int:
        return 1 + isqrt(self.session.value(self.inner) - 1)

    @property
    def size(self) -> Size:
        self.session.decide(all_of(self.inner > (self.root - 1) ** 2, self.inner <= self.root**2))
        return size(self.root)

    def guard_int(self, file: str = "", line: int = 0) -> int:
        return self.size.value

    def next_power_of_2(self) -> int:
        power: int = 1 << (self.root - 1).bit_length()
        self.session.decide(all_of(self.inner > (power // 2) ** 2, self.inner <= power**2))
        return power

    def __str__(self) -> str:
        return f"ceil(sqrt({self.inner}))"


def square_root(value: Any) -> Any:
    """`math.sqrt` for sizes too. Below 2**52 the float root of what is no square never rounds to an integer."""
    if not isinstance(value, torch.SymInt):
        return sqrt(value)
    session, part = value.node.session, value.node.size
    if not session.decide(all_of(part > 0, part < EXACT // 2)):
        session.unsupported("the square root of a size that is not in 1 .. 2**52")
    return torch.SymFloat(RootNode(session, part))


def exact_enough(session: Session, part: Size) -> None:
    """Guard that float division rounds as exact division does: below 2**53 no quotient reaches an integer."""
    if not session.decide(part < EXACT):
        session.unsupported("a float division of a size beyond 2**53")


def divided(session: Session, above: Size, below: Size) -> Size:
    """`above // below` after the guard that the divisor is not 0. Raises ZeroDivisionError as Python does."""
    if session.decide(below.equals(0)):
        raise ZeroDivisionError("integer division or modulo by zero")
    return simplified(above // below)


def _worked(kind: str) -> Callable[[IntegerNode, IntegerNode], IntegerNode]:
    def work(self: IntegerNode, other: IntegerNode) -> IntegerNode:
        return IntegerNode(self.session, arithmetic(self.session, kind, self.size, other.size))

    return work


def _compared(kind: str) -> Callable[[IntegerNode, IntegerNode], TruthNode]:
    def compare(self: IntegerNode, other: IntegerNode) -> TruthNode:
        return TruthNode(self.session, COMPARED[kind](self.size, other.size))

    return compare


for _name, _kind in WORKED.items():
    setattr(IntegerNode, _name, _worked(_kind))
for _name in COMPARED:
    setattr(IntegerNode, _name, _compared(_name))


def arithmetic(session: Session, kind: str, left: Size, right: Size) -> Size:
    """One operation of `specs.sizes.ARITHMETIC`, simplified."""
    assert kind in ARITHMETIC
    if kind == "floordiv":
        return divided(session, left, right)
    if kind == "mod" and session.decide(right.equals(0)):
        raise ZeroDivisionError("integer division or modulo by zero")
    return simplified(Size(kind, parts=(left, right)))


def number(session: Session, part: Size) -> Any:
    """The size as the host code sees it: an int where it is constant, else a SymInt."""
    part = simplified(part)
    return part.value if part.kind == "const" else torch.SymInt(IntegerNode(session, part))


def truth(session: Session, condition: Condition) -> Any:
    return torch.SymBool(TruthNode(session, condition))


def size_of(session: Session, value: Any) -> Size:
    """The size that an int, a bool, a SymInt or a SymBool of one capture stands for."""
    if isinstance(value, torch.SymInt):
        node = value.node
        if not isinstance(node, IntegerNode | UpperRootNode) or node.session is not session:
            session.unsupported("a size kept from an earlier call")
        return node.size  # type: ignore[no-any-return]
    if isinstance(value, torch.SymBool):
        return size(int(session.decide(value.node.condition)))
    if isinstance(value, int):
        return size(int(value))
    session.unsupported(f"{type(value).__name__} where a size is expected")
    raise AssertionError


def next_power_of_2(n: Any) -> int:
    """Triton's rounding up to a power of two: the power at the point, guarded by the n that it is for."""
    if not isinstance(n, torch.SymInt):
        return 1 << (int(n) - 1).bit_length() if n > 0 else 0
    if isinstance(n.node, UpperRootNode):
        return n.node.next_power_of_2()
    session, part = n.node.session, n.node.size
    if not session.decide(part > 0):
        session.fix(part)
        return 0
    power: int = 1 << (session.value(part) - 1).bit_length()
    session.decide(all_of(part > power // 2, part <= power))
    return power


def cdiv(x: Any, y: Any) -> Any:
    return (x + y - 1) // y
