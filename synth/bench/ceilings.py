"""What the device can do at best, measured in the run that needs it: copy, read, multiply, start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch

from synth.bench.clock import Clock, l2_bytes, replayable
from synth.bench.floor import Ceilings
from verify.native.memory import DTYPES

COPY_BYTES: Final = 2 << 30
SIDE: Final = 8192  # of the square matrix products
SAMPLES: Final = 12


def measure_ceilings(clock: Clock, dtypes: tuple[str, ...]) -> Ceilings:
    """Rates of this device for the workloads' dtypes. Takes about a second and, for a moment, 5 GB."""
    # The float32 rate is that of tf32 products: a floor must hold for whoever is allowed to use them.
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        copy, read = _bandwidths(clock)
        matrix = {dtype: _matrix_rate(clock, dtype) for dtype in dict.fromkeys((*dtypes, "bfloat16"))}
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    torch.cuda.empty_cache()
    tiny = torch.zeros(1, device="cuda")
    return Ceilings(copy, read, matrix, l2_bytes(), _best(clock, lambda: tiny.fill_(1.0)))


def _bandwidths(clock: Clock) -> tuple[float, float]:
    free = torch.cuda.mem_get_info()[0]
    size = min(COPY_BYTES, free // 8)
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device="cuda").view(torch.int64)[: size // 8]
    target = torch.empty_like(source)
    moved = source.numel() * 8
    # In a graph a plain copy may go to the copy engine, which is slower than the multiprocessors are.
    ways = (lambda: target.copy_(source), lambda: torch.bitwise_not(source, out=target))
    copy = 2 * moved / min(_best(clock, way) for way in ways)
    floats = source.view(torch.float32)
    read = moved / _best(clock, lambda: floats.amax())
    return copy, read


def _matrix_rate(clock: Clock, dtype: str) -> float:
    # Random data: products of zeros draw less power and ran faster than any real work can.
    left, right = (torch.randn(SIDE, SIDE, device="cuda").to(DTYPES[dtype]) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * SIDE**3 / _best(clock, lambda: torch.mm(left, right, out=out))


def _best(clock: Clock, run: Callable[[], object]) -> float:
    work, _ = replayable(run)
    clock.warm_up([work], 0.05)
    found = [clock.sample(work) for _ in range(SAMPLES)]
    honest = [sample.work for sample in found if sample.flaw is None]
    if not honest:
        raise RuntimeError(f"the device's clocks disagree in every sample: {found[0].flaw}")
    return min(honest)
