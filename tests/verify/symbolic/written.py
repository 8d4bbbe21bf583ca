"""The text of a small kernel, written line by line from drawn integers: index expressions, masks, loads and stores."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field, frozen
from hypothesis import strategies as st

BINARY: Final = ("addi", "addi", "addi", "subi", "muli", "muli", "divsi", "remsi", "minsi", "maxsi", "rare")
RARE: Final = (
    "divui",
    "remui",
    "minui",
    "maxui",
    "shrsi",
    "shli",
    "shrui",
    "andi",
    "ori",
    "xori",
    "ceildivsi",
    "floordivsi",
)
DIVIDING: Final = ("divsi", "remsi", "divui", "remui", "ceildivsi", "floordivsi", "shrsi", "shli", "shrui", "andi")
COMPARED: Final = ("slt", "slt", "slt", "sle", "sge", "sgt", "eq", "ne", "ult", "uge")


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
        if operation in DIVIDING and self.once_in(3):  # of a negative number, as often as not
            left = self.binary("subi", left, self.pick(*self.known))
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
        """The lane of the largest x, or what the lanes of one axis come to, all together or each with those before."""
        operation = self.pick("minsi", "maxsi", "addi", "addi", "first", "last", "argmax")
        if operation == "argmax":
            return self.argmax(value) if len(self.shape) == 1 else value
        return self.combined(operation, self.large() if operation == "addi" and self.once_in(3) else value)

    def combined(self, operation: str, value: Int) -> Int:
        axis = self.draw(st.integers(0, len(self.shape) - 1))
        source, kind, result, running = self.widened(value), self.type(True), self.fresh(), self.once_in(2)
        how = f", reverse = {self.pick('false', 'false', 'true')}" if running else ""
        name = "scan" if running else "reduce"
        self.emit(f'{result} = "tt.{name}"({source}) <{{axis = {axis} : i32{how}}}> ({{')
        self.emit(f"^bb0({result}_a: i32, {result}_b: i32):")
        given = {"first": f"{result}_a", "last": f"{result}_b"}.get(operation, f"{result}_c")
        if given == f"{result}_c":
            self.emit(f"{given} = arith.{operation} {result}_a, {result}_b : i32")
        self.emit(f"tt.{name}.return {given} : i32")
        rest = "x".join(str(extent) for at, extent in enumerate(self.shape) if at != axis)
        left = f"tensor<{rest}xi32>" if rest else "i32"
        self.emit(f"}}) : ({kind}) -> {kind if running else left} {self.here}")
        if running or not rest:
            return Int(result, running)
        flat = "x".join("1" if at == axis else str(extent) for at, extent in enumerate(self.shape))
        wide = self.let(f"tt.expand_dims {result} {{axis = {axis} : i32}} : {left} -> tensor<{flat}xi32>")
        return Int(self.let(f"tt.broadcast {wide} : tensor<{flat}xi32> -> {kind}"), True)

    def counted(self) -> Int:
        """1 where something holds, for a sum that counts: often the lanes of a block's mask."""
        block = self.pick(*(each for each in self.known if each.wide)), Int("%N", False)
        part, wide = self.condition(self.number(1), self.number(1)) if self.once_in(3) else self.compared("slt", *block)
        return Int(self.let(f"arith.extui {part} : {self.type(wide, 'i1')} to {self.type(wide)}"), wide)

    def large(self) -> Int:
        """A few lanes of it are more than fits."""
        return self.constant(self.pick(1 << 29, -(1 << 29), 1))

    def argmax(self, value: Int) -> Int:
        floats, at, result = self.load("x", "f32"), self.widened(value), self.fresh()
        self.emit(f'{result}:2 = "tt.reduce"({floats}, {at}) <{{axis = 0 : i32}}> ({{')
        self.emit(f"^bb0({result}_a: f32, {result}_b: i32, {result}_c: f32, {result}_d: i32):")
        self.emit(f"{result}_g = arith.cmpf ogt, {result}_a, {result}_c : f32")
        self.emit(f"{result}_v = arith.select {result}_g, {result}_a, {result}_c : f32")
        self.emit(f"{result}_i = arith.select {result}_g, {result}_b, {result}_d : i32")
        self.emit(f"tt.reduce.return {result}_v, {result}_i : f32, i32")
        self.emit(f"}}) : ({self.type(True, 'f32')}, {self.type(True)}) -> (f32, i32) {self.here}")
        return Int(f"{result}#1", False)

    def scalar(self, depth: int) -> Int:
        found = self.number(depth)
        return self.pick(*(each for each in self.known if not each.wide)) if found.wide else found

    def condition(self, left: Int, right: Int) -> tuple[str, bool]:
        return self.compared(self.pick(*COMPARED), left, right)

    def compared(self, how: str, left: Int, right: Int) -> tuple[str, bool]:
        a, b, wide = self.both(left, right)
        return self.let(f"arith.cmpi {how}, {a}, {b} : {self.type(wide)}"), wide

    # -- memory

    def mask(self, index: Int, guarded: bool = False) -> str | None:
        """A mask over the lanes, of one or two comparisons, often of what it guards; None for none."""
        if guarded or self.once_in(4):
            ends = (("sge", self.constant(0)), ("slt", Int(self.pick("%N", "%N", "%M"), False)))
            low, high = (self.everywhere(*self.compared(how, index, end)) for how, end in ends)
            return self.let(f"arith.andi {low}, {high} : {self.type(True, 'i1')}")
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

    def load(self, buffer: str, pointee: str, index: Int | None = None, guarded: bool = False) -> str:
        index = index or self.place(buffer)
        at, mask = self.addresses(buffer, index, pointee), self.mask(index, guarded)
        extra = f", {mask}" if mask else ""
        if mask and self.draw(st.booleans()):
            value = "0" if pointee == "i32" else "0.0"
            extra += f", {self.let(f'arith.constant dense<{value}> : {self.type(True, pointee)}')}"
        return self.let(f"tt.load {at}{extra} : tensor<{self.lanes}x!tt.ptr<{pointee}>>")

    def store(self, value: str, index: Int | None = None, buffer: str = "") -> None:
        buffer = buffer or self.pick("y", "y", "y", "y", "w", "w", "m")
        index = index or self.place(buffer)
        if self.once_in(6):
            self.add(value, index, buffer)
            return
        at, mask = self.addresses(buffer, index, "f32"), self.mask(index)
        self.emit(f"tt.store {at}, {value}{f', {mask}' if mask else ''} : tensor<{self.lanes}x!tt.ptr<f32>>")

    def add(self, value: str, index: Int, buffer: str) -> None:
        """Atomically."""
        at, mask = self.addresses(buffer, index, "f32"), self.mask(index)
        mask = mask or self.let(f"arith.constant dense<true> : {self.type(True, 'i1')}")
        kinds = f"tensor<{self.lanes}x!tt.ptr<f32>>, {self.type(True, 'f32')}, {self.type(True, 'i1')}"
        self.let(f"tt.atomic_rmw fadd, relaxed, gpu, {at}, {value}, {mask} : ({kinds}) -> {self.type(True, 'f32')}")
