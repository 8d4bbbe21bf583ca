"""A small spec and the candidates written for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from specs.sizes import name
from specs.spec import Dim, FloatParam, OutputSpec, Spec, TensorParam
from verify.capture.capture import capture
from verify.capture.protocol import Reply, decode
from verify.capture.sandbox import Limits
from verify.case import PROFILES, Candidate
from verify.plan import Capture

CANDIDATES = Path(__file__).with_name("candidates")
SPECIMENS = Path(__file__).parents[2] / "specimens"
POINT = {"M": 3, "N": 5, "x.stride0": 5, "x.stride1": 1}


def double(rows: int = 1 << 18, columns: int = 4096, *, eps: bool = False) -> Spec:
    """A spec over one matrix."""
    scalar = (FloatParam("eps", (1e-6,)),) if eps else ()
    return Spec(
        name="double",
        summary="a matrix like the input",
        dims=(Dim("M", 0, rows), Dim("N", 0, columns)),
        params=(TensorParam("x", ("M", "N")), *scalar),
        outputs=(OutputSpec("out", ("M", "N")),),
        reference=lambda x: x,
        framework=lambda x: x,
        operations=name("M") * name("N"),
        laws=(),
        workloads=(),
        dtypes=("float32",),
    )


def candidate(file: str) -> Candidate:
    return Candidate((CANDIDATES / f"{file}.py").read_text(), "double", f"{file}.py")


def captured(file: str, spec: Spec | None = None, limits: Limits | None = None) -> Capture:
    """What a real, locked-in child finds out."""
    return capture(spec or double(), candidate(file), PROFILES["quick"], limits)


def line_of(file: str, text: str) -> int:
    lines = (CANDIDATES / f"{file}.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def replies(*files: str) -> dict[str, Reply]:
    """One answer for each candidate, all from one process start."""
    script = Path(__file__).with_name("answers.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), *files], capture_output=True, text=True, timeout=120, check=True
    )
    found: dict[str, Reply] = {}
    for line in done.stdout.splitlines():
        for file, reply in json.loads(line).items():
            found[file] = decode(json.dumps(reply).encode(), Reply)
    assert found.keys() == set(files), done.stderr[-2000:]
    return found
