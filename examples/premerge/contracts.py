"""What five of Liger-Kernel's functions undertake: specs of the catalogue where they keep them, else launch contracts.

A launch contract has no reference: bounds, races, overflow and undefined values are proved, numbers are not looked at.
All say what a model hands over: contiguous rows of a hidden width. A wider domain costs a proof for every power of two.
"""

from __future__ import annotations

from attrs import evolve

from specs import ALL
from specs.spec import Dim, OutputSpec, Spec, TensorParam

SHORTEST, LONGEST = 513, 8192
TRIED = (513, 1000, 1024, 2053)
WIDTH = 4096  # swiglu and geglu are compiled for one width each: this one
DTYPES = ("float32", "bfloat16")


def _within(spec: Spec) -> Spec:
    rows = spec.dims[0]
    params = tuple(evolve(each, contiguous=True) if isinstance(each, TensorParam) else each for each in spec.params)
    fitting = tuple(load for load in spec.workloads if SHORTEST <= load.sizes["N"] <= LONGEST)
    width = Dim("N", SHORTEST, LONGEST, samples=TRIED)
    return evolve(spec, dims=(rows, width), params=params, workloads=fitting, dtypes=DTYPES)


def _gated(name: str) -> Spec:
    rows, width = Dim("M", 1, 2**31 - 1), Dim("N", WIDTH, WIDTH)
    a, b = (TensorParam(each, ("M", "N"), contiguous=True) for each in "ab")
    out = OutputSpec("out", ("M", "N"))
    return Spec(name, f"what {name} is given at width {WIDTH}", (rows, width), (a, b), (out,), dtypes=("bfloat16",))


SOFTMAX = _within(ALL["softmax"])
RMS_NORM = _within(ALL["rms_norm"])
LAYER_NORM = _within(ALL["layer_norm"])
SWIGLU = _gated("swiglu")
GEGLU = _gated("geglu")
