"""What three of Liger-Kernel's functions undertake: specs of the catalogue, on what a model hands over.

That is contiguous rows of a hidden width. A wider domain costs a proof for every power of two.
"""

from __future__ import annotations

from attrs import evolve

from specs import ALL
from specs.spec import Dim, Spec, TensorParam

SHORTEST, LONGEST = 513, 8192
TRIED = (513, 1000, 1024, 2053)
DTYPES = ("float32", "bfloat16")


def _within(spec: Spec) -> Spec:
    rows = spec.dims[0]
    params = tuple(evolve(each, contiguous=True) if isinstance(each, TensorParam) else each for each in spec.params)
    fitting = tuple(load for load in spec.workloads if SHORTEST <= load.sizes["N"] <= LONGEST)
    width = Dim("N", SHORTEST, LONGEST, samples=TRIED)
    return evolve(spec, dims=(rows, width), params=params, workloads=fitting, dtypes=DTYPES)


SOFTMAX = _within(ALL["softmax"])
RMS_NORM = _within(ALL["rms_norm"])
LAYER_NORM = _within(ALL["layer_norm"])
