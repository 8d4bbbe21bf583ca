"""A launch read symbolically: the trace of one variant together with the facts that hold whenever it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from math import inf
from typing import Final

from attrs import evolve, frozen

from specs.sizes import Condition, Size, all_of, size
from specs.spec import INTEGERS, Spec, TensorParam
from verify.case import PROFILES, Case
from verify.ir.parse import parse
from verify.plan import FloatArgument, IntegerArgument, Launch, Plan, PointerArgument, Variant, View
from verify.symbolic import terms
from verify.symbolic.origins import origin
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.solver import discharge
from verify.symbolic.terms import (
    Atom,
    Poly,
    Renaming,
    Term,
    Truth,
    closure,
    conj,
    equal,
    from_condition,
    from_size,
    lane,
    of,
    pid,
    poly,
    within,
)
from verify.symbolic.trace import Access, Trace, Tracer
from verify.symbolic.values import Address, Descriptor, Lane

MAX_GRID: Final = 2**31 - 1
LEMMA: Final = evolve(PROFILES["ci"], rlimit=4_000_000, seconds=4)  # what a lemma on the way may cost


@frozen
class Window:
    """A view, symbolically: the elements that a pointer argument may touch. All counts are elements."""

    buffer: str
    sizes: tuple[Poly, ...]
    strides: tuple[Poly, ...]
    origin: Poly


@frozen(eq=False)
class Reading:
    """One variant of one launch: what it accesses, and what is known when it runs."""

    spec: Spec
    plan: Plan
    launch: Launch
    variant: Variant
    trace: Trace
    facts: Truth  # domain, cell, the variant's condition
    ranges: Ranges  # of sizes, whether or not a program runs; the trace's own hold inside a program
    windows: Mapping[str, Window]  # pointer argument -> window
    known: Renaming  # sizes that the facts pin to others
    inputs: Mapping[str, tuple[TensorParam, Window]]  # pointer argument -> the input it shows, where no step writes it

    def instance(self, *accesses: Access) -> Truth:
        """A program of the grid, and lanes of the accesses' shapes."""
        lanes = [within(0, of(lane(axis)), extent) for each in accesses for axis, extent in enumerate(each.shape)]
        return conj(self.programs, *lanes)

    @cached_property
    def programs(self) -> Truth:
        """A program of the grid."""
        return conj(*(within(0, of(pid(axis)), extent) for axis, extent in enumerate(self.trace.grid)))

    def window(self, access: Access) -> Window:
        return self.windows[access.pointer]

    def view(self, view: View) -> Window:
        """Another view of one of the plan's buffers, such as an output."""
        return _window(view, self.known)

    def whole(self, buffer: str) -> Window:
        """All of a buffer: an allocation's elements in a row, an input as the caller passes it."""
        found = self.plan.buffer(buffer)
        if found.param is None:
            return _window(View(buffer, (found.elements,), (size(1),)), self.known)
        param = next(each for each in self.spec.tensors if each.name == found.param)
        dims = tuple(Size("name", name=dim) for dim in param.dims)
        strides = tuple(Size("name", name=param.stride(axis)) for axis in range(len(param.dims)))
        return _window(View(buffer, dims, strides), self.known)

    @cached_property
    def limits(self) -> frozenset[Truth]:
        """The facts about one size alone."""
        parts = self.facts.parts if self.facts.kind == "and" else (self.facts,)
        return frozenset(each for each in parts if [atom.kind for atom in closure([each])] == ["name"])

    @cached_property
    def conditions(self) -> Mapping[Truth, str]:
        """The conditions that facts are made of, and who says them."""
        said = (("spec", self.spec.domain()), ("host code", self.plan.cell), ("variant", self.variant.condition))
        return {from_condition(part): f"`{part}` ({who})" for who, whole in reversed(said) for part in _flat(whole)}

    @property
    def label(self) -> str:
        """The variant, for people: dtype, cell and configuration."""
        parts = [self.plan.dtype, *(f"{name}={value}" for name, value in self.plan.choices.items())]
        return ", ".join([*parts, self.variant.config] if self.variant.config else parts)


@lru_cache(maxsize=4)
def readings(case: Case) -> tuple[Reading, ...]:
    """Every variant of every launch of every plan of the case. Raises ParseError for TTIR that is not read."""
    return tuple(
        read(case.spec, plan, launch, variant)
        for plan in case.capture.plans
        for launch in plan.launches
        for variant in _distinct(launch)
    )


