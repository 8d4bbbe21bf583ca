"""The words of operations: one row a word. What has none here is said to have none.

`QUIET` is what moves indices, shapes and types about; a walk tells it through the accesses that it leads to. `NOUNS` is
what computes values: a word for one and for several, and how a formula has it. `SPOKEN` gets a sentence of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

_QUIET: Final = """
arith: constant addui_extended bitcast extf extsi extui index_cast index_castui trunci
tt: addptr bitcast broadcast expand_dims get_num_programs get_program_id int_to_ptr make_range ptr_to_int reshape splat
tt: unsplat
llvm: assume intr.assume
ttg: local_barrier
ub: poison
"""
# noun, plural = formula: operations. `*` is the operation's own name, `type` that of its result.
_NOUNS: Final = """
sum = a + b: arith.addf arith.addi
difference = a - b: arith.subf arith.subi
product = a · b: arith.mulf arith.muli
quotient = a / b: arith.divf tt.precise_divf
whole quotient = a // b: arith.divsi arith.divui arith.floordivsi
quotient rounded up, quotients rounded up: arith.ceildivsi arith.ceildivui
remainder = a % b: arith.remf arith.remsi arith.remui math.fmod
negation = -a: arith.negf
maximum, maxima = max(a, b): arith.maximumf arith.maxnumf arith.maxsi arith.maxui math.fmax
minimum, minima = min(a, b): arith.minimumf arith.minnumf arith.minsi arith.minui math.fmin
choice: arith.select
comparison: arith.cmpf arith.cmpi
conjunction = a and b: arith.andi
disjunction = a or b: arith.ori
exclusive or, exclusive ors = a xor b: arith.xori
shift: arith.shli arith.shrsi arith.shrui
long product: arith.mulsi_extended arith.mului_extended tt.mulhiui
exponential = exp(a): math.exp
power of two, powers of two = 2^(a): math.exp2
exponential less one, exponentials less one = expm1(a): math.expm1
logarithm = log(a): math.log
logarithm to base 2, logarithms to base 2 = log2(a): math.log2
logarithm to base 10, logarithms to base 10 = log10(a): math.log10
logarithm of one more, logarithms of one more = log1p(a): math.log1p
square root = sqrt(a): math.sqrt tt.precise_sqrt
reciprocal root = rsqrt(a): math.rsqrt
cube root = cbrt(a): math.cbrt
reciprocal = rcp(a): math.rcp
trigonometric function = *(a): math.sin math.cos math.tan
arc function = *(a): math.asin math.acos math.atan
angle = atan2(a, b): math.atan2
hyperbolic function = *(a): math.sinh math.cosh math.tanh math.asinh math.acosh math.atanh
error function = *(a): math.erf math.erfc math.erfinv
log-gamma value = lgamma(a): math.lgamma
absolute value = |a|: math.absf math.absi math.fabs
rounding to whole numbers, roundings to whole numbers = *(a): math.floor math.ceil math.round math.roundeven math.trunc
rounding to whole numbers, roundings to whole numbers = *(a): math.rint math.nearbyint
product and sum, products with sums = fma(a, b, c): math.fma
positive difference = *(a, b): math.fdim
power = pow(a, b): math.powf math.pow math.powi math.ipowi math.fpowi
copied sign = copysign(a, b): math.copysign
length = hypot(a, b): math.hypot
limited value = clamp(a, b, c): math.clampf tt.clampf
test of its kind, tests of their kind = *(a): math.signbit math.isfinite math.isinf math.isnan math.isnormal math.finite
count of bits, counts of bits: math.ctlz math.cttz math.ctpop
conversion = type(a): arith.fptosi arith.fptoui arith.sitofp arith.uitofp
conversion = type(a): arith.scaling_extf arith.scaling_truncf tt.fp_to_fp
rounding to a narrower type, roundings to narrower types = type(a): arith.truncf
transposition = transposed(a): tt.trans
interleaving of two tensors, interleavings of two tensors = join(a, b): tt.join
taking apart of pairs, takings apart of pairs: tt.split
putting of two tensors behind one another, puttings of two tensors behind one another: tt.cat
piece of inline assembly, pieces of inline assembly: tt.elementwise_inline_asm
call of a device library, calls of a device library: tt.extern_elementwise
"""

SPOKEN: Final = frozenset({
    "tt.load", "tt.store", "tt.atomic_rmw", "tt.atomic_cas", "tt.reduce", "tt.scan", "tt.dot", "tt.dot_scaled",
    "tt.histogram", "tt.gather", "tt.call", "tt.make_tensor_descriptor", "tt.descriptor_load", "tt.descriptor_gather",
    "tt.descriptor_store", "tt.descriptor_scatter", "tt.descriptor_reduce", "scf.for", "scf.while", "scf.if",
    "tt.debug_barrier", "gpu.barrier", "ttg.barrier", "tt.assert", "tt.print",
})  # fmt: skip
# What a block ends in.
ENDS: Final = frozenset({
    "scf.yield", "scf.condition", "tt.return", "tt.reduce.return", "tt.scan.return", "cf.br", "cf.cond_br",
})  # fmt: skip

# A rule that folds or scans lanes by a single operation.
FOLDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["arith.addf", "arith.addi"], "sum"),
    **dict.fromkeys(["arith.mulf", "arith.muli"], "product"),
    **dict.fromkeys(["arith.maxnumf", "arith.maximumf", "arith.maxsi", "arith.maxui"], "maximum"),
    **dict.fromkeys(["arith.minnumf", "arith.minimumf", "arith.minsi", "arith.minui"], "minimum"),
    "arith.xori": "exclusive or",
    "arith.ori": "disjunction",
    "arith.andi": "conjunction",
}
ATOMICS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["add", "fadd"], "adds {} to"),
    **dict.fromkeys(["max", "umax"], "takes the maximum of {} and"),
    **dict.fromkeys(["min", "umin"], "takes the minimum of {} and"),
    **{name: f"puts {{}} by `{name}` into" for name in ("and", "or", "xor")},
    "exch": "exchanges {} with",
}
# What stands for a value that the source gives no name, where no formula says it.
UNNAMED: Final[Mapping[str, str]] = {
    **dict.fromkeys(["tt.load", "tt.descriptor_load", "tt.descriptor_gather"], "the loaded values"),
    **dict.fromkeys(["tt.dot", "tt.dot_scaled"], "the matrix product"),
    **dict.fromkeys(["tt.atomic_rmw", "tt.atomic_cas"], "what was there before"),
    "tt.histogram": "the counts",
    "tt.gather": "the picked lanes",
}
RELATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["eq", "oeq", "ueq"], "="),
    **dict.fromkeys(["ne", "one", "une"], "≠"),
    **dict.fromkeys(["slt", "ult", "olt"], "<"),
    **dict.fromkeys(["sle", "ule", "ole"], "≤"),
    **dict.fromkeys(["sgt", "ugt", "ogt"], ">"),
    **dict.fromkeys(["sge", "uge", "oge"], "≥"),
}


@frozen
class Noun:
    """What an operation that computes is called: for one, for several, and in a formula, where it has one."""

    one: str
    several: str
    formula: str


def _quiet() -> frozenset[str]:
    rows = (row.partition(":") for row in _QUIET.split("\n") if row)
    return frozenset(f"{dialect}.{name}" for dialect, _, names in rows for name in names.split())


def _nouns() -> dict[str, Noun]:
    found: dict[str, Noun] = {}
    for row in filter(None, _NOUNS.split("\n")):
        said, _, names = row.partition(":")
        words, _, formula = said.partition(" = ")
        one, _, several = words.partition(", ")
        for name in names.split():
            found[name] = Noun(one, several or f"{one}s", formula.replace("*", name.partition(".")[2]))
    return found


QUIET: Final = _quiet()
NOUNS: Final[Mapping[str, Noun]] = _nouns()


def counted(names: list[str]) -> list[str]:
    """`a sum`, `2 exponentials`: what operations amount to, in the order in which they first occur."""
    nouns = [(NOUNS[name].one, NOUNS[name].several) for name in names]
    return [
        f"{nouns.count(noun)} {noun[1]}" if nouns.count(noun) > 1 else f"{_article(noun[0])} {noun[0]}"
        for noun in dict.fromkeys(nouns)
    ]


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"
