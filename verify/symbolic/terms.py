"""Symbolic integers and truths. Integers are polynomials over atoms, so that an address can be split into coordinates.

An atom is a name of the domain, a program id, a lane coordinate, a loop's iteration number, or an operation that a
polynomial cannot express (division, minimum, a loaded value). Equal terms are the same object: atoms are interned.
Everything is over the mathematical integers; that no computation wraps is an obligation of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import count
from typing import Final, TypeAlias, TypeVar

from attrs import field, frozen

from specs.sizes import Condition, Size

MAX_TERMS: Final = 64  # a product with more monomials becomes an atom of its own

_serials = count()


@frozen(eq=False)
class Atom:
    """What a polynomial is made of. Make it with `atom`, which interns: identity is equality."""

    kind: str  # name pid lane iter | div rem floordiv floormod min max ite mul wrap load opaque
    label: str
    args: tuple[Poly | Truth, ...]
    serial: int


Monomial: TypeAlias = tuple[Atom, ...]


@frozen(cache_hash=True)
class Poly:
    """A polynomial with integer coefficients: monomials sorted by serial, none with coefficient 0."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Poly | int) -> Poly:
        return _collect((*self.terms, *poly(other).terms))

    def __sub__(self, other: Poly | int) -> Poly:
        return self + poly(other) * -1

    def __mul__(self, other: Poly | int) -> Poly:
        other = poly(other)
        if len(self.terms) * len(other.terms) > MAX_TERMS:
            return of(atom("mul", "", (self, other)))
        return _collect((_monomial((*left, *right)), a * b) for left, a in self.terms for right, b in other.terms)

    def __neg__(self) -> Poly:
        return self * -1

    @property
    def constant(self) -> int | None:
        """The value when there is no atom in it, else None."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    def atoms(self) -> tuple[Atom, ...]:
        """The atoms at the top, none twice; `closure` also looks inside them."""
        return tuple(dict.fromkeys(each for monomial, _ in self.terms for each in monomial))


@frozen(cache_hash=True)
class Truth:
    """A boolean term: `true`, `false`, `le` (poly <= 0), `eq` (poly == 0), `and`, `or`, `not`, or an opaque atom."""

    kind: str
    poly: Poly | None = None
    parts: tuple[Truth, ...] = ()
    atom: Atom | None = field(default=None)


Term: TypeAlias = Poly | Truth
Kind = TypeVar("Kind", Poly, Truth)
TRUE: Final = Truth("true")
FALSE: Final = Truth("false")


def atom(kind: str, label: str = "", args: tuple[Term, ...] = ()) -> Atom:
    """The one atom of this kind, label and arguments."""
    return interned(kind, label, args)


@cache  # not on `atom` itself: to a cache, a default that is spelled out is another call
def interned(kind: str, label: str, args: tuple[Term, ...]) -> Atom:
    return Atom(kind, label, args, next(_serials))


def of(each: Atom) -> Poly:
    """The polynomial that is just this atom."""
    return Poly((((each,), 1),))


def poly(value: Poly | int) -> Poly:
    """An int as a constant polynomial."""
    if isinstance(value, Poly):
        return value
    return Poly((((), value),)) if value else Poly(())


def named(name: str) -> Poly:
    return of(atom("name", name))


def lane(axis: int) -> Atom:
    """The coordinate along a tensor's axis."""
    return atom("lane", str(axis))


def pid(axis: int) -> Atom:
    """The program id along a grid axis."""
    return atom("pid", "xyz"[axis])


def apply(kind: str, *args: Term, label: str = "") -> Poly:
    """An operation as a polynomial of one atom, folded where that is plain."""
    numbers = [each.constant if isinstance(each, Poly) else None for each in args]
    if kind in FOLDS and None not in numbers:
        folded = FOLDS[kind](*(number for number in numbers if number is not None))
        if folded is not None:
            return poly(folded)
    if kind in ("div", "floordiv") and numbers[1] == 1:
        return args[0]  # type: ignore[return-value]
    if kind in ("min", "max") and args[0] == args[1]:
        return args[0]  # type: ignore[return-value]
    return of(atom(kind, label, args))