def forget() -> None:
    """Begin a case: the order of terms is part of a query's answer. What was read before may not be used after."""
    for known in (readings, _shown):
        known.cache_clear()
    terms.forget()


def _distinct(launch: Launch) -> Iterator[Variant]:
    """One variant of those that are alike but for warps and stages."""
    seen = set()
    for variant in launch.variants:
        alike = (variant.ttir, variant.parameters, variant.grid, variant.condition)
        if alike not in seen:
            seen.add(alike)
            yield variant


def read(spec: Spec, plan: Plan, launch: Launch, variant: Variant) -> Reading:
    """Trace one variant. Integer loads from memory that the launch also writes are unknown anew each time."""
    conditions = all_of(spec.domain(), plan.cell, variant.condition)
    known = _pinned(conditions)
    bounds = _bounds(known.truth(from_condition(conditions)))
    known = _with_constants(known, bounds)
    facts = conj(from_condition(conditions), *(equal(of(each), value) for each, value in known.mapping.items()))
    ranges = Ranges(bounds)
    grid = (_size(known, variant, 0), _size(known, variant, 1), _size(known, variant, 2))
    most = [min(ranges.of(extent)[1], MAX_GRID) - 1 for extent in grid]
    ranges = ranges.overlaid({pid(axis): (0, last) for axis, last in enumerate(most)})
    arguments = {each.name: each for each in launch.arguments}
    program = parse(variant.ttir)
    buffers = {name: each.view.buffer for name, each in arguments.items() if isinstance(each, PointerArgument)}
    inputs = {
        name: (source[0], _window(source[1], known))
        for name, buffer in buffers.items()
        if (source := origin(spec, plan, launch, buffer))
    }
    windows = {name: _window(each.view, known) for name, each in arguments.items() if isinstance(each, PointerArgument)}
    loads = _loads(inputs, ranges)

    programs = conj(*(within(0, of(pid(axis)), extent) for axis, extent in enumerate(grid)))

    def shows(claim: Truth) -> bool:
        if any(each.kind in ("lane", "iter") for each in closure([claim])):
            return False
        near, bounds = conj(nearby(facts, (claim, programs)), programs), ranges.about((claim, programs))
        return _shown(near, claim, bounds, True) or _shown(
            conj(facts, programs), claim, frozenset(ranges.bounds.items()), False
        )

    def trace(changing: frozenset[str]) -> Trace:
        steady = {name: bounds for name, bounds in loads.items() if name not in changing}
        tracer = Tracer(program, ranges, grid, steady, shows, changing)
        for value, name in zip(program.kernel.arguments, variant.parameters, strict=True):
            tracer.environment[value.name] = _argument(arguments[name], windows, known)
        return tracer.trace()

    found = trace(frozenset())
    written = {buffers[each.pointer] for each in found.accesses if each.kind != "load"}
    changing = frozenset(name for name, buffer in buffers.items() if buffer in written)
    if any(each.kind == "load" and each.pointer in changing for each in found.accesses):
        found = trace(changing)
    for each in arguments.values():
        if isinstance(each, PointerArgument) and each.view.dtype not in ("", plan.buffer(each.view.buffer).dtype):
            strange = (f"a view of {each.view.buffer} as another dtype", launch.place)
            found = evolve(found, unmodelled=(*found.unmodelled, strange))
    inputs = {name: each for name, each in inputs.items() if name not in changing}
    return Reading(spec, plan, launch, variant, found, facts, ranges, windows, known, inputs)


@lru_cache(maxsize=1 << 12)  # variants and dtypes of one kernel mostly ask for the same lemmas
def _shown(facts: Truth, claim: Truth, bounds: frozenset[tuple[Atom, Range]], proof_only: bool) -> bool:
    return discharge([facts], claim, Ranges(dict(bounds)), LEMMA, proof_only=proof_only).status == "proved"


def nearby(facts: Truth, terms: Iterable[Term]) -> Truth:
    """The facts that speak of nothing but what the terms speak of. What they leave out (strides, mostly) differs in
    other variants and seldom matters: the question without it is smaller, and one for all of them.
    """
    spoken = frozenset(closure(terms))
    parts = facts.parts if facts.kind == "and" else (facts,)
    return conj(*(each for each in parts if spoken.issuperset(closure([each]))))


def _flat(condition: Condition) -> Iterator[Condition]:
    if condition.kind != "and":
        yield condition
    for part in condition.parts if condition.kind == "and" else ():
        yield from _flat(part)


