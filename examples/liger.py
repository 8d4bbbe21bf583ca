"""What Liger-Kernel's wrappers undertake: rows of at least one and at most 65536 elements.

kernelproof verify liger_kernel.transformers.functional:liger_softmax --spec examples/liger.py:SOFTMAX
kernelproof verify liger_kernel.transformers.functional:liger_rms_norm --spec examples/liger.py:RMS_NORM
"""

from __future__ import annotations

from attrs import evolve

from specs import ALL
from specs.spec import Dim, Spec

LONGEST = 65536  # liger_kernel.ops.utils.calculate_settings raises an error beyond it


def _within(spec: Spec) -> Spec:
    """The spec on the sizes that the wrappers accept, timed on those of its workloads that are left."""
    rows, columns = spec.dims
    width = Dim("N", 1, LONGEST, samples=tuple(size for size in columns.samples if size >= 1))
    fitting = tuple(load for load in spec.workloads if load.sizes["N"] <= LONGEST)
    return evolve(spec, dims=(rows, width), workloads=fitting)


SOFTMAX = _within(ALL["softmax"])
RMS_NORM = _within(ALL["rms_norm"])
