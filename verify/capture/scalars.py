"""A float parameter of the spec on its way through the host code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verify.capture.session import Session


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


def _refused(name: str) -> Callable[..., Any]:
    def refuse(self: TracedFloat, *_: Any) -> Any:
        self.session.unsupported(f"arithmetic on the parameter {self.param!r} in the host code ({name})")

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
