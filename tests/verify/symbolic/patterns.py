"""What kernels do that statements at random seldom hit upon: each a few lines of text around one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from written import Int, Writer

TILES: Final = {1: ("4", "8"), 2: ("2x4", "4x4")}  # by axes; 16 bytes a row are the least that there may be


def exchanged(writer: Writer, value: str) -> None:
    """Lanes load what others stored, mostly behind a barrier."""
    buffer, there = writer.pick("y", "w", "m"), writer.number(1)
    writer.store(value, there, buffer)
    if not writer.once_in(3):
        writer.emit("gpu.barrier")
    back = writer.binary(writer.pick("xori", "subi", "addi"), there, writer.constant(writer.pick(0, 1, 3)))
    loaded = writer.load(buffer, "f32", back)
    if writer.once_in(2):
        writer.emit("gpu.barrier")
    writer.store(loaded, there if writer.once_in(2) else None, buffer)


def beside(writer: Writer, value: str) -> None:
    """An atomic, and a plain access of the same element or its neighbour."""
    buffer, at = writer.pick("y", "w", "m"), writer.number(1)
    writer.add(value, at, buffer)
    near = writer.binary("addi", at, writer.constant(writer.pick(0, 0, 1, -1)))
    writer.store(writer.load(buffer, "f32", near) if writer.once_in(2) else value, near, writer.pick(buffer, "y"))


def indexed(writer: Writer, value: str) -> None:
    """What lanes come to together, or a quotient of a negative number, behind a mask that keeps it inside."""
    kind = writer.pick("any", "count", "chosen", "quotient")
    if kind == "any":
        index = writer.reduced(writer.number(1))
    elif kind == "count":
        index = writer.combined("addi", writer.counted())
    elif kind == "chosen":
        wide = [each for each in writer.known if each.wide]
        index = writer.combined(writer.pick("minsi", "maxsi", "first", "last"), writer.pick(*wide))
    else:
        below = writer.binary("subi", writer.pick(*writer.known), writer.constant(writer.pick(1, 3, 5)))
        how = writer.pick("divsi", "remsi", "floordivsi", "ceildivsi")
        index = writer.binary(how, below, writer.constant(writer.pick(2, 3, -2)))
    index = writer.binary("addi", index, writer.constant(writer.pick(0, 0, 1, 2)))
    writer.store(writer.load(writer.pick("x", "y"), "f32", index, guarded=True))


def described(writer: Writer, value: str) -> None:
    """A tile through one descriptor and on through another: stored, or added."""
    axes = writer.pick(1, 1, 2)
    lanes = writer.pick(*TILES[axes])
    tile, kind = f"tensor<{lanes}xf32>", f"!tt.tensordesc<tensor<{lanes}xf32>>"
    source = _descriptor(writer, axes, tile)
    loaded = writer.let(f"tt.descriptor_load {source}[{_corner(writer, axes)}] : {kind} -> {tile}")
    target, corner = _descriptor(writer, axes, tile), _corner(writer, axes)
    how = writer.pick("store", "store", "reduce add,")
    writer.emit(f"tt.descriptor_{how} {target}[{corner}], {loaded} : {kind}, {tile}")


def _descriptor(writer: Writer, axes: int, tile: str) -> str:
    one = writer.let("arith.constant 1 : i64")
    sizes = [writer.pick(Int("%N", False), Int("%N", False), writer.scalar(1)).name]
    steps, buffer = [one], writer.pick("x", "y", "y", "w")
    if axes == 2:
        buffer = "m" if not writer.once_in(4) else buffer
        row = writer.pick(Int("%m0", False), Int("%m0", False), Int("%N", False), writer.scalar(1))
        sizes.insert(0, writer.pick("%M", "%M", writer.scalar(1).name))
        steps.insert(0, writer.let(f"arith.extsi {row.name} : i32 to i64"))
    return writer.let(
        f"tt.make_tensor_descriptor %{buffer}, [{', '.join(sizes)}], [{', '.join(steps)}] : <f32>, <{tile}>"
    )


def _corner(writer: Writer, axes: int) -> str:
    return ", ".join(writer.scalar(1).name for _ in range(axes))


PATTERNS: Final[Mapping[str, Callable[[Writer, str], None]]] = {
    "exchanged": exchanged,
    "beside": beside,
    "indexed": indexed,
    "described": described,
}
