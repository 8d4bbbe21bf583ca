"""Constants, exact in their type: decimal floats are rounded once, hexadecimal ones are bit patterns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias

from attrs import frozen

from verify.ir.program import Dense, Scalar, Tensor, Type

# What stands inside `dense<...>`: numbers and words as text, lists as lists.
Elements: TypeAlias = "str | Sequence[Elements]"


@frozen
class Format:
    """A binary float format: field widths in bits, exponent bias, and which bit patterns are not numbers.

    `ieee` has infinities and NaNs in the top exponent; `fn` has one NaN magnitude (all ones) and no infinity;
    `fnuz` has one NaN (the negative zero); `finite` has numbers only.
    """

    exponent: int
    mantissa: int
    bias: int
    specials: Literal["ieee", "fn", "fnuz", "finite"] = "ieee"

    @property
    def width(self) -> int:
        return 1 + self.exponent + self.mantissa


FORMATS: Mapping[str, Format] = {
    "f64": Format(11, 52, 1023),
    "f32": Format(8, 23, 127),
    "tf32": Format(8, 10, 127),
    "bf16": Format(8, 7, 127),
    "f16": Format(5, 10, 15),
    "f8E5M2": Format(5, 2, 15),
    "f8E4M3": Format(4, 3, 7),
    "f8E3M4": Format(3, 4, 3),
    "f8E4M3FN": Format(4, 3, 7, "fn"),
    "f8E5M2FNUZ": Format(5, 2, 16, "fnuz"),
    "f8E4M3FNUZ": Format(4, 3, 8, "fnuz"),
    "f8E4M3B11FNUZ": Format(4, 3, 11, "fnuz"),
    "f6E2M3FN": Format(2, 3, 1, "finite"),
    "f6E3M2FN": Format(3, 2, 3, "finite"),
    "f4E2M1FN": Format(2, 1, 1, "finite"),
}


def decode(bits: int, format: Format) -> float:
    """The number with this bit pattern. Raises ValueError where the pattern is wider than the format."""
    if bits >> format.width:
        raise ValueError(f"{bits:#x} does not fit {format.width} bits")
    sign = -1.0 if bits >> (format.width - 1) else 1.0
    exponent = bits >> format.mantissa & (1 << format.exponent) - 1
    mantissa = bits & (1 << format.mantissa) - 1
    top = exponent == (1 << format.exponent) - 1
    if format.specials == "ieee" and top:
        return math.nan if mantissa else sign * math.inf
    if format.specials == "fn" and top and mantissa == (1 << format.mantissa) - 1:
        return math.nan
    if format.specials == "fnuz" and bits == 1 << (format.width - 1):
        return math.nan
    if exponent == 0:
        return sign * math.ldexp(mantissa, 1 - format.bias - format.mantissa)
    return sign * math.ldexp(mantissa + (1 << format.mantissa), exponent - format.bias - format.mantissa)


def rounded(text: str, format: Format) -> float:
    """The format's number nearest to the decimal `text`, ties to even; beyond the largest, infinity.

    Raises ValueError where the format has no infinity to round to.
    """
    value, sign = float(text), -1.0 if text.startswith("-") else 1.0
    if value == 0 or math.isinf(value):  # also keeps absurd exponents out of exact arithmetic
        exact = Fraction(0)
    else:
        exact = abs(Fraction(text))
        exponent = max(math.frexp(value)[1] - 1, 1 - format.bias)
        step = Fraction(2) ** (exponent - format.mantissa)
        exact = round(exact / step) * step
    if math.isinf(value) or exact > _largest(format):
        if format.specials != "ieee":
            raise ValueError(f"{text} is beyond the largest number of its type")
        return sign * math.inf
    return sign * float(exact)


@lru_cache
def _largest(format: Format) -> Fraction:
    below = {"ieee": 1 << format.mantissa, "fn": 1, "fnuz": 0, "finite": 0}[format.specials]
    return Fraction(decode((1 << format.width - 1) - 1 - below, format))


def read_number(text: str, type: Type) -> int | float | bool:
    """The constant `text` of a scalar `type`; integers signed as two's complement, `i1` as bool.

    Raises ValueError for text that is no constant of the type.
    """
    if not isinstance(type, Scalar):
        raise ValueError(f"{text} is no {type}")
    if type.name in FORMATS:
        return _read_float(text, type)
    if not type.integer:
        raise ValueError(f"constants of type {type} are not known")
    if text in ("true", "false"):
        value = int(text == "true")
    elif re.fullmatch(r"-?(\d+|0x[0-9A-Fa-f]+)", text):
        value = int(text, 16 if "x" in text else 10)
    else:
        raise ValueError(f"{text} is no {type}")
    if not -(1 << type.bits - 1) <= value < 1 << type.bits:
        raise ValueError(f"{text} does not fit {type}")
    if type.name == "i1":
        return bool(value)
    return value - (1 << type.bits) if value >> type.bits - 1 == 1 else value


def _read_float(text: str, type: Scalar) -> float:
    format = FORMATS[type.name]
    if text.startswith("0x"):
        return decode(int(text, 16), format)
    if not re.fullmatch(r"-?\d+\.\d*([eE][-+]?\d+)?", text):
        raise ValueError(f"{text} is no {type}")
    return rounded(text, format)


def read_dense(elements: Elements | None, type: Type) -> Dense:
    """`dense<elements> : type`. Raises ValueError where the elements do not fill the type's shape."""
    if not isinstance(type, Tensor) or not isinstance(type.element, Scalar):
        raise ValueError(f"dense constants of type {type} are not known")
    element, count = type.element, math.prod(type.shape)
    if elements is None:
        values: tuple[int | float | bool, ...] = ()
    elif isinstance(elements, str) and elements.startswith('"'):
        values = _read_blob(elements[1:-1], element, count)
    elif isinstance(elements, str):
        return Dense((read_number(elements, element),), splat=True)
    else:
        values = tuple(read_number(text, element) for text in _flat(elements, type.shape))
    if len(values) == 1 != count:
        return Dense(values, splat=True)
    if len(values) != count:
        raise ValueError(f"dense constant of {len(values)} elements for {type}")
    return Dense(values, splat=False)


