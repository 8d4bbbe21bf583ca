"""Symbolic terms as SMT-LIB formulas. An atom becomes an Int constant together with what defines it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Final

from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.smtlib import Formula, both, call, multiple, number, script, symbol
from verify.symbolic.terms import Atom, Monomial, Poly, Term, Truth, apply, closure, first_copy, of


class Encoder:
    """One query's vocabulary. `definitions` grows with every term encoded: assert them along with it.

    In a `linear` encoding a product of unknowns is an unknown of its own, of which only simple facts are told. What
    follows from it holds; a model of it is no counterexample.
    """

    def __init__(self, ranges: Ranges, linear: bool = False) -> None:
        self.ranges = ranges
        self.linear = linear
        self.definitions: list[Formula] = []
        self.ranged: dict[int, tuple[Atom, ...]] = {}  # a definition's place -> the atoms whose ranges it was made from
        self.constants: dict[Atom, Formula] = {}
        self.sorts: dict[Formula, str] = {}  # of every constant that is spoken of: Int or Bool
        self._numbers = count()
        self._quotients: dict[tuple[Poly, Poly, bool], tuple[Formula, Formula]] = {}
        self._products: dict[Term, list[tuple[list[Formula], Formula]]] = {}
        self._multiples: dict[Atom, dict[tuple[Monomial, int], tuple[Formula, Formula]]] = {}
        self._truths: dict[Truth, Formula] = {}

    def truth(self, term: Truth) -> Formula:
        self._define(term)
        return self._truth(term)

    def fresh(self, what: str, sort: str = "Int") -> Formula:
        """A constant of its own. Two unknowns under one name would prove anything."""
        name = f"{symbol(what)}!{next(self._numbers)}"
        self.sorts[name] = sort
        return name

    def _define(self, term: Term) -> None:
        for each in closure([term]):
            if each not in self.constants:
                self.constants[each] = self._constant(each)

    def _constant(self, each: Atom) -> Formula:
        if each.kind == "opaque" and not each.label.startswith("int:"):
            return self.fresh("truth", "Bool")
        if each.kind in DEFINITIONS:
            value = DEFINITIONS[each.kind](self, each)
            if value not in self.sorts:
                fresh = self.fresh(each.kind)
                self.definitions.append(call("=", fresh, value))
                return fresh
            return value
        constant = self.fresh(each.kind + each.label if each.label[:1].isdigit() else each.label or each.kind)
        self._bound(constant, self.ranges.atom(each), of(each))
        return constant

    def _bound(self, constant: Formula, within: Range, term: Poly) -> None:
        low, high = within
        if low > float("-inf"):  # a program id is never negative, whatever the sizes
            sizes = (of(each) for each in term.atoms() if each.kind != "pid")
            self._from_ranges([f"(>= {constant} {number(int(low))})"], *sizes)
        if high < float("inf"):
            self._from_ranges([f"(<= {constant} {number(int(high))})"], term)

    def _from_ranges(self, definitions: list[Formula], *terms: Poly) -> None:
        """Definitions that hold because of what the ranges say of the terms."""
        atoms = closure(terms)
        self.ranged |= {len(self.definitions) + at: atoms for at in range(len(definitions))}
        self.definitions += definitions

    def _sum(self, term: Poly) -> Formula:
        parts = []
        for monomial, coefficient in term.terms:
            if not monomial:
                parts.append(number(coefficient))
                continue
            part = self._monomial(monomial)
            if self.linear and len(monomial) in (2, 3):  # longer ones are strides of strides
                self._order(monomial, abs(coefficient), part)
            parts.append(multiple(coefficient, part))
        return call("+", *parts) if len(parts) > 1 else parts[0] if parts else "0"

    def _monomial(self, factors: Monomial) -> Formula:
        return self._product(Poly(((factors, 1),)), [self.constants[each] for each in factors])

    def _truth(self, term: Truth) -> Formula:
        if term not in self._truths:
            self._truths[term] = self._build(term)
        return self._truths[term]

    def _build(self, term: Truth) -> Formula:
        if term.poly is not None:
            # A sum of positive and negative parts reads better to z3 as a comparison of the two.
            left = Poly(tuple(item for item in term.poly.terms if item[1] > 0))
            right = Poly(tuple((key, -factor) for key, factor in term.poly.terms if factor < 0))
            return call("<=" if term.kind == "le" else "=", self._sum(left), self._sum(right))
        if term.atom is not None:
            return self.constants[term.atom]
        return call(term.kind, *(self._truth(part) for part in term.parts)) if term.parts else term.kind

    def quotient(self, numerator: Poly, divisor: Poly, floors: bool) -> tuple[Formula, Formula]:
        """Quotient and remainder as constants; division by zero leaves both free."""
        plain = self.ranges.nonnegative(numerator) and self.ranges.positive(divisor)
        key = (numerator, divisor, floors and not plain)
        if key not in self._quotients:
            self._quotients[key] = self._divide(numerator, divisor, floors, plain)
        return self._quotients[key]

    def _divide(self, numerator: Poly, divisor: Poly, floors: bool, plain: bool) -> tuple[Formula, Formula]:
        a, b = self._sum(numerator), self._sum(divisor)
        q, r = self.fresh("quotient"), self.fresh("remainder")
        folded = apply("floordiv" if floors or plain else "div", numerator, divisor)
        whole = next((each for each in folded.atoms() if folded == of(each)), None)
        if whole is not None and whole.args == (numerator, divisor):
            self.constants[whole] = q
            turns = self._sum(of(whole) * divisor)
        else:
            turns = f"(* {q} {b})"
        self.definitions.append(f"(= {a} (+ {turns} {r}))")
        if plain:
            self._from_ranges([f"(>= {r} 0)", f"(< {r} {b})", f"(>= {q} 0)"], numerator, divisor)
        elif floors:
            self.definitions.append(f"(=> (> {b} 0) (and (>= {r} 0) (< {r} {b})))")
            self.definitions.append(f"(=> (< {b} 0) (and (<= {r} 0) (> {r} {b})))")
        else:  # C division rounds toward zero: the remainder has the numerator's sign
            size = f"(ite (>= {b} 0) {b} (- {b}))"
            self.definitions.append(f"(=> (and (>= {a} 0) (distinct {b} 0)) (and (>= {r} 0) (< {r} {size})))")
            self.definitions.append(f"(=> (and (< {a} 0) (distinct {b} 0)) (and (<= {r} 0) (> {r} (- {size}))))")
        return q, r

    def _product(self, term: Poly, factors: list[Formula]) -> Formula:
        """The product of the factors, which is `term`.

        A product in a second execution equals its twin when the factors do. That follows, but to z3 a product of
        two unknowns is a black box, and untold it seldom finds it.
        """
        if len(factors) == 1:
            return factors[0]
        twins = self._products.setdefault(first_copy(term), [])
        for others, other in twins:
            if others == factors:
                return other
        product = call("*", *factors)
        if self.linear:
            product = self.fresh("product")
            self._tell(term, factors, product)
            self._split(term, product)
        for others, other in twins:
            if len(others) == len(factors):
                same = both(call("=", a, b) for a, b in zip(factors, others, strict=True))
                self.definitions.append(f"(=> {same} (= {product} {other}))")
        twins.append((factors, product))
        return product

    def _tell(self, term: Poly, factors: list[Formula], product: Formula) -> None:
        self._bound(product, self.ranges.of(term), term)
        for at, factor in enumerate(factors):
            self.definitions.append(f"(=> (= {factor} 0) (= {product} 0))")
            if len(factors) == 2:
                other = factors[1 - at]
                self.definitions.append(f"(=> (= {factor} 1) (= {product} {other}))")
                self.definitions.append(f"(=> (and (>= {factor} 1) (>= {other} 1)) (>= {product} {other}))")
                self.definitions.append(f"(=> (and (<= {factor} (- 1)) (>= {other} 1)) (<= {product} (- {other})))")

    def _split(self, term: Poly, product: Formula) -> None:
        """A product with a minimum or maximum is the product with the side that it takes."""
        ((monomial, _),) = term.terms
        if len(monomial) != 2:
            return
        for each, other in (monomial, monomial[::-1]):
            if each.kind in ("min", "max"):
                for side in each.args:
                    assert isinstance(side, Poly)
                    taken, then = self._sum(side), self._sum(side * of(other))
                    self.definitions.append(f"(=> (= {self.constants[each]} {taken}) (= {product} {then}))")
                return

    def _order(self, monomial: Monomial, scale: int, product: Formula) -> None:
        """Products with a common factor that is not negative are ordered as their other factors are."""
        for at, common in enumerate(monomial):
            others = (*monomial[:at], *monomial[at + 1 :])
            known = self._multiples.setdefault(common, {})
            if (others, scale) in known or not self.ranges.nonnegative(of(common)):
                continue
            shared = self.constants[common]
            mine, my_product = multiple(scale, self._monomial(others)), multiple(scale, product)
            for yours, your_product in known.values():
                ordered = [
                    f"(=> (= {mine} {yours}) (= {my_product} {your_product}))",
                    f"(=> (< {mine} {yours}) (<= (+ {my_product} {shared}) {your_product}))",
                    f"(=> (> {mine} {yours}) (>= {my_product} (+ {your_product} {shared})))",
                ]
                self._from_ranges(ordered, of(common))
            known[others, scale] = mine, my_product

    def wrapped(self, value: Formula, bits: int) -> Formula:
        """`value` reduced into the signed range of `bits`."""
        result = f"(- {value} (* {self.fresh('turns')} {2**bits}))"
        self.definitions += [f"(>= {result} (- {2 ** (bits - 1)}))", f"(< {result} {2 ** (bits - 1)})"]
        return result


def _pair(encoder: Encoder, each: Atom) -> tuple[Formula, Formula]:
    left, right = (encoder._sum(arg) for arg in each.args if isinstance(arg, Poly))
    return left, right


def _division(part: int, floors: bool) -> Callable[[Encoder, Atom], Formula]:
    def define(encoder: Encoder, each: Atom) -> Formula:
        numerator, divisor = (arg for arg in each.args if isinstance(arg, Poly))
        return encoder.quotient(numerator, divisor, floors)[part]

    return define


def _extreme(smaller: bool) -> Callable[[Encoder, Atom], Formula]:
    def define(encoder: Encoder, each: Atom) -> Formula:
        a, b = _pair(encoder, each)
        return f"(ite ({'<=' if smaller else '>='} {a} {b}) {a} {b})"

    return define


def _choice(encoder: Encoder, each: Atom) -> Formula:
    condition = next(arg for arg in each.args if isinstance(arg, Truth))
    yes, no = _pair(encoder, each)
    return call("ite", encoder._truth(condition), yes, no)


def _product(encoder: Encoder, each: Atom) -> Formula:
    left, right = _pair(encoder, each)
    return encoder._product(Poly((((each,), 1),)), [left, right])


def _wrapping(encoder: Encoder, each: Atom) -> Formula:
    (inner,) = (arg for arg in each.args if isinstance(arg, Poly))
    return encoder.wrapped(encoder._sum(inner), int(each.label))


DEFINITIONS: Final[Mapping[str, Callable[[Encoder, Atom], Formula]]] = {
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


def encode(terms: Iterable[Truth], ranges: Ranges, linear: bool = False) -> tuple[str, Encoder]:
    """The terms and all definitions that they need, as SMT-LIB, and the vocabulary to read a model with."""
    encoder = Encoder(ranges, linear)
    formulas = [encoder.truth(term) for term in terms]
    return script(encoder.sorts, (*encoder.definitions, *formulas)), encoder
