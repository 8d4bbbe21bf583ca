"""What a term is worth when its leaves have values: the meaning that everything said of terms is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from verify.symbolic.terms import FOLDS, Atom, Poly, Term, Truth

OPERATIONS: Final = frozenset({*FOLDS, "ite", "mul", "wrap"})  # kinds of atoms that are no leaves


def evaluate(term: Term, leaves: Mapping[Atom, int]) -> int | bool:
    """The exact value of the term; `div` and `rem` truncate, `floordiv` and `floormod` floor.

    A leaf is an atom that is no operation, opaque truths and loads included (1 is true). Raises KeyError for a
    leaf without a value and ZeroDivisionError for a division by zero.
    """
    return _Evaluation(leaves).of(term)


class _Evaluation:
    """One assignment; each atom is computed once."""

    def __init__(self, leaves: Mapping[Atom, int]) -> None:
        self.known: dict[Atom, int] = dict(leaves)

    def of(self, term: Term) -> int | bool:
        return self.poly(term) if isinstance(term, Poly) else self.truth(term)

    def poly(self, term: Poly) -> int:
        total = 0
        for monomial, coefficient in term.terms:
            for each in monomial:
                coefficient *= self.atom(each)
            total += coefficient
        return total

    def truth(self, term: Truth) -> bool:
        if term.poly is not None:
            value = self.poly(term.poly)
            return value <= 0 if term.kind == "le" else value == 0
        if term.atom is not None:
            return bool(self.atom(term.atom))
        return JOINS[term.kind]([self.truth(part) for part in term.parts])

    def atom(self, each: Atom) -> int:
        if each not in self.known:
            if each.kind not in OPERATIONS:
                raise KeyError(f"{each.kind} {each.label!r} has no value")
            self.known[each] = self._operation(each)
        return self.known[each]

    def _operation(self, each: Atom) -> int:
        if each.kind == "ite":
            condition, yes, no = each.args
            return int(self.of(yes if self.of(condition) else no))
        numbers = [int(self.of(arg)) for arg in each.args]
        if each.kind == "mul":
            return numbers[0] * numbers[1]
        if each.kind == "wrap":
            half = 1 << (int(each.label) - 1)
            return (numbers[0] + half) % (2 * half) - half
        folded = FOLDS[each.kind](*numbers)
        if folded is None:
            raise ZeroDivisionError(f"{each.kind} of {numbers[0]} by zero")
        return folded


JOINS: Final[Mapping[str, Callable[[list[bool]], bool]]] = {
    "true": lambda parts: True,
    "false": lambda parts: False,
    "and": all,
    "or": any,
    "not": lambda parts: not parts[0],
}
