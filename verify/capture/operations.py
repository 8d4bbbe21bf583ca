"""What torch's operations mean to the plan: allocations make buffers, copies make steps, views move.

One table by operation name. What is not in it is a violation of the policy, or not modelled
(`tensors.dispatch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from attrs import evolve

from specs.sizes import Size, size
from verify.capture.algebra import same, simplified
from verify.capture.session import Session
from verify.capture.symbols import size_of
from verify.capture.tensors import DEVICE, DTYPES, Stand
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


def like(source: Stand, view: View) -> Stand:
    return Stand.of(source.session, view, source.dtype_, source.device)


def sizes_of(session: Session, values: Any) -> tuple[Size, ...]:
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
    dense: bool = True,
) -> Stand:
    """A fresh tensor. `fill` is a number for `zeros` and `full`; `dense` strides leave no gaps."""
    _negative(session, sizes)
    name = DTYPES.get(dtype or torch.get_default_dtype())
    if name is None:
        session.unsupported(f"a tensor of dtype {dtype}")
        raise AssertionError
    elements = count(sizes) if dense else _extent(session, sizes, strides or packed(sizes))
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
    plain_layout(session, rest)
    return allocate(session, sizes_of(session, sizes), dtype, device)


def _empty_strided(
    session: Session, sizes: Any, strides: Any, dtype: Any = None, device: Any = None, **rest: Any
) -> Stand:
    return allocate(session, sizes_of(session, sizes), dtype, device, sizes_of(session, strides), dense=False)


def _filled(value: Any) -> Callable[..., Stand]:
    def make(session: Session, sizes: Any, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
        return allocate(session, sizes_of(session, sizes), dtype, device, fill=value)

    return make


def _full(session: Session, sizes: Any, value: Any, dtype: Any = None, device: Any = None, **rest: Any) -> Stand:
    if dtype is None:
        dtype = torch.bool if isinstance(value, bool) else torch.int64 if isinstance(value, int) else None
    return allocate(session, sizes_of(session, sizes), dtype, device, fill=value)


def _empty_like(
    session: Session, source: Stand, dtype: Any = None, device: Any = None, fill: Any = None, **rest: Any
) -> Stand:
    how = rest.get("memory_format")
    plain_layout(session, {**rest, "memory_format": None if how is torch.preserve_format else how})
    keeps = how is None or how is torch.preserve_format
    strides = kept_order(session, source.view_) if keeps else None
    return allocate(session, source.view_.sizes, dtype or source.dtype, device or source.device, strides, fill)


def _filled_like(value: Any) -> Callable[..., Stand]:
    return lambda session, source, **options: _empty_like(session, source, fill=value, **options)


def _full_like(session: Session, source: Stand, value: Any, **options: Any) -> Stand:
    return _empty_like(session, source, fill=value, **options)


def _of_kind(make: Callable[..., Stand]) -> Callable[..., Stand]:
    """`new_*`: dtype and device default to those of the tensor."""

    def create(
        session: Session, source: Stand, *args: Any, dtype: Any = None, device: Any = None, **rest: Any
    ) -> Stand:
        return make(session, *args, dtype=dtype or source.dtype, device=device or source.device, **rest)

    return create


def plain_layout(session: Session, options: Mapping[str, Any]) -> None:
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


def copy_into(session: Session, target: Stand, source: Stand, *_: Any) -> Stand:
    writable(session, target)
    if source.view_.buffer == target.view_.buffer and source.view_ != target.view_:
        session.unsupported("a copy within one buffer")
    copy(session, expanded(session, source.view_, target.view_.sizes), target.view_)
    return target


def fill(session: Session, target: Stand, value: Any = 0.0) -> Stand:
    writable(session, target)
    number_ = filling(session, value)
    buffer = session.buffers[target.view_.buffer]
    if buffer.param is None and buffer.name not in session.touched and same(count(target.view_.sizes), buffer.elements):
        session.refill(buffer.name, number_)
        return target
    single = View(session.allocate(target.dtype_, size(1), number_), (), (), dtype=target.dtype_)
    copy(session, expanded(session, single, target.view_.sizes), target.view_)
    return target


def writable(session: Session, target: Stand) -> None:
    """torch writes only to what the caller lets it, and only where no two elements share an address."""
    param = session.buffers[target.view_.buffer].param
    if param is not None and param not in session.inplace:
        session.violation("interface", f"writes to its input {param!r}")
    if (param is not None or size(0) in target.view_.strides) and not is_packed(session, target.view_):
        session.unsupported(f"writes with torch to {target.view_.buffer!r} where its elements may overlap")


# -- views


def _moved(move: Callable[..., View]) -> Callable[..., Stand]:
    """A view operation from a function of the session, the view and plain arguments."""

    def apply(session: Session, source: Stand, *args: Any, **kwargs: Any) -> Stand:
        return like(source, move(session, source.view_, *args, **kwargs))

    return apply


def _view(session: Session, view: View, sizes: Any) -> View:
    if isinstance(sizes, torch.dtype):
        if DTYPES.get(sizes) == view.dtype:
            return view
        session.unsupported(f"reading a tensor's bytes as {sizes}")
    try:
        return viewed(session, view, sizes_of(session, sizes))
    except NotViewable:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride. Use .reshape(...) instead."
        ) from None


def sliced_view(session: Session, view: View, dim: Any = 0, start: Any = None, end: Any = None, step: Any = 1) -> View:
    first, last = (None if at is None else size_of(session, at) for at in (start, end))
    return sliced(session, view, dim, first, last, _plain(session, step))


def _as_strided(session: Session, view: View, sizes: Any, strides: Any, offset: Any = None) -> View:
    at = view.offset if offset is None else size_of(session, offset)
    return evolve(view, sizes=sizes_of(session, sizes), strides=sizes_of(session, strides), offset=at)


def _unbind(session: Session, source: Stand, dim: int = 0) -> list[Stand]:
    length = session.fix(source.view_.sizes[axis_of(dim, source.dim())])
    return [like(source, selected(session, source.view_, dim, size(at))) for at in range(length)]


def _split(session: Session, source: Stand, step: Any, dim: int = 0) -> list[Stand]:
    length = session.fix(source.view_.sizes[axis_of(dim, source.dim())])
    width = _plain(session, step)
    starts = range(0, length, width) if length else (0,)
    return [
        like(source, sliced(session, source.view_, dim, size(at), size(min(at + width, length)), 1)) for at in starts
    ]


def glue(session: Session, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Stand:
    """An operation that the spec allows the host code. So far: a sum over one axis."""
    source: Stand = args[0]
    axes = args[1] if len(args) > 1 else kwargs.get("dim")
    if name != "sum" or not isinstance(axes, list) or len(axes) != 1:
        session.unsupported(f"the glue operation {name} with these arguments")
        raise AssertionError
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
    "copy_": copy_into,
    "_to_copy": _to_copy,
    "fill_": fill,
    "zero_": fill,
    "view": _moved(_view),
    "_unsafe_view": _moved(_view),
    "alias": _moved(lambda session, view: view),
    "detach": _moved(lambda session, view: view),
    "as_strided": _moved(_as_strided),
    "expand": _moved(lambda session, view, sizes, implicit=False: expanded(session, view, sizes_of(session, sizes))),
    "permute": _moved(lambda session, view, order: permuted(view, order)),
    "transpose": _moved(lambda session, view, first, second: swapped(view, first, second)),
    "t": _moved(lambda session, view: swapped(view, 0, 1) if len(view.sizes) == 2 else view),
    "slice": _moved(sliced_view),
    "select": _moved(lambda session, view, dim, index: selected(session, view, dim, size_of(session, index))),
    "unsqueeze": _moved(lambda session, view, dim: unsqueezed(view, dim)),
    "squeeze": _moved(lambda session, view, dim=None: squeezed(session, view, [dim] if isinstance(dim, int) else dim)),
    "unbind": _unbind,
    "split": _split,
}
