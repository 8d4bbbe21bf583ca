"""Whether outputs on a device are right: the numeric rule of `verify.numerics`, worked out on that device."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from specs.spec import ELEMENT, Inputs, Spec
from verify.native.parts import Part, of_inputs, parts, within
from verify.numerics.compare import compare
from verify.numerics.inputs import bindings
from verify.numerics.precision import declared
from verify.numerics.reference import bounded_outputs


def objection(
    spec: Spec, inputs: Inputs, outputs: tuple[torch.Tensor, ...], looked_at: Iterable[Part] | None = None
) -> str | None:
    """What is wrong with `outputs`, in a sentence; None when every element is within the derived bound.

    `looked_at`: the parts of the run (see `parts`) that are compared, all of them by default.
    """
    if len(outputs) != len(spec.outputs):
        return f"{len(outputs)} outputs, {spec.name} declares {len(spec.outputs)}"
    dtype, sizes = element_dtype(spec, inputs), bindings(spec, inputs)
    for declared_output, output in zip(spec.outputs, outputs, strict=True):
        wanted = dtype if declared_output.dtype == ELEMENT else declared_output.dtype
        if output.dtype != getattr(torch, wanted):
            return f"{declared_output.name} has dtype {output.dtype}, declared is {wanted}"
        shape = tuple(sizes[dim] for dim in declared_output.dims)
        if output.shape != shape:
            return f"{declared_output.name} has shape {tuple(output.shape)}, declared is {shape}"
    return next(filter(None, (_in_part(spec, inputs, outputs, each) for each in looked_at or parts(spec, sizes))), None)


def _in_part(spec: Spec, inputs: Inputs, outputs: tuple[torch.Tensor, ...], part: Part) -> str | None:
    dtype = element_dtype(spec, inputs)
    # Constants that a bound is made from must live where the inputs do.
    with torch.device(outputs[0].device), torch.no_grad():
        references = bounded_outputs(spec, of_inputs(spec, inputs, part), declared(spec, dtype))
        for declared_output, output, reference in zip(spec.outputs, outputs, references, strict=True):
            wanted = dtype if declared_output.dtype == ELEMENT else declared_output.dtype
            found = compare(within(declared_output, output, part), reference, wanted)
            if not found.accepted:
                starts = (part[dim].start for dim in declared_output.dims)
                where = ", ".join(str(start + at) for start, at in zip(starts, found.index, strict=True))
                return (
                    f"{declared_output.name}[{where}] is {found.value:.9g}, reference {found.reference:.9g}, "
                    f"allowed error {found.allowed:.3g} (ratio {found.ratio:.3g})"
                )
            if found.unbounded:
                return f"{declared_output.name}: the bound says nothing of {found.unbounded} elements"
    return None


def element_dtype(spec: Spec, inputs: Inputs) -> str:
    """The dtype that `T` stands for in these inputs; the spec's first one where no input is of dtype `T`."""
    generic = [param for param in spec.tensors if param.dtype == ELEMENT]
    if not generic:
        return spec.dtypes[0]
    return str(inputs[generic[0].name].dtype).removeprefix("torch.")
