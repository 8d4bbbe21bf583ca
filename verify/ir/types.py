"""Types as Triton prints them: `!tt.ptr<f32>`, `tensor<64x!tt.ptr<bf16>>`, `!tt.tensordesc<64x64xf16>`."""

from __future__ import annotations

import re
from functools import lru_cache

from verify.ir.program import Descriptor, Pointer, Scalar, Tensor, Type

_SCALAR = re.compile(r"[su]?i\d+|index|none|tf32|b?f\d+|f\d+E\d+M\d+(B\d+)?[A-Z]*")
_SHAPED = re.compile(r"((?:\d+x)*)(.+)", re.DOTALL)


@lru_cache(maxsize=4096)
def read_type(text: str) -> Type:
    """The type that `text` denotes.

    A tensor's layout is dropped: it says where lanes live, not what they hold. Types that we only carry
    (`!ttg.memdesc<...>`, `vector<...>`, pointers to other address spaces) become a Scalar of their text.
    Raises ValueError for text that is no type.
    """
    text = text.strip()
    if _SCALAR.fullmatch(text):
        return Scalar(text)
    head, bracket, rest = text.partition("<")
    if not bracket or not rest.endswith(">"):
        if re.fullmatch(r"![\w$.]+", text):
            return Scalar(text)
        raise ValueError(f"no type: {text!r}")
    parts = _split(rest[:-1])
    if head == "tensor":
        return _tensor(parts[0]) or Scalar(text)
    if head == "!tt.ptr" and len(parts) == 1:
        return Pointer(read_type(parts[0]))
    if head == "!tt.tensordesc":
        return Descriptor(_block(parts[0]))
    if head.startswith("!") or head in ("vector", "memref", "complex", "tuple"):
        return Scalar(text)
    raise ValueError(f"no type: {text!r}")


def short_type(text: str) -> Type:
    """`<f16>` is short for a pointer and `<32x32xf16>` for a descriptor, where the operation leaves no doubt.

    `<tensor<...>>` may be either and reads as a pointer; `described` makes it a descriptor.
    """
    inner = text[1:-1]
    try:
        return Pointer(read_type(inner))
    except ValueError:
        return Descriptor(_block(_split(inner)[0]))


def described(type: Type) -> Type:
    """The descriptor that a short type denotes where a descriptor is meant."""
    if isinstance(type, Pointer) and isinstance(type.pointee, Tensor):
        return Descriptor(type.pointee)
    return type


def with_element(type: Type, element: Type) -> Type:
    """`type` with its lanes replaced: a tensor of `element`, or `element` itself for a scalar type."""
    if not isinstance(type, Tensor):
        return element
    if not isinstance(element, (Scalar, Pointer)):
        raise ValueError(f"no tensor holds {element}")
    return Tensor(type.shape, element)


def loaded(pointer: Type) -> Type:
    """What a load through `pointer`, or through lanes of pointers, gives. Raises ValueError."""
    inner = pointer.element if isinstance(pointer, Tensor) else pointer
    if not isinstance(inner, Pointer):
        raise ValueError(f"{pointer} is no pointer")
    return with_element(pointer, inner.pointee)


def _block(text: str) -> Tensor:
    block = read_type(text) if text.startswith("tensor<") else _tensor(text)
    if not isinstance(block, Tensor):
        raise ValueError(f"no block of a descriptor: {text!r}")
    return block


def _tensor(text: str) -> Tensor | None:
    """The tensor of `64x32xf32`; None where a size is not known or the element is one that we only carry."""
    match = _SHAPED.fullmatch(text.strip())
    if match is None or not match[1]:
        return None
    element = None if match[2].startswith("?") else read_type(match[2])
    if not isinstance(element, (Scalar, Pointer)):
        return None
    return Tensor(tuple(int(size) for size in match[1].split("x")[:-1]), element)


def _split(text: str) -> list[str]:
    """The parts of `text` between commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "<([{") - (character in ">)]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
