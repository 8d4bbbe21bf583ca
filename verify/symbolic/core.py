"""What a proof took of what it was given, by a second question to z3; the first, which decided, stays as it was.

In the second question each assumption, and whatever was made of the range of a size or of a loaded value, can be left
out; z3 says which of them it took. The answer may name too much and never too little.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, TypeAlias

import z3

from verify.symbolic.encode import Encoder
from verify.symbolic.ranges import Ranges
from verify.symbolic.smtlib import Formula, both, call, script
from verify.symbolic.terms import Atom, Truth, closure

Given: TypeAlias = Truth | Atom  # an assumption, or what is known of one size, program id or loaded value alone


def known_of(terms: Iterable[Truth], ranges: Ranges) -> tuple[Given, ...]:
    """What could be taken of ranges by whoever speaks of the terms."""
    return _ranged(closure(terms), ranges)


def everything(assumed: Truth, claim: Truth, ranges: Ranges) -> tuple[Given, ...]:
    """All that there was to take."""
    parts = assumed.parts if assumed.kind == "and" else (assumed,)
    return (*parts, *known_of((assumed, claim), ranges))


def _ranged(atoms: Iterable[Atom], ranges: Ranges) -> tuple[Atom, ...]:
    """Those whose range is not just that of a tile or a type."""
    return tuple(each for each in atoms if each.kind == "load" or (each.kind != "lane" and each in ranges.bounds))


def core(encoder: Encoder, assumed: Truth, denied: Truth, solver: Any) -> tuple[Given, ...] | None:
    """What the contradiction between the assumptions and the denied claim takes; None where z3 gives up.

    `encoder` has encoded both; `solver` is an empty one.
    """
    told: dict[tuple[Given, ...], list[Formula]] = {}
    for at, definition in enumerate(encoder.definitions):
        told.setdefault(_ranged(encoder.ranged.get(at, ()), encoder.ranges), []).append(definition)
    for part in assumed.parts if assumed.kind == "and" else (assumed,):
        if not encoder.ranges.decides(part):  # what ranges say anyway is theirs
            told.setdefault((part,), []).append(encoder.truth(part))
    switches = {each: encoder.fresh("given", "Bool") for each in dict.fromkeys(chain(*told))}
    guarded = [
        call("=>", both(switches[each] for each in owners), both(formulas)) if owners else both(formulas)
        for owners, formulas in told.items()
    ]
    solver.from_string(script(encoder.sorts, [both([encoder.truth(denied), *guarded])]))
    solver.set("core.minimize", True)
    if solver.check(*(z3.Bool(switch, solver.ctx) for switch in switches.values())) != z3.unsat:
        return None
    taken = {str(each) for each in solver.unsat_core()}
    return tuple(each for each, switch in switches.items() if switch in taken)
