"""What five of Liger-Kernel's functions undertake: specs of the catalogue where they keep them, else launch contracts.

A launch contract has no reference: bounds, races, overflow and undefined values are proved, numbers are not looked at.
"""

from __future__ import annotations

from attrs import evolve

from specs import ALL
from specs.spec import Dim, OutputSpec, Spec, TensorParam

LONGEST = 65536  # liger_kernel.ops.utils.calculate_settings raises an error beyond it
WIDTH = 4096  # swiglu and geglu are compiled for one width each: this one


def _within(spec: Spec) -> Spec:
    rows, columns = spec.dims
    width = Dim("N", 1, LONGEST, samples=tuple(size for size in columns.samples if size >= 1))
    fitting = tuple(load for load in spec.workloads if load.sizes["N"] <= LONGEST)
    return evolve(spec, dims=(rows, width), workloads=fitting)


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
