"""Views against torch: the same moves on a real tensor give the same elements."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.sizes import Size, name, size
from verify.capture import views
from verify.capture.session import Session
from verify.plan import View
from verify.verdict import Place

MOVES = ("transpose", "slice", "select", "unsqueeze", "expand", "reshape", "squeeze", "clone_strides")


def session_for(tensor: torch.Tensor) -> tuple[Session, View]:
    hints = {f"n{axis}": extent for axis, extent in enumerate(tensor.shape)}
    hints |= {f"s{axis}": stride for axis, stride in enumerate(tensor.stride())}
    session = Session(hints, dict.fromkeys(hints, (0, 1 << 20)), {}, Place("a.py", 1))
    axes = range(tensor.dim())
    return session, View("x", tuple(name(f"n{a}") for a in axes), tuple(name(f"s{a}") for a in axes))


def shown(session: Session, parts: tuple[Size, ...]) -> tuple[int, ...]:
    return tuple(session.value(part) for part in parts)


def elements(storage: torch.Tensor, session: Session, view: View) -> list[int]:
    sizes, strides = shown(session, view.sizes), shown(session, view.strides)
    return storage.as_strided(sizes, strides, session.value(view.offset)).reshape(-1).tolist()  # type: ignore[no-any-return]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_moves_give_torchs_elements(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    storage = torch.arange(200)
    tensor = storage.as_strided((rows, columns), data.draw(st.sampled_from([(columns, 1), (7, 1), (1, rows), (9, 2)])))
    session, view = session_for(tensor)
    for _ in range(data.draw(st.integers(1, 4))):
        tensor, view = moved(data, session, tensor, view)
        assert shown(session, view.sizes) == tuple(tensor.shape)
        assert elements(storage, session, view) == tensor.reshape(-1).tolist()
    assert session.cell().holds(session.hints)


def moved(data: st.DataObject, session: Session, tensor: torch.Tensor, view: View) -> tuple[torch.Tensor, View]:
    move = data.draw(st.sampled_from(MOVES))
    rank = tensor.dim()
    if move == "reshape" and rank:
        shape = data.draw(st.sampled_from([(-1,), (1, -1), (-1, tensor.shape[-1] or 1), tuple(tensor.shape)]))
        try:
            expected = tensor.view(shape)
        except RuntimeError:
            return tensor, view
        return expected, views.viewed(session, view, [size(each) for each in shape])
    if move == "unsqueeze" and rank < 4:
        axis = data.draw(st.integers(-rank - 1, rank))
        return tensor.unsqueeze(axis), views.unsqueezed(view, axis)
    if not rank:
        return tensor, view
    axis = data.draw(st.integers(-rank, rank - 1))
    if move == "transpose":
        return tensor.transpose(axis, 0), views.swapped(view, axis, 0)
    if move == "slice":
        start, end = data.draw(st.integers(-6, 6)), data.draw(st.integers(-6, 6))
        step = data.draw(st.integers(1, 3))
        index = [slice(None)] * (axis % rank) + [slice(start, end, step)]
        expected = tensor[tuple(index)]
        if expected.numel() == 0:
            return tensor, view
        return expected, views.sliced(session, view, axis, size(start), size(end), step)
    if move == "select" and tensor.shape[axis]:
        at = data.draw(st.integers(-tensor.shape[axis], tensor.shape[axis] - 1))
        return tensor.select(axis, at), views.selected(session, view, axis, size(at))
    if move == "squeeze":
        return tensor.squeeze(axis), views.squeezed(session, view, [axis])
    if move == "expand" and rank < 4:
        sizes = (2, *tensor.shape)
        return tensor.expand(sizes), views.expanded(session, view, [size(each) for each in sizes])
    if move == "clone_strides" and tensor.numel() and 0 not in tensor.stride():
        like = torch.empty_like(tensor)
        strides = shown(session, views.kept_order(session, view))
        long = [axis for axis, extent in enumerate(tensor.shape) if extent > 1]
        assert [strides[axis] for axis in long] == [like.stride(axis) for axis in long]
    return tensor, view


def test_a_reshape_that_needs_no_question_asks_none() -> None:
    session, view = session_for(torch.empty(3, 5))
    again = views.viewed(session, view, [size(-1), name("n1")])
    assert again == view and [str(guard) for guard in session.guards] == ["n1 != 0"]


def test_not_viewable() -> None:
    session, view = session_for(torch.empty(5, 3).t())
    try:
        views.viewed(session, view, [size(-1)])
    except views.NotViewable:
        return
    raise AssertionError
