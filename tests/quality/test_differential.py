"""Prover and executor over many small kernels: what is proved holds in every run. CASES=100 for fewer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "verify" / "symbolic"))
from differential import Trial, disagreements, trials

CASES = int(os.environ.get("CASES", "20000"))
PARTS = 20  # runs of their own: several workers can share them, and each keeps its memory small


@pytest.mark.quality
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_proved_holds_in_every_run(part: int) -> None:
    @seed(part)
    @settings(
        max_examples=max(CASES // PARTS, 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(trial=trials())
    def agree(trial: Trial) -> None:
        assert not list(disagreements(trial)), trial.text

    agree()
