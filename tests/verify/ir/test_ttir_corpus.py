"""Text as triton 3.6 to 3.9 print it, before and after `make_ttir`: all of it reads, with right types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from verify.ir.locations import without_places
from verify.ir.parse import parse
from verify.ir.program import Operation, Pointer, Program, Region, Scalar, Tensor, Value, element_of, shape_of

TEXTS = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "ttir").glob("*.ttir"))}
ELEMENTWISE = re.compile(
    r"arith\.(add|sub|mul|div|rem|and|or|xor|shl|shr|min|max|neg)\w*|math\.\w+|tt\.(mulhiui|precise_\w+|clampf)"
)
CASTS = re.compile(r"arith\.(ext|trunc|sitofp|uitofp|fpto)\w+|tt\.(fp_to_fp|bitcast|int_to_ptr|ptr_to_int)")
SPLITS = re.compile(r"\n\s*(?:%[^=\n]+ = )?(\w+(?:\.\w+)+|\"\w+(?:\.\w+)+\")(?=[ (\n])")

any_text = pytest.mark.parametrize("name", TEXTS)


def regions_of(program: Program) -> Iterator[tuple[str, Region]]:
    for function in program.functions:
        yield "tt.func", function.body
    for operation in program.operations():
        for region in operation.regions:
            yield operation.name, region


@any_text
def test_no_operation_is_lost(name: str) -> None:
    program = parse(TEXTS[name])
    written = Counter(match.strip('"') for match in SPLITS.findall(TEXTS[name]))
    assert written.pop("tt.func") == len(program.functions)
    read = Counter(operation.name for operation in program.operations())
    written.pop("scf.yield", None)
    yields = read.pop("scf.yield", 0)
    assert read == written
    # All regions of loops and branches end in one, written or not, but for the first region of a while.
    assert yields == sum(owner.startswith("scf.") for owner, _ in regions_of(program)) - read["scf.while"]


@any_text
def test_without_places_it_is_the_same_program(name: str) -> None:
    bare = without_places(TEXTS[name])
    assert "loc(" not in bare and "#loc" not in bare

    def read(text: str) -> list[tuple[object, ...]]:
        return [
            (each.name, each.attributes, [value.type for value in (*each.operands, *each.results)])
            for each in parse(text).operations()
        ]

    assert read(bare) == read(TEXTS[name])


@any_text
def test_types_agree_with_operands(name: str) -> None:
    for operation in parse(TEXTS[name]).operations():
        assert disagreement(operation) is None, (operation.name, disagreement(operation), operation.place)


def disagreement(operation: Operation) -> str | None:
    """What is wrong with the types of an operation, as far as its operands' definitions determine them."""
    operands = [operand.type for operand in operation.operands]
    results = [result.type for result in operation.results]
    name = operation.name
    if ELEMENTWISE.fullmatch(name) and {*operands} != {*results}:
        return f"{operands} give {results}"
    if CASTS.fullmatch(name) and shape_of(operands[0]) != shape_of(results[0]):
        return f"{operands} give {results}"
    if name.startswith("scf."):
        return flow_disagreement(operation)
    if name in ("arith.cmpi", "arith.cmpf"):
        if element_of(results[0]) != Scalar("i1") or shape_of(results[0]) != shape_of(operands[0]):
            return f"compares to {results}"
    elif name == "arith.select" and {*operands[1:]} != {*results}:
        return f"selects {operands[1:]} to {results}"
    elif name in ("tt.load", "tt.store", "tt.atomic_rmw", "tt.atomic_cas"):
        return memory_disagreement(operation)
    elif name == "tt.addptr" and operands[0] != results[0]:
        return f"moves {operands[0]} to {results}"
    elif name == "tt.splat" and element_of(results[0]) != operands[0]:
        return f"splats {operands[0]} to {results}"
    elif name in ("tt.broadcast", "tt.expand_dims", "tt.reshape", "tt.trans"):
        if element_of(results[0]) != element_of(operands[0]):
            return f"{operands} give {results}"
    elif name == "tt.reduce" and [*map(element_of, operands)] != [*map(element_of, results)]:
        return f"{operands} give {results}"
    return None


