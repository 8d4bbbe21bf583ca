"""The physical floor: no run is faster than its bytes and operations allow at this device's rates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from specs.spec import ELEMENT, Spec, TensorParam, Workload

ITEM_BYTES: Final = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "bool": 1,
}


# The best matrix product of the framework is no law of nature: on data of the same kind, clocks and power
# moved such rates by more than a tenth. Only what beats it by more than this factor is called impossible.
MATRIX_MARGIN: Final = 1.15


@frozen
class Work:
    """The least a workload asks for: what of the inputs must be read, every output written once, its operations."""

    read: int
    written: int
    operations: int

    @property
    def bytes(self) -> int:
        return self.read + self.written


@frozen
class Ceilings:
    """Rates measured on the device in the same run, each the best of its samples.

    Bytes a second for a copy (read plus written) and for reading alone, operations a second of matrix
    products by dtype on random data, the cache's bytes, and the seconds that starting next to nothing takes.
    """

    copy: float
    read: float
    matrix: Mapping[str, float]
    cache: int
    start: float


@frozen
class Limit:
    """The time that physics asks for, and by which resource: `memory`, `arithmetic` or `start`."""

    seconds: float
    by: str


def work_of(spec: Spec, load: Workload) -> Work:
    """Bytes and operations of a workload, from the spec alone."""
    read = sum(_read(load, param) for param in spec.tensors)
    written = sum(_bytes(load, output.dims, output.dtype) for output in spec.outputs)
    operations = load.operations or spec.operations
    assert operations is not None, "a launch contract has no workloads"
    return Work(read, written, operations.evaluate(load.sizes))


def floor(work: Work, dtype: str, ceilings: Ceilings) -> Limit:
    """The least time that any honest run can take.

    Writes may still sit in the cache when the clock stops, so as many bytes as it holds are not counted.
    """
    unavoidable = max(work.read, work.bytes - ceilings.cache)
    bandwidth = max(ceilings.copy, ceilings.read)
    arithmetic = work.operations / (_rate(dtype, ceilings) * MATRIX_MARGIN)
    return _largest(unavoidable / bandwidth, arithmetic, ceilings)


def limit(work: Work, dtype: str, ceilings: Ceilings) -> Limit:
    """The time at the measured copy bandwidth and matrix rate: what a kernel is held against."""
    return _largest(work.bytes / ceilings.copy, work.operations / _rate(dtype, ceilings), ceilings)


def fraction(seconds: float, work: Work, dtype: str, ceilings: Ceilings) -> tuple[float, str]:
    """Which share of the limit a time reaches, and the limit's name.

    Where a time beats the plain limit (outputs stayed in the cache, say) it is held against the floor.
    """
    plain = limit(work, dtype, ceilings)
    if plain.seconds <= seconds:
        return plain.seconds / seconds, plain.by
    least = floor(work, dtype, ceilings)
    return least.seconds / seconds, f"{least.by} floor"


def impossible(seconds: float, least: Limit) -> str | None:
    """Why a time cannot be true; None when it can."""
    if not math.isfinite(seconds) or seconds <= 0:
        return f"{seconds} s is no time"
    if seconds < least.seconds:
        return f"{seconds * 1e6:.2f} us is below the floor of {least.seconds * 1e6:.2f} us ({least.by})"
    return None


def _rate(dtype: str, ceilings: Ceilings) -> float:
    return ceilings.matrix.get(dtype) or max(ceilings.matrix.values())


def _largest(memory: float, arithmetic: float, ceilings: Ceilings) -> Limit:
    times = {"memory": memory, "arithmetic": arithmetic, "start": ceilings.start}
    by = max(times, key=lambda name: times[name])
    return Limit(times[by], by)


def _read(load: Workload, param: TensorParam) -> int:
    if param.least is None:
        return _bytes(load, param.dims, param.dtype)
    return param.least.evaluate(load.sizes) * _bytes(load, (), param.dtype)


def _bytes(load: Workload, dims: tuple[str, ...], dtype: str) -> int:
    item = ITEM_BYTES[load.dtype if dtype == ELEMENT else dtype]
    return math.prod(load.sizes[dim] for dim in dims) * item
