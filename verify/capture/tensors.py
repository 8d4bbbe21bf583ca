"""The tensors that a candidate's host code sees: no data, sizes of our own, every operation noticed.

A `Stand` knows the view of a plan's buffer that it is. What operations mean to the plan is in `operations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from specs.spec import DTYPES as SPOKEN
from verify.capture.session import Session
from verify.capture.symbols import number
from verify.plan import View

DTYPES: Final = {getattr(torch, name): name for name in SPOKEN}
DEVICE: Final = torch.device("cuda", 0)
LOOKS_AT_DATA: Final = frozenset(
    [
        "_local_scalar_dense",
        "is_nonzero",
        "nonzero",
        "nonzero_static",
        "equal",
        "masked_select",
        "allclose",
        "unique",
        "_unique2",
        "unique_dim",
        "unique_consecutive",
        "bincount",
        "item",
    ]
)


class Stand(torch.Tensor):  # type: ignore[misc]
    """A tensor without data: `view` on a plan's buffer, `dtype` and a device that claims to be a GPU."""

    session: Session
    view_: View
    dtype_: str

    @staticmethod
    def of(session: Session, view: View, dtype: str, device: torch.device = DEVICE) -> Stand:
        """The stand-in for a view. torch's own bookkeeping of its shape leaves no guards."""
        with session.mute():
            made: Stand = torch.Tensor._make_wrapper_subclass(
                Stand,
                [number(session, each) for each in view.sizes],
                strides=[number(session, each) for each in view.strides],
                storage_offset=number(session, view.offset),
                dtype=getattr(torch, dtype),
                device=device,
                requires_grad=False,
            )
        made.session, made.view_, made.dtype_ = session, view, dtype
        return made

    def __repr__(self, *_: Any, **__: Any) -> str:
        shape = ", ".join(map(str, self.view_.sizes))
        return f"tensor({self.view_.buffer}, shape=({shape}), dtype={self.dtype_})"

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        special = _meanings()[1].get(func)
        if special is not None and args and isinstance(args[0], Stand):
            return special(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        first = next(one for one in args if isinstance(one, Stand))
        return dispatch(first.session, func, args, kwargs or {})


class Noticing(TorchDispatchMode):  # type: ignore[misc]
    """Sends every operation of the run to `dispatch`, those without tensor arguments too."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would wrap the method below in a function that imports its whole compiler

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return dispatch(self.session, func, args, kwargs or {})


def dispatch(session: Session, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The meaning of one torch operation on the plan."""
    name = func._schema.name.removeprefix("aten::")
    session.note(f"aten.{name}")
    strangers = [one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor) and _strange(session, one)]
    if strangers:
        session.violation("host-compute", f"uses a tensor that did not come from this call ({name})")
    operation = _meanings()[0].get(name)
    if operation is not None:
        return operation(session, *args, **kwargs)
    if name in LOOKS_AT_DATA:
        session.violation("data-dependent", f"looks at a tensor's values ({name})")
    if name in session.glue:
        return _meanings()[2](session, name, args, kwargs)
    if session.lenient:
        made = _meanings()[3](session, func, name, args, kwargs)
        if made is not None:
            return made
        session.unsupported(f"the host operation aten.{name}")
    session.violation("host-compute", f"computes with torch on the host side: aten.{name}")
    raise AssertionError


def _strange(session: Session, tensor: torch.Tensor) -> bool:
    return not isinstance(tensor, Stand) or tensor.session is not session


@cache
def _meanings() -> tuple[Mapping[str, Any], Mapping[Any, Any], Any, Any]:
    """The tables of `operations`, which needs this module first."""
    from verify.capture.functions import FUNCTIONS
    from verify.capture.hostwork import hostwork
    from verify.capture.operations import OPERATIONS, glue

    return OPERATIONS, FUNCTIONS, glue, hostwork
