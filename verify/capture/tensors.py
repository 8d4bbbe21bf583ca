"""The tensors that a candidate's host code sees: no data, sizes of our own, every operation noticed.

A `Stand` knows the view of a plan's buffer that it is. Views move the view, allocations and copies go into the
plan, and anything that computes or looks at values ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from attrs import evolve
from torch.utils._python_dispatch import TorchDispatchMode

from specs.sizes import Size, size
from verify.capture.algebra import same, simplified
from verify.capture.session import Session
from verify.capture.symbols import number, size_of
from verify.capture.views import (
    NotViewable,
    axis_of,
    count,
    expanded,
    is_packed,
    kept_order,
    packed,
    permuted,
    selected,
    sliced,
    squeezed,
    swapped,
    unsqueezed,
    viewed,
)
from verify.plan import Copy, Glue, View

DTYPES: Final = {
    getattr(torch, name): name
    for name in ("float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "bool")
}
DEVICE: Final = torch.device("cuda", 0)
LOOKS_AT_DATA: Final = frozenset(
    "_local_scalar_dense is_nonzero nonzero nonzero_static equal masked_select allclose unique _unique2 unique_dim"
    " unique_consecutive bincount item".split()
)


class Stand(torch.Tensor):
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
        return f"tensor({self.view_.buffer}, shape=({', '.join(map(str, self.view_.sizes))}), dtype={self.dtype_})"

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        special = FUNCTIONS.get(func)
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


class Noticing(TorchDispatchMode):
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
    operation = OPERATIONS.get(name)
    if operation is not None:
        return operation(session, *args, **kwargs)
    if name in LOOKS_AT_DATA:
        session.violation("data-dependent", f"looks at a tensor's values ({name})")
    if name in session.glue:
        return _glue(session, name, args, kwargs)
    if session.lenient:
        session.unsupported(f"the host operation aten.{name}")
    session.violation("host-compute", f"computes with torch on the host side: aten.{name}")
    raise AssertionError


def _strange(session: Session, tensor: torch.Tensor) -> bool:
    return not isinstance(tensor, Stand) or tensor.session is not session


def _like(source: Stand, view: View) -> Stand:
    return Stand.of(source.session, view, source.dtype_, source.device)


def _sizes(session: Session, values: Any) -> tuple[Size, ...]:
    items = values if isinstance(values, list | tuple) else (values,)
    return tuple(size_of(session, item) for item in items)


def _plain(session: Session, value: Any) -> int:
    """A number that chooses an axis or a step."""
    return value if isinstance(value, int) else session.fix(size_of(session, value))


def _negative(session: Session, sizes: Sequence[Size]) -> None:
    for each in sizes:
        if session.decide(each < 0):
            raise RuntimeError(f"Trying to create tensor with negative dimension {each}")


# -- allocation


def allocate(
    session: Session,
    sizes: Sequence[Size],
    dtype: torch.dtype | None,
    device: Any,
    strides: Sequence[Size] | None = None,
    fill: Any = None,
) -> Stand:
    """A fresh tensor. `fill` is a number for `zeros` and `full`."""
    _negative(session, sizes)
    name = DTYPES.get(dtype or torch.get_default_dtype())
    if name is None:
        session.unsupported(f"a tensor of dtype {dtype}")
        raise AssertionError
    elements = count(sizes) if strides is None else _extent(session, sizes, strides)
    made = session.allocate(name, elements, None if fill is None else filling(session, fill))
    view = View(made, tuple(sizes), tuple(strides or packed(sizes)), dtype=name)
    place = torch.device(device) if device is not None else torch.device("cpu")
    return Stand.of(session, view, name, place if place.index is not None or place.type == "cpu" else DEVICE)


def filling(session: Session, value: Any) -> float:
    """The number that a buffer is filled with."""
    if isinstance(value, bool | int):
        return float(value)
    if not isinstance(value, float) or value != value:
        session.unsupported(f"filling a tensor with {value!r}")
    return float(value)


def _extent(session: Session, sizes: Sequence[Size], strides: Sequence[Size]) -> Size:
    """Elements that strides over sizes reach."""
    if sorted(map(str, strides)) == sorted(map(str, packed(sizes))):
        return count(sizes)
    if session.decide(count(sizes).equals(0)):
        return size(0)
    last = size(0)
    for extent, stride in zip(sizes, strides, strict=True):
        last = last + (extent - 1) * stride
    return simplified(last + 1)


def _empty(session: Session, sizes: Any, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
    _plain_layout(session, rest)
    return allocate(session, _sizes(session, sizes), dtype, device)


def _empty_strided(
    session: Session, sizes: Any, strides: Any, dtype: Any = None, device: Any = None, **rest: Any
) -> Stand:
    return allocate(session, _sizes(session, sizes), dtype, device, _sizes(session, strides))


def _filled(value: Any) -> Callable[..., Stand]:
    def make(session: Session, sizes: Any, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
        return allocate(session, _sizes(session, sizes), dtype, device, fill=value)

    return make


def _full(
    session: Session, sizes: Any, value: Any, dtype: Any = None, device: Any = None, **rest: Any
) -> Stand:
    if dtype is None:
        dtype = torch.bool if isinstance(value, bool) else torch.int64 if isinstance(value, int) else None
    return allocate(session, _sizes(session, sizes), dtype, device, fill=value)


def _empty_like(
    session: Session, source: Stand, dtype: Any = None, device: Any = None, fill: Any = None, **rest: Any
) -> Stand:
    how = rest.get("memory_format")
    _plain_layout(session, {**rest, "memory_format": None if how is torch.preserve_format else how})
    keeps = how is None or how is torch.preserve_format
    strides = kept_order(session, source.view_) if keeps else None
    return allocate(
        session, source.view_.sizes, dtype or source.dtype, device or source.device, strides, fill
    )


def _filled_like(value: Any) -> Callable[..., Stand]:
    return lambda session, source, **options: _empty_like(session, source, fill=value, **options)


def _full_like(session: Session, source: Stand, value: Any, **options: Any) -> Stand:
    return _empty_like(session, source, fill=value, **options)


def _of_kind(make: Callable[..., Stand]) -> Callable[..., Stand]:
    """`new_*`: dtype and device default to those of the tensor."""

    def create(session: Session, source: Stand, *args: Any, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
        return make(session, *args, dtype=dtype or source.dtype, device=device or source.device, **rest)

    return create


def _plain_layout(session: Session, options: Mapping[str, Any]) -> None:
    if options.get("memory_format") not in (None, torch.contiguous_format):
        session.unsupported(f"the memory format {options['memory_format']}")
    if options.get("layout") not in (None, torch.strided):
        session.unsupported(f"the layout {options['layout']}")


# -- copies


def copy(session: Session, source: View, target: View) -> None:
    session.add(Copy(source, target, session.place()), source, target)


def _clone(session: Session, source: Stand, memory_format: Any = None) -> Stand:
    made = _empty_like(session, source, memory_format=memory_format)
    copy(session, source.view_, made.view_)
    return made


def _to_copy(session: Session, source: Stand, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
    if device is not None and torch.device(device).type != source.device.type:
        session.violation("host-compute", f"moves a tensor to {device}")
    made = _empty_like(session, source, dtype=dtype, memory_format=rest.get("memory_format"))
    copy(session, source.view_, made.view_)
    return made


def _copy_into(session: Session, target: Stand, source: Stand, *_: Any) -> Stand:
    _no_input(session, target)
    copy(session, expanded(session, source.view_, target.view_.sizes), target.view_)
    return target


def _fill(session: Session, target: Stand, value: Any = 0.0) -> Stand:
    _no_input(session, target)
    number_ = filling(session, value)
    buffer = session.buffers[target.view_.buffer]
    if buffer.name not in session.touched and same(count(target.view_.sizes), buffer.elements):
        session.refill(buffer.name, number_)
        return target
    single = View(session.allocate(target.dtype_, size(1), number_), (), (), dtype=target.dtype_)
    copy(session, expanded(session, single, target.view_.sizes), target.view_)
    return target


def _no_input(session: Session, target: Stand) -> None:
    if session.buffers[target.view_.buffer].param is not None:
        session.violation("interface", f"writes to its input {session.buffers[target.view_.buffer].param!r}")


# -- views


def _moved(move: Callable[..., View]) -> Callable[..., Stand]:
    """A view operation from a function of the session, the view and plain arguments."""

    def apply(session: Session, source: Stand, *args: Any, **kwargs: Any) -> Stand:
        return _like(source, move(session, source.view_, *args, **kwargs))

    return apply


def _view(session: Session, view: View, sizes: Any) -> View:
    if isinstance(sizes, torch.dtype):
        if DTYPES.get(sizes) == view.dtype:
            return view
        session.unsupported(f"reading a tensor's bytes as {sizes}")
    try:
        return viewed(session, view, _sizes(session, sizes))
    except NotViewable:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride. Use .reshape(...) instead."
        ) from None


def _slice(session: Session, view: View, dim: Any = 0, start: Any = None, end: Any = None, step: Any = 1) -> View:
    first, last = (None if at is None else size_of(session, at) for at in (start, end))
    return sliced(session, view, dim, first, last, _plain(session, step))


def _as_strided(session: Session, view: View, sizes: Any, strides: Any, offset: Any = None) -> View:
    at = view.offset if offset is None else size_of(session, offset)
    return evolve(view, sizes=_sizes(session, sizes), strides=_sizes(session, strides), offset=at)


def _unbind(session: Session, source: Stand, dim: int = 0) -> list[Stand]:
    length = session.fix(source.view_.sizes[axis_of(dim, source.dim())])
    return [_like(source, selected(session, source.view_, dim, size(at))) for at in range(length)]


def _split(session: Session, source: Stand, step: Any, dim: int = 0) -> list[Stand]:
    length = session.fix(source.view_.sizes[axis_of(dim, source.dim())])
    width = _plain(session, step)
    starts = range(0, length, width) if length else (0,)
    return [
        _like(source, sliced(session, source.view_, dim, size(at), size(min(at + width, length)), 1)) for at in starts
    ]


# -- what torch would do below our sight


def _contiguous(self: Stand, memory_format: Any = None, **_: Any) -> Stand:
    _plain_layout(self.session, {"memory_format": memory_format})
    self.session.note("contiguous")
    if is_packed(self.session, self.view_):
        return _like(self, evolve(self.view_, strides=packed(self.view_.sizes)))  # equal here, and easier to see
    made = allocate(self.session, self.view_.sizes, self.dtype, self.device)
    copy(self.session, self.view_, made.view_)
    return made


def _is_contiguous(self: Stand, memory_format: Any = None, **_: Any) -> bool:
    _plain_layout(self.session, {"memory_format": memory_format})
    return is_packed(self.session, self.view_)


def _reshape(self: Stand, *shape: Any, **named: Any) -> Stand:
    wanted = named.get("shape", shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape)
    sizes = _sizes(self.session, wanted)
    try:
        return _like(self, viewed(self.session, self.view_, sizes))
    except NotViewable:
        made = allocate(self.session, self.view_.sizes, self.dtype, self.device)
        copy(self.session, self.view_, made.view_)
        return _like(made, viewed(self.session, made.view_, sizes))


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
            view = _slice(session, view, axis, item.start, item.stop, 1 if item.step is None else item.step)
            axis += 1
        elif isinstance(item, int | torch.SymInt) and not isinstance(item, bool):
            view = selected(session, view, axis, size_of(session, item))
        else:
            session.violation("host-compute", f"gathers elements by indexing with {type(item).__name__}")
    return _like(self, view)


def _setitem(self: Stand, index: Any, value: Any) -> None:
    target = _getitem(self, index)
    if isinstance(value, torch.Tensor):
        target.copy_(value)
    else:
        target.fill_(value)


def _looks(name: str) -> Callable[..., Any]:
    def refuse(self: Stand, *_: Any, **__: Any) -> Any:
        self.session.violation("data-dependent", f"looks at a tensor's values ({name})")

    return refuse


def _unseen(name: str) -> Callable[..., Any]:
    def refuse(self: Stand, *_: Any, **__: Any) -> Any:
        self.session.unsupported(f"Tensor.{name}")

    return refuse


def _glue(session: Session, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Stand:
    """An operation that the spec allows the host code. So far: a sum over one axis."""
    source = args[0]
    axes = args[1] if len(args) > 1 else kwargs.get("dim")
    if name != "sum" or not isinstance(axes, list) or len(axes) != 1:
        session.unsupported(f"the glue operation {name} with these arguments")
    keep = bool(args[2] if len(args) > 2 else kwargs.get("keepdim", False))
    axis = axis_of(axes[0], source.dim())
    kept = (size(1),) if keep else ()
    sizes = (*source.view_.sizes[:axis], *kept, *source.view_.sizes[axis + 1 :])
    made = allocate(session, sizes, kwargs.get("dtype") or source.dtype, source.device)
    step = Glue(name, (source.view_,), made.view_, {"dim": axis, "keepdim": int(keep)}, session.place())
    session.add(step, source.view_, made.view_)
    return made


OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "empty": _empty,
    "empty_strided": _empty_strided,
    "empty_like": _empty_like,
    "zeros": _filled(0.0),
    "ones": _filled(1.0),
    "full": _full,
    "zeros_like": _filled_like(0.0),
    "ones_like": _filled_like(1.0),
    "full_like": _full_like,
    "new_empty": _of_kind(_empty),
    "new_empty_strided": _of_kind(_empty_strided),
    "new_zeros": _of_kind(_filled(0.0)),
    "new_ones": _of_kind(_filled(1.0)),
    "new_full": _of_kind(_full),
    "clone": _clone,
    "copy_": _copy_into,
    "_to_copy": _to_copy,
    "fill_": _fill,
    "zero_": _fill,
    "view": _moved(_view),
    "_unsafe_view": _moved(_view),
    "alias": _moved(lambda session, view: view),
    "detach": _moved(lambda session, view: view),
    "as_strided": _moved(_as_strided),
    "expand": _moved(lambda session, view, sizes, implicit=False: expanded(session, view, _sizes(session, sizes))),
    "permute": _moved(lambda session, view, order: permuted(view, order)),
    "transpose": _moved(lambda session, view, first, second: swapped(view, first, second)),
    "t": _moved(lambda session, view: swapped(view, 0, 1) if len(view.sizes) == 2 else view),
    "slice": _moved(_slice),
    "select": _moved(lambda session, view, dim, index: selected(session, view, dim, size_of(session, index))),
    "unsqueeze": _moved(lambda session, view, dim: unsqueezed(view, dim)),
    "squeeze": _moved(
        lambda session, view, dim=None: squeezed(session, view, [dim] if isinstance(dim, int) else dim)
    ),
    "unbind": _unbind,
    "split": _split,
}

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
        for name in ("__bool__", "__float__", "__int__", "__index__", "__contains__", "item", "tolist", "numpy")
    },
    **{
        getattr(_Tensor, name): _unseen(name)
        for name in ("data_ptr", "untyped_storage", "storage", "numpy", "is_set_to", "__array__", "__dlpack__")
        if hasattr(_Tensor, name) and name != "numpy"
    },
}
