"""Small kernels at random: index expressions, masks, loops, branches, early returns, reductions whose result is an
index, loaded indices, two windows on one buffer, atomics, free strides, and plans of one or two launches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, evolve, field, frozen
from hypothesis import strategies as st
from questions import Asked, asked, dense, launch, operator, planned, strided, tensor

from specs.sizes import Size, name, size
from specs.spec import MAX_SIZE
from verify.plan import Buffer, Plan

VALUES: Final = 4  # integers of the table lie in 0..VALUES-1
BINARY: Final = ("addi", "addi", "addi", "subi", "muli", "muli", "divsi", "remsi", "minsi", "maxsi", "rare")
RARE: Final = ("divui", "remui", "minui", "maxui", "shrsi", "shli", "shrui", "andi", "ori", "xori", "ceildivsi")
DIVIDING: Final = ("divsi", "remsi", "divui", "remui", "ceildivsi", "shrsi", "shli", "shrui", "andi")
COMPARED: Final = ("slt", "slt", "slt", "sle", "sge", "sgt", "eq", "ne", "ult", "uge")
SIGNATURE: Final = (
    "%x: !tt.ptr<f32>, %m: !tt.ptr<f32>, %t: !tt.ptr<i32>, %y: !tt.ptr<f32>, %w: !tt.ptr<f32>, "
    "%N: i32, %M: i32, %m0: i32, %m1: i32"
)
# N, M and how the matrix is laid out: strides as functions of its sizes.
LAYOUTS: Final[Mapping[str, Any]] = {
    "rows": lambda m, n: (n, 1),
    "columns": lambda m, n: (1, m),
    "gaps": lambda m, n: (n + 2, 1),
    "repeated": lambda m, n: (0, 1),
    "overlapping": lambda m, n: (1, 1),
}
POINTS: Final = (
    (0, 2, "rows"), (1, 1, "rows"), (2, 3, "columns"), (3, 1, "gaps"), (5, 2, "repeated"), (6, 4, "rows"),
    (9, 0, "rows"), (4, 4, "overlapping"), (7, 2, "columns"),
)  # fmt: skip


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
    file: str = "kernel.py"
    lines: list[str] = field(factory=list)
    known: list[Int] = field(factory=list)
    count: int = 0

    @property
    def lanes(self) -> str:
        return "x".join(map(str, self.shape))

    def type(self, wide: bool, element: str = "i32") -> str:
        return f"tensor<{self.lanes}x{element}>" if wide else element

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def once_in(self, often: int) -> bool:
        return self.draw(st.integers(1, often)) == often

    def fresh(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    @property
    def here(self) -> str:
        return f'loc("{self.file}":{len(self.lines) + 1}:1)'

    def emit(self, text: str) -> None:
        plain = text.endswith(("{", "({")) or (text.startswith(("}", "^")) and "loc(" not in text)
        self.lines.append(text if plain or "loc(" in text else f"{text} {self.here}")

    def let(self, text: str) -> str:
        result = self.fresh()
        self.emit(f"{result} = {text}")
        return result

    # -- integers

    def constant(self, value: int) -> Int:
        return Int(self.let(f"arith.constant {value} : i32"), False)

    def widened(self, value: Int) -> str:
        return value.name if value.wide else self.let(f"tt.splat {value.name} : i32 -> {self.type(True)}")

    def everywhere(self, condition: str, wide: bool) -> str:
        return condition if wide else self.let(f"tt.splat {condition} : i1 -> {self.type(True, 'i1')}")

    def both(self, left: Int, right: Int) -> tuple[str, str, bool]:
        wide = left.wide or right.wide
        return (self.widened(left), self.widened(right), True) if wide else (left.name, right.name, False)

    def binary(self, operation: str, left: Int, right: Int) -> Int:
        a, b, wide = self.both(left, right)
        return Int(self.let(f"arith.{operation} {a}, {b} : {self.type(wide)}"), wide)

    def number(self, depth: int) -> Int:
        """An index expression."""
        if depth == 0 or self.once_in(4):
            if self.once_in(4):
                return self.constant(self.pick(0, 1, 2, 3, 4, 8, -1, -2, 1 << 29))
            return self.pick(*self.known)
        left = self.number(depth - 1)
        if self.once_in(10):
            return self.chosen(left, depth)
        if self.once_in(12):
            return self.cast(left)
        if self.once_in(12):
            return self.reduced(left)
        operation = self.pick(*BINARY)
        if operation == "rare":
            operation = self.pick(*RARE)
        if operation in DIVIDING and not self.once_in(3):
            return self.binary(operation, left, self.constant(self.pick(1, 2, 3, 4, 7, -2)))
        return self.binary(operation, left, self.number(depth - 1))

    def chosen(self, left: Int, depth: int) -> Int:
        condition, wide = self.condition(left, self.number(depth - 1))
        yes, no = self.number(depth - 1), self.number(depth - 1)
        if wide or yes.wide or no.wide:
            chosen = self.everywhere(condition, wide)
            a, b = self.widened(yes), self.widened(no)
            return Int(self.let(f"arith.select {chosen}, {a}, {b} : {self.type(True, 'i1')}, {self.type(True)}"), True)
        return Int(self.let(f"arith.select {condition}, {yes.name}, {no.name} : i32"), False)

    def cast(self, value: Int) -> Int:
        """Through another width: narrower ones really wrap."""
        narrow, plain = self.pick("i8", "i16", "i64", "i1"), self.type(value.wide)
        there = self.type(value.wide, narrow)
        if narrow == "i64":
            wide = self.let(f"arith.{self.pick('extsi', 'extui')} {value.name} : {plain} to {there}")
            return Int(self.let(f"arith.trunci {wide} : {there} to {plain}"), value.wide)
        small = self.let(f"arith.trunci {value.name} : {plain} to {there}")
        return Int(self.let(f"arith.{self.pick('extsi', 'extui')} {small} : {there} to {plain}"), value.wide)

    def reduced(self, value: Int) -> Int:
        """The lane of the largest x, or a sum, least or largest value over the lanes of one axis."""
        if len(self.shape) > 1:
            return value
        operation = self.pick("minsi", "maxsi", "addi", "argmax")
        kind, result = self.type(True), self.fresh()
        if operation == "argmax":
            floats, at = self.load("x", "f32"), self.widened(value)
            self.emit(f'{result}:2 = "tt.reduce"({floats}, {at}) <{{axis = 0 : i32}}> ({{')
            self.emit(f"^bb0({result}_a: f32, {result}_b: i32, {result}_c: f32, {result}_d: i32):")
            self.emit(f"{result}_g = arith.cmpf ogt, {result}_a, {result}_c : f32")
            self.emit(f"{result}_v = arith.select {result}_g, {result}_a, {result}_c : f32")
            self.emit(f"{result}_i = arith.select {result}_g, {result}_b, {result}_d : i32")
            self.emit(f"tt.reduce.return {result}_v, {result}_i : f32, i32")
            self.emit(f"}}) : ({self.type(True, 'f32')}, {kind}) -> (f32, i32) {self.here}")
            return Int(f"{result}#1", False)
        source = self.widened(value)
        self.emit(f'{result} = "tt.reduce"({source}) <{{axis = 0 : i32}}> ({{')
        self.emit(f"^bb0({result}_a: i32, {result}_b: i32):")
        self.emit(f"{result}_c = arith.{operation} {result}_a, {result}_b : i32")
        self.emit(f"tt.reduce.return {result}_c : i32")
        self.emit(f"}}) : ({kind}) -> i32 {self.here}")
        return Int(result, False)

    def scalar(self, depth: int) -> Int:
        found = self.number(depth)
        return self.pick(*(each for each in self.known if not each.wide)) if found.wide else found

    def condition(self, left: Int, right: Int) -> tuple[str, bool]:
        a, b, wide = self.both(left, right)
        return self.let(f"arith.cmpi {self.pick(*COMPARED)}, {a}, {b} : {self.type(wide)}"), wide

    # -- memory

    def mask(self, index: Int) -> str | None:
        """A mask over the lanes, of one or two comparisons, often of what it guards; None for none."""
        parts = []
        for _ in range(self.draw(st.integers(0, 2))):
            if self.draw(st.booleans()):
                part, wide = self.condition(index, self.pick(Int("%N", False), Int("%N", False), Int("%M", False)))
            else:
                part, wide = self.condition(self.number(1), self.number(1))
            parts.append(self.everywhere(part, wide))
        if len(parts) < 2:
            return parts[0] if parts else None
        return self.let(
            f"arith.{self.pick('andi', 'andi', 'ori', 'xori')} {parts[0]}, {parts[1]} : {self.type(True, 'i1')}"
        )

    def addresses(self, buffer: str, index: Int, pointee: str) -> str:
        pointers = f"tensor<{self.lanes}x!tt.ptr<{pointee}>>"
        base = self.let(f"tt.splat %{buffer} : !tt.ptr<{pointee}> -> {pointers}")
        return self.let(f"tt.addptr {base}, {self.widened(index)} : {pointers}, {self.type(True)}")

    def place(self, buffer: str) -> Int:
        """An index for the buffer; one of the matrix is often a row and a column with their strides."""
        if buffer == "m" and not self.once_in(4):
            row = self.binary("muli", self.number(1), Int("%m0", False))
            return self.binary("addi", row, self.binary("muli", self.number(1), Int("%m1", False)))
        return self.number(self.draw(st.integers(0, 2)))

    def load(self, buffer: str, pointee: str) -> str:
        index = self.place(buffer)
        at, mask = self.addresses(buffer, index, pointee), self.mask(index)
        extra = f", {mask}" if mask else ""
        if mask and self.draw(st.booleans()):
            value = "0" if pointee == "i32" else "0.0"
            extra += f", {self.let(f'arith.constant dense<{value}> : {self.type(True, pointee)}')}"
        return self.let(f"tt.load {at}{extra} : tensor<{self.lanes}x!tt.ptr<{pointee}>>")

    def store(self, value: str, index: Int | None = None) -> None:
        buffer = self.pick("y", "y", "y", "y", "w", "w", "m")
        index = index or self.place(buffer)
        at, mask = self.addresses(buffer, index, "f32"), self.mask(index)
        pointers = f"tensor<{self.lanes}x!tt.ptr<f32>>"
        if self.once_in(6):
            mask = mask or self.let(f"arith.constant dense<true> : {self.type(True, 'i1')}")
            kinds = f"{pointers}, {self.type(True, 'f32')}, {self.type(True, 'i1')}"
            self.let(f"tt.atomic_rmw fadd, relaxed, gpu, {at}, {value}, {mask} : ({kinds}) -> {self.type(True, 'f32')}")
        else:
            self.emit(f"tt.store {at}, {value}{f', {mask}' if mask else ''} : {pointers}")

    # -- statements

    def statement(self, value: str, depth: int) -> None:
        """A store, a load of the table, a load that is stored, a barrier, a branch or a loop."""
        flat = ["store", "store", "store", "table", "copy", "matrix", "reread", "barrier"]
        kind = self.pick(*flat, *(["if", "for", "for", "while"] if depth else []))
        if kind == "store":
            self.store(value)
        elif kind == "table":
            self.known += [Int(self.load("t", "i32"), True)] * 3
        elif kind in ("copy", "matrix", "reread"):
            self.store(self.load({"copy": "x", "matrix": "m", "reread": self.pick("y", "w")}[kind], "f32"))
        elif kind == "barrier":
            self.emit("gpu.barrier")
        elif kind == "if":
            self.branch(value, depth)
        elif kind == "for":
            self.for_loop(value, depth)
        else:
            self.while_loop(value, depth)

    def inner(self, value: str, depth: int) -> None:
        for _ in range(1 if depth < 2 else self.draw(st.integers(1, 2))):
            self.statement(value, depth - 1)

    def branch(self, value: str, depth: int) -> None:
        condition, _ = self.condition(self.scalar(1), self.scalar(1))
        outer = list(self.known)
        if self.draw(st.booleans()):
            self.emit(f"scf.if {condition} {{")
            self.inner(value, depth)
            self.known = list(outer)
            if self.draw(st.booleans()):
                self.emit("} else {")
                self.inner(value, depth)
                self.known = list(outer)
            self.emit("}")
            return
        result, wide = self.fresh(), self.draw(st.booleans())
        self.emit(f"{result} = scf.if {condition} -> ({self.type(wide)}) {{")
        for last in (False, True):
            self.inner(value, depth)
            self.give("scf.yield", self.number(1), wide)
            self.known = list(outer)
            self.emit("}" if last else "} else {")
        self.known += [Int(result, wide)] * 3

    def give(self, how: str, value: Int, wide: bool, before: str = "") -> None:
        """Hand a number on from a region, wide or not as the region's result is."""
        if value.wide and not wide:
            value = self.pick(*(each for each in self.known if not each.wide))
        self.emit(f"{how} {before}{self.widened(value) if wide else value.name} : {self.type(wide)}")

    def for_loop(self, value: str, depth: int) -> None:
        if self.draw(st.booleans()):  # from 0 to a size, as most loops do
            low, high = self.constant(0), Int(self.pick("%N", "%M"), False)
        else:
            low = self.binary("maxsi", self.scalar(1), self.constant(-2))
            high = self.binary("minsi", self.scalar(1), self.constant(6))
        step = self.constant(self.pick(1, 1, 2, 3))
        start = self.constant(self.pick(0, 0, 1)) if self.draw(st.booleans()) else self.pick(*self.known)
        counter, carried, result = self.fresh(), self.fresh(), self.fresh()
        self.emit(
            f"{result} = scf.for {counter} = {low.name} to {high.name} step {step.name} "
            f"iter_args({carried} = {start.name}) -> ({self.type(start.wide)}) : i32 {{"
        )
        outer, now = list(self.known), Int(carried, start.wide)
        self.known += [Int(counter, False)] * 4 + [now] * 3
        self.inner(value, depth)
        by = self.constant(self.pick(1, 1, 2, 4)) if self.draw(st.booleans()) else self.number(1)
        self.give("scf.yield", by if self.once_in(3) else self.binary("addi", now, by), start.wide)
        self.emit("}")
        self.after(value, outer, Int(result, start.wide))

    def while_loop(self, value: str, depth: int) -> None:
        """Counts a scalar up, which ends, and carries nothing else."""
        start, carried, passed, result = self.scalar(1), self.fresh(), self.fresh(), self.fresh()
        start = self.binary("maxsi", start, self.constant(self.pick(-2, 0)))
        high = self.binary("minsi", self.scalar(1), self.constant(6))
        outer = list(self.known)
        self.emit(f"{result} = scf.while ({carried} = {start.name}) : (i32) -> i32 {{")
        self.known += [Int(carried, False)] * 2
        going = self.let(f"arith.cmpi {self.pick('slt', 'slt', 'sle', 'ult')}, {carried}, {high.name} : i32")
        self.emit(f"scf.condition({going}) {carried} : i32")
        self.emit("} do {")
        self.emit(f"^bb0({passed}: i32):")
        self.known = [*outer, *[Int(passed, False)] * 5]
        self.inner(value, depth)
        self.give("scf.yield", self.binary("addi", Int(passed, False), self.constant(self.pick(1, 1, 2))), False)
        self.emit("}")
        self.after(value, outer, Int(result, False))

    def after(self, value: str, outer: list[Int], result: Int) -> None:
        """What a loop leaves is often what is stored at next."""
        self.known = [*outer, *[result] * 3]
        if not self.once_in(3):
            self.store(value, self.binary("addi", result, self.number(0)) if self.once_in(3) else result)


