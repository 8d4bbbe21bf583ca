"""What the encoder tells z3 is true: for the values that a term really has, nothing it defines is contradicted."""

from __future__ import annotations

from math import inf, prod

import pytest
import z3
from attrs import frozen
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from verify.symbolic.encode import Encoder
from verify.symbolic.evaluate import evaluate
from verify.symbolic.ranges import Range, Ranges
from verify.symbolic.smtlib import Formula, call, number, script
from verify.symbolic.terms import (
    Atom,
    Poly,
    Renaming,
    Truth,
    apply,
    at_most,
    atom,
    choose,
    closure,
    conj,
    disj,
    equal,
    lane,
    named,
    negate,
    of,
    opaque_truth,
    pid,
    poly,
    primed,
)

LEAVES = (
    *(atom("name", name) for name in "MNK"),
    pid(0),
    lane(0),
    atom("iter", "3:k"),
    atom("opaque", "int:some:8", (of(lane(0)),)),
    atom("load", "x:-5:9", (of(lane(0)) + named("N"),)),
)
SECOND = {each: of(primed(each)) for each in (pid(0), lane(0), LEAVES[5])}
SMALL = st.integers(-7, 9)
WIDE = st.one_of(SMALL, st.integers(-(2**40), 2**40))


@frozen(eq=False)
class Scene:
    """Terms, values of their leaves, and ranges in which the values lie."""

    terms: tuple[Truth, ...]
    values: dict[Atom, int]
    ranges: Ranges


@st.composite
def polys(draw: st.DrawFn, depth: int = 3) -> Poly:
    kinds = ["leaf", "leaf", "constant", "add", "sub", "mul"]
    if depth:
        kinds += ["div", "rem", "floordiv", "floormod", "min", "max", "ite", "wrap", "atom mul"]
    kind = draw(st.sampled_from(kinds))
    if kind == "leaf" or not depth:
        return of(draw(st.sampled_from(LEAVES)))
    if kind == "constant":
        return poly(draw(SMALL))
    left, right = draw(polys(depth - 1)), draw(polys(depth - 1))
    if kind == "add":
        return left + right
    if kind == "sub":
        return left - right
    if kind == "mul":
        return left * right
    if kind == "ite":
        return choose(draw(truths(depth - 1)), left, right)
    if kind == "wrap":
        return apply("wrap", left, label=str(draw(st.sampled_from([2, 8]))))
    if kind == "atom mul":
        return of(atom("mul", "", (left, right)))
    return apply(kind, left, right)


@st.composite
def truths(draw: st.DrawFn, depth: int = 2) -> Truth:
    kind = draw(st.sampled_from(["le", "eq", "le", "opaque", *(["and", "or", "not"] if depth else [])]))
    if kind == "opaque":
        return opaque_truth("choice", (of(draw(st.sampled_from(LEAVES))),))
    if kind in ("le", "eq"):
        left, right = draw(polys(depth)), draw(polys(depth))
        return at_most(left, right) if kind == "le" else equal(left, right)
    parts = [draw(truths(depth - 1)) for _ in range(2)]
    return negate(parts[0]) if kind == "not" else (conj if kind == "and" else disj)(*parts)


@st.composite
def products(draw: st.DrawFn) -> Poly:
    return prod((of(each) for each in draw(st.lists(st.sampled_from(LEAVES), min_size=1, max_size=2))), start=poly(1))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    terms = draw(st.lists(truths(), min_size=1, max_size=3))
    terms += [Renaming(SECOND).truth(term) for term in draw(st.lists(st.sampled_from(terms), max_size=2))]
    factor = of(draw(st.sampled_from(LEAVES)))
    terms.append(at_most(*(draw(products()) * factor * draw(st.integers(1, 4)) for _ in range(2))))
    values: dict[Atom, int] = {}
    bounds: dict[Atom, Range] = {}
    for each in closure(terms):
        if each.kind in ("name", "pid", "lane", "iter"):
            values[each] = draw(WIDE if each.kind == "name" else st.integers(0, 12))
            if draw(st.booleans()):
                low = values[each] - draw(st.integers(0, 3)) if draw(st.booleans()) else -inf
                bounds[each] = (low, values[each] + draw(st.integers(0, 3)) if draw(st.booleans()) else inf)
        elif each.kind == "load":
            values[each] = draw(st.integers(-5, 9))
        elif each.kind == "opaque":
            values[each] = draw(st.integers(-128, 127) if each.label.startswith("int:") else st.integers(0, 1))
    return Scene(tuple(terms), values, Ranges(bounds))


def whole(scene: Scene) -> dict[Atom, int]:
    """The values of all atoms; scenes that divide by zero are not looked at."""
    try:
        return {each: int(evaluate(of(each), scene.values)) for each in closure(scene.terms)}
    except ZeroDivisionError:
        assume(False)
        raise


