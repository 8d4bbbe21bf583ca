"""The arithmetic of SymInt, SymFloat and SymBool as the host code writes it, put over torch's own.

Python's operators reach these functions. Constants fold to plain ints, an operation without a meaning ends
the run as unsupported, and conversions to a real int fix the size by a guard.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import torch

from specs.sizes import Size, size
from verify.capture.scalars import COMPUTING, UnknownFloat
from verify.capture.session import Session
from verify.capture.symbols import (
    COMPARED,
    IntegerNode,
    RatioNode,
    UpperRootNode,
    arithmetic,
    exact_enough,
    number,
    size_of,
    square_root,
    truth,
)


def install() -> None:
    """Replace the operators of torch's symbolic numbers."""
    _integers()
    _ratios()
    torch.SymBool.__bool__ = lambda self: self.node.guard_bool()
    torch.SymBool.__int__ = lambda self: int(self.node.guard_bool())
    torch.SymBool.__index__ = lambda self: int(self.node.guard_bool())
    torch.SymBool.__hash__ = lambda self: hash(self.node.guard_bool())
    math.sqrt = square_root
    torch.sym_min = smaller
    torch.sym_max = larger
    torch.sym_ite = lambda condition, yes, no: yes if condition else no
    torch.sym_int = lambda value: value.__trunc__() if isinstance(value, torch.SymFloat) else value


def smaller(*values: Any, **options: Any) -> Any:
    """`min` that keeps sizes symbolic."""
    return _extreme(builtins.min, "min", values, options)


def larger(*values: Any, **options: Any) -> Any:
    """`max` that keeps sizes symbolic."""
    return _extreme(builtins.max, "max", values, options)


def _extreme(plain: Callable[..., Any], kind: str, values: tuple[Any, ...], options: dict[str, Any]) -> Any:
    items = list(values[0]) if len(values) == 1 else list(values)
    symbolic = [item for item in items if isinstance(item, torch.SymInt)]
    if not symbolic or options or not all(isinstance(item, int | torch.SymInt) for item in items):
        return plain(items, **options)  # not the values: an iterator is spent by now
    session = symbolic[0].node.session
    result = size_of(session, items[0])
    for item in items[1:]:
        result = arithmetic(session, kind, result, size_of(session, item))
    return number(session, result)


class Passing(type):
    """A class that lets symbolic numbers through where the plain one would force a concrete number."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, (cls.__mro__[1], *cls.lets))  # type: ignore[attr-defined]

    def __call__(cls, *values: Any, **options: Any) -> Any:
        if len(values) == 1 and not options and isinstance(values[0], cls.lets):  # type: ignore[attr-defined]
            return values[0]
        if len(values) == 1 and isinstance(values[0], torch.SymFloat) and cls.__mro__[1] is int:
            return values[0].__trunc__()
        if len(values) == 1 and isinstance(values[0], torch.SymInt) and cls.__mro__[1] is float:
            return values[0] * 1.0
        return cls.__mro__[1](*values, **options)


class Integer(int, metaclass=Passing):
    """`int` of the candidate's module."""

    lets = (torch.SymInt,)


