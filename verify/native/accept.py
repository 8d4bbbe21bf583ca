"""Whether outputs on a device are right: the numeric rule of `verify.numerics`, worked out on that device."""

from __future__ import annotations

import torch

from specs.spec import ELEMENT, Inputs, Spec
from verify.numerics.compare import compare
from verify.numerics.precision import declared
from verify.numerics.reference import bounded_outputs


def objection(spec: Spec, inputs: Inputs, outputs: tuple[torch.Tensor, ...]) -> str | None:
    """What is wrong with `outputs`, in a sentence; None when every element is within the derived bound."""
    if len(outputs) != len(spec.outputs):
        return f"{len(outputs)} outputs, {spec.name} declares {len(spec.outputs)}"
    dtype = element_dtype(spec, inputs)
    # Constants that a bound is made from must live where the inputs do.
    with torch.device(outputs[0].device), torch.no_grad():
        references = bounded_outputs(spec, inputs, declared(spec, dtype))
        for declared_output, output, reference in zip(spec.outputs, outputs, references, strict=True):
            wanted = dtype if declared_output.dtype == ELEMENT else declared_output.dtype
            if output.dtype != getattr(torch, wanted):
                return f"{declared_output.name} has dtype {output.dtype}, declared is {wanted}"
            if output.shape != reference.shape:
                shapes = f"{tuple(output.shape)}, declared is {tuple(reference.shape)}"
                return f"{declared_output.name} has shape {shapes}"
            found = compare(output, reference, wanted)
            if not found.accepted:
                where = ", ".join(map(str, found.index))
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