def truncated(a: int, b: int) -> int | None:
    """C's division: toward zero. None for division by zero."""
    if b == 0:
        return None
    quotient = abs(a) // abs(b)
    return quotient if (a >= 0) == (b > 0) else -quotient


FOLDS: Final[Mapping[str, Callable[..., int | None]]] = {
    "div": truncated,
    "rem": lambda a, b: None if b == 0 else a - b * (truncated(a, b) or 0),
    "floordiv": lambda a, b: a // b if b else None,
    "floormod": lambda a, b: a % b if b else None,
    "min": min,
    "max": max,
}


def at_most(left: Poly | int, right: Poly | int) -> Truth:
    """left <= right"""
    difference = poly(left) - poly(right)
    if difference.constant is not None:
        return TRUE if difference.constant <= 0 else FALSE
    return Truth("le", poly=difference)


def less(left: Poly | int, right: Poly | int) -> Truth:
    """left < right"""
    return at_most(poly(left) + 1, right)


def equal(left: Poly | int, right: Poly | int) -> Truth:
    """left == right"""
    difference = poly(left) - poly(right)
    if difference.constant is not None:
        return TRUE if difference.constant == 0 else FALSE
    return Truth("eq", poly=difference)


def within(low: Poly | int, value: Poly, high: Poly | int) -> Truth:
    """low <= value < high"""
    return conj(at_most(low, value), less(value, high))


def conj(*parts: Truth) -> Truth:
    return _join("and", parts, unit=TRUE, zero=FALSE)


def disj(*parts: Truth) -> Truth:
    return _join("or", parts, unit=FALSE, zero=TRUE)


def negate(part: Truth) -> Truth:
    if part.kind == "true":
        return FALSE
    if part.kind == "false":
        return TRUE
    if part.kind == "not":
        return part.parts[0]
    if part.kind == "le" and part.poly is not None:  # not (p <= 0)  is  1 - p <= 0
        return Truth("le", poly=poly(1) - part.poly)
    return Truth("not", parts=(part,))


def opaque_truth(label: str, args: tuple[Term, ...]) -> Truth:
    """A truth we know nothing about, the same one for the same label and arguments."""
    return Truth("opaque", atom=atom("opaque", label, args))


def choose(condition: Truth, yes: Poly, no: Poly) -> Poly:
    """`yes` where the condition holds, else `no`."""
    if condition == TRUE or yes == no:
        return yes
    return no if condition == FALSE else apply("ite", condition, yes, no)


class Renaming:
    """A simultaneous substitution of atoms by polynomials, inside operations too.

    `truths` replaces opaque truths by their label, whatever their arguments.
    """

    def __init__(self, mapping: Mapping[Atom, Poly], truths: Mapping[str, Truth] | None = None) -> None:
        self.mapping = mapping
        self.truths = truths or {}
        self._done: dict[Atom, Poly] = {}
        self._truths: dict[Truth, Truth] = {}

    def atom(self, each: Atom) -> Poly:
        if each in self.mapping:
            return self.mapping[each]
        if not each.args:
            return of(each)
        if each not in self._done:
            args = tuple(self(arg) for arg in each.args)
            self._done[each] = of(each) if args == each.args else apply(each.kind, *args, label=each.label)
        return self._done[each]

    def poly(self, term: Poly) -> Poly:
        if all(self.atom(each) == of(each) for each in term.atoms()):
            return term  # the common case: nothing in it is renamed
        total = poly(0)
        for monomial, coefficient in term.terms:
            product = poly(coefficient)
            for each in monomial:
                product = product * self.atom(each)
            total = total + product
        return total

    def truth(self, term: Truth) -> Truth:
        if term.kind in ("true", "false"):
            return term
        if term not in self._truths:
            self._truths[term] = self._truth(term)
        return self._truths[term]

    def _truth(self, term: Truth) -> Truth:
        if term.poly is not None:
            return (at_most if term.kind == "le" else equal)(self.poly(term.poly), 0)
        if term.atom is not None:
            if term.atom.label in self.truths:
                return self.truths[term.atom.label]
            return opaque_truth(term.atom.label, tuple(self(arg) for arg in term.atom.args))
        parts = tuple(self.truth(part) for part in term.parts)
        if term.kind == "not":
            return negate(parts[0])
        return conj(*parts) if term.kind == "and" else disj(*parts)

    def __call__(self, term: Term) -> Term:
        return self.poly(term) if isinstance(term, Poly) else self.truth(term)