def pinned(encoder: Encoder, values: dict[Atom, int]) -> list[Formula]:
    """Every atom at its value, and every product that stands for itself at the product of its factors."""
    known = {constant: values[each] for each, constant in encoder.constants.items() if each in values}
    facts = [call("=", each, written(encoder, each, value)) for each, value in known.items()]
    for twins in encoder._products.values():
        facts += [call("=", product, number(prod(known[each] for each in factors)))
                  for factors, product in twins if known.keys() >= set(factors)]  # fmt: skip
    return facts


def written(encoder: Encoder, constant: Formula, value: int) -> Formula:
    return number(value) if encoder.sorts[constant] == "Int" else str(bool(value)).lower()


def answer(encoder: Encoder, *formulas: Formula) -> z3.CheckSatResult:
    """What z3 says of the formulas with all that the encoder defines."""
    solver = z3.Solver()
    solver.set("rlimit", 20_000_000)
    solver.from_string(script(encoder.sorts, (*encoder.definitions, *formulas)))
    return solver.check()


def contradicted(scene: Scene, linear: bool) -> z3.CheckSatResult:
    """z3's answer to: the definitions hold, and each term is as true as it is."""
    values = whole(scene)
    encoder = Encoder(scene.ranges, linear)
    claims = [call("=", encoder.truth(term), str(bool(evaluate(term, scene.values))).lower()) for term in scene.terms]
    return answer(encoder, *pinned(encoder, values), *claims)


@pytest.mark.parametrize("linear", [False, True])
@settings(max_examples=400, deadline=None)
@given(scene=scenes())
def test_the_true_values_satisfy_every_definition(linear: bool, scene: Scene) -> None:
    assert contradicted(scene, linear) == z3.sat


@settings(max_examples=600, deadline=None)
@given(scene=scenes())
def test_intervals_contain_the_value(scene: Scene) -> None:
    for each in whole(scene):
        low, high = scene.ranges.atom(each)
        assert low <= evaluate(of(each), scene.values) <= high
    for term in scene.terms:
        assert evaluate(term, scene.values) or not scene.ranges.decides(term)


@given(parts=st.lists(st.integers(-(2**63), 2**63), min_size=1, max_size=6))
def test_intervals_are_exact_beyond_the_reach_of_floats(parts: list[int]) -> None:
    atoms = [atom("name", f"big{at}") for at in range(len(parts))]
    ranges = Ranges({each: (part, part) for each, part in zip(atoms, parts, strict=True)})
    total = poly(0)
    for each in atoms:
        total = total + of(each)
    assert ranges.of(total) == (sum(parts), sum(parts))
    assert all(type(bound) is int for bound in ranges.of(total))


def test_ranges_longer_than_any_type_stay_ranges() -> None:
    each, free = atom("name", "long"), atom("name", "free")
    ranges = Ranges({each: (2**31, 2**31)})
    product = poly(1)
    for _ in range(30):
        product = product * of(each)
    low, high = ranges.of(product)
    assert low <= 2**930 and high == inf
    assert ranges.of(product * of(free)) == (-inf, inf)
    assert ranges.of(product * -1)[0] == -inf and ranges.of(product * -1)[1] >= -(2**930)


def test_terms_with_their_parts_swapped_are_told_apart() -> None:
    """`x - y` and `y - x`, `a // b` and `b // a`: the same atoms, other values."""
    a, b = named("M"), named("N")
    question = conj(equal(a, 7), equal(b, 2), equal(apply("div", a, b), 3), equal(apply("div", b, a), 0))
    encoder = Encoder(Ranges({}))
    assert answer(encoder, encoder.truth(question)) == z3.sat


@pytest.mark.parametrize(("a", "b"), [(7, 2), (-7, 2), (7, -2), (-7, -2), (-1, 4), (0, 3), (6, -3)])
@pytest.mark.parametrize("kind", ["div", "rem", "floordiv", "floormod"])
def test_division_is_decided(kind: str, a: int, b: int) -> None:
    """The one value, and no other."""
    known = {"div": int(a / b), "rem": a - b * int(a / b), "floordiv": a // b, "floormod": a % b}[kind]
    left, right = named("M"), named("N")
    claim = equal(apply(kind, left, right), known)
    for asked, expected in ((claim, z3.sat), (negate(claim), z3.unsat)):
        encoder = Encoder(Ranges({}))
        assert answer(encoder, encoder.truth(conj(equal(left, a), equal(right, b), asked))) == expected


def test_a_remainder_by_one_is_encoded() -> None:
    encoder = Encoder(Ranges({}))
    assert answer(encoder, encoder.truth(negate(equal(apply("rem", named("M") + named("N"), poly(1)), 0)))) == z3.unsat


def test_leaves_must_have_values() -> None:
    with pytest.raises(KeyError, match="name 'M' has no value"):
        evaluate(named("M") + 1, {})
    with pytest.raises(ZeroDivisionError, match="floordiv of 1 by zero"):
        evaluate(apply("floordiv", poly(1), poly(0)), {})
