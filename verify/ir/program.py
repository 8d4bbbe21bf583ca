"""The IR on one page: what a parsed TTIR module is. Every operation knows its place in the candidate's source.

The shapes here are those of MLIR: operations hold regions, regions hold blocks, blocks hold operations, and
control leaves a block by its last operation. Meanings live elsewhere (`symbolic`, `executor`), one table each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from attrs import field, frozen

from verify.verdict import Place


@frozen
class Scalar:
    """`i1 i8 i16 i32 i64 index f16 bf16 f32 f64 f8E4M3FN f8E5M2 ...` or a type we only carry (`none`, tokens)."""

    name: str

    @property
    def integer(self) -> bool:
        return self.name == "index" or (self.name[0] == "i" and self.name[1:].isdigit())

    @property
    def floating(self) -> bool:
        return self.name[0] == "f" or self.name.startswith(("bf", "tf"))

    @property
    def bits(self) -> int:
        """Width in bits. Raises ValueError for a type without one."""
        if self.name == "index":
            return 64
        digits = self.name.lstrip("biftu").split("E")[0]
        if not digits.isdigit():
            raise ValueError(f"type {self.name!r} has no width")
        return int(digits)

    def __str__(self) -> str:
        return self.name


@frozen
class Pointer:
    """`!tt.ptr<f32>`; the pointee may be a tensor (block pointers of triton 3.6)."""

    pointee: Type

    def __str__(self) -> str:
        return f"!tt.ptr<{self.pointee}>"


@frozen
class Tensor:
    """`tensor<64x128xf32>`; a tensor of no axes does not occur."""

    shape: tuple[int, ...]
    element: Scalar | Pointer

    def __str__(self) -> str:
        return f"tensor<{'x'.join(map(str, self.shape))}x{self.element}>"


@frozen
class Descriptor:
    """`!tt.tensordesc<tensor<64x64xf16>>` (3.6) or `!tt.tensordesc<64x64xf16>` (later)."""

    block: Tensor

    def __str__(self) -> str:
        return f"!tt.tensordesc<{self.block}>"


Type: TypeAlias = Scalar | Pointer | Tensor | Descriptor


def element_of(type: Type) -> Scalar | Pointer | Descriptor:
    """The type of one lane."""
    return type.element if isinstance(type, Tensor) else type


def shape_of(type: Type) -> tuple[int, ...]:
    """The lanes' shape; () for a scalar."""
    return type.shape if isinstance(type, Tensor) else ()


@frozen
class Value:
    """An SSA value. `name` is unique within its function once parsed (`%51#2` for the third of many results)."""

    name: str
    type: Type


@frozen
class Dense:
    """`dense<...>`: one element for all lanes (a splat), or all elements in row-major order."""

    elements: tuple[int | float | bool, ...]
    splat: bool


@frozen
class Symbol:
    """A bare word in an attribute or operation syntax: `slt`, `x`, `fadd`, `acq_rel`, `tf32`."""

    text: str


# Floats keep the exact value that the text denotes in its type; hexadecimal bit patterns are already decoded.
Attribute: TypeAlias = "int | float | bool | str | Symbol | Dense | Type | tuple[Attribute, ...] | dict[str, Attribute]"


@frozen(eq=False)
class Operation:
    """One operation. `name` is its dialect name (`tt.load`); custom syntax and generic syntax parse alike.

    Words of the custom syntax become attributes: `predicate` of cmpi/cmpf, `axis` of get_program_id and
    expand_dims, `inputPrecision` of dot, `atomic_rmw_op sem scope` of atomics, `value` of constants.
    `operand_counts` tells apart the optional operand groups where there are several (tt.load: pointer, mask, other).
    """

    name: str
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    attributes: Mapping[str, Attribute]
    regions: tuple[Region, ...]
    successors: tuple[Successor, ...]
    place: Place
    stack: tuple[Place, ...] = ()  # inlined callers, innermost first
    label: str = ""  # the variable that the source assigns to, where the compiler says it


@frozen(eq=False)
class Successor:
    """The target of a branch with the values for its block arguments."""

    block: str
    arguments: tuple[Value, ...]


@frozen(eq=False)
class Block:
    """A straight line of operations. The entry block of a region is its first."""

    label: str
    arguments: tuple[Value, ...]
    operations: tuple[Operation, ...]


@frozen(eq=False)
class Region:
    blocks: tuple[Block, ...]


@frozen(eq=False)
class Function:
    """`tt.func`. `argument_attributes[i]` holds what the compiler was told (`tt.divisibility`)."""

    name: str
    arguments: tuple[Value, ...]
    argument_attributes: tuple[Mapping[str, Attribute], ...]
    results: tuple[Type, ...]
    body: Region
    public: bool
    place: Place


@frozen(eq=False)
class Program:
    """One parsed module. `kernel` is its only public function."""

    functions: tuple[Function, ...] = field()

    @functions.validator
    def _one_kernel(self, _: object, functions: tuple[Function, ...]) -> None:
        public = [function.name for function in functions if function.public]
        if len(public) != 1:
            raise ValueError(f"expected one public function, found {len(public)}: {', '.join(public)}")

    @property
    def kernel(self) -> Function:
        return next(function for function in self.functions if function.public)

    def operations(self) -> Iterator[Operation]:
        """Every operation of every function, outer before inner, in textual order."""
        for function in self.functions:
            yield from _inside(function.body)


def _inside(region: Region) -> Iterator[Operation]:
    for block in region.blocks:
        for operation in block.operations:
            yield operation
            for inner in operation.regions:
                yield from _inside(inner)
