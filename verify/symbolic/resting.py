"""What a proof rests on, in words: masks, branches, what the spec and the host code say of sizes and values."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from specs.spec import Values
from verify.case import Candidate
from verify.symbolic.core import Given
from verify.symbolic.memory import loads
from verify.symbolic.obligations import Obligation
from verify.symbolic.origins import pointer
from verify.symbolic.reading import Reading
from verify.symbolic.terms import Atom, Term, Truth, closure, first_copy, of
from verify.symbolic.trace import Access
from verify.symbolic.values import Address

# Where a mask stands that is given without its name. Of a tile's descriptor the mask is what the hardware clips.
MASK_AT: Final[Mapping[str, int]] = {"load": 1, "store": 2, "atomic": 2}


def rests(candidate: Candidate, obligation: Obligation, took: tuple[Given, ...]) -> tuple[str, ...]:
    """What of the assumptions a reader would ask about; the grid, tiles and lanes go without saying."""
    reading = obligation.reading
    here = sorted(reading.trace.accesses, key=lambda access: access.place != obligation.place)
    masks = {part: access for access in reversed(here) for part in _parts(access.mask.truth)}
    paths = {part: access for access in reversed(here) for part in _parts(access.path)}
    taken = {first_copy(each): None for each in took if isinstance(each, Truth)}
    taken |= {
        part: None for access in here if _made_by_mask(access, obligation, taken) for part in _parts(access.active)
    }
    given = reading.limits.union(_parts(reading.programs))
    found = {}
    for part in taken:
        if part in given:
            continue
        if part in reading.conditions:
            found[reading.conditions[part]] = 2
        elif part in masks:
            found[_mask(candidate, masks[part])] = 0
        elif part in paths:
            found[f"the loops and branches that lead to {paths[part].place}"] = 1
        else:
            found |= dict.fromkeys(_values(reading, loads((part,))), 3)
    ranged = [each for each in took if isinstance(each, Atom)]
    loaded = tuple(each for each in ranged if each.kind == "load")
    found |= {text: 3 for text in _values(reading, loaded) if text != ONE_VALUE}
    if any(each.kind not in ("load", "pid") and _learned(reading, each) for each in ranged):
        found[POSITIVE] = 4
    return tuple(sorted(found, key=lambda text: found[text]))


def sizes(reading: Reading, took: tuple[Given, ...]) -> tuple[str, ...]:
    """The sizes and strides of whose range the proof makes use, also where it is a program id that it limits."""
    found = set[str]()
    for each in took:
        if isinstance(each, Truth):
            terms: list[Term] = [each] if each in reading.limits else []
        elif each.kind == "load":
            terms = []
        else:
            terms = [reading.trace.grid["xyz".index(each.label[0])]] if each.kind == "pid" else [of(each)]
        found |= {inner.label for inner in closure(terms) if inner.kind == "name"}
    return tuple(sorted(found))


def _learned(reading: Reading, each: Atom) -> bool:
    """Whether its range was told while the kernel was read, from all that holds of its programs."""
    return reading.trace.ranges.bounds.get(each) != reading.ranges.bounds.get(each)


POSITIVE: Final = "that divisors are positive in every program (shown first)"
ONE_VALUE: Final = "that an address holds one value"


def _values(reading: Reading, found: tuple[Atom, ...]) -> Iterator[str]:
    for each in found:
        param = reading.inputs[pointer(each)][0] if pointer(each) in reading.inputs else None
        yield f"what the spec says of the values in {param.name}" if param and param.values != Values() else ONE_VALUE


def _made_by_mask(access: Access, obligation: Obligation, taken: Mapping[Truth, None]) -> bool:
    """Whether the offset that is spoken of was already read under the access's own conditions."""
    content = access.address.content
    made = isinstance(content, Address) and content.offset != access.offset
    return made and (access.place == obligation.place or any(part in taken for part in _parts(access.active)))


def _parts(truth: Truth) -> tuple[Truth, ...]:
    return truth.parts if truth.kind == "and" else () if truth.kind == "true" else (truth,)


def _mask(candidate: Candidate, access: Access) -> str:
    place = access.place
    texts = _written(candidate.source).get((access.kind, place.line), set()) if place.inside(candidate.path) else set()
    if texts == {""}:  # a tile of a descriptor: the hardware leaves out what is not in the tensor
        return f"the clipping of the tile at {place}"
    return f"mask `{''.join(texts)}` ({place})" if len(texts) == 1 else f"the mask at {place}"


@lru_cache(maxsize=8)
def _written(source: str) -> Mapping[tuple[str, int], set[str]]:
    """The masks of a source's memory accesses as they are written, by kind and line."""
    found: dict[tuple[str, int], set[str]] = {}
    tree = ast.parse(source)
    once = _assigned_once(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            kind = node.func.attr.partition("_")[0]
            if kind in MASK_AT:
                named = [each.value for each in node.keywords if each.arg == "mask"]
                masks = {_spelled(each, once) for each in named or node.args[MASK_AT[kind] :][:1]} or {""}
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    found.setdefault((kind, line), set()).update(masks)
    return found


def _assigned_once(tree: ast.Module) -> Mapping[str, ast.expr]:
    """What names mean that get a value in one place of the file only."""
    nodes = list(ast.walk(tree))
    met = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    met.update(node.arg for node in nodes if isinstance(node, ast.arg))
    plain = (node for node in nodes if isinstance(node, ast.Assign) and len(node.targets) == 1)
    values = ((node.targets[0], node.value) for node in plain)
    return {name.id: value for name, value in values if isinstance(name, ast.Name) and met[name.id] == 1}


def _spelled(mask: ast.expr, once: Mapping[str, ast.expr]) -> str:
    name = mask.value if isinstance(mask, ast.Subscript) else mask
    meant = once.get(name.id) if isinstance(name, ast.Name) else None
    return ast.unparse(mask) + (f"`, which is `{ast.unparse(meant)}" if meant is not None else "")
