"""The tables of operations: how many operands, what bare words mean, which type a result has.

An operation without an entry is read by the general rules; entries say where an operation differs from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from verify.ir.program import Scalar, Symbol, Type
from verify.ir.types import described, loaded, with_element

BOOLEAN = Scalar("i1")


def _table(operands: tuple[int, int], names: str) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(names.split(), operands)


# Fewest and most operands of the operations that have a meaning anywhere in this project, and of their kin.
OPERANDS: Mapping[str, tuple[int, int]] = {
    **_table((0, 0), "arith.constant tt.get_program_id tt.get_num_programs tt.make_range ub.poison"),
    **_table((0, 0), "gpu.barrier ttg.barrier"),
    **_table((1, 1), "arith.negf arith.extf arith.extsi arith.extui arith.truncf arith.trunci arith.sitofp"),
    **_table((1, 1), "arith.uitofp arith.fptosi arith.fptoui arith.bitcast arith.index_cast"),
    **_table((1, 1), "math.exp math.exp2 math.log math.log2 math.sin math.cos math.sqrt math.rsqrt"),
    **_table((1, 1), "math.absf math.absi math.floor math.ceil math.erf math.tanh tt.precise_sqrt"),
    **_table((1, 1), "tt.splat tt.unsplat tt.broadcast tt.expand_dims tt.reshape tt.trans tt.split"),
    **_table((1, 1), "tt.bitcast tt.fp_to_fp tt.int_to_ptr tt.ptr_to_int tt.assert"),
    **_table((1, 1), "llvm.intr.assume scf.if cf.cond_br"),
    **_table((2, 2), "arith.addi arith.subi arith.muli arith.divsi arith.divui arith.remsi arith.remui"),
    **_table((2, 2), "arith.andi arith.ori arith.xori arith.shli arith.shrsi arith.shrui arith.minsi"),
    **_table((2, 2), "arith.maxsi arith.minui arith.maxui arith.ceildivsi arith.ceildivui arith.floordivsi"),
    **_table((2, 2), "arith.addf arith.subf arith.mulf arith.divf arith.remf arith.maxnumf arith.minnumf"),
    **_table((2, 2), "arith.maximumf arith.minimumf arith.cmpi arith.cmpf tt.precise_divf tt.mulhiui"),
    **_table((2, 2), "tt.addptr tt.join tt.cat tt.gather"),
    **_table((3, 3), "arith.select math.fma tt.dot tt.clampf tt.atomic_cas"),
    **_table((1, 3), "tt.load"),
    **_table((2, 3), "tt.store tt.atomic_rmw"),
    **_table((1, 2), "tt.histogram"),
    **_table((3, 5), "tt.dot_scaled"),
}

# What the bare words and strings of the custom syntax mean, in order.
WORDS: Mapping[str, tuple[str, ...]] = {
    "arith.cmpi": ("predicate",),
    "arith.cmpf": ("predicate",),
    "tt.get_program_id": ("axis",),
    "tt.get_num_programs": ("axis",),
    "tt.atomic_rmw": ("atomic_rmw_op", "sem", "scope"),
    "tt.atomic_cas": ("sem", "scope"),
    "tt.descriptor_reduce": ("kind",),
    "tt.print": ("prefix",),
    "tt.assert": ("message",),
    "tt.elementwise_inline_asm": ("asm_string",),
    "tt.call": ("callee",),
    "ttg.barrier": ("addrSpace",),  # only `all` orders accesses to global memory too
}

_RMW = ("", "and", "or", "xor", "add", "fadd", "max", "min", "umax", "umin", "exch")
_SEM = ("", "relaxed", "acquire", "release", "acq_rel")
_SCOPE = ("", "gpu", "cta", "sys")
_AXIS = ("x", "y", "z")
_SCALED = ("e4m3", "e5m2", "e2m3", "e3m2", "e2m1", "bf16", "fp16")

# Words of the custom syntax that only stand between its parts.
FILLERS = ("else", "do", "attributes")

# The generic syntax writes these words as numbers.
ENUMS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("arith.cmpi", "predicate"): ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"),
    ("arith.cmpf", "predicate"): (
        *("false", "oeq", "ogt", "oge", "olt", "ole", "one", "ord"),
        *("ueq", "ugt", "uge", "ult", "ule", "une", "uno", "true"),
    ),
    ("tt.get_program_id", "axis"): _AXIS,
    ("tt.get_num_programs", "axis"): _AXIS,
    ("tt.atomic_rmw", "atomic_rmw_op"): _RMW,
    ("tt.atomic_rmw", "sem"): _SEM,
    ("tt.atomic_rmw", "scope"): _SCOPE,
    ("tt.atomic_cas", "sem"): _SEM,
    ("tt.atomic_cas", "scope"): _SCOPE,
    ("tt.dot", "inputPrecision"): ("tf32", "tf32x3", "ieee", "bf16x3", "bf16x6"),
    ("tt.dot_scaled", "a_elem_type"): _SCALED,
    ("tt.dot_scaled", "b_elem_type"): _SCALED,
}

# What the custom syntax leaves out and a meaning must not guess.
DEFAULTS: Mapping[str, Mapping[str, Symbol]] = {"tt.dot": {"inputPrecision": Symbol("ieee")}}

Rule: TypeAlias = Callable[[Sequence[Type]], Type]


def _compared(types: Sequence[Type]) -> Type:
    return with_element(types[0], BOOLEAN)


# The type of the result where it is not the last type written.
RESULTS: Mapping[str, Rule] = {
    **dict.fromkeys(["arith.cmpi", "arith.cmpf"], _compared),
    **dict.fromkeys(["math.isfinite", "math.isinf", "math.isnan", "math.isnormal"], _compared),
    **dict.fromkeys(["tt.addptr", "math.fpowi"], lambda types: types[0]),
    "tt.load": lambda types: loaded(types[0]),
    "tt.make_tensor_descriptor": lambda types: described(types[-1]),
}


Counter: TypeAlias = Callable[[list[int], int], tuple[int, ...]]


def _optional(slots: int) -> Counter:
    """Operands fill the slots from the left."""
    return lambda groups, total: tuple(int(slot < total) for slot in range(slots))


def _bracketed(groups: list[int], total: int) -> tuple[int, ...]:
    return (total - sum(groups), *groups)


COUNTS: Mapping[str, Counter] = {
    "tt.load": _optional(3),
    "tt.store": _optional(3),
    "tt.atomic_rmw": _optional(3),
    "tt.make_tensor_ptr": _bracketed,
    "tt.make_tensor_descriptor": _bracketed,
    "tt.advance": _bracketed,
    "tt.descriptor_load": _bracketed,
}
