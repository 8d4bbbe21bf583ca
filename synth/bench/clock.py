"""One timed sample: what the device's events say, held against the wall clock of the same stretch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import torch
from attrs import define, frozen

# Bound once: nothing loaded later can put another clock in their place.
_wall = time.perf_counter
SLACK_SECONDS: Final = 2e-3  # what the host may take to enqueue and to wake up
FLUSH_FACTOR: Final = 3  # times the L2 cache


@frozen
class Sample:
    """Seconds of the work alone, of flush and work by events, and of the same stretch by the wall clock."""

    work: float
    events: float
    wall: float

    @property
    def flaw(self) -> str | None:
        """Why the sample counts for nothing; None when the clocks agree."""
        if not 0 < self.work <= self.events:
            return f"events say {self.work:.3e} s of {self.events:.3e} s"
        if self.events > self.wall * 1.001 + 1e-5:
            return f"events say {self.events:.3e} s, the wall clock only {self.wall:.3e} s"
        if self.wall > 1.5 * self.events + SLACK_SECONDS:
            return f"the wall clock says {self.wall:.3e} s, events only {self.events:.3e} s"
        return None


@define
class Clock:
    """Times work on the current stream with a cold L2.

    The flush reads a buffer of `FLUSH_FACTOR` times the cache, which leaves only clean lines of foreign data.
    It is still running when the work is enqueued, so the host's own time does not show between the events.
    """

    flush: torch.Tensor

    @classmethod
    def for_device(cls) -> Clock:
        return cls(torch.ones(FLUSH_FACTOR * l2_bytes() // 4, dtype=torch.float32, device="cuda"))

    def sample(self, work: Callable[[], object]) -> Sample:
        """Flush, run `work` once, and wait for the device."""
        first, before, after = (torch.cuda.Event(enable_timing=True) for _ in range(3))
        torch.cuda.synchronize()
        start = _wall()
        first.record()
        self.flush.sum()
        before.record()
        work()
        after.record()
        torch.cuda.synchronize()
        wall = _wall() - start
        return Sample(before.elapsed_time(after) / 1e3, first.elapsed_time(after) / 1e3, wall)

    def warm_up(self, works: list[Callable[[], object]], seconds: float) -> None:
        """Run everything in turn for `seconds`, so that clocks and caches of the host settle."""
        end = _wall() + seconds
        while _wall() < end:
            for work in works:
                work()
            torch.cuda.synchronize()


def l2_bytes() -> int:
    """The device's L2 cache; 64 MiB where the driver does not say."""
    return int(getattr(torch.cuda.get_device_properties(), "L2_cache_size", 0) or 64 << 20)


def replayable(run: Callable[[], object]) -> tuple[Callable[[], object], str]:
    """`run` captured as one CUDA graph, to be replayed once per sample; and how it will be started.

    What cannot be captured is started call by call, which the second value says: `graph` or `calls`.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            run()
    except RuntimeError:
        torch.cuda.synchronize()
        return run, "calls"
    return graph.replay, "graph"
