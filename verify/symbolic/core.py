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


def core(encoder: Encoder, assumed: Truth, decided: Any, solver: Any) -> tuple[Given, ...] | None:
    """What a contradiction between the assumptions and the denied claim takes; None where z3 gives up.

    `decided` is the solver that found it, of what `encoder` made; `solver` is an empty one of the same context.
    """
    parts = assumed.parts if assumed.kind == "and" else (assumed,)
    *definitions, given, denied = decided.assertions()
    assert len(definitions) == len(encoder.definitions), "z3 does not keep what it was told as it was told"
    told: dict[tuple[Given, ...], list[Any]] = {}
    for at, definition in enumerate(definitions):
        told.setdefault(_ranged(encoder.ranged.get(at, ()), encoder.ranges), []).append(definition)
    for part, formula in zip(parts, given.children() if len(parts) > 1 else [given], strict=True):
        if not encoder.ranges.decides(part):  # what ranges say anyway is theirs
            told.setdefault((part,), []).append(formula)
    switches = {each: z3.Bool(f"given!{at}", solver.ctx) for at, each in enumerate(dict.fromkeys(chain(*told)))}
    guarded = (
        z3.Implies(_all([switches[each] for each in owners]), _all(formulas)) if owners else _all(formulas)
        for owners, formulas in told.items()
    )
    solver.add(_all([denied, *guarded]))
    solver.set("core.minimize", True)
    if solver.check(*switches.values()) != z3.unsat:
        return None
    taken = {str(each) for each in solver.unsat_core()}
    return tuple(each for each, switch in switches.items() if str(switch) in taken)


def _all(formulas: list[Any]) -> Any:
    """z3's own `And` looks at every sort again, which here costs more than to solve."""
    context = formulas[0].ctx
    array = (z3.Ast * len(formulas))(*(each.as_ast() for each in formulas))
    return z3.BoolRef(z3.Z3_mk_and(context.ref(), len(formulas), array), context)