class Given(Renaming):
    """What a term is where a condition holds: choices that the condition makes are made."""

    def __init__(self, condition: Truth) -> None:
        super().__init__({})
        self.known = frozenset({TRUE, condition, *(condition.parts if condition.kind == "and" else ())})

    def atom(self, each: Atom) -> Poly:
        if each.kind == "ite" and isinstance(condition := each.args[0], Truth):
            for taken, side in ((condition, 1), (negate(condition), 2)):
                parts = taken.parts if taken.kind == "and" else (taken,)
                if self.known.issuperset(parts):
                    return self(each.args[side])  # type: ignore[return-value]
        return super().atom(each)


def closure(terms: Iterable[Term]) -> tuple[Atom, ...]:
    """Every atom in the terms, those inside operations before the operations."""
    return tuple(dict.fromkeys(each for term in terms for each in _inside(term)))


@lru_cache(maxsize=1 << 15)  # the facts of a kernel are part of every question about it
def _inside(term: Term) -> tuple[Atom, ...]:
    if isinstance(term, Poly):
        return _with_arguments(term.atoms())
    if term.poly is not None:
        return _inside(term.poly)
    return closure(term.parts) if term.atom is None else _with_arguments((term.atom,))


def _with_arguments(atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
    return tuple(dict.fromkeys(found for each in atoms for found in (*closure(each.args), each)))


def primed(each: Atom) -> Atom:
    """The same quantity in the second of two executions."""
    return atom(each.kind, f"{each.label}'", each.args)


def first_copy(term: Kind) -> Kind:
    """The term with the second execution's quantities replaced by the first's."""
    leaves = [each for each in closure([term]) if each.label.endswith("'")]
    return Renaming({each: of(atom(each.kind, each.label.rstrip("'"), each.args)) for each in leaves})(term)  # type: ignore[return-value]


def from_size(expression: Size) -> Poly:
    """A size expression as a polynomial; its division floors."""
    if expression.kind == "const":
        return poly(expression.value)
    if expression.kind == "name":
        return named(expression.name)
    left, right = (from_size(part) for part in expression.parts)
    if expression.kind == "add":
        return left + right
    if expression.kind == "sub":
        return left - right
    if expression.kind == "mul":
        return left * right
    return apply({"mod": "floormod"}.get(expression.kind, expression.kind), left, right)


RELATIONS: Final[Mapping[str, Callable[[Poly, Poly], Truth]]] = {
    "le": at_most,
    "lt": less,
    "eq": equal,
    "ne": lambda a, b: negate(equal(a, b)),
}


@lru_cache(maxsize=1 << 12)
def from_condition(condition: Condition) -> Truth:
    """A condition on sizes as a truth."""
    if condition.sides:
        left, right = (from_size(side) for side in condition.sides)
        return RELATIONS[condition.kind](left, right)
    parts = [from_condition(part) for part in condition.parts]
    if condition.kind == "not":
        return negate(parts[0])
    return conj(*parts) if condition.kind == "and" else disj(*parts)


def forget() -> None:
    """Begin anew with no atom: they are ordered by when they were first met. To new terms old ones are strangers."""
    for known in (interned, _inside, from_condition):
        known.cache_clear()


def _monomial(atoms: Iterable[Atom]) -> Monomial:
    return tuple(sorted(atoms, key=lambda each: each.serial))


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Poly:
    totals: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        totals[monomial] = totals.get(monomial, 0) + coefficient
    kept = [item for item in totals.items() if item[1]]
    if len(kept) > 1:
        kept.sort(key=lambda item: tuple(each.serial for each in item[0]))
    return Poly(tuple(kept))


def _join(kind: str, parts: Iterable[Truth], unit: Truth, zero: Truth) -> Truth:
    flat: dict[Truth, None] = {}
    for part in parts:
        for each in part.parts if part.kind == kind else (part,):
            if each == zero:
                return zero
            if each != unit:
                flat[each] = None
    if not flat:
        return unit
    return next(iter(flat)) if len(flat) == 1 else Truth(kind, parts=tuple(flat))
