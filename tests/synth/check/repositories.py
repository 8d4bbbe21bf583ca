"""Small repositories to check: files in a folder, and in git where a test needs a base."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from textwrap import dedent

KERNEL = '''\
import torch
import triton
import triton.language as tl

from ops.sizes import block


@triton.jit
def scaled(x, factor):
    """What one lane gives."""
    return x * factor


@triton.jit
def double_rows(x_ptr, y_ptr, row_stride, col_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(x_ptr + row * row_stride + cols.to(tl.int64) * col_stride, mask=mask, other=0.0)
    tl.store(y_ptr + row * n_cols + cols, scaled(x, 2.0), mask=mask)


def double(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    double_rows[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=block(n))
    return y
'''
SIZES = """\
import triton

LEAST = 16


def block(n):
    return max(LEAST, triton.next_power_of_2(n))


def unused(n):
    return n
"""
SPEC = """\
from specs.sizes import name
from specs.spec import Dim, OutputSpec, Spec, TensorParam

DOUBLE = Spec(
    name="double",
    summary="2 * x",
    dims=(Dim("M", 1, 1000, samples=(1, 3)), Dim("N", 17, 32, samples=(17, 31))),
    params=(TensorParam("x", ("M", "N")),),
    outputs=(OutputSpec("out", ("M", "N")),),
    reference=lambda x: x * 2,
    framework=lambda x: x * 2,
    operations=name("M") * name("N"),
    laws=(),
    workloads=(),
    dtypes=("float32",),
)
"""
CONFIG = """\
[tool.kernelproof]
profile = "quick"
required = ["policy", "bounds", "overflow"]

[tool.kernelproof.specs]
"ops.double:double" = "contracts.py:DOUBLE"
"""
FILES = {
    "ops/__init__.py": "",
    "ops/double.py": KERNEL,
    "ops/sizes.py": SIZES,
    "contracts.py": SPEC,
    "pyproject.toml": CONFIG,
}
UNMASKED = ("scaled(x, 2.0), mask=mask)", "scaled(x, 2.0))")  # the nearest bad twin


def write(root: Path, files: dict[str, str]) -> Path:
    """Write the files below the folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git as somebody without a configuration of their own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    named = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-C", str(root), "-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=clean | named, check=True)
    return done.stdout.strip()


def repository(root: Path, files: dict[str, str] | None = None) -> Path:
    """A git repository on `main` with one commit of the files."""
    write(root, FILES if files is None else files)
    git(root, "init", "-q", "-b", "main")
    commit(root)
    return root


def commit(root: Path, message: str = "a change") -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", dedent(message))


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))
