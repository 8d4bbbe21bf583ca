"""Plans around the kernels of ttir/, and single operations, for the tests of the executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from specs.sizes import TRUE, Size, name, size
from verify.executor.faults import Log
from verify.executor.lanes import Lanes
from verify.executor.launch import batch
from verify.executor.machine import Machine
from verify.executor.meanings import BOUNDED, MEANINGS
from verify.executor.modes import Fill, Mode
from verify.executor.phantom import Phantom
from verify.ir.parse import parse
from verify.ir.program import Block, Function, Operation, Program, Region, Type, Value, shape_of
from verify.plan import (
    Argument,
    Buffer,
    FloatArgument,
    IntegerArgument,
    Launch,
    Plan,
    PointerArgument,
    Step,
    Variant,
    View,
)  # fmt: skip
from verify.verdict import Place

HERE = Place("host.py", 1)


def text_of(kernel: str) -> str:
    return (Path(__file__).parent / "ttir" / f"{kernel}.ttir").read_text(encoding="utf-8")


def an(part: str | int | Size) -> Size:
    return part if isinstance(part, Size) else name(part) if isinstance(part, str) else size(part)


def strided(buffer: str, *dims: str | int, dtype: str = "") -> View:
    """The view of an input with free strides."""
    strides = tuple(name(f"{buffer}.stride{axis}") for axis in range(len(dims)))
    return View(buffer, tuple(an(dim) for dim in dims), strides, dtype=dtype)


def dense(buffer: str, *dims: str | int | Size) -> View:
    """The row-major view of an allocation."""
    strides, step = [], size(1)
    for dim in reversed(dims):
        strides.insert(0, step)
        step = step * an(dim)
    return View(buffer, tuple(an(dim) for dim in dims), tuple(strides))


def launched(kernel: str, grid: Sequence[str | int | Size], **given: View | str | int | float | Size) -> Launch:
    """A launch of a text of ttir/, its arguments by the names of the kernel's parameters."""
    text = text_of(kernel)
    parameters = [(value.name.lstrip("%"), value.type) for value in parse(text).kernel.arguments]
    arguments: list[Argument] = []
    for parameter, kind in parameters:
        value = given.pop(parameter)
        if isinstance(value, View):
            arguments.append(PointerArgument(parameter, value))
        elif isinstance(value, float):
            arguments.append(FloatArgument(parameter, value, "fp32", param=parameter))
        else:
            arguments.append(IntegerArgument(parameter, an(value), str(kind)))
    assert not given, f"{kernel} has no parameters {sorted(given)}"
    x, y, z = (an(part) for part in (*grid, 1, 1)[:3])
    names = tuple(parameter for parameter, _ in parameters)
    return Launch(kernel, tuple(arguments), (Variant(text, names, (x, y, z)),), HERE)


def planned(steps: Sequence[Step], buffers: Sequence[Buffer], outputs: Sequence[View], **extra: Any) -> Plan:
    given = {"dtype": "float32", "choices": {}, "cell": TRUE} | extra
    return Plan(buffers=tuple(buffers), steps=tuple(steps), outputs=tuple(outputs), **given)


def inputs(*buffers: tuple[str, str]) -> list[Buffer]:
    """Input buffers from (name, dtype)."""
    return [Buffer(known, dtype, size(0), known) for known, dtype in buffers]


def row_plan(kernel: str, dtype: str = "float32") -> Plan:
    """A kernel of the softmax family: `y` of M rows of N."""
    y = dense("y", "M", "N")
    launch = launched(kernel, ["M"], x_ptr=strided("x", "M", "N"), y_ptr=y, sx="x.stride0", sy="N", N="N")
    return planned([launch], [*inputs(("x", dtype)), Buffer("y", dtype, name("M") * name("N"))], [y], dtype=dtype)


def matmul_plan(kernel: str, dtype: str, tile: tuple[int, int]) -> Plan:
    c = dense("c", "M", "N")
    down, across = (an(dim) + (length - 1) for dim, length in zip(("M", "N"), tile, strict=True))
    launch = launched(
        kernel, [(down // tile[0]) * (across // tile[1])],
        a_ptr=strided("a", "M", "K"), b_ptr=strided("b", "K", "N"), c_ptr=c, M="M", N="N", K="K",
        sam="a.stride0", sak="a.stride1", sbk="b.stride0", sbn="b.stride1", scm="N", scn=1,
    )  # fmt: skip
    buffers = [*inputs(("a", dtype), ("b", dtype)), Buffer("c", dtype, name("M") * name("N"))]
    return planned([launch], buffers, [c], dtype=dtype)


def apply(
    operation: str,
    operands: Sequence[tuple[torch.Tensor | list[Any], Type]],
    result: Type,
    *,
    mode: Mode = Mode.FAITHFUL,
    **attributes: Any,
) -> Lanes:
    """The meaning of one operation on lanes of one program: `operands` are data (lanes) and type."""
    held = [Lanes(torch.as_tensor(data).unsqueeze(0)) for data, _ in operands]
    values = tuple(Value(f"%{index}", kind) for index, (_, kind) in enumerate(operands))
    done = Operation(operation, values, (Value("%r", result),), attributes, (), (), Place("k.py", 7))
    (found,) = (BOUNDED if mode is Mode.BOUNDED else MEANINGS)[operation](machine(mode), done, held)
    assert isinstance(found, Lanes)
    return Lanes(found.full(shape_of(result)), found.wrap)


def machine(mode: Mode = Mode.FAITHFUL, sizes: Mapping[str, int] | None = None) -> Machine:
    """A machine of one program without memory."""
    end = Operation("tt.return", (), (), {}, (), (), Place("k.py", 9))
    body = Region((Block("^bb0", (), (end,)),))
    program = Program((Function("k", (), (), (), body, True, Place("k.py", 1)),))
    log = Log(sizes or {})
    return Machine(program, MEANINGS, mode, Fill.NAN, Phantom({}, 0, log), log, batch((1, 1, 1), torch.arange(1)), 100)
