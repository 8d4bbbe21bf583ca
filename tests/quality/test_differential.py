"""Prover and executor over many small kernels: what is proved holds in every run. CASES=1000 for fewer."""

from __future__ import annotations

import os

import pytest

from tests.quality.differential import SHARE, part

CASES = int(os.environ.get("CASES", "20000"))


@pytest.mark.quality
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(max(CASES // SHARE, 1)))
def test_what_is_proved_holds_in_every_run(number: int) -> None:
    answer = part(number)
    assert answer["counted"]["cases"] > SHARE // 2
    assert not answer["disagreements"], answer["disagreements"][0]
