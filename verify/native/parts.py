"""Parts of a run that the reference computes apart, so that float64 needs the memory of one part only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from specs.spec import Inputs, Shaped, Spec
from verify.numerics.independence import independent

Part: TypeAlias = Mapping[str, slice]
MOST: Final = 1 << 33  # operations of the spec in a part; one head of attention over 4096 keys of 128 is as many
WIDEST: Final = 1 << 28  # elements of a tensor in a part: 2 GiB in float64, and a reference holds several


def parts(spec: Spec, sizes: Mapping[str, int]) -> tuple[Part, ...]:
    """Ranges by dim that cover `sizes` together, each below MOST and WIDEST where dims can be told apart."""
    return tuple(_parts(spec, {dim.name: slice(0, sizes[dim.name]) for dim in spec.dims}))


def of_inputs(spec: Spec, inputs: Inputs, part: Part) -> dict[str, Any]:
    """Views of what a part of the inputs is."""
    return {**inputs, **{param.name: within(param, inputs[param.name], part) for param in spec.tensors}}


def within(shaped: Shaped, tensor: Any, part: Part) -> Any:
    """The view of a part of a parameter or an output."""
    return tensor[tuple(part[dim] for dim in shaped.dims)]


def _parts(spec: Spec, whole: Part) -> Iterator[Part]:
    counts = {name: each.stop - each.start for name, each in whole.items()}
    assert spec.operations is not None, "a launch contract is compared with nothing"
    widest = max(math.prod(counts[dim] for dim in each.dims) for each in spec.shaped)
    large = spec.operations.evaluate(counts) > MOST or widest > WIDEST
    cut = next((name for name in _apart(spec) if counts[name] > 1), None) if large else None
    if cut is None:
        yield whole
        return
    middle = (whole[cut].start + whole[cut].stop) // 2
    for half in (slice(whole[cut].start, middle), slice(middle, whole[cut].stop)):
        yield from _parts(spec, {**whole, cut: half})


@cache
def _apart(spec: Spec) -> tuple[str, ...]:
    return tuple(dim.name for dim in spec.dims if independent(spec, dim.name))
