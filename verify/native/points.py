"""A fixed set of points of a spec's domain to run on a device: sizes, strides, dtypes and choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from attrs import frozen

from specs.spec import Choice, Dim, Spec, TensorParam

LARGEST: Final = 1 << 22  # elements of one tensor


@frozen
class Point:
    """Where a device run happens. `strides` by parameter, in elements."""

    dtype: str
    sizes: Mapping[str, int]
    strides: Mapping[str, tuple[int, ...]]
    choices: Mapping[str, Choice]
    layout: str

    def __str__(self) -> str:
        sizes = ", ".join(f"{name}={value}" for name, value in {**self.sizes, **self.choices}.items())
        return f"{sizes}, {self.dtype}, {self.layout}"


def points(spec: Spec) -> tuple[Point, ...]:
    """The same points every time: every dim's samples, each size in one layout more."""
    found = []
    choices = [dict(zip((one.name for one in spec.choices), values, strict=True)) for values in _choices(spec)]
    for dtype, chosen in product(spec.dtypes, choices):
        for number, drawn in enumerate(_sizes(spec)):
            sizes = spec.nearest(drawn) or drawn
            for layout in dict.fromkeys(("contiguous", LAYOUTS[number % len(LAYOUTS)])):
                point = Point(dtype, sizes, _strides(spec, sizes, layout), chosen, layout)
                if _inside(spec, point):
                    found.append(point)
    return tuple(found)


def _choices(spec: Spec) -> Iterator[tuple[Choice, ...]]:
    yield from product(*(choice.choices for choice in spec.choices))


def _sizes(spec: Spec) -> Iterator[dict[str, int]]:
    """The largest samples together, then every sample of every dim, the dims starting apart."""
    samples = {dim.name: dim.samples or _few(dim) for dim in spec.dims}
    yield {name: values[-1] for name, values in samples.items()}
    for number in range(max(map(len, samples.values()))):
        sizes = {}
        for start, (name, values) in enumerate(samples.items()):
            laps = number // len(values)
            sizes[name] = values[-1 - (number + start * (1 + laps)) % len(values)]
        yield sizes


def _few(dim: Dim) -> tuple[int, ...]:
    return tuple(dict.fromkeys(min(dim.low + step, dim.high) for step in (0, 1, 17, 129)))


def _strides(spec: Spec, sizes: Mapping[str, int], layout: str) -> dict[str, tuple[int, ...]]:
    found = {}
    for param in spec.tensors:
        packed = param.contiguous or (param.derived and layout == REPEATED)  # which would show other values
        found[param.name] = STRIDES["contiguous" if packed else layout](_shape(param, sizes))
    return found


def _inside(spec: Spec, point: Point) -> bool:
    names = dict(point.sizes)
    for param in spec.tensors:
        shape, steps = _shape(param, point.sizes), point.strides[param.name]
        names |= {param.stride(axis): step for axis, step in enumerate(steps)}
        if sum((size - 1) * step for size, step in zip(shape, steps, strict=True)) > LARGEST:
            return False
    return spec.domain().holds(names)


def _shape(param: TensorParam, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[dim] for dim in param.dims)


def _packed(shape: Sequence[int]) -> tuple[int, ...]:
    steps: list[int] = []
    step = 1
    for size in reversed(shape):
        steps.insert(0, step)
        step *= max(size, 1)
    return tuple(steps)


def _padded(shape: Sequence[int]) -> tuple[int, ...]:
    return (*_packed([*shape[:-1], shape[-1] + 3])[:-1], 1) if shape else ()


def _sliced(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(2 * step for step in _packed(shape))


def _transposed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(reversed(_packed(list(reversed(shape)))))


def _expanded(shape: Sequence[int]) -> tuple[int, ...]:
    return (0, *_packed(shape)[1:]) if len(shape) > 1 else _packed(shape)


REPEATED: Final = "expanded rows"
STRIDES: Final = {
    "contiguous": _packed,
    "padded rows": _padded,
    "every second element": _sliced,
    "transposed": _transposed,
    REPEATED: _expanded,
}
LAYOUTS: Final = tuple(STRIDES)[1:]
