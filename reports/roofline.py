"""Measured workloads drawn under their roofs: operations a second over operations a byte, both axes logarithmic.

A record holds what this takes. Its models name the bytes and operations that each workload asks for at least. A time
that reaches a share of the limit `memory` (or `arithmetic`) was held against the copy bandwidth (or the matrix rate)
of its own run: work, time and share give that rate back. A roof that no workload was held against is not in the
record, and is not drawn.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from attrs import frozen

from reports.measurement import Measurement, Model, Timed

LEFT, RIGHT, TOP, BOTTOM = 76, 588, 12, 274  # pixels of the plot's field; the template gives it its margins
_ROOM: Final = (14, 24)  # pixels that a dot and its label take: closer ones share a label
_PREFIXES: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@frozen
class Dot:
    """A workload: operations a byte, operations a second, and where that is drawn."""

    number: int
    timed: Timed
    intensity: float
    rate: float
    x: float
    y: float


@frozen
class Roof:
    """The best rate that the run measured, its line from x, y to x, y, and where its title ends."""

    title: str
    ends: tuple[float, float, float, float]
    at: tuple[float, float]


@frozen
class Roofline:
    """The drawing. `across` and `up` are the marks of the axes; `labels` number the dots, neighbours together."""

    dots: tuple[Dot, ...]
    roofs: tuple[Roof, ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, float, str], ...]
    left_out: tuple[str, ...]  # workloads that ask for no arithmetic


@frozen
class _Axis:
    """From pixel `start` to pixel `end`; `low` and `high` are powers of ten."""

    low: float
    high: float
    start: int
    end: int

    def place(self, value: float) -> float:
        return round(self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    @property
    def marks(self) -> tuple[tuple[float, str], ...]:
        steps = (1, 2, 5) if self.high - self.low < 2 else (1,)
        powers = range(math.floor(self.low), math.ceil(self.high))
        values = (step * 10.0**power for power in powers for step in steps)
        return tuple((self.place(each), scaled(each)) for each in values if self.low <= math.log10(each) <= self.high)


def roofline(bench: Measurement) -> Roofline | None:
    """The drawing of what was measured; None where no workload's work is known or asks for arithmetic."""
    work = {model.workload: model for model in bench.models}
    timed = [(each, work[each.workload]) for each in bench.workloads if each.workload in work]
    drawn = [(each, model) for each, model in timed if model.operations and model.bytes]
    if not drawn:
        return None
    copies = _best([_limit(each, model.bytes) for each, model in timed if each.limit == "memory"])
    products: dict[str, float] = {}
    for dtype in dict.fromkeys(each.dtype for each, _ in drawn):
        held = [pair for pair in drawn if (pair[0].dtype, pair[0].limit) == (dtype, "arithmetic")]
        if rate := _best([_limit(each, model.operations) for each, model in held]):
            products[dtype] = rate
    intensities = [model.operations / model.bytes for _, model in drawn]
    rates = [_rate(each, model) for each, model in drawn]
    highest = max(products.values(), default=math.inf)
    allowed = [min(copies * each, highest) for each in intensities if copies]
    x = _axis([*intensities, *(rate / copies for rate in products.values() if copies)], LEFT, RIGHT)
    y = _axis([*rates, *products.values(), *allowed], BOTTOM, TOP)
    dots = tuple(
        Dot(number, each, intensity, rate, x.place(intensity), y.place(rate))
        for number, ((each, _), intensity, rate) in enumerate(zip(drawn, intensities, rates, strict=True), 1)
    )
    left_out = tuple(each.workload for each, model in timed if not model.operations)
    return Roofline(dots, _roofs(copies, products, x, y), x.marks, y.marks, _labels(dots), left_out)


def scaled(value: float) -> str:
    """A rate or a mark of an axis: `3.01 T`, `100 G`, `10 `, `0.1 `."""
    size, prefix = next(((size, prefix) for size, prefix in _PREFIXES if value >= size), (1.0, ""))
    return f"{value / size:.3g} {prefix}"


def _limit(timed: Timed, amount: int) -> float:
    """The rate that the run measured, from how much of it the kernel reached."""
    return amount / (timed.kernel.median / 1e6 * timed.fraction) if timed.fraction else 0.0


def _rate(timed: Timed, model: Model) -> float:
    return model.operations / (timed.kernel.median / 1e6)


def _best(rates: list[float]) -> float:
    """One rate of several that differ by rounding alone; 0 for none."""
    return median(known) if (known := [rate for rate in rates if rate]) else 0.0


def _axis(values: list[float], start: int, end: int) -> _Axis:
    return _Axis(math.log10(min(values) / 2), math.log10(max(values) * 2), start, end)


def _roofs(copies: float, products: dict[str, float], x: _Axis, y: _Axis) -> tuple[Roof, ...]:
    """Copies allow more operations the more a byte asks for, up to the products; products are level from there."""
    roofs = []
    if copies:
        first = max(10.0**x.low, 10.0**y.low / copies)
        last = min(10.0**x.high, max(products.values(), default=10.0**y.high) / copies)
        ends = (x.place(first), y.place(first * copies), x.place(last), y.place(last * copies))
        middle = math.sqrt(first * last)  # above the middle of a rising line there is room to its left
        roofs.append(Roof(f"copies: {scaled(copies)}B/s", ends, (x.place(middle) - 10, y.place(middle * copies) - 4)))
    for nth, (dtype, rate) in enumerate(sorted(products.items(), key=lambda each: -each[1])):
        start, level = x.place(rate / copies) if copies else float(x.start), y.place(rate)
        title = f"matrix products, {dtype}: {scaled(rate)}op/s"
        roofs.append(Roof(title, (start, level, x.end, level), (x.end - 4, level + (15 if nth else -6))))
    return tuple(roofs)


def _labels(dots: tuple[Dot, ...]) -> tuple[tuple[float, float, str], ...]:
    """Numbers below the dots; neighbours that would cover each other share one."""
    groups: list[list[Dot]] = []
    for dot in dots:
        for group in groups:
            if any(abs(dot.x - other.x) < _ROOM[0] and abs(dot.y - other.y) < _ROOM[1] for other in group):
                group.append(dot)
                break
        else:
            groups.append([dot])
    return tuple(
        (
            round(sum(dot.x for dot in group) / len(group), 1),
            max(dot.y for dot in group) + 17,
            ", ".join(str(dot.number) for dot in group),
        )
        for group in groups
    )
