"""Every TTIR operation that the prover reads. An operation that is not here makes the verdict UNKNOWN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from verify.ir.program import Operation
from verify.symbolic.control import CONTROL
from verify.symbolic.integers import INTEGERS, Meaning
from verify.symbolic.tensors import TENSORS
from verify.symbolic.trace import Tracer
from verify.symbolic.values import Lane


def elementwise(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    """Floats are not tracked, only what could spoil them; an integer or truth made from them is unknown."""
    return [tracer.unknown(operation, result.type, at, *operands) for at, result in enumerate(operation.results)]


def pure_assembly(tracer: Tracer, operation: Operation, operands: list[Lane]) -> list[Lane]:
    if operation.attributes.get("pure") is not True:
        tracer.give_up(operation, f"{operation.name} with side effects")
    return elementwise(tracer, operation, operands)


FLOATS: Final = frozenset(
    {
        *(f"arith.{name}" for name in ("addf", "subf", "mulf", "divf", "remf", "negf", "cmpf")),
        *(f"arith.{name}" for name in ("maxnumf", "minnumf", "maximumf", "minimumf")),
        *(f"arith.{name}" for name in ("extf", "truncf", "sitofp", "uitofp", "fptosi", "fptoui", "bitcast")),
        *(f"math.{name}" for name in ("exp", "exp2", "expm1", "log", "log2", "log1p", "log10", "sqrt", "rsqrt")),
        *(f"math.{name}" for name in ("sin", "cos", "tan", "tanh", "erf", "absf", "absi", "floor", "ceil", "fma")),
        *(f"math.{name}" for name in ("round", "roundeven", "trunc", "powf", "atan", "atan2", "copysign")),
        *(f"tt.{name}" for name in ("fp_to_fp", "precise_divf", "precise_sqrt", "clampf", "mulhiui")),
        "tt.extern_elementwise",
    }
)

MEANINGS: Final[Mapping[str, Meaning]] = {
    **INTEGERS,
    **TENSORS,
    **CONTROL,
    **dict.fromkeys(FLOATS, elementwise),
    "tt.elementwise_inline_asm": pure_assembly,
}
