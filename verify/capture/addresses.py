"""Where a tensor lies, as host code hands it on: packages have wrappers that give a kernel an address and a dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from verify.capture.tensors import DTYPES, Stand

UNREAD: Final = (
    *("add", "radd", "sub", "rsub", "mul", "rmul", "floordiv", "truediv", "mod", "and", "rshift", "lshift"),
    *("eq", "ne", "lt", "le", "gt", "ge", "bool", "int", "index", "float", "hash", "str", "repr", "format"),
)


@frozen(eq=False, repr=False)
class Address:
    """The address of a tensor's first element: a number that nobody knows, so nothing is computed from it."""

    tensor: Stand


def _unread(name: str) -> Callable[..., Any]:
    def refuse(self: Address, *_: Any) -> Any:
        self.tensor.session.unsupported(f"an address that the host code computes with ({name})")

    return refuse


for _name in UNREAD:
    setattr(Address, f"__{_name}__", _unread(_name))


def behind(value: Any) -> Any:
    """The tensor that a kernel gets where a package passes an object with its address and dtype; else `value`."""
    if isinstance(value, Stand) or not callable(getattr(value, "data_ptr", None)):
        return value
    at, dtype = value.data_ptr(), getattr(value, "dtype", None)
    return at.tensor if isinstance(at, Address) and DTYPES.get(dtype) == at.tensor.dtype_ else value