def _integers() -> None:
    cls = torch.SymInt
    for kind, name in (
        ("add", "add"),
        ("sub", "sub"),
        ("mul", "mul"),
        ("floordiv", "floordiv"),
        ("mod", "mod"),
    ):
        setattr(cls, f"__{name}__", _operator(kind))
        setattr(cls, f"__r{name}__", _operator(kind, swapped=True))
    for kind in COMPARED:
        setattr(cls, f"__{kind}__", _comparison(kind))
    cls.__truediv__ = lambda self, other: _ratio(self, self, other)
    cls.__rtruediv__ = lambda self, other: _ratio(self, other, self)
    cls.__neg__ = lambda self: number(self.node.session, size(0) - self.node.size)
    cls.__pos__ = cls.__trunc__ = cls.__floor__ = cls.__ceil__ = cls.__round__ = lambda self, *digits: self
    cls.__abs__ = lambda self: larger(self, -self)
    cls.__bool__ = lambda self: _session(self).decide(self.node.size.differs(0))
    cls.__int__ = cls.__index__ = lambda self: self.node.guard_int()
    cls.__divmod__ = lambda self, other: (self // other, self % other)
    cls.__pow__ = _power
    cls.__lshift__ = lambda self, bits: self * (1 << bits)
    cls.__rshift__ = lambda self, bits: self // (1 << bits)
    cls.__and__ = cls.__rand__ = _masked
    cls.__hash__ = lambda self: hash(self.node.guard_int())  # a key is this number and no other
    cls.__float__ = lambda self: _session(self).unsupported("a size turned into a float")
    cls.__repr__ = cls.__str__ = lambda self: str(self.node)
    cls.__format__ = lambda self, how: str(self.node)
    cls.bit_length = _bit_length
    for name in ("rpow", "or", "ror", "xor", "rxor", "invert", "rlshift", "rrshift"):
        setattr(cls, f"__{name}__", _without_meaning(name))


def _ratios() -> None:
    cls = torch.SymFloat
    cls.__ceil__ = lambda self: _shown(self.node.ceil())
    cls.__floor__ = lambda self: number(self.node.session, self.node.floor().size)
    cls.__trunc__ = _truncated
    cls.__int__ = lambda self: int(_truncated(self))
    cls.__round__ = _rounded
    cls.__repr__ = cls.__str__ = lambda self: str(self.node)
    cls.__format__ = lambda self, how: str(self.node)
    for name in (
        *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod"),
        *("pow", "rpow", "bool", "float", "neg", "abs", "hash"),
    ):
        setattr(cls, f"__{name}__", _without_meaning(name))
    for kind in COMPARED:
        setattr(cls, f"__{kind}__", _ratio_comparison(kind))
    cls.is_integer = _without_meaning("is_integer")


def _shown(node: IntegerNode) -> Any:
    """The node as the host code sees it."""
    return torch.SymInt(node) if isinstance(node, UpperRootNode) else number(node.session, node.size)


def _session(value: Any) -> Session:
    return value.node.session  # type: ignore[no-any-return]


def _operator(kind: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def operate(self: Any, other: Any) -> Any:
        session = _session(self)
        if isinstance(other, float) and other.is_integer() and kind in ("add", "sub", "mul"):
            whole = size_of(session, operate(self, int(other)))
            exact_enough(session, whole)
            exact_enough(session, size(0) - whole)
            return torch.SymFloat(RatioNode(session, whole, size(1)))
        if isinstance(other, float | torch.SymFloat):
            return _float_work(session, f"float arithmetic ({kind}) on a size")
        if not isinstance(other, int | torch.SymInt | torch.SymBool):
            return NotImplemented
        left, right = self.node.size, size_of(session, other)
        if swapped:
            left, right = right, left
        return number(session, arithmetic(session, kind, left, right))

    return operate


def _float_work(session: Session, what: str) -> Any:
    """A float that is computed from sizes: in a package it may go into a kernel as what nobody knows."""
    if session.lenient:
        return UnknownFloat.of(session)
    session.unsupported(what)
    raise AssertionError


def _comparison(kind: str) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, float):
            other = _bound(kind, other)
            if isinstance(other, bool):
                return other
        if not isinstance(other, int | torch.SymInt):
            return NotImplemented
        session = _session(self)
        return truth(session, COMPARED[kind](self.node.size, size_of(session, other)))

    return compare


def _bound(kind: str, limit: float) -> int | bool:
    """The integer that compares alike with every integer, or the answer where there is none."""
    if math.isnan(limit):
        return kind == "ne"
    if math.isinf(limit):
        return kind == "ne" or ((kind in ("lt", "le")) == (limit > 0) and kind != "eq")
    if limit.is_integer():
        return int(limit)
    if kind in ("eq", "ne"):
        return kind == "ne"
    return math.floor(limit) if kind in ("le", "gt") else math.ceil(limit)


def _ratio(self: Any, above: Any, below: Any) -> Any:
    session = _session(self)
    if not isinstance(above, int | torch.SymInt) or not isinstance(below, int | torch.SymInt):
        return _float_work(session, "float arithmetic on a size")
    left, right = size_of(session, above), size_of(session, below)
    if session.decide(right.equals(0)):
        raise ZeroDivisionError("division by zero")
    return torch.SymFloat(RatioNode(session, left, right))


def _ratio_comparison(kind: str) -> Callable[[Any, Any], Any]:
    """`above / below` against a number: as `above * den` against `num * below`.

    The float quotient compares like the exact one: it differs from num / den by 1 / (below * den) at least, which is
    more than half a step of the floats there as long as num * below is under 2**53.
    """

    def compare(self: Any, other: Any) -> Any:
        node = self.node
        session = node.session
        if isinstance(other, torch.SymInt):
            part, scale = size_of(session, other), 1
        elif isinstance(other, int | float) and math.isfinite(other):
            (whole, scale) = other.as_integer_ratio()
            part = size(whole)
        else:
            return _without_meaning(kind)(self, other)
        limit = arithmetic(session, "mul", part, node.below)
        if not isinstance(node, RatioNode) or not session.decide(node.below > 0):
            session.unsupported(f"comparing {node}")
        if node.below != size(1) and not session.decide(node.above >= 0):
            session.unsupported("comparing a negative quotient")
        exact_enough(session, node.above)
        exact_enough(session, limit)
        return truth(session, COMPARED[kind](arithmetic(session, "mul", node.above, size(scale)), limit))

    return compare


def _truncated(self: Any) -> Any:
    node = self.node
    session = node.session
    whole: Size = node.floor().size
    if not session.decide(whole >= 0):
        session.unsupported("truncating a negative quotient")
    return number(session, whole)


def _rounded(self: Any, digits: int | None = None) -> Any:
    """A size that went through a float is a whole number still; other quotients are not rounded here."""
    node = self.node
    if digits is not None or not isinstance(node, RatioNode) or node.below != size(1):
        return _without_meaning("round")(self)
    exact_enough(node.session, node.above)
    exact_enough(node.session, size(0) - node.above)
    return number(node.session, node.above)


def _power(self: Any, exponent: Any, modulus: Any = None) -> Any:
    if not isinstance(exponent, int) or not 0 <= exponent <= 4 or modulus is not None:
        _session(self).unsupported(f"a size to the power of {exponent}")
    result: Any = 1
    for _ in range(exponent):
        result = self * result
    return result


def _masked(self: Any, mask: Any) -> Any:
    """`n & (2**k - 1)` is a remainder; other masks have no size expression."""
    session = _session(self)
    if not isinstance(mask, int) or mask < 0 or mask & (mask + 1) or not session.decide(self.node.size >= 0):
        session.unsupported(f"`&` of a size with {mask}")
    return self % (mask + 1)


def _bit_length(self: Any) -> int:
    session, part = _session(self), self.node.size
    bits = session.value(part).bit_length()
    if not session.decide(part >= 0):
        session.unsupported("bit_length of a negative size")
    session.decide(part < (1 << bits))
    if bits:
        session.decide(part >= (1 << (bits - 1)))
    return bits


def _without_meaning(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *others: Any) -> Any:
        if name in COMPUTING and isinstance(self, torch.SymFloat) and self.node.session.lenient:
            return UnknownFloat.of(self.node.session)
        self.node.session.unsupported(f"the operation {name!r} on a {type(self.node).__name__[:-4].lower()}")
        raise AssertionError

    return refuse
