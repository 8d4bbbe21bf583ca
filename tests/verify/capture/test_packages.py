"""Policy `repo` on a library with launchers of its own, reached through a wrapper in another package."""

from __future__ import annotations

import math
from pathlib import Path

from attrs import evolve

from tests.verify.capture.small import double
from verify.capture.capture import capture
from verify.case import PROFILES, Candidate
from verify.plan import Capture, Plan, PointerArgument, Unsupported

LIBRARY = '''
import functools
import math
import multiprocessing
import torch
import triton
import triton.language as tl
from triton.runtime.autotuner import Autotuner

LOCK = multiprocessing.Lock()


class Remembering(Autotuner):
    """An autotuner that would look for a cached choice first: by a dictionary keyed on sizes."""

    def run(self, *args, **kwargs):
        key = tuple(args)
        return super().run(*args, **kwargs)


class Strange(triton.KernelInterface):
    def __init__(self, fn):
        self.fn = fn

    def run(self, *args, **kwargs):
        return self.fn.run(*args, **kwargs)


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(x + at, mask=at < n, other=0.0), mask=at < n)


CONFIGS = [triton.Config({"BLOCK": block}) for block in (64, 128, 4096)]
PRUNE = {"early_config_prune": lambda configs, named, **rest: configs[:2] if named["n"] > 0 else configs[:1]}
tuned = Remembering(copy, copy.arg_names, CONFIGS, ["n"], None, None, prune_configs_by=PRUNE)
strange = Strange(copy)


@functools.cache
def doubled(columns):
    return 2 * columns


def by_key(x):
    """A block size that is remembered by a size."""
    out = torch.empty_like(x)
    copy[(triton.cdiv(x.numel(), 64),)](x, out, x.numel(), doubled(x.shape[1]) * 32)
    return out


def by_root(x):
    """Block size by the root of the count, and a choice by quotients and floats of sizes."""
    out = torch.empty_like(x)
    n = x.numel()
    block = triton.next_power_of_2(math.ceil(math.sqrt(n)))
    waves = triton.cdiv(n, block) / 132
    rows = 2 if waves > 1.5 and n - 3.0 > 0 else 1
    copy[(triton.cdiv(round(float(n)), block), rows, 1, 1)](x, out, n, block)
    return out


class Addressed:
    """What is launched as a tensor: an address and a dtype."""

    def __init__(self, x, bytes=0):
        self.at, self.dtype = x.data_ptr() + bytes if bytes else x.data_ptr(), x.dtype

    def data_ptr(self):
        return self.at


def by_address(x, bytes=0):
    out = torch.empty_like(x)
    n = math.prod(torch.broadcast_shapes((x.shape[1],), x.shape, (1, 1)))
    copy[(triton.cdiv(n, 64),)](Addressed(x, bytes), Addressed(out), n, 64)
    return out


def launch(kernel, x):
    out = torch.empty_like(x)
    n = min(x.numel(), int(x.shape[0]) * x.shape[1])
    assert max(len(each.shape) for each in (x, out)) == 2 and min(iter("ba")) == "a"
    with LOCK:
        kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n)
    return out
'''
WRAPPER = """
import library

def tuned(x):
    return library.launch(library.tuned, x)

def by_root(x):
    return library.by_root(x)

def by_key(x):
    return library.by_key(x)

def strange(x):
    return library.launch(library.strange, x)

def by_address(x):
    return library.by_address(x)

def beside(x):
    return library.by_address(x, 4)

"""


def found(folder: Path, entry: str, columns: int = 4096) -> Capture:
    (folder / "library.py").write_text(LIBRARY)
    (folder / "wrapper.py").write_text(WRAPPER)
    small = double(rows=1024, columns=columns)
    spec = evolve(small, params=tuple(evolve(param, contiguous=True) for param in small.tensors))
    candidate = Candidate(WRAPPER, entry, f"wrapper:{entry}", policy="repo")
    return capture(spec, candidate, PROFILES["quick"], roots=(str(folder),))


def test_an_autotuner_of_the_librarys_own(tmp_path: Path) -> None:
    """Sizes stay symbolic through `min` and `int`, and only what its pruning leaves is captured."""
    plans = found(tmp_path, "tuned").answers
    assert all(isinstance(plan, Plan) for plan in plans)
    by_cell = {str(plan.cell): plan for plan in plans if isinstance(plan, Plan)}
    assert len(by_cell) == 2, list(by_cell)
    for cell, plan in by_cell.items():
        (launch,) = plan.launches
        blocks = [variant.constants["BLOCK"] for variant in launch.variants]
        assert blocks == (
            ["64", "128"] if plan.cell.holds({"M": 3, "N": 5, "x.stride0": 5, "x.stride1": 1}) else ["64"]
        )
        assert launch.place.file == "library.py", cell


def test_a_launcher_that_nobody_has_read(tmp_path: Path) -> None:
    (answer,) = found(tmp_path, "strange").answers
    assert isinstance(answer, Unsupported) and answer.what == "a launch of a Strange"


def test_roots_and_quotients_of_sizes(tmp_path: Path) -> None:
    """Every power of two is a cell, and the guards say exactly what Python would have computed."""
    plans = [answer for answer in found(tmp_path, "by_root").answers if isinstance(answer, Plan)]
    assert len(plans) < 20
    for rows, columns in ((1, 2), (3, 43), (2, 2), (5, 13), (9, 9), (31, 4096), (32, 2048), (1000, 4001)):
        sizes = {"M": rows, "N": columns, "x.stride0": columns, "x.stride1": 1}
        (plan,) = (plan for plan in plans if plan.cell.holds(sizes))
        n = rows * columns
        block = 1 << (math.ceil(math.sqrt(n)) - 1).bit_length()
        (variant,) = plan.launches[0].variants
        assert variant.constants["BLOCK"] == str(block), (rows, columns)
        twice = 2 if -(-n // block) / 132 > 1.5 and n > 3 else 1
        assert variant.grid[1].evaluate(sizes) == twice, (rows, columns)


def test_a_size_as_a_key_is_fixed(tmp_path: Path) -> None:
    plans = [answer for answer in found(tmp_path, "by_key", columns=2).answers if isinstance(answer, Plan)]
    assert len(plans) == 2
    for plan in plans:
        columns = int(plan.launches[0].variants[0].constants["BLOCK"]) // 64
        sizes = [{"M": 3, "N": n, "x.stride0": n, "x.stride1": 1} for n in (1, 2)]
        assert [plan.cell.holds(each) for each in sizes] == [columns == 1, columns == 2]


def test_an_object_with_an_address_is_the_tensor_behind_it(tmp_path: Path) -> None:
    (plan,) = found(tmp_path, "by_address").answers  # of one shape for every size
    assert isinstance(plan, Plan) and str(plan.cell) == "true"
    given = [each.view.buffer for each in plan.launches[0].arguments if isinstance(each, PointerArgument)]
    assert given == ["x", "out"]
    (answer,) = found(tmp_path, "beside").answers
    assert isinstance(answer, Unsupported) and answer.what == "an address that the host code computes with (add)"
