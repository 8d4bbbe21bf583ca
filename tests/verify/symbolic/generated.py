"""Small kernels at random: loops, branches, early returns, reductions and running sums whose result is an index,
loaded indices, windows and descriptors on one buffer, atomics, free strides, and plans of one or more launches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen
from hypothesis import strategies as st
from patterns import PATTERNS
from questions import Asked, asked, dense, launch, operator, planned, strided, tensor
from written import Int, Writer

from specs.sizes import Size, name, size
from specs.spec import MAX_SIZE
from verify.plan import Buffer, Plan

VALUES: Final = 4  # integers of the table lie in 0..VALUES-1
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


class Kernel(Writer):
    """Statements."""

    def statement(self, value: str, depth: int) -> None:
        """A store, a load of the table, a load that is stored, a barrier, a pattern, a branch or a loop."""
        flat = ["store", "store", "store", "table", "copy", "matrix", "reread", "barrier", *PATTERNS, "indexed"]
        kind = self.pick(*flat, *(["if", "for", "for", "while"] if depth else []))
        if kind == "store":
            self.store(value)
        elif kind == "table":
            self.known += [Int(self.load("t", "i32"), True)] * 3
        elif kind in ("copy", "matrix", "reread"):
            self.store(self.load({"copy": "x", "matrix": "m", "reread": self.pick("y", "w")}[kind], "f32"))
        elif kind == "barrier":
            self.emit("gpu.barrier")
        elif kind in PATTERNS:
            PATTERNS[kind](self, value)
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
    start = draw(st.sampled_from([size(0), size(0), size(1), size(4), n]))
    y = dense("y", length, offset=start)
    window = {
        "apart": dense("w", length, offset=draw(st.sampled_from([size(0), size(0), n]))),
        "same": y,
        "beside": dense("y", length, offset=start + length),
        "across": dense("y", length, offset=start + draw(st.sampled_from([size(1), size(4), n]))),
    }[draw(st.sampled_from(["apart", "apart", "same", "beside", "across"]))]
    fresh: dict[str, Any] = {"y": start + length * 2 + n + 4 if window.buffer == "y" else start + length}
    if window.buffer == "w":
        whole = length + window.offset
        fresh["w"] = draw(st.sampled_from([whole, Buffer("w", "float32", whole, fill=0.0)]))
    other = draw(st.sampled_from([window, strided("m", "M", "N")]))
    x = draw(st.sampled_from([dense("x", "N")] * 3 + [other]))
    given = {"x": x, "t": dense("t", "N"), "y": y, "w": window, "N": "N", "M": "M"}
    given |= {"m": strided("m", "M", "N"), "m0": "m.stride0", "m1": "m.stride1"}
    steps = [launch(text, [draw(grid), draw(st.sampled_from([size(1), size(1), m]))], given) for text in texts]
    steps *= draw(st.sampled_from([1, 1, 1, 2]))
    first = draw(st.integers(0, len(POINTS) - 1))
    points = tuple(POINTS[(first + 2 * at) % len(POINTS)] for at in range(5))
    return Trial("\n".join(texts), asked(spec, planned(spec, steps, fresh, [y])), points, top)


def _kernel(draw: st.DrawFn, file: str) -> str:
    writer = Kernel(draw, draw(st.sampled_from([(4,), (4,), (8,), (2, 4), (1,)])), file)
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
