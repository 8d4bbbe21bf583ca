"""SMT-LIB text, the language that solvers read: what z3 is asked is written, not built object by object in its library,
which takes many times longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, TypeAlias

Formula: TypeAlias = str  # a term of SMT-LIB; a constant is its name

# What SMT-LIB calls a symbol, but for the digit that none begins with. z3 itself is less strict than other solvers.
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9~!@$%^&*_+=<>.?/-]")


def call(function: str, *arguments: Formula) -> Formula:
    return f"({function} {' '.join(arguments)})"


def number(value: int) -> Formula:
    return str(value) if value >= 0 else f"(- {-value})"


def multiple(factor: int, value: Formula) -> Formula:
    return value if factor == 1 else call("*", number(factor), value)


def both(parts: Iterable[Formula]) -> Formula:
    """The conjunction; of one formula it is that formula."""
    found = tuple(parts)
    return call("and", *found) if len(found) > 1 else found[0] if found else "true"


@cache
def symbol(name: str) -> str:
    """The name in the characters of a symbol. Different names may become one: number them."""
    return _FOREIGN.sub("~", name)


def script(sorts: Mapping[str, str], formulas: Iterable[Formula]) -> str:
    """Declarations of the constants, then an assertion for each formula."""
    lines = [f"(declare-fun {name} () {sort})" for name, sort in sorts.items()]
    lines += [f"(assert {formula})" for formula in formulas]
    return "\n".join(lines) + "\n"
