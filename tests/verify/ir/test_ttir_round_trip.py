"""A Program says all that its text says: written in MLIR's generic form, Triton's own parser reads the same module.

The printer here knows only the data model and the generic form's rules, nothing of custom syntax. Triton verifies
types, operand order and attributes while it reads, and prints both modules alike where they are the same.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import triton
from triton._C.libtriton import ir

from verify.ir.literals import FORMATS
from verify.ir.operations import ENUMS
from verify.ir.parse import parse
from verify.ir.program import Dense, Function, Operation, Program, Region, Scalar, Symbol, Tensor, Type

TEXTS = {path.stem: path for path in sorted((Path(__file__).parent / "ttir").glob("*_37.ttir"))}
FLOATS = {"f64": "<d", "f32": "<f", "f16": "<e"}
# Units carry no value; other whole numbers are i32 but for predicates.
UNITS = ("allow_reorder", "tt.flatten", "tt.warp_specialize", "tt.disallow_acc_multi_buffer")
WORDS = {
    ("tt.load", "cacheModifier"): ("cache", ("", "none", "ca", "cg", "wb", "cs", "wt", "cv")),
    ("tt.store", "cacheModifier"): ("cache", ("", "none", "ca", "cg", "wb", "cs", "wt", "cv")),
    ("tt.load", "evictionPolicy"): ("evict", ("", "normal", "evict_first", "evict_last")),
    ("tt.store", "evictionPolicy"): ("evict", ("", "normal", "evict_first", "evict_last")),
    ("tt.fp_to_fp", "rounding"): ("rounding", ("rtz", "rtne")),
    ("tt.descriptor_reduce", "kind"): ("kind", ("", "add", "min", "max", "inc", "dec", "and", "or", "xor")),
    ("tt.clampf", "propagateNan"): ("propagateNan", ("none",)),
    ("ttg.barrier", "addrSpace"): ("addrSpace", {"all": 31}),
    **{key: (key[1], words) for key, words in ENUMS.items()},
}
SEGMENTED = ("tt.load", "tt.dot_scaled", "tt.make_tensor_ptr")


def number(value: object, type: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    if type.name in FLOATS:
        return "0x" + struct.pack(FLOATS[type.name], value)[::-1].hex().upper()
    assert type.name == "bf16" and FORMATS[type.name].width == 16
    return "0x" + struct.pack("<f", value)[::-1].hex().upper()[:4]


def attribute(value: object, type: Type | None = None) -> str:
    if isinstance(value, Dense):
        assert isinstance(type, Tensor) and isinstance(type.element, Scalar)
        inner = ", ".join(number(element, type.element) for element in value.elements)
        return f"dense<{inner if value.splat else f'[{inner}]'}> : {type}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        scalar = type if isinstance(type, Scalar) else Scalar("i32")
        return f"{number(value, scalar)} : {scalar}"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() or c in " ,=" else f"\\{ord(c):02X}" for c in value) + '"'
    if isinstance(value, tuple):
        return "array<i32" + (": " if value else "") + ", ".join(map(str, value)) + ">"
    assert isinstance(value, Symbol), value
    return f'@"{value.text}"'


def properties(operation: Operation) -> str:
    written = []
    for key, value in operation.attributes.items():
        type: Type | None = operation.results[0].type if key == "value" else None
        if (operation.name, key) in WORDS and isinstance(value, Symbol):
            key, words = WORDS[operation.name, key]
            value = words[value.text] if isinstance(words, dict) else words.index(value.text)
            type = Scalar("i64" if key == "predicate" else "i32")
        if key == "operand_counts":
            if operation.name not in SEGMENTED:
                continue
            key = "operandSegmentSizes"
        if key in ("tt.contiguity", "tt.divisibility") and isinstance(value, Dense):
            type = Tensor((1,), Scalar("i32"))
        written.append(key if key in UNITS and value is True else f"{key} = {attribute(value, type)}")
    if operation.name == "llvm.intr.assume":
        written.append("op_bundle_sizes = array<i32>")
    if operation.name == "cf.cond_br":
        sizes = (1, *(len(target.arguments) for target in operation.successors))
        written.append(f"operandSegmentSizes = {attribute(sizes)}")
    return ", ".join(written)


def listed(types: list[Type]) -> str:
    return "(" + ", ".join(map(str, types)) + ")"


def line(operation: Operation) -> str:
    uses = [*operation.operands, *(value for target in operation.successors for value in target.arguments)]
    names = ", ".join(plain(result.name) for result in operation.results)
    targets = ", ".join(target.block for target in operation.successors)
    regions = ", ".join(braced(region) for region in operation.regions)
    if operation.name == "scf.if" and len(operation.regions) == 1:
        regions += ", {\n}"
    inherent = properties(operation)
    # Discardable attributes (dotted) stand behind the regions.
    dotted = operation.name.startswith("scf.") or any("." in key for key in operation.attributes)
    return (
        (f"{names} = " if names else "")
        + f'"{operation.name}"({", ".join(plain(use.name) for use in uses)})'
        + (f"[{targets}]" if targets else "")
        + (f" <{{{inherent}}}>" if inherent and not dotted else "")
        + (f" ({regions})" if regions else "")
        + (f" {{{inherent}}}" if inherent and dotted else "")
        + f" : {listed([use.type for use in uses])} -> {listed([result.type for result in operation.results])}"
    )


def plain(name: str) -> str:
    """Our names for one of many results, or for a name used again, as MLIR can write them."""
    return "%v" + name[1:].replace("#", ".of.").replace("~", ".again.")


def braced(region: Region, entry: bool = False) -> str:
    blocks = []
    for index, block in enumerate(region.blocks):
        arguments = ", ".join(f"{plain(argument.name)}: {argument.type}" for argument in block.arguments)
        label = f"{block.label}({arguments}):\n" if index or (arguments and not entry) else ""
        blocks.append(label + "\n".join(map(line, block.operations)))
    return "{\n" + "\n".join(blocks) + "\n}"


def function(value: Function) -> str:
    arguments = ", ".join(
        f"{plain(argument.name)}: {argument.type}"
        + (f" {{{', '.join(f'{key} = {attribute(told)}' for key, told in attributes.items())}}}" if attributes else "")
        for argument, attributes in zip(value.arguments, value.argument_attributes, strict=True)
    )
    visibility = "public" if value.public else "private"
    results = f" -> {listed(list(value.results))}" if value.results else ""
    return f'tt.func {visibility} @"{value.name}"({arguments}){results} {braced(value.body, entry=True)}'


def module(program: Program) -> str:
    return "module {\n" + "\n".join(map(function, program.functions)) + "\n}\n"


def printed(path: Path) -> str:
    """The module as Triton prints it, without what the data model leaves out: locations and `noinline`."""
    context = ir.context()
    ir.load_dialects(context)
    text = str(ir.parse_mlir_module(str(path), context).str_nodebug())
    return text.replace(" attributes {noinline = false}", "").replace(" attributes {noinline = true}", "")


@pytest.mark.skipif(not triton.__version__.startswith("3.7."), reason="the texts are triton 3.7's")
@pytest.mark.parametrize("name", [name for name in TEXTS if "gpu" not in name])
def test_triton_reads_the_same_module(name: str, tmp_path: Path) -> None:
    again = tmp_path / "again.ttir"
    again.write_text(module(parse(TEXTS[name].read_text())))
    assert printed(again) == printed(TEXTS[name])
