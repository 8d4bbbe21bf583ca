"""A launch contract names no outputs: a replay compares what is returned and what may be stored into, where written."""

from __future__ import annotations

import pytest

from specs.spec import Dim, Spec, TensorParam
from verify.capture.capture import capture
from verify.case import PROFILES, Candidate, Case
from verify.gates.undefined import undefined
from verify.verdict import Outcome, worst

SOURCE = """
import torch
import triton
import triton.language as tl

@triton.jit
def kernel(x, total, y, N):
    at = tl.arange(0, 64)
    row = tl.load(x + at, mask=at < N OTHER)
    tl.store(total, tl.sum(row))
    tl.store(y + at, 2 * row, mask=at < N)

def entry(x):
    total = torch.empty((1,), dtype=x.dtype, device=x.device)
    y = torch.empty((64,), dtype=x.dtype, device=x.device)
    kernel[(1,)](x, TOTAL, y, x.shape[0])
    return RETURNED
"""


@pytest.mark.parametrize(
    ("other", "total", "returned", "outcome", "told"),
    [
        ("", "total", "y, total", Outcome.REFUTED, "buffer0[0] depends on what masked-off lanes hold"),
        ("", "x", "None", Outcome.REFUTED, "x[0] depends on what masked-off lanes hold"),
        ("", "total", "y", Outcome.UNKNOWN, ""),  # the total is thrown away; what of y nobody writes says nothing
        (", other=0", "total", "[total, y]", Outcome.PROVED, ""),
    ],
)
def test_what_a_contract_leaves_is_compared(other: str, total: str, returned: str, outcome: Outcome, told: str) -> None:
    source = SOURCE.replace("OTHER", other).replace("TOTAL", total).replace("RETURNED", returned)
    x = TensorParam("x", ("N",), contiguous=True, inplace=total == "x")
    spec = Spec("entry", "", (Dim("N", 1, 63),), (x,), dtypes=("float32",))
    candidate = Candidate(source, "entry", "entry.py")
    verdicts = undefined(Case(spec, candidate, capture(spec, candidate, PROFILES["quick"])), PROFILES["quick"])
    assert worst(each.outcome for each in verdicts) is outcome, [each.detail for each in verdicts]
    assert told in " ".join(each.witness.sentence for each in verdicts if each.witness)
