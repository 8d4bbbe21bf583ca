"""rope: rotary position embedding, rotate-half. Pairs (x[d], x[d + D/2]) turn by the position's angle:

    out[d] = x[d] cos[d] - x[d + D/2] sin[d]        out[d + D/2] = x[d + D/2] cos[d] + x[d] sin[d]

in float32, rounded once. `cos` and `sin` hold any numbers from -1 to 1, not only those of one angle. NaN and
infinities of x stay in their pair.
"""

from __future__ import annotations

from typing import Any

from specs.laws import additive, apart, odd
from specs.sizes import name
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload


def _reference(x: Any, cos: Any, sin: Any) -> Any:
    import torch

    left, right = _halves(x)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], -1)


def _framework(x: Any, cos: Any, sin: Any) -> Any:
    import torch

    return x * torch.cat([cos, cos], -1) + _quarter_turn(x) * torch.cat([sin, sin], -1)


def _halves(x: Any) -> tuple[Any, Any]:
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def _quarter_turn(x: Any) -> Any:
    import torch

    left, right = _halves(x)
    return torch.cat([-right, left], -1)


def _unturned(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    return {**inputs, "cos": inputs["cos"] * 0 + 1, "sin": inputs["sin"] * 0}, inputs["x"]


LAWS = (
    additive("x"),
    Law(
        "quarter",
        "a quarter turn of x before is a quarter turn of the result after",
        lambda inputs, generator: ({**inputs, "x": _quarter_turn(inputs["x"])}, None),
        lambda needed, base: (_quarter_turn(base[0]),),
    ),
    Law("no angle", "with cos 1 and sin 0 the result is x", _unturned, lambda x, base: (x,), bitwise=True),
    odd("x"),
    apart("sequence", x=0),
    apart("head", axis=1, x=1),
    apart("position", axis=2, x=2, cos=0, sin=0),
)

SPEC = Spec(
    name="rope",
    summary="pairs (d, d + D/2) of x turned by the position's cos and sin",
    dims=(
        Dim("B", 0, 4096, samples=(0, 1, 3)),
        Dim("H", 0, 256, samples=(0, 1, 5)),
        Dim("N", 0, 2**20, samples=(0, 1, 7, 33)),
        Dim("F", 0, 256, samples=(0, 1, 4, 40, 64, 65)),
        Dim("D", 0, 512),
    ),
    params=(
        TensorParam("x", ("B", "H", "N", "D"), values=Values(special=True)),
        TensorParam("cos", ("N", "F"), values=Values(magnitude=1.0)),
        TensorParam("sin", ("N", "F"), values=Values(magnitude=1.0)),
    ),
    outputs=(OutputSpec("out", ("B", "H", "N", "D")),),
    reference=_reference,
    framework=_framework,
    operations=name("B") * name("H") * name("N") * name("D") * 3,
    laws=LAWS,
    requires=(name("D").equals(name("F") * 2),),
    workloads=(
        Workload("prefill", {"B": 4, "H": 32, "N": 4096, "F": 64, "D": 128}),
        Workload("long context", {"B": 1, "H": 32, "N": 32768, "F": 64, "D": 128}),
        Workload("decode", {"B": 64, "H": 32, "N": 1, "F": 64, "D": 128}),
        Workload("prefill, float32", {"B": 4, "H": 32, "N": 4096, "F": 64, "D": 128}, dtype="float32"),
    ),
)
