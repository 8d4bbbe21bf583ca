"""A part of the study, for a process of its own."""

from __future__ import annotations

import torch

from tests.quality.numerics.catalogue import OPERATORS
from tests.quality.numerics.study import Seen, cases, judged


def part(operator: str, dtype: str, sample: bool, device: str) -> list[Seen]:
    """All cases of one operator in one dtype, in one thread: the tensors are small."""
    torch.set_num_threads(1)
    found = OPERATORS[operator]
    return [seen for trial in cases(found, sample, [dtype]) for seen in judged(found, trial, device)]
