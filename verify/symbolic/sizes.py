"""Size expressions and conditions as z3 terms, and the search for shapes of a domain outside given cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import z3

from specs.sizes import COMPARISONS, Condition, Size, all_of, any_of, none_of

# z3's division and remainder on Int are Euclidean: they floor for a positive divisor, as ours do. For a negative
# divisor they differ, so a divisor that is not a positive constant gets the definition spelled out.
TERMS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: z3.If(b > 0, a / b, (-a) / (-b)),
    "mod": lambda a, b: a - b * z3.If(b > 0, a / b, (-a) / (-b)),
    "min": lambda a, b: z3.If(a <= b, a, b),
    "max": lambda a, b: z3.If(a >= b, a, b),
}
RELATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
assert RELATIONS.keys() == COMPARISONS.keys()


def term(expression: Size, context: z3.Context) -> Any:
    """The z3 Int term; names become constants of the same name."""
    if expression.kind == "const":
        return z3.IntVal(expression.value, context)
    if expression.kind == "name":
        return z3.Int(expression.name, context)
    left, right = (term(part, context) for part in expression.parts)
    if expression.kind in ("floordiv", "mod") and expression.parts[1].kind == "const" and expression.parts[1].value > 0:
        return left / right if expression.kind == "floordiv" else left % right
    return TERMS[expression.kind](left, right)


def formula(condition: Condition, context: z3.Context) -> Any:
    """The z3 Bool."""
    if condition.kind in RELATIONS:
        left, right = (term(side, context) for side in condition.sides)
        return RELATIONS[condition.kind](left, right)
    parts = [formula(part, context) for part in condition.parts]
    if condition.kind == "not":
        return z3.Not(parts[0])
    return z3.And(*parts, context) if condition.kind == "and" else z3.Or(*parts, context)


class Undecided(Exception):
    """z3 gave up on a question about shapes."""


def point_outside(
    domain: Condition, cells: Sequence[Condition], wishes: Sequence[Condition] = (), rlimit: int = 20_000_000
) -> dict[str, int] | None:
    """Sizes of the domain that lie in none of the cells, or None when there are none.

    Wishes are granted as far as they can be, earlier ones first (small sizes, contiguous strides). Raises
    Undecided when z3 cannot tell.
    """
    context = z3.Context()  # of its own: what was asked before in this process must not change the answer
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", rlimit)
    solver.set("timeout", 20_000)
    solver.set("random_seed", 0)
    goal = all_of(domain, none_of(any_of(*cells)))
    solver.add(formula(goal, context))
    verdict = solver.check()
    if verdict == z3.unsat:
        return None
    if verdict != z3.sat:
        raise Undecided(f"which shapes lie outside {len(cells)} cells: {solver.reason_unknown()}")
    model = solver.model()
    solver.set("rlimit", rlimit // 10)  # a wish is worth less than an answer
    granted: set[str] = set()
    for wish in wishes:
        # Strides are products of sizes: with the sizes at hand, not any, the question is linear, and mostly enough.
        wanted, sizes = formula(wish, context), [z3.Int(each, context) for each in sorted(granted)]
        kept = [each == model.eval(each, model_completion=True) for each in sizes]
        found = _granting(solver, wanted, *kept)
        if found is None and kept:
            found = _granting(solver, wanted)
        if found is not None:
            model = found
            solver.add(wanted)
            granted |= wish.names()
    names = sorted(domain.names())
    return {each: model.eval(z3.Int(each, context), model_completion=True).as_long() for each in names}


def _granting(solver: z3.Solver, *formulas: Any) -> Any | None:
    """A model in which these hold too; None where there is none or z3 cannot tell."""
    solver.push()
    try:
        solver.add(*formulas)
        return solver.model() if solver.check() == z3.sat else None
    finally:
        solver.pop()
