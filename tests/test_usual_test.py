"""What the gates are for: every refuted proposal passes the test that generated kernels usually get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SPECIMENS = Path(__file__).parent / "specimens"
sys.path.insert(0, str(SPECIMENS))

from recorded import PROPOSALS  # noqa: E402

DECOY = ("softmax", "refuted/algorithm__softmax_decoy")
# Gluon has no interpreter.
RUNNING = {
    spec: [specimen for specimen, _ in proposals if not specimen.startswith("unknown/")]
    for spec, proposals in PROPOSALS.items()
}


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """Specimen -> passes or fails, from one run of Triton's interpreter over all of them."""
    entries = [(spec, specimen) for spec, proposals in RUNNING.items() for specimen in proposals]
    arguments = [word for spec, specimen in (*entries, DECOY) for word in (spec, str(SPECIMENS / f"{specimen}.py"))]
    run = subprocess.run(
        [sys.executable, str(SPECIMENS / "usual.py"), *arguments],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = [line.rsplit(" ", 1) for line in run.stdout.splitlines()]
    return {Path(path).relative_to(SPECIMENS).with_suffix("").as_posix(): word for path, word in lines}


@pytest.mark.parametrize("specimen", [specimen for entries in RUNNING.values() for specimen in entries])
def test_every_proposal_passes_the_usual_test(results: dict[str, str], specimen: str) -> None:
    assert results[specimen] == "passes"


def test_the_usual_test_is_not_blind(results: dict[str, str]) -> None:
    """A kernel whose result is a copy of its input fails even this test."""
    assert results[DECOY[1]] == "fails"


@pytest.mark.parametrize("spec", PROPOSALS)
def test_refuted_proposals_have_different_reasons(spec: str) -> None:
    refuted = [specimen for specimen in RUNNING[spec] if specimen.startswith("refuted/")]
    gates = {specimen.removeprefix("refuted/").partition("__")[0] for specimen in refuted}
    admitted = [specimen for specimen in RUNNING[spec] if specimen.startswith("admitted/")]
    assert len(gates) >= 3 and admitted, (gates, admitted)
