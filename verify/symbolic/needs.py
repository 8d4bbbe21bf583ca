"""What would have to be known of loaded values for a claim to hold: the weakest that we find, in a spec's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Final, TypeAlias

from attrs import evolve

from specs.sizes import Size, size
from specs.spec import INTEGERS, TensorParam, Values
from verify.plan import PointerArgument
from verify.symbolic.layout import coordinates
from verify.symbolic.memory import loads
from verify.symbolic.obligations import Obligation, Way
from verify.symbolic.origins import pointer
from verify.symbolic.reading import Reading
from verify.symbolic.solver import Answer
from verify.symbolic.terms import FALSE, Truth
from verify.verdict import Need

# Discharge with the values of some parameters assumed to be others than the spec says.
Assuming: TypeAlias = Callable[[tuple[Truth, ...], Truth, Obligation, Mapping[str, Values]], Answer]
TRIES: Final = 24


def silent(obligation: Obligation, assumptions: tuple[Truth, ...], goal: Truth) -> bool:
    """Whether it rests on integers of which the spec says nothing at all."""
    found = _sources(obligation.reading, (*assumptions, goal))
    return any(param.values == Values() for param in found.values())


def needs(obligation: Obligation, ask: Assuming) -> tuple[Need, ...]:
    """Values of the loaded parameters under which the claim is proved; none where we find none.

    A range is the weakest if with one value more at either end the claim is false.
    """
    truths = (*obligation.assumptions, *(way.goal for way in obligation.ways))
    sources = _sources(obligation.reading, truths)
    pairs = bool({"write-conflict", "read-write-conflict"} & set(obligation.faults))
    options = [list(_candidates(obligation.reading, param, pairs)) for param in sources.values()]
    for chosen, _ in zip(product(*options), range(TRIES), strict=False):
        assumed = dict(zip(sources, chosen, strict=True))
        if all(assumed[name] == param.values for name, param in sources.items()):
            continue
        if any(_shown(obligation, way, assumed, ask) for way in obligation.ways if not way.necessary):
            added = [name for name, param in sources.items() if assumed[name] != param.values]
            return tuple(_need(obligation, name, assumed, ask) for name in added)
    return ()


def _sources(reading: Reading, truths: tuple[Truth, ...]) -> dict[str, TensorParam]:
    """The integer inputs whose loaded values the truths speak of."""
    found = (reading.inputs[pointer(load)][0] for load in loads(truths) if pointer(load) in reading.inputs)
    return {param.name: param for param in found if param.dtype in INTEGERS}


def _candidates(reading: Reading, param: TensorParam, pairs: bool) -> Iterator[Values]:
    """What might be enough, weaker ones first; what the spec says stays said."""
    own = param.values
    ranges = [own] if own.low is not None and own.high is not None else []
    if not ranges:
        ranges.append(Values(low=size(0)))
        for extent in _extents(reading, param):
            ranges += [Values(low=size(0) - extent, high=extent), Values(low=size(0), high=extent + 1)]
            ranges += [Values(low=size(0), high=extent)]
    yield own
    for unique, ascending in ((True, False), (False, True), (True, True)) if pairs else ((False, False),):
        for each in dict.fromkeys((own, *ranges)):
            yield evolve(each, unique=unique or own.unique, sorted=ascending or own.sorted)


def _extents(reading: Reading, param: TensorParam) -> list[Size]:
    """Sizes along which the parameter's values are used as coordinates, in the steps that they are used in."""
    found: dict[Size, None] = {}
    for access in reading.trace.accesses:
        held = [load for load in loads((access.active,)) if reading.inputs.get(pointer(load), (None,))[0] is param]
        view = next(each.view for each in reading.launch.arguments
                    if isinstance(each, PointerArgument) and each.name == access.pointer)  # fmt: skip
        split = coordinates(access.offset, reading.window(access)) or ()
        for at, extent in zip(split, view.sizes, strict=False):
            inside = [load for load in loads((at,)) if reading.inputs.get(pointer(load), (None,))[0] is param]
            steps = {abs(factor) for monomial, factor in at.terms if any(each in inside for each in monomial)}
            for step in sorted(steps or ({1} if inside or held else set())):
                found |= dict.fromkeys([extent] if step == 1 else [(extent + (step - 1)) // step, extent // step])
    return list(found)[:4]


def _shown(obligation: Obligation, way: Way, assumed: Mapping[str, Values], ask: Assuming) -> bool:
    """Whether the claim follows, and not because nothing can be so."""
    given = way.assumptions or obligation.assumptions
    if ask(given, way.goal, obligation, assumed).status != "proved":
        return False
    rest = all(ask(assumptions, goal, obligation, assumed).status == "proved" for assumptions, goal in way.also)
    return rest and ask(given, FALSE, obligation, assumed).status == "refuted"


def _need(obligation: Obligation, name: str, assumed: Mapping[str, Values], ask: Assuming) -> Need:
    values, reading = assumed[name], obligation.reading
    param = next(each for each in reading.spec.tensors if each.name == name)
    names = [pointer for pointer, (source, _) in reading.inputs.items() if source.name == name]
    places = [each.place for each in reading.trace.accesses if each.kind == "load" and each.pointer in names]
    low = None if values.low == param.values.low else values.low
    high = None if values.high == param.values.high else values.high
    weaker = [evolve(values, low=low - 1)] if low is not None else []
    weaker += [evolve(values, high=high + 1)] if high is not None else []
    exact = bool(weaker) and all(_false(obligation, {**assumed, name: each}, ask) for each in weaker)
    return Need(
        name,
        places[0] if places else obligation.place,
        None if low is None else str(low),
        None if high is None else str(high),
        values.unique and not param.values.unique,
        values.sorted and not param.values.sorted,
        exact,
    )


def _false(obligation: Obligation, assumed: Mapping[str, Values], ask: Assuming) -> bool:
    """Whether the claim is false for some such values."""
    return any(
        ask(way.assumptions or obligation.assumptions, way.goal, obligation, assumed).status == "refuted"
        for way in obligation.ways
        if not way.sufficient
    )