def _flat(elements: Elements, shape: tuple[int, ...]) -> list[str]:
    if isinstance(elements, str):
        if shape:
            raise ValueError(f"{elements} stands where a list of {shape[0]} was expected")
        return [elements]
    if not shape or len(elements) != shape[0]:
        raise ValueError(f"list of {len(elements)} in a dense constant does not fit its shape")
    return [text for part in elements for text in _flat(part, shape[1:])]


def _read_blob(text: str, element: Scalar, count: int) -> tuple[int | float | bool, ...]:
    """Large constants are printed as `dense<"0x...">`: little-endian elements, one or all of them."""
    if not re.fullmatch(r"0x([0-9A-Fa-f]{2})*", text):
        raise ValueError(f"{text[:20]!r} is no blob of elements")
    data = bytes.fromhex(text[2:])
    if element.name == "i1":
        return _read_bits(data, count)
    size = -(-element.bits // 8)
    if len(data) % size:
        raise ValueError(f"{len(data)} bytes hold no whole number of {element}")
    patterns = (int.from_bytes(data[start : start + size], "little") for start in range(0, len(data), size))
    return tuple(read_number(hex(pattern), element) for pattern in patterns)


def _read_bits(data: bytes, count: int) -> tuple[bool, ...]:
    if len(data) == count and set(data) <= {0, 1}:
        return tuple(map(bool, data))
    if len(data) == 1 and data[0] in (0, 255):  # a splat
        return (bool(data[0]),)
    if len(data) == -(-count // 8):
        return tuple(bool(data[index // 8] >> index % 8 & 1) for index in range(count))
    raise ValueError(f"{len(data)} bytes are no {count} elements of i1")
