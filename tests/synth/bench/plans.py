"""A hand-made plan for softmax, and a stand-in for its compiled kernel that works on host memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch

import specs
from specs.sizes import TRUE, name, none_of, size
from verify.case import Candidate, Case
from verify.dossier import Dossier
from verify.plan import Buffer, Capture, IntegerArgument, Launch, Plan, PointerArgument, Variant, View
from verify.verdict import Outcome, Place, Verdict, Witness

SPEC = specs.ALL["softmax"]
PLACE = Place("softmax.py", 9)
M, N = name("M"), name("N")
ALIGNED = (name("x.address") % 16).equals(0)
PARAMETERS = ("x_ptr", "y_ptr", "stride", "rows", "columns")


def plan(dtype: str = "float32", cell: Any = TRUE) -> Plan:
    x = View("x", (M, N), (name("x.stride0"), name("x.stride1")))
    out = View("out", (M, N), (N, size(1)))
    arguments = (
        PointerArgument("x_ptr", x),
        PointerArgument("y_ptr", out),
        IntegerArgument("stride", name("x.stride0"), "i32"),
        IntegerArgument("rows", M, "i32"),
        IntegerArgument("columns", N, "i32"),
    )
    grid = (M, size(1), size(1))
    variants = (
        Variant("aligned", PARAMETERS, grid, ALIGNED, num_warps=8),
        Variant("loose", PARAMETERS, grid, none_of(ALIGNED)),
    )
    buffers = (Buffer("x", dtype, M * N, "x"), Buffer("out", dtype, M * N))
    return Plan(dtype, {}, cell, buffers, (Launch("rows", arguments, variants, PLACE),), (out,))


def case() -> Case:
    return Case(SPEC, Candidate("source", "softmax", "softmax.py"), Capture((plan(),), (), "none"))


def dossier(of: Case, outcome: Outcome = Outcome.PROVED, required: str = "bounds") -> Dossier:
    witness = Witness("M=1: stores out[3], out has 3 elements", "executor") if outcome is Outcome.REFUTED else None
    verdict = Verdict("bounds", outcome, "accesses are in bounds", "all shapes", witness=witness)
    return Dossier(of.digest, "ci", 0, {required: Outcome.PROVED}, (verdict,))


class HostKernel:
    """Does on host memory what a compiled softmax would do, one float32 row a program."""

    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor] = lambda out: out, reach: int = 0) -> None:
        self.change, self.reach, self.started = change, reach, list[tuple[Any, ...]]()

    def __getitem__(self, grid: tuple[int, int, int]) -> Callable[..., None]:
        def run(x: int, y: int, stride: int, rows: int, columns: int) -> None:
            self.started.append((grid, x, y, stride, rows, columns))
            source = floats(x, (rows - 1) * stride + columns).as_strided((rows, columns), (stride, 1))
            target = floats(y, rows * columns + self.reach)
            target[: rows * columns] = self.change(source.softmax(-1)).reshape(-1)
            target[rows * columns :] = 1.0

        return run


def floats(address: int, count: int) -> torch.Tensor:
    """`count` float32 at a host address."""
    return torch.frombuffer((ctypes.c_float * count).from_address(address), dtype=torch.float32)
