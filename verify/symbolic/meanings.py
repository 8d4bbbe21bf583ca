"""Every TTIR operation that the prover reads. An operation that is not here makes the verdict UNKNOWN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from verify.ir.program import Operation
from verify.symbolic.accesses import ACCESSES
from verify.symbolic.control import CONTROL
from verify.symbolic.descriptors import DESCRIPTORS
from verify.symbolic.integers import INTEGERS, Meaning
from verify.symbolic.tensors import TENSORS, anywhere
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Lane


def elementwise(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Floats are not tracked, only what could spoil them; an integer or truth made from them is unknown."""
    return [tracer.unknown(operation, result.type, at, *operands) for at, result in enumerate(operation.results)]


def opaque(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Code that is not ours to read: a value of its type, as long as it does nothing else.

    Assembly may take several neighbouring lanes at once; any of them may then spoil a lane.
    """
    if operation.attributes.get("pure") is not True:
        tracer.give_up(operation, f"{operation.name} with side effects")
    if operation.attributes.get("packed_element", 1) != 1:
        operands = [anywhere(tracer, operation, value, at=at) for at, value in enumerate(operands)]
    return elementwise(tracer, operation, operands)


NAMES: Final = (
    "arith: addf subf mulf divf remf negf cmpf maxnumf minnumf maximumf minimumf extf truncf sitofp uitofp fptosi "
    "fptoui bitcast scaling_extf scaling_truncf addui_extended mulsi_extended mului_extended",
    "math: exp exp2 expm1 log log2 log1p log10 sqrt rsqrt cbrt rcp sin cos tan asin acos atan atan2 sinh cosh tanh "
    "asinh acosh atanh erf erfc erfinv lgamma absf fabs floor ceil round roundeven trunc rint nearbyint fma "
    "powf pow powi ipowi fpowi copysign fmax fmin fmod fdim hypot clampf signbit isfinite isinf isnan isnormal "
    "finite ctlz cttz ctpop",
    "tt: fp_to_fp precise_divf precise_sqrt clampf mulhiui",
)
FLOATS: Final = frozenset(
    f"{dialect}.{name}" for dialect, _, names in (row.partition(":") for row in NAMES) for name in names.split()
)

MEANINGS: Final[Mapping[str, Meaning]] = {
    **INTEGERS,
    **TENSORS,
    **ACCESSES,
    **DESCRIPTORS,
    **CONTROL,
    **dict.fromkeys(FLOATS, elementwise),
    "tt.elementwise_inline_asm": opaque,
    "tt.extern_elementwise": opaque,
}
