"""What a TTIR value is at one lane, symbolically: its value where we track one, and what could spoil it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TypeAlias

from attrs import evolve, frozen

from verify.symbolic.terms import FALSE, TRUE, Poly, Renaming, Truth, choose, conj, disj, negate
from verify.verdict import Place


@frozen(cache_hash=True)
class Wrap:
    """An integer operation in a value's history that wraps unless `value` fits `bits`, where `when` holds.

    `operation` is a noun, such as `product`. `factors` are those of a product: that it fits is easier to show from one
    factor than from the expanded sum.
    """

    value: Poly
    bits: int
    when: Truth
    operation: str
    place: Place
    factors: tuple[Poly, ...] = ()

    def renamed(self, renaming: Renaming) -> Wrap:
        """The same operation with atoms substituted."""
        return evolve(
            self,
            value=renaming.poly(self.value),
            when=renaming.truth(self.when),
            factors=tuple(renaming.poly(factor) for factor in self.factors),
        )


@frozen
class Address:
    """A pointer: elements beyond the first element of the pointer argument called `pointer`."""

    pointer: str
    offset: Poly


@frozen
class Descriptor:
    """A tensor descriptor: the elements `base + sum(i_k * strides[k])` with `0 <= i_k < sizes[k]`."""

    base: Address
    sizes: tuple[Poly, ...]
    strides: tuple[Poly, ...]

    def renamed(self, renaming: Renaming) -> Descriptor:
        """The same descriptor with atoms substituted."""
        return Descriptor(
            Address(self.base.pointer, renaming.poly(self.base.offset)),
            tuple(map(renaming.poly, self.sizes)),
            tuple(map(renaming.poly, self.strides)),
        )


Content: TypeAlias = "Poly | Truth | Address | Descriptor | None"


class Untracked(Exception):
    """A meaning needs a value that is not followed: the operation cannot be read."""


@frozen
class Lane:
    """A value at one lane; its lane coordinates are the atoms `lane(0)`, `lane(1)`, ...

    `content` is None for floats and for anything whose value is not tracked. `undef` says where the lane is
    undefined; `wraps` are the operations behind it that must not wrap, none twice, in an order that every run shares.
    """

    content: Content = None
    undef: Truth = FALSE
    wraps: tuple[Wrap, ...] = ()

    @property
    def poly(self) -> Poly:
        if not isinstance(self.content, Poly):
            raise Untracked(f"expected an integer, got {self.content}")
        return self.content

    @property
    def truth(self) -> Truth:
        if not isinstance(self.content, Truth):
            raise Untracked(f"expected a truth, got {self.content}")
        return self.content


def renamed(value: Lane, renaming: Renaming) -> Lane:
    """The same value with atoms substituted everywhere."""
    content = value.content
    if isinstance(content, Address):
        content = Address(content.pointer, renaming.poly(content.offset))
    elif isinstance(content, Descriptor):
        content = content.renamed(renaming)
    elif content is not None:
        content = renaming(content)
    wraps = together(wrap.renamed(renaming) for wrap in value.wraps)
    return Lane(content, renaming.truth(value.undef), wraps)


def together(*groups: Iterable[Wrap]) -> tuple[Wrap, ...]:
    """All of them once, as they come: the order of a set would be another in every process."""
    return tuple(dict.fromkeys(chain(*groups)))


def tainted(content: Content, *sources: Lane, own: tuple[Wrap, ...] = ()) -> Lane:
    """A value computed lane by lane from others: it inherits all that could spoil them."""
    return Lane(
        content,
        disj(*(source.undef for source in sources)),
        together(*(source.wraps for source in sources), own),
    )


def merged(condition: Truth, yes: Lane, no: Lane, unknown: Lane) -> Lane:
    """`yes` where the condition holds, else `no`; `unknown` where the two contents cannot be joined."""
    undef = disj(conj(condition, yes.undef), conj(negate(condition), no.undef))
    if undef != FALSE and yes.undef == no.undef:
        undef = yes.undef
    wraps = together(
        (evolve(wrap, when=conj(wrap.when, condition)) for wrap in yes.wraps),
        (evolve(wrap, when=conj(wrap.when, negate(condition))) for wrap in no.wraps),
    )
    return Lane(_joined(condition, yes.content, no.content, unknown.content), undef, wraps)


def _joined(condition: Truth, yes: Content, no: Content, unknown: Content) -> Content:
    if yes == no:
        return yes
    if isinstance(yes, Poly) and isinstance(no, Poly):
        return choose(condition, yes, no)
    if isinstance(yes, Truth) and isinstance(no, Truth):
        if condition == TRUE:
            return yes
        return disj(conj(condition, yes), conj(negate(condition), no))
    if isinstance(yes, Address) and isinstance(no, Address) and yes.pointer == no.pointer:
        return Address(yes.pointer, choose(condition, yes.offset, no.offset))
    return unknown
