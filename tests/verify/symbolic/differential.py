"""Small kernels at random, and the question whether prover and executor agree about them.

A claim that is proved must hold in every run; a gate must not fail. That a refuted claim has a replayed witness
is so by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

import torch
import z3
from attrs import define, field, frozen
from hypothesis import strategies as st
from questions import Asked, asked, dense, launch, operator, planned, tensor

from specs.sizes import Size, name, size
from specs.spec import MAX_SIZE
from verify.executor.modes import Fill, Mode, Unmodelled
from verify.executor.plan import Execution, run_plan
from verify.plan import Plan
from verify.symbolic import obligations
from verify.symbolic.coverage import coverage
from verify.symbolic.encode import encode
from verify.symbolic.initial import initial
from verify.symbolic.obligations import Obligation, Way
from verify.symbolic.ranges import Ranges
from verify.symbolic.reading import Reading, readings
from verify.symbolic.terms import Truth, conj, negate

STEPS: Final = 60_000  # of z3 for one question: most are about what is false
VALUES: Final = 4  # integers of the table lie in 0..VALUES-1
SIZES: Final = ((0, 2), (1, 1), (2, 3), (3, 1), (5, 2), (6, 4), (9, 0))  # of N and M
BINARY: Final = ("addi", "addi", "addi", "subi", "muli", "muli", "divsi", "remsi", "minsi", "maxsi")
GATES: Final = {
    "out-of-bounds": "bounds",
    "write-conflict": "races",
    "read-write-conflict": "races",
    "unwritten-read": "undefined",
}


@frozen
class Int:
    """An i32 of the kernel: a scalar, or a tensor over the lanes."""

    name: str
    wide: bool


@define
class Writer:
    """The text of a kernel, line by line."""

    draw: st.DrawFn
    shape: tuple[int, ...]
    lines: list[str] = field(factory=list)
    known: list[Int] = field(factory=list)
    count: int = 0

    @property
    def lanes(self) -> str:
        return "x".join(map(str, self.shape))

    def type(self, wide: bool, element: str = "i32") -> str:
        return f"tensor<{self.lanes}x{element}>" if wide else element

    def fresh(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def emit(self, text: str) -> None:
        at = len(self.lines) + 1
        plain = text.endswith("{") or text.startswith(("}", "^"))
        self.lines.append(text if plain else f'{text} loc("kernel.py":{at}:1)')

    def let(self, text: str) -> str:
        result = self.fresh()
        self.emit(f"{result} = {text}")
        return result

    def constant(self, value: int) -> Int:
        return Int(self.let(f"arith.constant {value} : i32"), False)

    def widened(self, value: Int) -> str:
        if value.wide:
            return value.name
        return self.let(f"tt.splat {value.name} : i32 -> {self.type(True)}")

    def both(self, left: Int, right: Int) -> tuple[str, str, bool]:
        wide = left.wide or right.wide
        return (self.widened(left), self.widened(right), True) if wide else (left.name, right.name, False)

    def binary(self, operation: str, left: Int, right: Int) -> Int:
        a, b, wide = self.both(left, right)
        return Int(self.let(f"arith.{operation} {a}, {b} : {self.type(wide)}"), wide)

    def number(self, depth: int) -> Int:
        """An index expression."""
        draw = self.draw
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            if draw(st.integers(0, 3)) == 0:
                return self.constant(draw(st.sampled_from([0, 1, 2, 3, 4, 8, -1, -2, 1 << 29])))
            return draw(st.sampled_from(self.known))
        left = self.number(depth - 1)
        if draw(st.integers(0, 9)) == 0:
            condition, wide = self.condition(left, self.number(depth - 1))
            yes, no = self.number(depth - 1), self.number(depth - 1)
            if wide or yes.wide or no.wide:
                chosen = condition if wide else self.let(f"tt.splat {condition} : i1 -> {self.type(True, 'i1')}")
                a, b = self.widened(yes), self.widened(no)
                text = f"arith.select {chosen}, {a}, {b} : {self.type(True, 'i1')}, {self.type(True)}"
                return Int(self.let(text), True)
            return Int(self.let(f"arith.select {condition}, {yes.name}, {no.name} : i32"), False)
        operation = draw(st.sampled_from(BINARY))
        if operation in ("divsi", "remsi") and draw(st.integers(0, 2)):
            return self.binary(operation, left, self.constant(draw(st.sampled_from([1, 2, 3, 4, -2]))))
        return self.binary(operation, left, self.number(depth - 1))

    def condition(self, left: Int, right: Int) -> tuple[str, bool]:
        a, b, wide = self.both(left, right)
        predicate = self.draw(st.sampled_from(["slt", "slt", "slt", "sle", "sge", "sgt", "eq", "ne", "ult"]))
        return self.let(f"arith.cmpi {predicate}, {a}, {b} : {self.type(wide)}"), wide

    def mask(self, index: Int) -> str | None:
        """A mask over the lanes, of one or two comparisons, often of what it guards; None for none."""
        parts = []
        for _ in range(self.draw(st.integers(0, 2))):
            if self.draw(st.booleans()):
                sizes = [Int("%N", False), Int("%N", False), Int("%M", False)]
                part, wide = self.condition(index, self.draw(st.sampled_from(sizes)))
            else:
                part, wide = self.condition(self.number(1), self.number(1))
            parts.append(part if wide else self.let(f"tt.splat {part} : i1 -> {self.type(True, 'i1')}"))
        if len(parts) < 2:
            return parts[0] if parts else None
        joined = self.draw(st.sampled_from(["andi", "andi", "ori"]))
        return self.let(f"arith.{joined} {parts[0]}, {parts[1]} : {self.type(True, 'i1')}")

    def addresses(self, buffer: str, index: Int, pointee: str) -> str:
        pointers = f"tensor<{self.lanes}x!tt.ptr<{pointee}>>"
        base = self.let(f"tt.splat %{buffer} : !tt.ptr<{pointee}> -> {pointers}")
        return self.let(f"tt.addptr {base}, {self.widened(index)} : {pointers}, {self.type(True)}")

    def load(self, buffer: str, pointee: str) -> str:
        index = self.number(self.draw(st.integers(0, 2)))
        at, mask = self.addresses(buffer, index, pointee), self.mask(index)
        extra = ""
        if mask is not None:
            extra = f", {mask}"
            if self.draw(st.booleans()):
                zero = self.let(
                    f"arith.constant dense<{'0' if pointee == 'i32' else '0.0'}> : {self.type(True, pointee)}"
                )
                extra += f", {zero}"
        return self.let(f"tt.load {at}{extra} : tensor<{self.lanes}x!tt.ptr<{pointee}>>")

    def store(self, value: str) -> None:
        index = self.number(self.draw(st.integers(0, 2)))
        at, mask = self.addresses("y", index, "f32"), self.mask(index)
        self.emit(f"tt.store {at}, {value}{f', {mask}' if mask else ''} : tensor<{self.lanes}x!tt.ptr<f32>>")

    def statement(self, value: str, depth: int) -> None:
        """A store, a load of the table, a load of x that is stored, a barrier, a branch or a loop."""
        kinds = [
            "store",
            "store",
            "store",
            "table",
            "copy",
            "reread",
            "barrier",
            *(["if", "for", "for"] if depth else []),
        ]
        kind = self.draw(st.sampled_from(kinds))
        if kind == "store":
            self.store(value)
        elif kind == "table":
            self.known.append(Int(self.load("t", "i32"), True))
        elif kind in ("copy", "reread"):
            self.store(self.load("x" if kind == "copy" else "y", "f32"))
        elif kind == "barrier":
            self.emit("gpu.barrier")
        elif kind == "if":
            self.branch(value, depth)
        else:
            self.loop(value, depth)

    def scalar(self, depth: int) -> Int:
        found = self.number(depth)
        narrow = [each for each in self.known if not each.wide]
        return self.draw(st.sampled_from(narrow)) if found.wide else found

    def branch(self, value: str, depth: int) -> None:
        condition, _ = self.condition(self.scalar(1), self.scalar(1))
        self.emit(f"scf.if {condition} {{")
        self.inner(value, depth)
        if self.draw(st.booleans()):
            self.emit("} else {")
            self.inner(value, depth)
        self.emit("}")

    def loop(self, value: str, depth: int) -> None:
        if self.draw(st.booleans()):  # from 0 to a size, as most loops do
            low, high = self.constant(0), Int(self.draw(st.sampled_from(["%N", "%M"])), False)
        else:
            low = self.binary("maxsi", self.scalar(1), self.constant(-2))
            high = self.binary("minsi", self.scalar(1), self.constant(6))
        step = self.constant(self.draw(st.sampled_from([1, 1, 2, 3])))
        start = self.draw(st.sampled_from(self.known))
        counter, carried, result = self.fresh(), self.fresh(), self.fresh()
        self.emit(
            f"{result} = scf.for {counter} = {low.name} to {high.name} step {step.name} "
            f"iter_args({carried} = {start.name}) -> ({self.type(start.wide)}) : i32 {{"
        )
        outer = list(self.known)
        self.known += [Int(counter, False)] * 4 + [Int(carried, start.wide)] * 3
        self.inner(value, depth, keep=True)
        then = self.draw(
            st.sampled_from([self.binary("addi", Int(carried, start.wide), self.number(1)), self.number(1)])
        )
        if then.wide and not start.wide:
            then = Int(carried, False)
        given = self.widened(then) if start.wide else then.name
        self.emit(f"scf.yield {given} : {self.type(start.wide)}")
        self.emit("}")
        self.known = [*outer, Int(result, start.wide)]

    def inner(self, value: str, depth: int, keep: bool = False) -> None:
        outer = list(self.known)
        for _ in range(1 if depth < 2 else self.draw(st.integers(1, 2))):
            self.statement(value, depth - 1)
        if not keep:
            self.known = outer


@frozen
class Trial:
    """A kernel with its launch, and the case around it."""

    text: str
    asked: Asked = field(repr=False)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    shape = draw(st.sampled_from([(4,), (4,), (8,), (2, 4)]))
    writer = Writer(draw, shape)
    _prologue(writer)
    value = writer.let(f"arith.constant dense<1.0> : {writer.type(True, 'f32')}")
    for _ in range(draw(st.integers(1, 2))):
        writer.statement(value, depth=draw(st.integers(0, 2)))
    signature = "%x: !tt.ptr<f32>, %t: !tt.ptr<i32>, %y: !tt.ptr<f32>, %N: i32, %M: i32"
    body = "\n".join(f"    {line}" for line in writer.lines)
    text = f"module {{\n  tt.func public @kernel({signature}) {{\n{body}\n    tt.return\n  }}\n}}\n"
    n, m = name("N"), name("M")
    lanes = 4
    extent = st.sampled_from([n, m, n * m, n + 4, size(4), (n + lanes - 1) // lanes * lanes])
    grid = st.sampled_from([n, m, (n + lanes - 1) // lanes, size(1), size(2)])
    low, high = draw(st.sampled_from([0, 0, 1])), draw(st.sampled_from([9, 9, 1000, MAX_SIZE]))
    spec = operator(
        {"N": (low, high), "M": (0, high)},
        [tensor("x", "N"), tensor("t", "N", dtype="int32", low=0, high=VALUES)],
        {"y": ("N",)},
    )
    length: Size = draw(extent)
    given = {"x": dense("x", "N"), "t": dense("t", "N"), "y": dense("y", length), "N": "N", "M": "M"}
    step = launch(text, [draw(grid), draw(st.sampled_from([size(1), size(1), m]))], given)
    return Trial(text, asked(spec, planned(spec, [step], {"y": length}, [dense("y", length)])))


def _prologue(writer: Writer) -> None:
    """Program ids, sizes and lane coordinates; often the usual offset of a block."""
    for axis in "xy":
        writer.known.append(Int(writer.let(f"tt.get_program_id {axis} : i32"), False))
    writer.known += [Int("%N", False), Int("%M", False)]
    shape = writer.shape
    lanes = []
    for axis, extent in enumerate(shape):
        found = writer.let(f"tt.make_range {{end = {extent} : i32, start = 0 : i32}} : tensor<{extent}xi32>")
        if len(shape) == 2:
            one = "x".join("1" if at != axis else str(extent) for at in range(2))
            found = writer.let(
                f"tt.expand_dims {found} {{axis = {1 - axis} : i32}} : tensor<{extent}xi32> -> tensor<{one}xi32>"
            )
            found = writer.let(f"tt.broadcast {found} : tensor<{one}xi32> -> {writer.type(True)}")
        lanes.append(Int(found, True))
    writer.known += lanes * 2
    block = writer.binary("muli", writer.known[0], writer.constant(4))
    writer.known += [writer.binary("addi", block, lanes[-1])] * 4


def disagreements(trial: Trial, points: Sequence[tuple[int, int]] = SIZES) -> Iterator[str]:
    """What runs show to be false and the prover proves all the same, or does not even ask about."""
    plan, domain = trial.asked.case.capture.plans[0], trial.asked.case.spec.domain()
    seen: set[tuple[str, frozenset[str]]] = set()
    for n, m in points:
        if not domain.holds({"N": n, "M": m, "x.stride0": 1, "t.stride0": 1}):
            continue
        for gate, places, sentence in observed(plan, n, m):
            if (gate, places) not in seen:
                seen.add((gate, places))
                if proves(trial.asked, gate, places):
                    yield f"{gate} proved, but {sentence}"


def proves(whole: Asked, gate: str, places: frozenset[str]) -> bool:
    """Whether all that the gate asks about these places (about everything: no places) is proved, each at one try."""
    (reading,) = readings(whole.case)
    if reading.trace.unmodelled:
        return False
    asked = (each for each in ASKS[gate](reading) if not places or str(each.place) in places)
    return all(any(_shown(each, way) for way in each.ways if not way.necessary) for each in asked)


def _shown(obligation: Obligation, way: Way) -> bool:
    questions = [(way.assumptions or obligation.assumptions, way.goal), *way.also]
    return all(_follows(assumptions, goal, obligation.ranges) for assumptions, goal in questions)


def _follows(assumptions: tuple[Truth, ...], goal: Truth, ranges: Ranges) -> bool:
    """What `discharge` does, at one try a reading of products and in one context: making one takes the most time."""
    if ranges.decides(goal):
        return True
    for linear in (True, False):
        tried = z3.Solver()
        tried.set("rlimit", STEPS)
        tried.add(*encode([conj(*assumptions), negate(goal)], ranges, linear)[0])
        if tried.check() == z3.unsat:
            return True
    return False


ASKS: Final[dict[str, Callable[[Reading], Iterator[Obligation]]]] = {
    "bounds": obligations.bounds,
    "races": obligations.races,
    "overflow": obligations.overflow,
    "undefined": lambda reading: chain(obligations.undefined(reading), initial(reading)),
    "coverage": lambda reading: coverage(reading, "y", (reading.view(reading.plan.outputs[0]),)),
}


def observed(plan: Plan, n: int, m: int) -> Iterator[tuple[str, frozenset[str], str]]:
    """What goes wrong at these sizes: which gate must not vouch for which places."""
    try:
        first = _run(plan, n, m, Fill.ZERO)
        wrapped = [fault for fault in first.faults if fault.kind == "wrapped-index"]
        if wrapped:  # all other claims are made as long as nothing wraps
            yield "overflow", frozenset(), wrapped[0].sentence
            return
        for fault in first.faults:
            places = frozenset(str(access.place) for access in fault.accesses) or frozenset({str(fault.place)})
            yield GATES[fault.kind], places, fault.sentence
        if first.faults:
            return
        if not bool(first.written[0].all()):
            yield "coverage", frozenset(), f"at N={n}, M={m} y is not all written: {first.written[0].tolist()}"
        second = _run(plan, n, m, Fill.NAN)
        if not bool(((first.outputs[0] == second.outputs[0]) | ~first.written[0]).all()):
            yield "undefined", frozenset(), f"at N={n}, M={m} y depends on the fill: {second.outputs[0].tolist()}"
    except Unmodelled:
        return


def _run(plan: Plan, n: int, m: int, fill: Fill) -> Execution:
    generator = torch.Generator().manual_seed(n * 31 + m)
    inputs = {
        "x": torch.rand(n, generator=generator),
        "t": torch.randint(0, VALUES, (n,), generator=generator, dtype=torch.int32),
    }
    return run_plan(plan, inputs, Mode.FAITHFUL, fill=fill, sizes={"N": n, "M": m})
