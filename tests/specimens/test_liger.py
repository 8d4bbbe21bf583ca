"""Kernels that nobody here wrote: softmax and rms_norm of Liger-Kernel 0.8.5, captured from the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from verified import verify_named

ROOT: Final = Path(__file__).resolve().parents[2]
SPECS: Final = ROOT / "examples" / "liger.py"  # the specs on the sizes that the wrappers accept
SOFTMAX: Final = "liger_kernel.transformers.functional:liger_softmax"
RMS_NORM: Final = "liger_kernel.transformers.functional:liger_rms_norm"
GEMMA: Final = "examples.liger_gemma:rms_norm"


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_softmax_is_admitted_on_the_rows_that_it_accepts() -> None:
    verified = verify_named(SOFTMAX, "--spec", f"{SPECS}:SOFTMAX", "--profile", "quick")
    assert verified.code == 0, verified.output
    assert verified.facts["verdict"] == "admitted"


def test_softmax_fails_on_empty_rows() -> None:
    """`x.contiguous().view(-1, 0)` is an error in torch: -1 could be any number of empty rows."""
    verified = verify_named(SOFTMAX, "--spec", "softmax", "--profile", "quick", "--gates", "policy")
    assert verified.code == 1, verified.output
    assert verified.gates("refuted") == ("policy",)
    assert "fails for float32, M=2, N=0" in verified.output
    assert "--> liger_kernel/ops/softmax.py:118" in verified.output


def test_rms_norm_rounds_twice_in_its_usual_mode() -> None:
    """The Llama casting mode rounds the normalised row to its dtype before it multiplies with the weight."""
    options = ("--profile", "quick", "--gates", "algorithm,numerics")
    verified = verify_named(RMS_NORM, "--spec", f"{SPECS}:RMS_NORM", *options)
    assert verified.code == 1, verified.output
    assert verified.gates("refuted") == ("numerics",)
    assert "accumulating in float32, float16" in verified.output
    assert "accumulating in float32, bfloat16" in verified.output
    assert "accumulating in float32, float32" not in verified.output


@pytest.mark.quality
def test_rms_norm_declines_rows_beyond_its_longest_block() -> None:
    verified = verify_named(RMS_NORM, "--spec", "rms_norm", "--gates", "policy")
    assert verified.code == 4, verified.output
    assert verified.gates("unknown") == ("policy",)
    assert "65536 < N at liger_kernel/ops/utils.py:63" in verified.output


@pytest.mark.quality
def test_rms_norm_is_refuted_for_its_rounding_alone() -> None:
    verified = verify_named(RMS_NORM, "--spec", f"{SPECS}:RMS_NORM")
    assert verified.code == 1, verified.output
    assert verified.gates("refuted") == ("numerics", "fuzz")
    assert verified.gates("unknown") == ("native",)


@pytest.mark.quality
def test_rms_norm_is_admitted_in_the_mode_that_rounds_once() -> None:
    verified = verify_named(GEMMA, "--spec", f"{SPECS}:RMS_NORM")
    assert verified.code == 0, verified.output
    assert verified.facts["verdict"] == "admitted"