@frozen
class Trial:
    """A plan of generated kernels, the case around it, and the sizes and layout that it is run at."""

    text: str
    asked: Asked = field(repr=False)
    points: tuple[tuple[int, int, str], ...] = ()
    high: int | str = VALUES  # of what the table holds

    def table(self, n: int) -> int:
        """One more than the largest value of the table of n elements."""
        return n if self.high == "N" else VALUES

    @property
    def plan(self) -> Plan:
        return self.asked.case.capture.plans[0]


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    n, m, lanes = name("N"), name("M"), 4
    files = draw(st.sampled_from([("kernel.py",)] * 3 + [("kernel.py", "second.py")]))
    texts = [_kernel(draw, file) for file in files]
    grid = st.sampled_from([n, m, (n + lanes - 1) // lanes, size(1), size(2)])
    low, high = draw(st.sampled_from([0, 0, 1])), draw(st.sampled_from([9, 9, 1000, MAX_SIZE]))
    inputs = [tensor("x", "N"), evolve(tensor("m", "M", "N", free=True), inplace=True)]
    inputs.append(tensor("t", "N", dtype="int32", low=0, high=(top := draw(st.sampled_from([VALUES, "N"])))))
    spec = operator({"N": (low, high), "M": (0, high)}, inputs, {"y": ("N",)})
    length: Size = draw(st.sampled_from([n, m, n * m, n + 4, size(4), (n + lanes - 1) // lanes * lanes]))
    window = {
        "apart": dense("w", length),
        "same": dense("y", length),
        "beside": dense("y", length, offset=length),
        "across": dense("y", length, offset=draw(st.sampled_from([size(1), size(4), n]))),
    }[draw(st.sampled_from(["apart", "apart", "same", "beside", "across"]))]
    fresh: dict[str, Any] = {"y": length * 2 + n + 4 if window.buffer == "y" else length}
    if window.buffer == "w":
        fresh["w"] = draw(st.sampled_from([length, Buffer("w", "float32", length, fill=0.0)]))
    given = {"x": dense("x", "N"), "t": dense("t", "N"), "y": dense("y", length), "w": window, "N": "N", "M": "M"}
    given |= {"m": strided("m", "M", "N"), "m0": "m.stride0", "m1": "m.stride1"}
    steps = [launch(text, [draw(grid), draw(st.sampled_from([size(1), size(1), m]))], given) for text in texts]
    first = draw(st.integers(0, len(POINTS) - 1))
    points = tuple(POINTS[(first + 2 * at) % len(POINTS)] for at in range(5))
    return Trial("\n".join(texts), asked(spec, planned(spec, steps, fresh, [dense("y", length)])), points, top)


def _kernel(draw: st.DrawFn, file: str) -> str:
    writer = Writer(draw, draw(st.sampled_from([(4,), (4,), (8,), (2, 4), (1,)])), file)
    _prologue(writer)
    value = writer.let(f"arith.constant dense<1.0> : {writer.type(True, 'f32')}")
    if writer.once_in(6):
        condition, _ = writer.condition(writer.scalar(1), writer.scalar(1))
        writer.emit(f"cf.cond_br {condition}, ^bb1, ^bb2")
        writer.emit("^bb1:")
        writer.emit("tt.return")
        writer.emit("^bb2:")
    for _ in range(draw(st.integers(1, 2))):
        writer.statement(value, depth=draw(st.integers(0, 2)))
    body = "\n".join(f"    {line}" for line in writer.lines)
    return f"module {{\n  tt.func public @kernel({SIGNATURE}) {{\n{body}\n    tt.return\n  }}\n}}\n"


def _prologue(writer: Writer) -> None:
    """Program ids, sizes and lane coordinates; often the usual offset of a block."""
    for axis in "xy":
        writer.known.append(Int(writer.let(f"tt.get_program_id {axis} : i32"), False))
    writer.known.append(Int(writer.let("tt.get_num_programs x : i32"), False))
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
