"""Loads, stores, atomics and their like in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field

from reports.walk.formulas import rounded, told, type_of
from reports.walk.sources import Sources, words
from reports.walk.spelling import Speller
from reports.walk.tiles import Tile, tile
from reports.walk.words import ATOMICS
from verify.ir.program import Operation, Symbol, Value, shape_of
from verify.symbolic.reading import Reading
from verify.symbolic.trace import Access


@define(eq=False)
class Accesses:
    """What the prover read of each operation that touches memory, in the order of its executions."""

    reading: Reading
    sources: Sources
    speller: Speller
    found: dict[Operation, list[Access]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for access in self.reading.trace.accesses:
            self.found.setdefault(access.operation, []).append(access)

    def told(self, operation: Operation) -> str:
        """The sentence about an operation."""
        return SENTENCES[operation.name](self, operation)

    def tile(self, operation: Operation) -> Tile | None:
        """The tile that the next execution of the operation touches; None where the prover does not follow it."""
        accesses = self.found.get(operation, [])
        if not accesses:
            return None
        return tile(self.reading, accesses.pop(0) if len(accesses) > 1 else accesses[0], self.speller)

    def load(self, operation: Operation) -> str:
        result = operation.results[0]
        name = self.sources.name(result)
        target = f" as {name}" if name else ""
        found = self.tile(operation)
        if found is None:
            return f"loads {_shape(result)}{target} through a pointer that is not followed"
        text = f"loads {found.text}{target} ({_shape(result)}, {type_of(result)})"
        if not found.masked:
            return text
        rest = "undefined"
        if operation.name.startswith("tt.descriptor"):
            rest = "padding"
        elif len(operation.operands) > 2:
            rest = told(self.sources, operation.operands[2])
        return f"{text}, {found.masked} only; the rest is {rest}"

    def store(self, operation: Operation) -> str:
        value, cast = rounded(self.sources, _stored(operation))
        found = self.tile(operation)
        where = f"to {found.text}" if found else "through a pointer that is not followed"
        masked = f", {found.masked} only" if found and found.masked else ""
        return f"stores {told(self.sources, value)}{cast} {where}{masked}"

    def atomic(self, operation: Operation) -> str:
        found = self.tile(operation)
        where = found.text if found else "memory through a pointer that is not followed"
        masked = f", {found.masked} only" if found and found.masked else ""
        how = ", ".join(word for key in ("sem", "scope") if (word := _word(operation, key)))
        value, cast = rounded(self.sources, _stored(operation))
        kind = _word(operation, "atomic_rmw_op") or _word(operation, "kind")
        verb = ATOMICS.get(kind, f"changes by {kind} and {{}}")
        if operation.name == "tt.atomic_cas":
            verb = "compares with {} and exchanges"
        used = any(self.sources.uses.get(result.name) for result in operation.results)
        kept = ", and keeps what was there before" if used else ""
        done = verb.format(told(self.sources, value) + cast)
        return f"atomically {done} {where}{f' ({how})' if how else ''}{masked}{kept}"

    def descriptor(self, operation: Operation) -> str:
        name = self.sources.name(operation.operands[0])
        return f"describes {name or 'memory'} as a tensor for tiles of {_shape(operation.results[0])}"

    def histogram(self, operation: Operation) -> str:
        name = told(self.sources, operation.operands[0])
        return f"counts the values of {name} in {shape_of(operation.results[0].type)[0]} bins{_named(operation)}"

    def gather(self, operation: Operation) -> str:
        names = [told(self.sources, each) for each in operation.operands]
        return f"picks lanes of {names[0]} by the indices {names[1]}{_named(operation)}"

    def barrier(self, operation: Operation) -> str:
        return "waits until all threads of the program are here"

    def check(self, operation: Operation) -> str:
        taken = [name for each in operation.operands if (name := self.sources.name(each))]
        verb = "asserts" if operation.name == "tt.assert" else "prints"
        return f"{verb} {words(taken)}" if taken else f"{verb} something"


def _stored(operation: Operation) -> Value:
    return operation.operands[-1] if operation.name == "tt.descriptor_scatter" else operation.operands[1]


def _named(operation: Operation) -> str:
    return f" → {operation.label}" if operation.label else ""


def _word(operation: Operation, key: str) -> str:
    found = operation.attributes.get(key)
    return found.text if isinstance(found, Symbol) else ""


def _shape(value: Value) -> str:
    shape = shape_of(value.type)
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} lanes" if shape else "one element"


SENTENCES: Final[Mapping[str, Callable[[Accesses, Operation], str]]] = {
    "tt.load": Accesses.load,
    "tt.descriptor_load": Accesses.load,
    "tt.descriptor_gather": Accesses.load,
    "tt.store": Accesses.store,
    "tt.descriptor_store": Accesses.store,
    "tt.descriptor_scatter": Accesses.store,
    "tt.descriptor_reduce": Accesses.atomic,
    "tt.atomic_rmw": Accesses.atomic,
    "tt.atomic_cas": Accesses.atomic,
    "tt.make_tensor_descriptor": Accesses.descriptor,
    "tt.histogram": Accesses.histogram,
    "tt.gather": Accesses.gather,
    "tt.debug_barrier": Accesses.barrier,
    "gpu.barrier": Accesses.barrier,
    "ttg.barrier": Accesses.barrier,
    "tt.assert": Accesses.check,
    "tt.print": Accesses.check,
}