def flow_disagreement(operation: Operation) -> str | None:
    operands = [operand.type for operand in operation.operands]
    results = [result.type for result in operation.results]
    yields = [yielded(region) for region in operation.regions]
    arguments = [[argument.type for argument in region.blocks[0].arguments] for region in operation.regions]
    if operation.name == "scf.for":
        if arguments != [[operands[0], *results]] or operands[3:] != results or yields != [tuple(results)]:
            return f"iterates {arguments} from {operands} to {results} by {yields}"
    elif operation.name == "scf.if" and {*yields} != {tuple(results)}:
        return f"yields {yields} for {results}"
    elif operation.name == "scf.while":
        before, after = arguments
        if before != operands or after != results or yields != [(Scalar("i1"), *after), tuple(before)]:
            return f"iterates {arguments} from {operands} to {results} by {yields}"
    return None


def memory_disagreement(operation: Operation) -> str | None:
    pointer, *others = (operand.type for operand in operation.operands)
    lane = element_of(pointer)
    assert isinstance(lane, Pointer)
    inside = Tensor(shape_of(pointer), lane.pointee) if isinstance(pointer, Tensor) else lane.pointee
    value = operation.results[0].type if operation.results else others[0]
    if value != inside:
        return f"{pointer} holds {value}"
    if operation.name in ("tt.load", "tt.store", "tt.atomic_rmw"):
        counts = operation.attributes["operand_counts"]
        assert isinstance(counts, tuple) and len(counts) == 3
        if sum(map(int, counts)) != len(operation.operands):  # type: ignore[arg-type]
            return f"{counts} for {len(operation.operands)} operands"
    return None


def yielded(region: Region) -> tuple[object, ...]:
    return tuple(operand.type for operand in region.blocks[-1].operations[-1].operands)


@any_text
def test_names_are_unique_in_a_function(name: str) -> None:
    for function in parse(TEXTS[name]).functions:
        names = [value.name for value in defined(function.body)]
        assert len(names) == len(set(names))


def defined(region: Region) -> Iterator[Value]:
    for block in region.blocks:
        yield from block.arguments
        for operation in block.operations:
            yield from operation.results
            for inner in operation.regions:
                yield from defined(inner)


@any_text
def test_operands_are_the_values_defined_under_their_names(name: str) -> None:
    for function in parse(TEXTS[name]).functions:
        known = {value.name: value for value in defined(function.body)}
        for use in used(function.body):
            assert known[use.name] is use


def used(region: Region) -> Iterator[Value]:
    for block in region.blocks:
        for operation in block.operations:
            yield from operation.operands
            for target in operation.successors:
                yield from target.arguments
            for inner in operation.regions:
                yield from used(inner)


@any_text
def test_places_name_lines_of_the_kernel(name: str) -> None:
    program = parse(TEXTS[name])
    assert program.kernel.place.file == "kernel.py" and program.kernel.place.line > 0
    for operation in program.operations():
        assert "/" not in operation.place.file
        if operation.stack:
            assert operation.place in operation.stack and operation.place.line > 0
        if operation.name in ("tt.load", "tt.store", "tt.atomic_rmw"):
            assert operation.place.file == "kernel.py"


def test_the_corpus_is_not_empty() -> None:
    assert len(TEXTS) > 30
    assert {name.rsplit("_", 1)[1] for name in TEXTS} == {"36", "37", "38", "39"}


@pytest.mark.parametrize("name", TEXTS)
def test_a_location_reads_the_same_in_one_token_or_in_many(name):
    """A space, which Triton does not write, takes the way through the grammar's rules."""
    spaced = re.sub(r"loc\((?=[^#])", "loc( ", TEXTS[name])
    one, many = (list(parse(text).operations()) for text in (TEXTS[name], spaced))
    assert [(each.place, each.stack, each.label) for each in one] == [
        (each.place, each.stack, each.label) for each in many
    ]
