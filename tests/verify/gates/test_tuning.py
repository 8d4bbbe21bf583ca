"""Autotuned kernels that read what they write, with and without an autotuner that puts it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from specs.spec import Dim, Spec, TensorParam
from verify.capture.capture import capture
from verify.case import PROFILES, Candidate, Case
from verify.gates.tuning import trials
from verify.verdict import Outcome

SOURCE = """
import torch
import triton
import triton.language as tl

@triton.autotune(configs=[triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})], key=["n"] ARGUMENTS)
@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    BODY

def entry(x):
    y = torch.FILL(x.shape, dtype=x.dtype, device=x.device)
    kernel[lambda meta: (triton.cdiv(x.shape[0], meta["BLOCK"]),)](x, y, x.shape[0])
    return y
"""
SPEC = Spec(
    "entry", "", (Dim("N", 1, 9999),), (TensorParam("x", ("N",), contiguous=True, inplace=True),), dtypes=("float32",)
)
DOUBLE = "tl.store(x + at, 2 * tl.load(x + at, mask, other=0), mask)"
CLIP = "tl.store(x + at, tl.maximum(tl.load(x + at, mask, other=0), 0), mask)"
ADD = "tl.atomic_add(y + at, tl.load(x + at, mask, other=0), mask)"
COPY = "tl.store(y + at, tl.load(x + at, mask, other=0), mask)"
WALK = """p, q = x + at, y + at
    for _ in range(n):
        tl.store(q, tl.load(p, mask, other=0), mask)
        p, q = p + n, q + n"""
SWAP = WALK.replace("p + n, q + n", "q, p")
COUNT = WALK.replace("for _ in range(n):", "i = 0\n    while i < n:").replace("q + n", "q + n\n        i += 1")
PICK = """q = y + at
    if n > 1:
        q = x + at
    tl.store(q, tl.load(x + at, mask, other=0), mask)"""


@pytest.mark.parametrize(
    ("body", "fill", "arguments", "outcome"),
    [
        (DOUBLE, "empty", "", Outcome.REFUTED),
        (DOUBLE, "empty", ", restore_value=['x']", Outcome.PROVED),
        (CLIP, "empty", "", Outcome.UNKNOWN),  # a second time changes nothing, but that is not proved
        (ADD, "zeros", "", Outcome.REFUTED),
        (ADD, "zeros", ", reset_to_zero=['y']", Outcome.PROVED),
        (ADD, "zeros", ", reset_to_zero=['x']", Outcome.REFUTED),
        (COPY, "empty", "", Outcome.PROVED),
        (WALK, "empty", "", Outcome.PROVED),
        (COUNT, "empty", "", Outcome.PROVED),
        (SWAP, "empty", "", Outcome.UNKNOWN),  # each is read and written, though what is written is what was there
        (COUNT.replace("p + n, q + n", "q, p"), "empty", "", Outcome.UNKNOWN),
        (PICK, "empty", "", Outcome.UNKNOWN),
    ],
)
def test_trials_are_seen_where_they_change_what_is_read(
    tmp_path: Path, body: str, fill: str, arguments: str, outcome: Outcome
) -> None:
    source = SOURCE.replace("BODY", body).replace("FILL", fill).replace("ARGUMENTS", arguments)
    candidate = Candidate(source, "entry", "entry.py")
    case = Case(SPEC, candidate, capture(SPEC, candidate, PROFILES["quick"]))
    (found,) = trials(case, PROFILES["quick"])
    assert (found.outcome, found.kernel) == (outcome, "kernel")
    if found.witness is not None:
        buffer = "x" if body == DOUBLE else "buffer0"
        assert f"reads and writes {buffer}" in found.witness.sentence
        assert "BLOCK: 64" in found.witness.sentence


def test_one_configuration_has_no_trials() -> None:
    source = SOURCE.replace('triton.Config({"BLOCK": 64}), ', "")
    candidate = Candidate(
        source.replace("BODY", DOUBLE).replace("FILL", "empty").replace("ARGUMENTS", ""), "entry", "e.py"
    )
    assert list(trials(Case(SPEC, candidate, capture(SPEC, candidate, PROFILES["quick"])), PROFILES["quick"])) == []
