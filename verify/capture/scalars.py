"""A float parameter of the spec on its way through the host code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from verify.capture.session import Session

COMPUTING: Final = frozenset(
    [
        *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv"),
        *("floordiv", "rfloordiv", "mod", "rmod", "pow", "rpow", "neg", "abs"),
    ]
)


class TracedFloat(float):
    """A float parameter of the spec on its way into a kernel. Its value is not known while capturing.

    It is a NaN, so that arithmetic below Python's sight shows; arithmetic that Python sees is refused at
    once.
    """

    session: Session
    param: str

    @classmethod
    def of(cls, session: Session, param: str) -> TracedFloat:
        made = cls("nan")
        made.session, made.param = session, param
        return made

    def __repr__(self) -> str:
        return self.param


class UnknownFloat(float):
    """What a package's host code computes from float parameters and sizes: a number that a kernel may be given.

    Nothing can be decided on it. It is a NaN like `TracedFloat`.
    """

    session: Session

    @classmethod
    def of(cls, session: Session) -> UnknownFloat:
        made = cls("nan")
        made.session = session
        session.note("arithmetic on floats that nobody follows")
        return made


def _refused(name: str) -> Callable[..., Any]:
    def refuse(self: TracedFloat | UnknownFloat, *_: Any) -> Any:
        if self.session.lenient and name in COMPUTING:
            return UnknownFloat.of(self.session)
        if isinstance(self, UnknownFloat):
            self.session.unsupported(f"a decision on a float that the host code computes ({name})")
            raise AssertionError
        self.session.unsupported(f"arithmetic on the parameter {self.param!r} in the host code ({name})")
        raise AssertionError

    return refuse


for _name in (
    *(
        "add",
        "radd",
        "sub",
        "rsub",
        "mul",
        "rmul",
        "truediv",
        "rtruediv",
        "floordiv",
        "rfloordiv",
        "mod",
        "rmod",
    ),
    *(
        "pow",
        "rpow",
        "neg",
        "abs",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "bool",
        "int",
        "round",
        "hash",
        "floor",
    ),
):
    setattr(TracedFloat, f"__{_name}__", _refused(_name))
    setattr(UnknownFloat, f"__{_name}__", _refused(_name))
