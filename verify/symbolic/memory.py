"""What is known of integers that a kernel loads: one element holds one value, of those that the spec allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from attrs import frozen

from specs.spec import Values
from verify.symbolic.layout import coordinates, elements, inside, packed
from verify.symbolic.origins import pointer
from verify.symbolic.reading import Reading, Window
from verify.symbolic.terms import (
    TRUE,
    Atom,
    Poly,
    Term,
    Truth,
    at_most,
    closure,
    conj,
    disj,
    equal,
    from_size,
    less,
    negate,
    of,
    poly,
    within,
)


def loads(terms: tuple[Term, ...]) -> tuple[Atom, ...]:
    """The loaded values in the terms; those that an address is made of before what is loaded from there."""
    return tuple(each for each in closure(terms) if each.kind == "load")


def told(reading: Reading, terms: tuple[Truth, ...], assumed: Mapping[str, Values] | None = None) -> tuple[Truth, ...]:
    """Facts about the values that the terms load from inputs. `assumed` gives other values for some parameters.

    Each is guarded by its address being an element's: elsewhere there is no value to speak of.
    """
    found = [Loaded.read(reading, load, assumed or {}) for load in loads(terms) if pointer(load) in reading.inputs]
    facts = [fact for each in found for fact in each.domain()]
    for left, right in combinations(found, 2):
        if left.source == right.source:
            facts += left.against(right)
    facts += _same_element([load for load in loads(terms) if pointer(load) not in reading.inputs])
    return tuple(fact for fact in facts if fact != TRUE)


def _same_element(found: list[Atom]) -> Iterator[Truth]:
    """Memory that is no input's: only that one address holds one value."""
    for left, right in combinations(found, 2):
        if left.label == right.label:
            yield disj(negate(equal(_offset(left), _offset(right))), equal(of(left), of(right)))


def _offset(load: Atom) -> Poly:
    (offset,) = load.args
    assert isinstance(offset, Poly)
    return offset


@frozen(eq=False)
class Loaded:
    """One loaded value, the place in its buffer, and what is said of the values there."""

    value: Poly
    at: Poly
    split: tuple[Poly, ...] | None
    window: Window
    source: str  # the parameter
    values: Values
    low: Poly | None
    high: Poly | None

    @staticmethod
    def read(reading: Reading, load: Atom, assumed: Mapping[str, Values]) -> Loaded:
        source, window = reading.inputs[pointer(load)]
        at = _offset(load) + reading.windows[pointer(load)].origin - window.origin
        values = assumed.get(source.name, source.values)
        ends = [None if end is None else reading.known.poly(from_size(end)) for end in (values.low, values.high)]
        return Loaded(of(load), at, coordinates(at, window), window, source.name, values, ends[0], ends[1])

    @property
    def inside(self) -> Truth:
        """Where the address is an element's."""
        flat = [within(0, self.at, elements(self.window))] if packed(self.window) else []
        return disj(*([inside(self.split, self.window)] if self.split is not None else []), *flat)

    def domain(self) -> Iterator[Truth]:
        """Where there is an element, its value is in the range or one of the marks."""
        ends = ([] if self.low is None else [at_most(self.low, self.value)]) + (
            [] if self.high is None else [less(self.value, self.high)]
        )
        for end in [conj(*ends)] if self.values.also else ends:
            yield disj(negate(self.inside), end, *(equal(self.value, poly(mark)) for mark in self.values.also))

    def against(self, other: Loaded) -> Iterator[Truth]:
        """The same element holds the same value; what else is said of two elements of a row."""
        yield disj(negate(equal(self.at, other.at)), equal(self.value, other.value))
        if self.split is None or other.split is None:
            return
        *rows, mine = self.split
        *others, yours = other.split
        row = conj(inside(self.split, self.window), inside(other.split, other.window), *map(equal, rows, others))
        if self.values.unique:
            yield disj(negate(row), equal(mine, yours), negate(equal(self.value, other.value)))
        if self.values.sorted:
            yield disj(negate(conj(row, at_most(mine, yours))), at_most(self.value, other.value))
            yield disj(negate(conj(row, at_most(yours, mine))), at_most(other.value, self.value))
