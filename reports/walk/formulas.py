"""Values as short formulas over the source's variables: `total · exp(peak - higher)`, read off the IR."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from reports.walk.sources import Sources, indexing
from reports.walk.words import FOLDS, NOUNS, RELATIONS, UNNAMED
from verify.ir.program import Operation, Pointer, Scalar, Symbol, Value, element_of

LONGEST: Final = 72  # letters; what is longer is counted instead
_DEEPEST: Final = 12
# How tightly a formula holds together: its parts go into parentheses where they hold less.
_LEVELS: Final = {" where ": 0, " and ": 1, " or ": 1, " xor ": 1, " + ": 3, " - ": 3, " · ": 4, " / ": 4, " // ": 4}
_LEVELS.update({" % ": 4} | dict.fromkeys([f" {sign} " for sign in "=≠<≤>≥"], 2))
_WHOLE: Final = 9
TYPES: Final = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64"}


@frozen
class Formula:
    """A text and how tightly it holds together."""

    text: str
    level: int = _WHOLE

    def within(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


def told(sources: Sources, value: Value) -> str:
    """The value by its name, a formula, or what made it."""
    return short(sources, value) or _stand_in(sources, value)


def short(sources: Sources, value: Value, name: bool = True) -> str | None:
    """The formula where it is short; None otherwise. Without `name` the value's own name does not count."""
    found = _formula(sources, value, _DEEPEST, name)
    return found.text if found is not None and len(found.text) <= LONGEST else None


def _formula(sources: Sources, value: Value, depth: int, named: bool = True) -> Formula | None:
    value = sources.seen(value)
    if named and (name := sources.name(value)):
        return Formula(name, 5 if name.startswith("-") else _WHOLE)
    maker = sources.makers.get(value.name)
    if maker is None or depth == 0:
        return None
    if maker.name in ("arith.extf", "arith.extsi", "arith.extui", "arith.trunci", "arith.index_cast"):
        return _formula(sources, maker.operands[0], depth - 1)
    if maker.name in UNNAMED or maker.name in ("tt.reduce", "tt.scan"):
        return Formula(_stand_in(sources, value))
    parts = [_formula(sources, each, depth - 1) for each in maker.operands]
    if any(part is None for part in parts):
        return None
    return _composed(maker, [part for part in parts if part is not None])


def _composed(maker: Operation, parts: list[Formula]) -> Formula | None:
    if maker.name == "arith.select":
        return Formula(f"{parts[1].within(1)} where {parts[0].within(1)}, else {parts[2].within(1)}", 0)
    if maker.name in ("arith.cmpf", "arith.cmpi"):
        predicate = maker.attributes.get("predicate")
        sign = RELATIONS.get(predicate.text) if isinstance(predicate, Symbol) else None
        return None if sign is None else Formula(f"{parts[0].within(3)} {sign} {parts[1].within(3)}", 2)
    if maker.name == "tt.extern_elementwise":
        return Formula(f"{maker.attributes.get('symbol', 'a library')}({', '.join(part.text for part in parts)})")
    shape = NOUNS[maker.name].formula if maker.name in NOUNS else ""
    if not shape:
        return None
    shape = shape.replace("type", type_of(maker.results[0]))
    sign = next((sign for sign in _LEVELS if sign in shape and "(" not in shape), "")
    level = _LEVELS[sign] if sign else 5 if shape.startswith("-") else _WHOLE
    letters = iter("abc")
    texts = {}
    for at, (letter, part) in enumerate(zip(letters, parts, strict=False)):
        # The order of floats' sums and products matters, so a right side of the same kind keeps its parentheses.
        texts[letter] = part.within(level + (at > 0) if sign or shape.startswith("-") else 0)
    return Formula(re.sub(r"\b[abc]\b", lambda found: texts.get(found.group(), found.group()), shape), level)


def _stand_in(sources: Sources, value: Value) -> str:
    maker = sources.makers.get(sources.seen(value).name)
    if maker is None:
        return "the result"
    if maker.name in ("tt.reduce", "tt.scan"):
        steps = [each.name for each in maker.regions[0].blocks[0].operations[:-1]]
        return f"the {FOLDS[steps[0]]}" if len(steps) == 1 and steps[0] in FOLDS else "the folded values"
    return UNNAMED.get(maker.name, "the result")


def type_of(value: Value) -> str:
    """The type of the value's lanes, as torch calls it."""
    element = element_of(value.type)
    if isinstance(element, Pointer):
        return "address"
    if isinstance(element, Scalar) and element.integer and element.name != "index":
        return "truth" if element.bits == 1 else f"int{element.bits}"
    return TYPES.get(str(element), str(element))


def rounded(sources: Sources, value: Value) -> tuple[Value, str]:
    """The value before the cast that ends it, and that cast in words; the value itself and nothing without one."""
    maker = sources.makers.get(value.name)
    if maker is None or maker.name not in ("arith.truncf", "tt.fp_to_fp") or indexing(value):
        return value, ""
    return maker.operands[0], f", rounded from {type_of(maker.operands[0])} to {type_of(value)},"
