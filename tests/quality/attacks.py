"""Mutations of kernels whose proofs stand: each must fall, or the mutant must do the same in every run at small sizes.

    python -m tests.quality.attacks [KERNEL ...]

prints a table of mutation and kernel with what became of the proofs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Final

import torch
from attrs import evolve, frozen

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "verify" / "symbolic"))
from questions import BUDGET, PROOFS, asked
from store_plans import SPECIMENS, stored

from specs.spec import Spec
from verify.executor.modes import Fill, Mode
from verify.executor.plan import run_plan
from verify.plan import IntegerArgument, Launch, Plan
from verify.symbolic.witness import example
from verify.verdict import Outcome, worst

FEW_STEPS: Final = evolve(BUDGET, rlimit=400_000)  # as many as the proofs take
SMALL: Final = (0, 1, 2, 3, 5, 65, 4100)  # the last one is more than a block of any of the kernels
MOST: Final = 20_000  # elements of a tensor
TEXTS: Final[dict[str, tuple[str, str]]] = {
    "a store without its mask": (r"(tt\.store %[\w#]+, %[\w#]+), %[\w#]+", r"\1"),
    "a load without its mask": (r"(= tt\.load %[\w#]+), %[\w#]+(?:, %[\w#]+)?", r"\1"),
    "a load without other": (r"(= tt\.load %[\w#]+, %[\w#]+), %[\w#]+", r"\1"),
    "< becomes <=": (r"cmpi slt", "cmpi sle"),
    "< becomes !=": (r"cmpi slt", "cmpi ne"),
    "& becomes |": (r"arith\.andi", "arith.ori"),
    "the other axis's program": (r"(tt\.get_program_id) x", r"\1 y"),
    "a product is a sum": (r"arith\.muli", "arith.addi"),
    "a sum is a difference": (r"arith\.addi", "arith.subi"),
    "a remainder is a quotient": (r"arith\.remsi", "arith.divsi"),
    "a minimum is a maximum": (r"arith\.minsi", "arith.maxsi"),
}


@frozen
class Mutant:
    what: str
    plan: Plan


def mutants(plan: Plan) -> Iterator[Mutant]:
    """One change each, at every place where the kernel has it; of the grid, of what is passed and in the text."""
    (launch,) = plan.steps
    assert isinstance(launch, Launch)
    for what, (pattern, replacement) in TEXTS.items():
        for number, changed in enumerate(_replaced(launch, pattern, replacement)):
            yield Mutant(f"{what} ({number + 1})", evolve(plan, steps=(changed,)))
    for by in (-1, 1):
        grids = [(each.grid[0] + by, *each.grid[1:]) for each in launch.variants]
        variants = tuple(evolve(each, grid=grid) for each, grid in zip(launch.variants, grids, strict=True))
        yield Mutant(f"{by:+} program", evolve(plan, steps=(evolve(launch, variants=variants),)))
    sizes = [each for each in launch.arguments if isinstance(each, IntegerArgument)]
    for one, other in pairwise(sizes):
        swapped = {one.name: other.value, other.name: one.value}
        arguments = tuple(
            evolve(each, value=swapped[each.name]) if each.name in swapped else each for each in launch.arguments
        )
        yield Mutant(f"{one.name} and {other.name} swapped", evolve(plan, steps=(evolve(launch, arguments=arguments),)))
    for each in sizes:
        arguments = tuple(evolve(a, value=a.value + 1) if a is each else a for a in launch.arguments)
        yield Mutant(f"{each.name} + 1", evolve(plan, steps=(evolve(launch, arguments=arguments),)))


def _replaced(launch: Launch, pattern: str, replacement: str) -> Iterator[Launch]:
    """The launch with the n-th match changed, in every variant that has one."""
    texts = [each.ttir for each in launch.variants]
    for number in range(max(len(re.findall(pattern, text)) for text in texts)):
        changed = tuple(evolve(each, ttir=_nth(each.ttir, pattern, replacement, number)) for each in launch.variants)
        if changed != launch.variants:
            yield evolve(launch, variants=changed)


def _nth(text: str, pattern: str, replacement: str, number: int) -> str:
    matches = list(re.finditer(pattern, text))
    if number >= len(matches):
        return text
    found = matches[number]
    return text[: found.start()] + found.expand(replacement) + text[found.end() :]


def outcome(spec: Spec, original: Plan, mutant: Plan, gates: tuple[str, ...] = PROOFS) -> str:
    """`refuted`, `unknown` with the gate, or, where all proofs stand: `the same in all runs`, or WRONG and why."""
    whole, weakest = asked(spec, mutant), "proved"
    for gate in gates:
        try:
            found = worst(each.outcome for each in whole.verdicts(gate, FEW_STEPS))
        except (ValueError, KeyError, StopIteration) as error:
            return f"not a kernel ({type(error).__name__})"
        if found is Outcome.REFUTED:
            return f"{gate} refuted"
        if found is not Outcome.PROVED:
            weakest = f"{gate} {found.word}" if weakest == "proved" else weakest
    return weakest if weakest != "proved" else runs(spec, original, mutant)


def runs(spec: Spec, original: Plan, mutant: Plan) -> str:
    """All small sizes, row-major: faults, elements that nobody writes, values that hang on what masked lanes hold."""
    for sizes in _points(spec, original):
        inputs = example(spec, original, sizes)
        first = run_plan(mutant, inputs, Mode.FAITHFUL, fill=Fill.ZERO, sizes=sizes)
        if first.faults:
            return f"WRONG: {first.faults[0].sentence}"
        if not all(bool(written.all()) for written in first.written):
            return f"WRONG: at {sizes} not all is written"
        second = run_plan(mutant, inputs, Mode.FAITHFUL, fill=Fill.NAN, sizes=sizes)
        if not all(torch.equal(a, b) for a, b in zip(first.outputs, second.outputs, strict=True)):
            return f"WRONG: at {sizes} the result hangs on what masked lanes hold"
    return "safe in all runs"


def _points(spec: Spec, plan: Plan) -> Iterator[dict[str, int]]:
    from specs.spec import packed

    for values in product(SMALL, repeat=len(spec.dims)):
        sizes = {dim.name: value for dim, value in zip(spec.dims, values, strict=True)}
        for param in spec.tensors:
            for axis, stride in enumerate(packed(param.dims)):
                sizes[param.stride(axis)] = stride.evaluate(sizes)
        small = max(values) * sorted(values)[-2] <= MOST
        if small and spec.domain().holds(sizes) and plan.cell.holds(sizes):
            yield sizes


def table(label: str) -> Iterator[tuple[str, str]]:
    """Mutation and outcome for one kernel."""
    spec, plan = stored(label)
    for mutant in mutants(plan):
        yield mutant.what, outcome(spec, plan, mutant.plan)


def main() -> int:
    wrong = 0
    print("| kernel | mutation | outcome |\n| --- | --- | --- |")
    for label in sys.argv[1:] or SPECIMENS:
        for what, found in table(label):
            wrong += found.startswith("WRONG")
            print(f"| {label} | {what} | {found} |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
