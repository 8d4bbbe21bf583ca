"""Runs the kernels of operations.py in the executor and says where the outputs differ from others'."""

from __future__ import annotations

from collections.abc import Set
from functools import cache

import observed
import torch
from small_plans import dense, inputs, launched, planned

from specs.sizes import size
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.plan import Buffer

FAMILIES = (
    "atomics", "bytes_of_floats", "chance", "extremes", "folds_of_floats", "functions", "integers", "library", "moves",
    "products", "rounding", "scans", "whole_numbers",
)  # fmt: skip
# Functions that devices and libraries approximate: how many units in the last place they may be apart.
ULPS = {
    "functions": {f"o{row}": 4 for row in (0, 1, 2, 3, 4, 5, 6, 8, 13)},
    "library": {"o0": 4, "o3": 32, "o4": 16},  # the sum of row 3 cancels
    "chance": {"o2": 4},  # the logarithm, root and cosine of tl.randn
    "products": {f"o{row}": 4 for row in range(8, 12)},  # tf32x3: the order of the small products is the compiler's
}
# Lanes that nobody defines: what atomics give where masked; floats beyond the range of a byte.
UNDEFINED = {"atomics": {"o3": slice(40, 64)}, "whole_numbers": {"p2": slice(None), "p6": slice(None)}}


@cache
def executed(kernel: str) -> dict[str, str]:
    o, p = dense("o", 16, 64), dense("p", 16, 64)
    given = {name: dense(name, 64) for name in "fgij"}
    launch = launched(f"operations_{kernel}", [1], **given, o=o, p=p)
    kinds = (("f", "float32"), ("g", "float32"), ("i", "int32"), ("j", "int32"))
    outputs = [Buffer("o", "float32", size(1024), fill=0), Buffer("p", "int32", size(1024), fill=0)]
    run = run_plan(planned([launch], [*inputs(*kinds), *outputs], [o, p]), observed.given(), Mode.FAITHFUL)
    assert not run.faults
    return observed.rows(*run.outputs)


def apart(kernel: str, theirs: dict[str, str], leave: Set[str] = frozenset()) -> dict[str, list[tuple[str, str]]]:
    """The first lanes, ours and theirs, of each row that differs. Subnormal numbers, which devices flush, and the
    payload of NaN are left out, and the rows `leave`."""
    ours, found = executed(kernel), {}
    inputs = observed.given()
    flushed = _subnormal(inputs["f"]) | _subnormal(inputs["g"])
    for row in sorted((ours.keys() | theirs.keys()) - leave):
        mine, other = (observed.read(part.get(row, "0" * 512)) for part in (ours, theirs))
        differs = (mine != other) & ~flushed
        if row.startswith("o"):
            a, b = mine.view(torch.float32), other.view(torch.float32)
            near = (mine - other).abs() <= ULPS.get(kernel, {}).get(row, 0)
            differs &= ~(near | (a == b) | (a.isnan() & b.isnan()) | _subnormal(a) | _subnormal(b))
        elif kernel == "rounding":
            differs &= ~inputs["f"].isnan()
        if row in UNDEFINED.get(kernel, {}):
            differs[UNDEFINED[kernel][row]] = False
        if bool(differs.any()):
            found[row] = [(f"{x:08x}", f"{y:08x}") for x, y in zip(mine[differs], other[differs], strict=True)][:3]
    return found


def _subnormal(data: torch.Tensor) -> torch.Tensor:
    return (data.abs() < torch.finfo(torch.float32).tiny) & (data != 0)
