"""Methods of tensors that torch works out below the sight of a dispatcher: contiguous, reshape, indexing.

torch would decide them on its own bookkeeping of strides; here they ask as few questions on sizes as they
can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from attrs import evolve

from verify.capture.addresses import Address
from verify.capture.operations import (
    allocate,
    copy,
    copy_into,
    fill,
    like,
    plain_layout,
    sizes_of,
    sliced_view,
)
from verify.capture.symbols import number, size_of
from verify.capture.tensors import Stand
from verify.capture.views import (
    NotViewable,
    axis_of,
    count,
    is_packed,
    packed,
    selected,
    unsqueezed,
    viewed,
)


def _contiguous(self: Stand, memory_format: Any = None, **_: Any) -> Stand:
    plain_layout(self.session, {"memory_format": memory_format})
    self.session.note("contiguous")
    if is_packed(self.session, self.view_):
        return like(self, evolve(self.view_, strides=packed(self.view_.sizes)))  # equal here, and easier to see
    made = allocate(self.session, self.view_.sizes, self.dtype, self.device)
    copy(self.session, self.view_, made.view_)
    return made


def _is_contiguous(self: Stand, memory_format: Any = None, **_: Any) -> bool:
    plain_layout(self.session, {"memory_format": memory_format})
    return is_packed(self.session, self.view_)


def _reshape(self: Stand, *shape: Any, **named: Any) -> Stand:
    wanted = named.get("shape", shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape)
    sizes = sizes_of(self.session, wanted)
    try:
        return like(self, viewed(self.session, self.view_, sizes))
    except NotViewable:
        made = allocate(self.session, self.view_.sizes, self.dtype, self.device)
        copy(self.session, self.view_, made.view_)
        return like(made, viewed(self.session, made.view_, sizes))


def _flatten(self: Stand, start_dim: int = 0, end_dim: int = -1) -> Stand:
    rank = self.dim()
    if rank == 0:
        return _reshape(self, -1)
    first, last = axis_of(start_dim, rank), axis_of(end_dim, rank)
    if first >= last:
        return self
    sizes = self.view_.sizes
    shape = (*sizes[:first], count(sizes[first : last + 1]), *sizes[last + 1 :])
    return _reshape(self, [number(self.session, each) for each in shape])


def _getitem(self: Stand, index: Any) -> Stand:
    session, view, axis = self.session, self.view_, 0
    items = list(index) if isinstance(index, tuple) else [index]
    fixed = len([item for item in items if item is not None and item is not Ellipsis])
    for item in items:
        if item is None:
            view, axis = unsqueezed(view, axis), axis + 1
        elif item is Ellipsis:
            axis += len(self.view_.sizes) - fixed
        elif isinstance(item, slice):
            view = sliced_view(session, view, axis, item.start, item.stop, 1 if item.step is None else item.step)
            axis += 1
        elif isinstance(item, int | torch.SymInt) and not isinstance(item, bool):
            view = selected(session, view, axis, size_of(session, item))
        else:
            session.violation("host-compute", f"gathers elements by indexing with {type(item).__name__}")
    return like(self, view)


def _setitem(self: Stand, index: Any, value: Any) -> None:
    target = _getitem(self, index)
    if isinstance(value, torch.Tensor):
        target.copy_(value)
    else:
        target.fill_(value)


def _copy_into(self: Stand, source: Any, non_blocking: bool = False) -> Stand:
    if not isinstance(source, Stand):
        self.session.violation("host-compute", "copies from a tensor that did not come from this call")
    return copy_into(self.session, self, source)


def _looks(name: str) -> Callable[..., Any]:
    def refuse(self: Stand, *_: Any, **__: Any) -> Any:
        self.session.violation("data-dependent", f"looks at a tensor's values ({name})")

    return refuse


def _unseen(name: str) -> Callable[..., Any]:
    """Addresses and storages: what depends on them does not depend on the arguments' sizes and values alone."""

    def refuse(self: Stand, *_: Any, **__: Any) -> Any:
        if self.session.lenient:
            self.session.unsupported(f"Tensor.{name}")
        self.session.violation("data-dependent", f"looks at where a tensor lies in memory ({name})")

    return refuse


def _data_ptr(self: Stand) -> Any:
    return Address(self) if self.session.lenient else _unseen("data_ptr")(self)


_Tensor = torch.Tensor
FUNCTIONS: Final[Mapping[Any, Callable[..., Any]]] = {
    _Tensor.contiguous: _contiguous,
    _Tensor.is_contiguous: _is_contiguous,
    _Tensor.reshape: _reshape,
    torch.reshape: _reshape,
    _Tensor.flatten: _flatten,
    torch.flatten: _flatten,
    _Tensor.ravel: lambda self: _reshape(self, -1),
    torch.ravel: lambda self: _reshape(self, -1),
    _Tensor.copy_: _copy_into,
    _Tensor.fill_: lambda self, value: fill(self.session, self, value),
    _Tensor.zero_: lambda self: fill(self.session, self),
    _Tensor.data_ptr: _data_ptr,
    _Tensor.view_as: lambda self, other: self.view(other.shape),
    _Tensor.reshape_as: lambda self, other: _reshape(self, *other.shape),
    _Tensor.numel: lambda self: number(self.session, count(self.view_.sizes)),
    torch.numel: lambda self: number(self.session, count(self.view_.sizes)),
    _Tensor.nelement: lambda self: number(self.session, count(self.view_.sizes)),
    _Tensor.__len__: lambda self: number(self.session, self.view_.sizes[0]),
    _Tensor.__getitem__: _getitem,
    _Tensor.__setitem__: _setitem,
    **{
        getattr(_Tensor, name): _looks(name.strip("_"))
        for name in (
            "__bool__",
            "__float__",
            "__int__",
            "__index__",
            "__contains__",
            "item",
            "tolist",
            "numpy",
        )
    },
    **{
        getattr(_Tensor, name): _unseen(name)
        for name in (
            "untyped_storage",
            "storage",
            "numpy",
            "is_set_to",
            "__array__",
            "__dlpack__",
        )
        if hasattr(_Tensor, name) and name != "numpy"
    },
}
