"""Symbolic terms as z3 formulas. An atom becomes an Int constant together with what defines it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any, Final

import z3

from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.terms import Atom, Monomial, Poly, Term, Truth, apply, closure, first_copy, of


class Encoder:
    """One query's vocabulary. `definitions` grows with every term encoded: assert them along with it.

    In a `linear` encoding a product of unknowns is an unknown of its own, of which only simple facts are told. What
    follows from it holds; a model of it is no counterexample.
    """

    def __init__(self, ranges: Ranges, linear: bool = False) -> None:
        self.ranges = ranges
        self.linear = linear
        self.definitions: list[Any] = []
        self.ranged: dict[int, tuple[Atom, ...]] = {}  # a definition's place -> the atoms whose ranges it was made from
        self.constants: dict[Atom, Any] = {}
        self._numbers = count()
        self._quotients: dict[tuple[Poly, Poly, bool], tuple[Any, Any]] = {}
        self._products: dict[Term, list[tuple[list[Any], Any]]] = {}
        self._multiples: dict[Atom, dict[tuple[Atom, int], Any]] = {}
        self._truths: dict[Truth, Any] = {}

    def poly(self, term: Poly) -> Any:
        self._define(term)
        return self._sum(term)

    def truth(self, term: Truth) -> Any:
        self._define(term)
        return self._truth(term)

    def _fresh(self, what: str) -> Any:
        """A constant of its own. Two unknowns under one name would prove anything."""
        return z3.Int(f"{what}!{next(self._numbers)}")

    def _define(self, term: Term) -> None:
        for each in closure([term]):
            if each not in self.constants:
                self.constants[each] = self._constant(each)

    def _constant(self, each: Atom) -> Any:
        if each.kind == "opaque" and not each.label.startswith("int:"):
            return z3.Bool(f"truth!{next(self._numbers)}")
        if each.kind in DEFINITIONS:
            value = DEFINITIONS[each.kind](self, each)
            if not z3.is_const(value) or z3.is_int_value(value):
                fresh = self._fresh(each.kind)
                self.definitions.append(fresh == value)
                return fresh
            return value
        # Other solvers read no symbol that begins with a digit or has a prime in it.
        label = each.label.replace("'", "~")
        constant = self._fresh(each.kind + label if label[:1].isdigit() else label or each.kind)
        self._bound(constant, self.ranges.atom(each), of(each))
        return constant

    def _bound(self, constant: Any, within: Range, term: Poly) -> None:
        low, high = within
        if low > float("-inf"):  # a program id is never negative, whatever the sizes
            self._from_ranges([constant >= int(low)], *(of(each) for each in term.atoms() if each.kind != "pid"))
        if high < float("inf"):
            self._from_ranges([constant <= int(high)], term)

    def _from_ranges(self, definitions: list[Any], *terms: Poly) -> None:
        """Definitions that hold because of what the ranges say of the terms."""
        atoms = closure(terms)
        self.ranged |= {len(self.definitions) + at: atoms for at in range(len(definitions))}
        self.definitions += definitions

    def _sum(self, term: Poly) -> Any:
        parts = []
        for monomial, coefficient in term.terms:
            factors = [self.constants[each] for each in monomial]
            part = self._product(Poly(((monomial, 1),)), factors) if factors else z3.IntVal(1)
            if self.linear and len(monomial) == 2:
                self._order(monomial, abs(coefficient), part)
            parts.append(part if coefficient == 1 else coefficient * part)
        return z3.Sum(*parts) if len(parts) > 1 else parts[0] if parts else z3.IntVal(0)

    def _truth(self, term: Truth) -> Any:
        if term not in self._truths:
            self._truths[term] = self._build(term)
        return self._truths[term]

    def _build(self, term: Truth) -> Any:
        if term.poly is not None:
            # A sum of positive and negative parts reads better to z3 as a comparison of the two.
            left = Poly(tuple(item for item in term.poly.terms if item[1] > 0))
            right = Poly(tuple((key, -factor) for key, factor in term.poly.terms if factor < 0))
            sides = self._sum(left), self._sum(right)
            return sides[0] <= sides[1] if term.kind == "le" else sides[0] == sides[1]
        if term.atom is not None:
            return self.constants[term.atom]
        parts = [self._truth(part) for part in term.parts]
        return JOINS[term.kind](parts)

    def quotient(self, numerator: Poly, divisor: Poly, floors: bool) -> tuple[Any, Any]:
        """Quotient and remainder as constants; division by zero leaves both free."""
        plain = self.ranges.nonnegative(numerator) and self.ranges.positive(divisor)
        key = (numerator, divisor, floors and not plain)
        if key not in self._quotients:
            self._quotients[key] = self._divide(numerator, divisor, floors, plain)
        return self._quotients[key]

    def _divide(self, numerator: Poly, divisor: Poly, floors: bool, plain: bool) -> tuple[Any, Any]:
        a, b = self._sum(numerator), self._sum(divisor)
        q, r = self._fresh("quotient"), self._fresh("remainder")
        folded = apply("floordiv" if floors or plain else "div", numerator, divisor)
        whole = next((each for each in folded.atoms() if folded == of(each)), None)
        if whole is not None and whole.args == (numerator, divisor):
            self.constants[whole] = q
            self.definitions.append(a == self._sum(of(whole) * divisor) + r)
        else:
            self.definitions.append(a == q * b + r)
        if plain:
            self._from_ranges([r >= 0, r < b, q >= 0], numerator, divisor)
        elif floors:
            self.definitions += [z3.Implies(b > 0, z3.And(r >= 0, r < b)), z3.Implies(b < 0, z3.And(r <= 0, r > b))]
        else:  # C division rounds toward zero: the remainder has the numerator's sign
            size = z3.If(b >= 0, b, -b)
            self.definitions += [
                z3.Implies(z3.And(a >= 0, b != 0), z3.And(r >= 0, r < size)),
                z3.Implies(z3.And(a < 0, b != 0), z3.And(r <= 0, r > -size)),
            ]
        return q, r

    def _product(self, term: Poly, factors: list[Any]) -> Any:
        """The product of the factors, which is `term`.

        A product in a second execution equals its twin when the factors do. That follows, but to z3 a product of
        two unknowns is a black box, and untold it seldom finds it.
        """
        if len(factors) == 1:
            return factors[0]
        twins = self._products.setdefault(first_copy(term), [])
        for others, other in twins:
            if len(others) == len(factors) and all(a.eq(b) for a, b in zip(factors, others, strict=True)):
                return other
        product = z3.Product(*factors)
        if self.linear:
            product = self._fresh("product")
            self._tell(term, factors, product)
            self._split(term, product)
        for others, other in twins:
            if len(others) == len(factors):
                same = z3.And(*(a == b for a, b in zip(factors, others, strict=True)))
                self.definitions.append(z3.Implies(same, product == other))
        twins.append((factors, product))
        return product

    def _tell(self, term: Poly, factors: list[Any], product: Any) -> None:
        self._bound(product, self.ranges.of(term), term)
        for at, factor in enumerate(factors):
            self.definitions.append(z3.Implies(factor == 0, product == 0))
            if len(factors) == 2:
                other = factors[1 - at]
                self.definitions.append(z3.Implies(factor == 1, product == other))
                self.definitions.append(z3.Implies(z3.And(factor >= 1, other >= 1), product >= other))
                self.definitions.append(z3.Implies(z3.And(factor <= -1, other >= 1), product <= -other))

    def _split(self, term: Poly, product: Any) -> None:
        """A product with a minimum or maximum is the product with the side that it takes."""
        ((monomial, _),) = term.terms
        if len(monomial) != 2:
            return
        for each, other in (monomial, monomial[::-1]):
            if each.kind in ("min", "max"):
                for side in each.args:
                    assert isinstance(side, Poly)
                    taken = self.constants[each] == self._sum(side)
                    self.definitions.append(z3.Implies(taken, product == self._sum(side * of(other))))
                return

    def _order(self, monomial: Monomial, scale: int, product: Any) -> None:
        """Products with a common factor that is not negative are ordered as their other factors are."""
        for common, other in (monomial, monomial[::-1]):
            if not self.ranges.nonnegative(of(common)):
                continue
            known = self._multiples.setdefault(common, {})
            if (other, scale) in known:
                continue
            shared, mine = self.constants[common], scale * self.constants[other]
            for (each, factor), theirs in known.items():
                yours = factor * self.constants[each]
                ordered = [
                    z3.Implies(mine == yours, scale * product == factor * theirs),
                    z3.Implies(mine < yours, scale * product + shared <= factor * theirs),
                    z3.Implies(mine > yours, scale * product >= factor * theirs + shared),
                ]
                self._from_ranges(ordered, of(common))
            known[other, scale] = product

    def wrapped(self, value: Any, bits: int) -> Any:
        """`value` reduced into the signed range of `bits`."""
        turns = self._fresh("turns")
        result = value - turns * 2**bits
        self.definitions += [result >= -(2 ** (bits - 1)), result < 2 ** (bits - 1)]
        return result


JOINS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "true": lambda parts: z3.BoolVal(True),
    "false": lambda parts: z3.BoolVal(False),
    "and": lambda parts: z3.And(*parts),
    "or": lambda parts: z3.Or(*parts),
    "not": lambda parts: z3.Not(parts[0]),
}


def _pair(encoder: Encoder, each: Atom) -> tuple[Any, Any]:
    left, right = (encoder._sum(arg) for arg in each.args if isinstance(arg, Poly))
    return left, right


def _division(part: int, floors: bool) -> Callable[[Encoder, Atom], Any]:
    def define(encoder: Encoder, each: Atom) -> Any:
        numerator, divisor = (arg for arg in each.args if isinstance(arg, Poly))
        return encoder.quotient(numerator, divisor, floors)[part]

    return define


def _extreme(smaller: bool) -> Callable[[Encoder, Atom], Any]:
    def define(encoder: Encoder, each: Atom) -> Any:
        a, b = _pair(encoder, each)
        return z3.If(a <= b, a, b) if smaller else z3.If(a >= b, a, b)

    return define


def _choice(encoder: Encoder, each: Atom) -> Any:
    condition = next(arg for arg in each.args if isinstance(arg, Truth))
    yes, no = _pair(encoder, each)
    return z3.If(encoder._truth(condition), yes, no)


def _product(encoder: Encoder, each: Atom) -> Any:
    left, right = _pair(encoder, each)
    return encoder._product(Poly((((each,), 1),)), [left, right])


def _wrapping(encoder: Encoder, each: Atom) -> Any:
    (inner,) = (arg for arg in each.args if isinstance(arg, Poly))
    return encoder.wrapped(encoder._sum(inner), int(each.label))


DEFINITIONS: Final[Mapping[str, Callable[[Encoder, Atom], Any]]] = {
    "div": _division(0, floors=False),
    "rem": _division(1, floors=False),
    "floordiv": _division(0, floors=True),
    "floormod": _division(1, floors=True),
    "min": _extreme(smaller=True),
    "max": _extreme(smaller=False),
    "ite": _choice,
    "mul": _product,
    "wrap": _wrapping,
}


def encode(terms: Iterable[Truth], ranges: Ranges, linear: bool = False) -> tuple[list[Any], Encoder]:
    """The terms and all definitions that they need, as z3 formulas, and the vocabulary to read a model with."""
    encoder = Encoder(ranges, linear)
    formulas = [encoder.truth(term) for term in terms]
    return [*encoder.definitions, *formulas], encoder
