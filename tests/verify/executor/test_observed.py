"""Agreement with an H100 on one kernel of each family of operations, lane by lane: see observed.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agreement import FAMILIES, apart

SEEN: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "observed.json").read_text(encoding="utf-8"))


def test_every_family_was_run() -> None:
    assert set(SEEN) == set(FAMILIES)


@pytest.mark.parametrize("kernel", FAMILIES)
def test_operations(kernel: str) -> None:
    assert apart(kernel, SEEN[kernel]) == {}
