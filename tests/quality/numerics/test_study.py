"""A sample of the study: the derived bound refuses no right way and misses no detectable bug."""

from __future__ import annotations

import math

import pytest
import torch

from tests.quality.numerics.catalogue import OPERATORS
from tests.quality.numerics.rivals import RULES
from tests.quality.numerics.study import Seen, beyond_rounding, cases, judged
from tests.quality.numerics.table import OURS_AT, markdown, rows, summary
from verify.numerics.bounded import Bounded

LEAST = {"ways": 3, "bugs": 10}


def seen(operator: str, step: int = 1) -> list[Seen]:
    found = OPERATORS[operator]
    return [each for trial in list(cases(found, sample=True))[::step] for each in judged(found, trial)]


@pytest.mark.parametrize("operator", OPERATORS)
def test_right_ways_are_accepted_and_detectable_bugs_refused(operator: str) -> None:
    found = seen(operator, step=2)
    for each in found:
        accepted = each.accepted[OURS_AT]
        assert accepted or each.kind == "bug", each
        assert not (accepted and each.detectable), each
    row = rows(found, lambda each: "")[""]
    assert row.detectable > row.bugs / 3
    assert len(OPERATORS[operator].ways) >= LEAST["ways"]
    assert len(OPERATORS[operator].bugs) >= LEAST["bugs"]


@pytest.mark.parametrize(("factor", "wrong"), [(0.02, "right"), (1000.0, "bug")])
def test_another_bound_would_be_told(monkeypatch: pytest.MonkeyPatch, factor: float, wrong: str) -> None:
    ours = list(RULES.values())[OURS_AT]

    def changed(output: torch.Tensor, exact: Bounded, eager: torch.Tensor, dtype: str) -> bool:
        return ours(output, Bounded(exact.value, exact.bound * factor, exact.precision), eager, dtype)

    monkeypatch.setitem(RULES, list(RULES)[OURS_AT], changed)
    mistakes = summary(seen("rms_norm"), {})["mistakes"]
    assert {each["kind"] for each in mistakes} >= {wrong}


def test_the_table_counts_what_was_seen() -> None:
    accepted, refused = (True,) * len(RULES), (False,) * len(RULES)
    told = [
        Seen("o", "float32", "c", "right", "r", 0.0, accepted),
        Seen("o", "float32", "c", "control", "s", 1.0, refused),
        Seen("o", "float32", "c", "bug", "b", 100.0, refused),
        Seen("o", "float32", "c", "bug", "b", math.inf, accepted),
        Seen("o", "float32", "c", "bug", "b", 1.0, accepted),
    ]
    found = summary(told, {"device": "none"})
    row = found["operators"]["o, float32"]
    assert (row["right"], row["bugs"], row["detectable"]) == (2, 3, 2)
    assert (row["false_rejects"][0], row["caught"][0], row["ahead"]) == (1, 1, False)
    assert [each["way"] for each in found["mistakes"]] == ["s", "b"]
    assert "| o, float32 | 2 | 2 | 1 / 1 |" in markdown(found)


def test_beyond_rounding_is_zero_within_half_a_unit_and_infinite_for_nan() -> None:
    exact, noise = torch.tensor([1.0, 300.0]).double(), torch.full((2,), 1e-9).double()
    assert beyond_rounding(torch.tensor([1.0039, 300.0]).bfloat16(), exact, noise, "bfloat16") == 0
    assert beyond_rounding(torch.tensor([1.0078, 300.0]).bfloat16(), exact, noise, "bfloat16") > 1e6
    assert beyond_rounding(torch.tensor([1.0, torch.nan]), exact, noise, "float32") == math.inf
