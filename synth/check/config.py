"""`[tool.kernelproof]` of a repository's pyproject.toml. A key that is not known is an error: a slip must not switch
a gate off.

    [tool.kernelproof]
    config = 1                       # the schema of this table
    include = ["ops/**/*.py"]        # where kernels are looked for; default: every Python file
    exclude = ["tests/**"]
    roots = ["src"]                  # folders that modules are imported from; default: the repository itself
    profile = "ci"
    required = ["policy", "bounds"]  # default: all that are required to be admitted
    unspecified = "unknown"          # a kernel that no spec reaches: "unknown" (exit 4), "error" (exit 1) or "pass"
    kept = "pass"                    # a function that keeps a launch contract, whose numbers nobody looks at: the same
    waivers = "kernelproof-waivers.toml"
    baseline = "kernelproof-baseline.json"

    [tool.kernelproof.specs]         # function -> spec of the catalogue, path/to/file.py:NAME, or what it is given
    "ops.softmax:softmax" = "softmax"
    "ops.gating:swiglu" = "swiglu(a: T[M, N <= 65536], b: T[M, N])"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import field, fields, frozen
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.gen import make_dict_structure_fn
from cattrs.v import format_exception

from synth.exits import Trouble, unknown_word

FILE: Final = "pyproject.toml"
SCHEMA: Final = 1


@frozen
class Config:
    """How a repository wants its kernels checked. `specs` maps `module:function` to a spec."""

    config: int = SCHEMA
    include: tuple[str, ...] = ("**/*.py",)
    exclude: tuple[str, ...] = ()
    roots: tuple[str, ...] = (".",)
    profile: str = "ci"
    required: tuple[str, ...] = ()
    unspecified: Literal["unknown", "error", "pass"] = "unknown"
    kept: Literal["unknown", "error", "pass"] = "pass"
    waivers: str = "kernelproof-waivers.toml"
    baseline: str = "kernelproof-baseline.json"
    specs: Mapping[str, str] = field(factory=dict)


def parse(text: str | None, gates: tuple[str, ...], where: str = FILE) -> Config:
    """The table in a pyproject's text; all defaults where there is none. Raises Trouble."""
    if text is None:
        return Config()
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Trouble(f"{where}: {error}") from None
    table = document.get("tool", {}).get("kernelproof")
    if table is None:
        return Config()
    if not isinstance(table, dict):
        raise Trouble(f"{where}: tool.kernelproof is not a table")
    newer = table.get("config", SCHEMA)
    if newer != SCHEMA:
        told = f"{where}: tool.kernelproof has config = {newer!r}, and this program knows {SCHEMA}"
        raise Trouble(told, "install the kernelproof that the file was written for")
    known = [each.name for each in fields(Config)]
    for key in table:
        if key not in known:
            raise unknown_word(f"key in [tool.kernelproof] of {where}", key, known)
    return _checked(_structured(table, where), gates, where)


def _structured(table: dict[str, Any], where: str) -> Config:
    converter = Converter(forbid_extra_keys=True)
    # cattrs would make the string "false" of a boolean and letters of a string given for a list.
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    converter.register_structure_hook(Config, make_dict_structure_fn(Config, converter))
    try:
        return converter.structure(table, Config)
    except BaseValidationError as error:
        told = transform_error(error, path="tool.kernelproof", format_exception=_complaint)[0]
        raise Trouble(f"{where}: {told}") from None


def _complaint(error: BaseException, wanted: type | None) -> str:
    return str(error) if isinstance(error, TypeError) else format_exception(error, wanted)


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {value!r}")
    return value


def _texts(value: Any, _: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"expected a list of strings, got {value!r}")
    return tuple(value)


def _checked(config: Config, gates: tuple[str, ...], where: str) -> Config:
    for gate in config.required:
        if gate not in gates:
            raise unknown_word(f"gate in tool.kernelproof.required of {where}", gate, gates)
    for function in config.specs:
        module, colon, name = function.partition(":")
        if not colon or not all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
            told = f"{where}: {function!r} in tool.kernelproof.specs is no function"
            raise Trouble(told, "write package.module:function")
    return config
