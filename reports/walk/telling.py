"""From a captured launch to a walk through it: its IR in order, each operation in words, grouped by source line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Final

from attrs import define, evolve, field

from reports.walk.accessing import Accesses
from reports.walk.formulas import LONGEST, short, told
from reports.walk.sources import Sources, carried, constant, indexing, inside, words
from reports.walk.spelling import Speller
from reports.walk.story import Step
from reports.walk.words import ENDS, FOLDS, NOUNS, QUIET, SPOKEN, counted
from verify.ir.program import Block, Operation, Region, Scalar, Symbol, element_of, shape_of
from verify.symbolic.reading import Reading
from verify.symbolic.terms import Poly, Truth, apply, poly
from verify.symbolic.values import Lane

MANY: Final = 8  # lines of arithmetic in a row from which on they are told together
THEN: Final = "; then "
PARTS: Final = 5  # of one line that are told
DEEP: Final = 16  # calls inside one another


@define(eq=False)
class Teller:
    """The steps told so far. Arithmetic is held back until something else is told, so that neighbours go together."""

    reading: Reading
    sources: Sources
    speller: Speller
    accesses: Accesses
    own: Set[str]  # what the candidate's own file is called: its lines need no file
    steps: list[Step] = field(factory=list)
    held: list[Operation] = field(factory=list)
    depth: int = 0
    calls: int = 0

    def tell(self, region: Region) -> None:
        """Every block of a region, in the order of the text."""
        for block in region.blocks:
            self._block(block)
            last = block.operations[-1]
            if last.name == "cf.cond_br":
                condition = self.sources.name(last.operands[0]) or "a computed condition"
                self.say(last, f"the whole program branches on {condition}: the blocks below are told in their order")

    def say(self, operation: Operation, text: str) -> None:
        """A sentence about one operation."""
        self.flush(operation)
        self._add(operation.place.line, operation.place.line, text, operation.place.file)

    def _add(self, first: int, last: int, text: str, file: str) -> None:
        """A step, or another part of the last one where both are about one line."""
        elsewhere = "" if file in self.own or file.startswith("<") else file
        step = Step(first, last, self.depth, text, elsewhere)
        if self.steps and evolve(self.steps[-1], text=text) == step and first and not self.steps[-1].text.endswith(":"):
            step = evolve(step, text=_shortened(f"{self.steps.pop().text}{THEN}{text}"))
        self.steps.append(step)

    def _block(self, block: Block) -> None:
        for operation in block.operations:
            if operation.name in ENDS:
                continue
            if operation.name in SPOKEN:
                self._speak(operation)
            elif operation.name in QUIET or operation.name in NOUNS:
                self.held.append(operation)
            else:
                self.say(operation, f"an operation without words: {operation.name}")
        self.flush()

    def _speak(self, operation: Operation) -> None:
        match operation.name:
            case "scf.for" | "scf.while":
                self._loop(operation)
            case "scf.if":
                self._branch(operation)
            case "tt.call":
                self._call(operation)
            case "tt.reduce" | "tt.scan":
                self.say(operation, self._fold(operation))
            case "tt.dot" | "tt.dot_scaled":
                self.say(operation, self._product(operation))
            case _:
                self.say(operation, self.accesses.told(operation))

    # ---- arithmetic

    def flush(self, before: Operation | None = None) -> None:
        """Tell what was held back. Indices on the line of the operation that follows belong to that one."""
        held, self.held = self.held, []
        quiet = {before.place.line} if before is not None else set()
        runs: list[tuple[bool, list[list[Operation]]]] = []
        for line in _lines(held):
            values = self._values(line)
            if not values and (_line(line) in quiet or not self._variables(line)):
                continue
            if runs and runs[-1][0] == bool(values):
                runs[-1][1].append(line)
            else:
                runs.append((bool(values), [line]))
        for computes, lines in runs:
            if not computes:
                self._indices(lines)
            elif len(lines) >= MANY:
                self._span(lines, self._amount([operation for line in lines for operation in line]))
            else:
                for line in lines:
                    if text := self._arithmetic(line):
                        self._span([line], text)

    def _span(self, lines: list[list[Operation]], text: str) -> None:
        numbers = [number for line in lines if (number := _line(line))]
        self._add(min(numbers, default=0), max(numbers, default=0), text, lines[0][0].place.file)

    def _variables(self, line: list[Operation]) -> list[str]:
        """The whole numbers that a line gives a name to."""
        used = {result.name for result in self.sources.outputs(line)}
        named = [each for each in line if any(result.name in used for result in each.results)]
        whole = [each.label for each in named if each.label and constant(each) is None and _truths(each)]
        return list(dict.fromkeys(whole))

    def _values(self, line: list[Operation]) -> list[Operation]:
        """The operations of a line that compute values and not indices; a rounding before a store is told there."""
        found = [each for each in line if each.name in NOUNS and not _truths(each)]
        if found:  # what joins truths that were made from floats
            found = [each for each in line if each.name in NOUNS and (not _truths(each) or _logical(each))]
        return [each for each in found if each.name != "arith.truncf" or not self._stored(each)]

    def _stored(self, operation: Operation) -> bool:
        users = self.sources.uses.get(operation.results[0].name, ())
        return all(user.name in ("tt.store", "tt.descriptor_store") for user in users)

    def _indices(self, lines: list[list[Operation]]) -> None:
        names = list(dict.fromkeys(name for line in lines for name in self._variables(line)))
        self._span(lines, f"works out {words(names)}" + self._besides([each for line in lines for each in line]))

    def _besides(self, line: list[Operation]) -> str:
        """A word on many operations on whole numbers, which a random number takes."""
        several = [each for each in line if each.name in NOUNS and _truths(each)]
        if len(several) <= 30:
            return ""
        library = _library(several)
        return f", by {len(several)} operations on whole numbers" + (f", most of them in {library}" if library else "")

    def _arithmetic(self, line: list[Operation]) -> str:
        """One line: `higher = max(peak, x)`, or what it amounts to; empty where what follows tells it."""
        made = self.sources.outputs(self._values(line))
        names = [self.sources.name(each) for each in made]
        formulas = [short(self.sources, each, name=False) for each in made]
        if all(formulas) and sum(map(len, filter(None, formulas))) <= 2 * LONGEST:
            told = ", ".join(f"{name} = {formula}" for name, formula in zip(names, formulas, strict=True) if name)
            return told + self._besides(line) if told else ""
        return self._amount(line) + self._besides(line)

    def _amount(self, line: list[Operation]) -> str:
        """What arithmetic takes, makes and consists of."""
        taken = self.sources.inputs(line)
        made = list(dict.fromkeys(filter(None, map(self.sources.name, self.sources.outputs(self._values(line))))))
        amount = words(counted([each.name for each in self._values(line)]), 8)
        start = f"computes {words(made)}" if made else "computes"
        return start + (f" from {words(taken)}" if taken else "") + f": {amount}"

    # ---- folds and products

    def _fold(self, operation: Operation) -> str:
        value = operation.operands[0]
        axis = operation.attributes.get("axis", 0)
        lanes = shape_of(value.type)[axis] if isinstance(axis, int) else 0
        steps = [each for each in inside(operation.regions[0]) if each.name not in ENDS]
        across = f"{lanes} lanes" if len(shape_of(value.type)) == 1 else f"axis {axis} ({lanes} lanes)"
        scans = operation.name == "tt.scan"
        running = ("running " if scans else "") + ("backward " if operation.attributes.get("reverse") is True else "")
        names = [name for each in operation.results if (name := self.sources.name(each))]
        made = f"{words(names)} = " if names else "takes "
        if len(steps) == 1 and len(operation.operands) == 1 and steps[0].name in FOLDS:
            return f"{made}the {running}{FOLDS[steps[0].name]} over {across} of {told(self.sources, value)}"
        rule = words(counted([each.name for each in steps if each.name in NOUNS])) or "a rule of its own"
        taken = words([told(self.sources, each) for each in operation.operands])
        made = f"{words(names)} = " if names else ""
        return f"{made}{taken} {running}{'scanned' if scans else 'folded'} over {across}, pair by pair, by {rule}"

    def _product(self, operation: Operation) -> str:
        left, right, *rest = operation.operands
        sides = [f"{told(self.sources, each)} ({' × '.join(map(str, shape_of(each.type)))})" for each in (left, right)]
        name = self.sources.name(operation.results[0])
        added = told(self.sources, rest[0]) if rest else "0"
        text = (f"{name} = " if name else "takes ") + ("" if added in ("0", "-0") else f"{added} + ")
        text += f"the matrix product of {sides[0]} and {sides[1]}"
        precision = operation.attributes.get("inputPrecision")
        if isinstance(precision, Symbol) and "f32" in str(left.type):
            text += f", inputs read as {'IEEE float32' if precision.text == 'ieee' else precision.text}"
        return text + (", with scales" if operation.name == "tt.dot_scaled" else "")

    # ---- control

    def _loop(self, operation: Operation) -> None:
        arguments, starts = carried(operation)
        kept = []
        for argument, start in zip(arguments, starts, strict=False):
            name = self.sources.name(argument)
            begun = self.sources.name(start)
            if name and not (indexing(argument) and begun == name):
                kept.append(f"{name} (from {begun})" if begun and begun != name else name)
        carries = f"; carries {words(kept)} from round to round" if kept else ""
        self.say(operation, self._rounds(operation) + carries)
        self.depth += 1
        for region in operation.regions:
            self.tell(region)
        self.depth -= 1

    def _rounds(self, operation: Operation) -> str:
        if operation.name == "scf.while":
            return "repeats while a condition holds that every round works out"
        values = self.reading.trace.values
        low, high, step = (values.get(each.name, Lane()).content for each in operation.operands[:3])
        if not (isinstance(low, Poly) and isinstance(high, Poly) and isinstance(step, Poly)):
            return "repeats for a number of rounds that the kernel works out"
        counter = operation.regions[0].blocks[0].arguments[0]
        name = self.sources.name(counter) or self.speller.rounds[round_of(operation)][0]
        ends = [self.speller.size(each) for each in (low, high)]
        by = "" if step == poly(1) else f" in steps of {self.speller.size(step)}"
        rounds = self.speller.known(apply("floordiv", high - low + step - 1, step)) if step != poly(1) else ""
        many = f" ({rounds} rounds)" if rounds else ""
        return f"repeats for {name} from {ends[0]} to below {ends[1]}{by}{many}"

    def _branch(self, operation: Operation) -> None:
        condition = self.reading.trace.values.get(operation.operands[0].name, Lane()).content
        told = self.sources.name(operation.operands[0])
        if isinstance(condition, Truth):
            told = self.speller.truth(condition)
        self.say(operation, f"only in programs where {told or 'a computed condition holds'}:")
        for at, region in enumerate(operation.regions):
            if at and any(each.name not in ENDS for each in inside(region)):
                self._add(operation.place.line, operation.place.line, "and otherwise:", operation.place.file)
            self.depth += 1
            self.tell(region)
            self.depth -= 1

    def _call(self, operation: Operation) -> None:
        callee = operation.attributes["callee"]
        name = callee.text if isinstance(callee, Symbol) else str(callee)
        short = name.partition("__")[0].rpartition(".")[2]
        function = next((each for each in self.sources.program.functions if each.name == name), None)
        self.say(operation, f"calls {short}:")
        if function is not None and self.calls < DEEP:
            self.depth, self.calls = self.depth + 1, self.calls + 1
            self.tell(function.body)
            self.depth, self.calls = self.depth - 1, self.calls - 1


def _shortened(text: str) -> str:
    """What one line does, without the middle of a long series: a sort is one line."""
    parts = text.split(THEN)
    if len(parts) <= PARTS:
        return text
    found = re.fullmatch(r"(\d+) more", parts[PARTS - 2])
    return THEN.join([*parts[: PARTS - 2], f"{int(found[1]) + 1 if found else 2} more", parts[-1]])


def round_of(loop: Operation) -> str:
    """What the prover calls the rounds of a `for` loop of the kernel's own function."""
    return f"{loop.place.line}:{loop.regions[0].blocks[0].arguments[0].name}"


def _lines(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Runs of operations of one source line; what has no line of its own goes with what stands before it."""
    line: list[Operation] = []
    for operation in operations:
        if constant(operation) is not None or operation.name == "arith.constant":
            continue
        if line and operation.place.line not in (0, line[-1].place.line):
            yield line
            line = []
        line.append(operation)
    if line:
        yield line


def _line(line: list[Operation]) -> int:
    return next((each.place.line for each in line if each.place.line), 0)


def _truths(operation: Operation) -> bool:
    """Whether only whole numbers, truths and pointers are in it: a part of a mask."""
    elements = [element_of(value.type) for value in (*operation.operands, *operation.results)]
    return not any(isinstance(each, Scalar) and each.floating for each in elements)


def _logical(operation: Operation) -> bool:
    return all(element_of(value.type) == Scalar("i1") for value in (*operation.operands, *operation.results))


def _library(together: list[Operation]) -> str:
    """The file of Triton's library that most of the operations were inlined from, if any were."""
    files = [each.stack[0].file for each in together if each.stack and each.stack[0] != each.place]
    most = max(files, key=files.count, default="")
    return f"Triton's {most}" if files.count(most) * 2 > len(together) else ""
