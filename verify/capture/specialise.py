"""What Triton knows of arguments beyond their types: ones become constants, multiples of 16 are marked.

Each piece of knowledge comes with the condition on sizes under which it is true; addresses are sizes here
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from attrs import evolve

from specs.sizes import Condition, Size, all_of, name, size
from verify.capture.algebra import decided, simplified
from verify.capture.lower import Kernel
from verify.capture.session import Session
from verify.plan import Argument, FloatArgument, PointerArgument

ALIGNMENT: Final = 16  # bytes of an address, or the factor of an integer, that Triton makes use of


def specialised(
    session: Session,
    function: Any,
    plain: Kernel,
    arguments: tuple[Argument, ...],
    point: Mapping[str, int] | None,
) -> tuple[Kernel, Condition]:
    """What Triton makes of the arguments' values at a point, with the condition under which it may.

    Without a point: what it makes of them everywhere in the cell, on the condition `true`. Addresses are
    not known then.
    """
    found: dict[str, list[Condition]] = {}  # conditions for a multiple of 16
    ones: dict[str, Condition] = {}
    free = {each.name for each in function.params if each.do_not_specialize or each.do_not_specialize_on_alignment}
    for argument in arguments:
        if argument.name in free or argument.name not in plain.types or isinstance(argument, FloatArgument):
            continue
        if isinstance(argument, PointerArgument):
            if point is not None and not argument.block:
                found[argument.name] = _aligned_address(session, argument)
        elif argument.type != "i1":
            one, even = argument.value.equals(1), (argument.value % ALIGNMENT).equals(0)
            if _known(session, one, point):
                ones[argument.name] = one
            elif _known(session, even, point):
                found[argument.name] = [even]
    if point is not None:
        found = {name: needs for name, needs in found.items() if all(_holds(need, point) for need in needs)}
    types = {name: "constexpr" if name in ones else type for name, type in plain.types.items()}
    constants = {
        name: 1 if name in ones else plain.constants[name] for name, type in types.items() if type == "constexpr"
    }
    conditions = [*ones.values(), *(need for needs in found.values() for need in needs)]
    needed = [each for each in dict.fromkeys(conditions) if decided(each, session.ranges) is not True]
    return evolve(plain, types=types, constants=constants, aligned=frozenset(found)), all_of(*needed)


def _known(session: Session, condition: Condition, point: Mapping[str, int] | None) -> bool:
    return decided(condition, session.ranges) is True if point is None else condition.holds(point)


def _holds(condition: Condition, point: Mapping[str, int]) -> bool:
    """At the point, where every address is a multiple of 16."""
    return condition.holds({**point, **{address: 0 for address in condition.names() if address not in point}})


def _aligned_address(session: Session, argument: PointerArgument) -> list[Condition]:
    """Conditions for a multiple of 16; what the host code allocates starts at one by itself."""
    buffer = session.buffers[argument.view.buffer]
    conditions = []
    if buffer.param is not None:
        conditions.append((name(f"{buffer.param}.address") % ALIGNMENT).equals(0))
    offset = _offset_bytes(session, argument)
    if offset != size(0):
        conditions.append((offset % ALIGNMENT).equals(0))
    return conditions


def _offset_bytes(session: Session, argument: PointerArgument) -> Size:
    width = getattr(torch, argument.view.dtype).itemsize
    return simplified(argument.view.offset * width)
