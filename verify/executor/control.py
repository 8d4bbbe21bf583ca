"""Meanings of control flow: loops and branches under masks over programs, calls, and jumps between blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from attrs import define, field

from verify.executor.lanes import Held, Lanes, both, chosen
from verify.executor.machine import Machine, Meaning, word
from verify.executor.modes import Unmodelled
from verify.ir.program import Function, Operation, Region, Successor
from verify.verdict import Place


def none_of(mask: torch.Tensor | None) -> bool:
    return mask is not None and not bool(mask.any())


def merged(mask: torch.Tensor | None, new: Held, old: Held, place: Place) -> Held:
    """`new` for the programs of `mask`, `old` for the others. None stands for all programs."""
    if mask is None or new is old:
        return new
    if not isinstance(new, Lanes) or not isinstance(old, Lanes):
        raise Unmodelled("tensor descriptors that differ between programs", place)
    return chosen(mask, new, old)


def narrowed(mask: torch.Tensor | None, condition: torch.Tensor) -> torch.Tensor | None:
    """The programs of `mask` for which `condition` (programs,) holds; None where that is all of them."""
    if condition.shape[0] == 1 and bool(condition):
        return mask
    mask = both(mask, condition)
    return None if mask is not None and bool(mask.all()) else mask


def _for(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Held]:
    start, end, step = operands[:3]
    for bound in operands[:3]:
        machine.check_wrap(bound, "the bounds of the loop", operation.place)
    carried: list[Held] = list(operands[3:])
    block = operation.regions[0].blocks[0]
    if bool(((step.data <= 0) & machine.mask(1)).any()):
        raise Unmodelled("scf.for with a step that is not positive", operation.place)
    if operation.attributes.get("unsignedCmp") and bool(((start.data < 0) | (end.data < 0)).any()):
        raise Unmodelled("scf.for over unsigned bounds beyond the signed range", operation.place)
    outer, counter = machine.active, start.data
    while True:
        going = narrowed(outer, counter < end.data)
        if none_of(going):
            return carried
        machine.spend(operation.place)
        with machine.under(going):
            machine.bind(block.arguments, [Lanes(counter, start.wrap), *carried])
            last = machine.block(block)
        # where fewer programs go on than came in, the others keep what they had
        changed = None if going is outer else going
        yielded = [machine.read(value) for value in last.operands]
        carried = [merged(changed, *pair, operation.place) for pair in zip(yielded, carried, strict=True)]
        counter = counter + step.data


def _while(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Held]:
    before, after = (region.blocks[0] for region in operation.regions)
    outer = going = machine.active
    arguments: list[Held] = list(operands)
    results: list[Held] | None = None
    while True:
        with machine.under(going):
            machine.bind(before.arguments, arguments)
            end = machine.block(before)
            condition = machine.lanes(end.operands[0], end.place)
            machine.check_wrap(condition, "the condition of the loop", operation.place)
        passed = [machine.read(value) for value in end.operands[1:]]
        if results is None:
            results = passed
        else:
            results = [merged(going, *pair, operation.place) for pair in zip(passed, results, strict=True)]
        going = narrowed(going, condition.data)
        if none_of(going):
            return results
        machine.spend(operation.place)
        with machine.under(going):
            machine.bind(after.arguments, passed)
            last = machine.block(after)
        changed = None if going is outer else going
        yielded = [machine.read(value) for value in last.operands]
        arguments = [merged(changed, *pair, operation.place) for pair in zip(yielded, arguments, strict=True)]


def _if(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Held]:
    machine.check_wrap(operands[0], "the condition of the branch", operation.place)
    condition, outer = operands[0].data, machine.active
    results: list[Held] | None = None
    for region, holds in zip(operation.regions, (condition, ~condition), strict=False):
        taken = narrowed(outer, holds)
        if none_of(taken) or not region.blocks:
            continue
        with machine.under(taken):
            end = machine.block(region.blocks[0])
        yielded = [machine.read(value) for value in end.operands]
        if results is None:
            results = yielded
        else:
            results = [merged(taken, *pair, operation.place) for pair in zip(yielded, results, strict=True)]
    return results or []


@define(eq=False)
class Arrival:
    """The programs that reached a block and the arguments that they brought."""

    mask: torch.Tensor | None
    arguments: list[Held] = field(factory=list)


def run(machine: Machine, region: Region, place: Place) -> list[Held]:
    """Runs the blocks of a function's body under masks and gives what `tt.return` returned.

    Blocks are taken in an order in which every branch leads forward. Raises Unmodelled where there is none.
    """
    blocks = {block.label: block for block in region.blocks}
    waiting: dict[str, Arrival] = {region.blocks[0].label: Arrival(machine.active)}
    returned: Arrival | None = None
    for label in _forward(region, place):
        arrival = waiting.pop(label, None)
        if arrival is None:
            continue
        block = blocks[label]
        if arrival.arguments:
            machine.bind(block.arguments, arrival.arguments)
        with machine.under(arrival.mask):
            end = machine.block(block)
            values = [machine.read(value) for value in end.operands]
            if end.name in ("tt.return", "func.return"):
                returned = _arrive(returned, arrival.mask, values, end.place)
                continue
            for successor, mask in _branches(machine, end):
                if none_of(mask):
                    continue
                brought = [machine.read(value) for value in successor.arguments]
                waiting[successor.block] = _arrive(waiting.get(successor.block), mask, brought, end.place)
    return returned.arguments if returned is not None else []


def _arrive(earlier: Arrival | None, mask: torch.Tensor | None, values: list[Held], place: Place) -> Arrival:
    if earlier is None:
        return Arrival(mask, values)
    together = None if mask is None or earlier.mask is None else mask | earlier.mask
    pairs = zip(values, earlier.arguments, strict=True)
    return Arrival(together, [merged(mask, new, old, place) for new, old in pairs])


def _branches(machine: Machine, end: Operation) -> list[tuple[Successor, torch.Tensor | None]]:
    if end.name == "cf.br":
        return [(end.successors[0], machine.active)]
    if end.name != "cf.cond_br":
        raise Unmodelled(end.name, end.place)
    condition = machine.lanes(end.operands[0], end.place)
    machine.check_wrap(condition, "the condition of the branch", end.place)
    sides = (condition.data, ~condition.data)
    return [(to, narrowed(machine.active, side)) for to, side in zip(end.successors, sides, strict=True)]


def _forward(region: Region, place: Place) -> list[str]:
    blocks = {block.label: block for block in region.blocks}
    order: list[str] = []
    state: dict[str, str] = {}

    def visit(label: str) -> None:
        state[label] = "open"
        for successor in blocks[label].operations[-1].successors:
            if state.get(successor.block) == "open":
                raise Unmodelled("a loop of branches between blocks", place)
            if successor.block not in state:
                visit(successor.block)
        state[label] = "done"
        order.insert(0, label)

    visit(region.blocks[0].label)
    return order


def invoke(machine: Machine, function: Function, arguments: Sequence[Held]) -> list[Held]:
    """Calls a function with a frame of its own."""
    outer = machine.values
    machine.values = {}
    try:
        machine.bind(function.arguments, arguments)
        return run(machine, function.body, function.place)
    finally:
        machine.values = outer


def _call(machine: Machine, operation: Operation, operands: Sequence[Lanes]) -> Sequence[Held]:
    name = word(operation.attributes["callee"])
    for function in machine.program.functions:
        if function.name.lstrip("@") == name.lstrip("@"):
            return invoke(machine, function, operands)
    raise Unmodelled(f"a call of {name}", operation.place)


MEANINGS: Final[Mapping[str, Meaning]] = {
    "scf.for": _for,
    "scf.while": _while,
    "scf.if": _if,
    "tt.call": _call,
}