def _size(known: Renaming, variant: Variant, axis: int) -> Poly:
    return known.poly(from_size(variant.grid[axis]))


def _argument(argument: object, windows: Mapping[str, Window], known: Renaming) -> Lane:
    if isinstance(argument, PointerArgument):
        start, window = Address(argument.name, poly(0)), windows[argument.name]
        return Lane(Descriptor(start, window.sizes, window.strides) if argument.block else start)
    if isinstance(argument, IntegerArgument):
        value = known.poly(from_size(argument.value))
        return Lane(equal(value, 1) if argument.type == "i1" else value)
    assert isinstance(argument, FloatArgument)
    return Lane()


def _window(view: View, known: Renaming) -> Window:
    return Window(
        view.buffer,
        tuple(known.poly(from_size(each)) for each in view.sizes),
        tuple(known.poly(from_size(each)) for each in view.strides),
        known.poly(from_size(view.offset)),
    )


def _pinned(condition: Condition) -> Renaming:
    """Sizes that the condition says equal something else: `x.stride1 == 1`, `x.stride0 == N`."""
    known: dict[Atom, Poly] = {}
    pending = [condition]
    while pending:
        part = pending.pop(0)
        if part.kind == "and":
            pending = [*part.parts, *pending]
        elif part.kind == "eq":
            renaming = Renaming(known)
            left, right = (renaming.poly(from_size(side)) for side in part.sides)
            for one, other in ((left, right), (right, left)):
                if (found := _single(one)) and found not in closure([other]):
                    step = Renaming({found: other})
                    known = {each: step.poly(value) for each, value in known.items()} | {found: other}
                    break
    return Renaming(known)


def _single(term: Poly) -> Atom | None:
    if len(term.terms) == 1 and term.terms[0][1] == 1 and len(term.terms[0][0]) == 1:
        only = term.terms[0][0][0]
        return only if only.kind == "name" else None
    return None


def _bounds(facts: Truth) -> dict[Atom, Range]:
    """Constant bounds of single sizes, read off the facts' conjunction."""
    bounds: dict[Atom, Range] = {}
    parts = facts.parts if facts.kind == "and" else (facts,)
    for part in parts:
        if part.kind == "le" and part.poly is not None and (linear := _linear(part.poly)):
            each, factor, rest = linear  # factor * size + rest <= 0
            low, high = bounds.get(each, (-inf, inf))
            bounds[each] = (low, min(high, -rest // factor)) if factor > 0 else (max(low, -(-rest // -factor)), high)
    for part in parts:
        excluded = part.parts[0].poly if part.kind == "not" and part.parts[0].kind == "eq" else None
        if excluded is not None and (linear := _linear(excluded)):
            each, factor, rest = linear
            low, high = bounds.get(each, (-inf, inf))
            if factor * low + rest == 0:
                bounds[each] = (low + 1, high)
            elif factor * high + rest == 0:
                bounds[each] = (low, high - 1)
    return bounds


def _linear(term: Poly) -> tuple[Atom, int, int] | None:
    """(a, f, r) when the term is f * a + r."""
    rest = sum(coefficient for monomial, coefficient in term.terms if not monomial)
    others = [(monomial, coefficient) for monomial, coefficient in term.terms if monomial]
    if len(others) != 1 or len(others[0][0]) != 1:
        return None
    return others[0][0][0], others[0][1], rest


def _with_constants(known: Renaming, bounds: Mapping[Atom, Range]) -> Renaming:
    """Sizes whose bounds leave one value are that value."""
    single = {each: poly(int(low)) for each, (low, high) in bounds.items() if low == high}
    step = Renaming(single)
    return Renaming({each: step.poly(value) for each, value in known.mapping.items()} | single)


def _loads(inputs: Mapping[str, tuple[TensorParam, Window]], ranges: Ranges) -> dict[str, Range]:
    """Constant bounds of the integers that inputs hold, by pointer argument. Where the sizes leave none, none."""
    found: dict[str, Range] = {}
    for name, (param, _) in inputs.items():
        if param.dtype in INTEGERS:
            half = 2 ** (int(param.dtype.removeprefix("int")) - 1)
            low, high = param.values.low, param.values.high
            least = -half if low is None else max(-half, ranges.of(from_size(low))[0])
            most = half - 1 if high is None else min(half, ranges.of(from_size(high))[1]) - 1
            if least <= most:
                also = param.values.also
                found[name] = (min((least, *also)), max((most, *also)))
    return found
