"""A spec's reference run on inputs: the exact outputs with the error that a correct kernel may make."""

from __future__ import annotations

from typing import Any

import torch

from specs.spec import Inputs, Spec
from verify.numerics import rules
from verify.numerics.bounded import Bounded, Unruled
from verify.numerics.precision import Precision

assert Bounded.rules.keys() >= rules.TABLE.keys()


def bounded_outputs(spec: Spec, inputs: Inputs, precision: Precision) -> tuple[Bounded, ...]:
    """The reference's outputs on `inputs` (which are exact), a pair each, in the spec's order.

    Integer outputs are exact. Raises Unruled when the reference uses something without a rule, ValueError
    when it does not return what the spec declares.
    """
    assert spec.reference is not None, "gates that need a reference are not asked about a launch contract"
    try:
        returned = spec.reference(**{name: _exact(value, precision) for name, value in inputs.items()})
    except TypeError as error:
        if "Bounded" in str(error):
            raise Unruled(f"the reference does what has no error bound: {error}") from None
        raise
    outputs = returned if isinstance(returned, tuple) else (returned,)
    if len(outputs) != len(spec.outputs):
        raise ValueError(f"the reference of {spec.name} returns {len(outputs)} outputs of {len(spec.outputs)}")
    return tuple(each if isinstance(each, Bounded) else Bounded.exact(each, precision) for each in outputs)


def _exact(value: Any, precision: Precision) -> Any:
    return Bounded.exact(value, precision) if _floating(value) else value


def exact_outputs(spec: Spec, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    """The reference's outputs in float64, without bounds."""
    assert spec.reference is not None, "a launch contract has no reference"
    wide = {name: each.double() if _floating(each) else each for name, each in inputs.items()}
    returned = spec.reference(**wide)
    return returned if isinstance(returned, tuple) else (returned,)


def _floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
