"""The kinds of bug, one row each: its name, what it is for people, and the places of a text where it fits."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import zip_longest
from typing import Final, Literal, TypeAlias

from attrs import frozen

from synth.mutation import accesses, control, values
from synth.mutation.text import Change, Line, Source, difference

Rule: TypeAlias = Callable[[Source, ast.AST], Iterator[Change]]


@frozen
class Kind:
    """A kind of bug. `where` says whether it is looked for in kernels, in host code or in both."""

    name: str
    models: str
    rule: Rule
    where: Literal["kernel", "host", "both"] = "kernel"


@frozen
class Mutant:
    """A text with one bug in it."""

    kind: str
    line: Line
    source: str


KINDS: Final = (
    Kind("load-mask-dropped", "a load without its mask", partial(accesses.without_mask, "load")),
    Kind("store-mask-dropped", "a store without its mask", partial(accesses.without_mask, "store")),
    Kind("mask-part-dropped", "one of two conditions of a mask forgotten", accesses.mask_part),
    Kind("mask-or", "either condition of a mask will do", accesses.mask_or),
    Kind("comparison-off-by-one", "`<` for `<=`", accesses.off_by_one, "both"),
    Kind("comparison-inverted", "a comparison says the opposite", accesses.inverted, "both"),
    Kind("other-dropped", "masked lanes hold anything", accesses.other_dropped),
    Kind("other-changed", "masked lanes hold a number that counts", accesses.other_changed),
    Kind("boundary-check-dropped", "a block pointer is not clipped", accesses.boundary_dropped),
    Kind("stride-dropped", "an index without its stride", accesses.stride_dropped),
    Kind("index-off-by-one", "the next row", accesses.next_row),
    Kind("strides-exchanged", "two indices with each other's stride", accesses.strides_exchanged),
    Kind("axes-exchanged", "`[:, None]` for `[None, :]`", accesses.axes_exchanged),
    Kind("program-axis", "the program's number along another axis", accesses.program_axis),
    Kind("widening-dropped", "an index of 32 bits", accesses.widening_dropped),
    Kind("false-hint", "an offset said to be a multiple of 16", accesses.false_hint),
    Kind("load-shifted", "a load of the next element", partial(accesses.shifted, "load")),
    Kind("store-shifted", "a store to the next element", partial(accesses.shifted, "store")),
    Kind("store-dropped", "a store forgotten", partial(accesses.dropped, ("store", "atomic_add"))),
    Kind("atomic-to-store", "a store for an atomic", accesses.atomic_to_store),
    Kind("atomic-to-update", "load, add, store for an atomic", accesses.atomic_to_update),
    Kind("atomic-changed", "another atomic operation", accesses.atomic_other),
    Kind("atomic-relaxed", "an atomic that orders nothing", accesses.relaxed),
    Kind("barrier-dropped", "a barrier forgotten", partial(accesses.dropped, ("debug_barrier",))),
    Kind("start-changed", "an accumulator without its neutral element", values.start_changed),
    Kind("branches-exchanged", "`where` with its values exchanged", values.branches_exchanged),
    Kind("accumulator-narrowed", "sums kept in half precision", values.accumulator_narrowed),
    Kind("cast-narrowed", "inputs rounded to half precision", values.cast_narrowed),
    Kind("cast-dropped", "computed in the input's precision", values.cast_dropped),
    Kind("result-rounded", "the result rounded to bfloat16", values.result_rounded),
    Kind("tf32", "products in tf32", values.tf32),
    Kind("maximum-dropped", "exponents without the maximum off", values.maximum_dropped),
    Kind("rescale-dropped", "old sums not brought to the new maximum", values.rescale_dropped),
    Kind("eps-dropped", "no eps", values.eps_dropped),
    Kind("eps-changed", "twice the eps", values.eps_changed),
    Kind("factor-dropped", "a factor or divisor forgotten", values.factor_dropped),
    Kind("term-dropped", "a term forgotten", values.term_dropped),
    Kind("reduction-changed", "another reduction", values.reduction_changed),
    Kind("function-changed", "another function", values.function_changed),
    Kind("operator-changed", "another sign", values.operator_changed),
    Kind("constant-changed", "another number", values.constant_changed),
    Kind("axis-changed", "a reduction along the other axis", values.axis_changed),
    Kind("divisor-is-block", "a mean over the block, not the row", values.divisor_is_block),
    Kind("operands-exchanged", "the right operand on the left", values.operands_exchanged),
    Kind("operand-transposed", "a transposed factor", values.operand_transposed),
    Kind("ties-changed", "another one of equal values", values.ties_changed),
    Kind("loop-late", "the first trip left out", control.loop_late),
    Kind("loop-short", "the last trip left out", control.loop_short),
    Kind("loop-off-by-one", "the loop ends one element early", control.loop_off_by_one),
    Kind("loop-long", "a trip too many", control.loop_long),
    Kind("loop-once", "the loop left after its first trip", control.loop_once),
    Kind("step-changed", "every second trip left out", control.step_changed),
    Kind("update-dropped", "a carried value stays as it was", control.update_dropped),
    Kind("overwritten", "the last value instead of the sum", control.overwritten),
    Kind("added-twice", "added twice", control.doubled),
    Kind("branch-inverted", "the other branch", control.branch_inverted, "both"),
    Kind("ceiling-to-floor", "no program or trip for the rest", control.ceiling_to_floor, "both"),
    Kind("grid-for-other-block", "a grid for blocks twice as large", control.block_beside_grid, "host"),
    Kind("grid-short", "a program too few", control.grid_short, "host"),
    Kind("grid-long", "a program too many", control.grid_long, "host"),
    Kind("block-halved", "a block too small for the row", control.block_halved, "host"),
    Kind("limit-moved", "a kernel for rows that it was not made for", control.limit_moved, "host"),
    Kind("other-stride", "another axis's stride handed over", control.other_stride, "host"),
    Kind("arguments-exchanged", "two arguments of a launch exchanged", control.arguments_exchanged, "host"),
    Kind("start-unwritten", "memory that begins with anything", control.start_unwritten, "host"),
)  # fmt: skip


def mutants(text: str, kinds: tuple[Kind, ...] = KINDS) -> dict[str, tuple[Mutant, ...]]:
    """Every text with one bug, by kind; no text occurs twice. Raises SyntaxError for what is no Python."""
    source, seen = Source(text), {ast.dump(ast.parse(text))}
    found: dict[str, tuple[Mutant, ...]] = {}
    for kind in kinds:
        own = []
        for change in _changes(source, kind):
            changed = source.apply(change)
            try:
                meaning = ast.dump(ast.parse(changed))
            except SyntaxError:
                continue
            if meaning not in seen:
                seen.add(meaning)
                own.append(Mutant(kind.name, difference(text, changed), changed))
        found[kind.name] = tuple(own)
    return found


def chosen(found: dict[str, tuple[Mutant, ...]], limit: int) -> tuple[Mutant, ...]:
    """At most `limit` mutants: one of each kind, then a second of each, and so on, in the order of the table.

    Which of a kind come first depends on nothing but their own text, so that they come from all over the file.
    """
    mixed = [sorted(own, key=lambda each: sha256(repr(each.line).encode()).digest()) for own in found.values()]
    turns = (each for turn in zip_longest(*mixed) for each in turn if each is not None)
    kept = [each for each, _ in zip(turns, range(limit), strict=False)]
    return tuple(sorted(kept, key=lambda each: list(found).index(each.kind)))


def _changes(source: Source, kind: Kind) -> Iterator[Change]:
    functions = {"kernel": source.kernels, "host": source.hosts, "both": (*source.kernels, *source.hosts)}[kind.where]
    for function in functions:
        for node in source.inside(function):
            yield from kind.rule(source, node)
