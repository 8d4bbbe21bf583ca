"""The one spelling of a record: canonical JSON (RFC 8785), its digests, and reading it back.

JSON has no NaN, no infinities and no integers beyond 2**53. They are written as the strings `NaN`,
`Infinity`, `-Infinity` and decimal digits, and read back as numbers where a number belongs. The sign of a
negative zero is not kept. Unpaired surrogates, which UTF-8 cannot hold, become U+FFFD. All else comes back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

import rfc8785
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.v import format_exception

from reports.record import SCHEMA, Record
from specs.spec import Choice
from verify.plan import read_choice
from verify.verdict import Outcome

_NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LARGEST: Final = 2**53 - 1
_OUTCOMES: Final = {outcome.word: outcome for outcome in Outcome}
Kept = TypeVar("Kept")


class Unreadable(ValueError):
    """A text that is no record, a damaged one, or one of another schema. The message says which and where."""


def encode(record: Record) -> bytes:
    """The record's canonical JSON, in UTF-8 without a final newline. Equal records give equal bytes."""
    text: bytes = rfc8785.dumps(to_data(record))
    return text


def spell(thing: Any) -> bytes:
    """The canonical JSON of something else that is kept. Equal things give equal bytes."""
    text: bytes = rfc8785.dumps(_plain(CONVERTER.unstructure(thing)))
    return text


def read(text: bytes | str, kind: type[Kept], schema: str, noun: str) -> Kept:
    """What `spell` wrote. `noun` says in messages what was expected. Raises Unreadable."""
    data = _parse(text, noun)
    _check_schema(data, schema, noun)
    thing = _structured(data, kind, noun)
    if (place := _difference(data, json.loads(spell(thing)), "$")) is not None:
        raise Unreadable(f"the {noun} is damaged: {place} does not hold what it should")
    return thing


def to_data(record: Record) -> dict[str, Any]:
    """The record as JSON values. `measurement` is null unless there are times that count."""
    data = CONVERTER.unstructure(record)
    bench = data["bench"]
    times = {name: bench.pop(name) for name in ("device", "workloads")}
    data["measurement"] = times if record.measurement else None
    if not record.walks:  # so that a record from before there were any keeps its digest
        del data["walks"]
    if record.thorough:  # likewise
        del data["thorough"]
    for verdict in data["verdicts"]:
        for later in ("reached", "trail"):  # likewise
            if verdict[later] is None:
                del verdict[later]
        for entry in verdict["ledger"]:
            if entry["own"] is None and not entry["lacks"]:
                del entry["own"], entry["lacks"]
    plain: dict[str, Any] = _plain(data)
    return plain


def decode(text: bytes | str) -> Record:
    """Read a record back. Raises Unreadable."""
    data = _parse(text)
    _check_schema(data)
    parts = dict(data)
    bench, times = parts.get("bench"), parts.pop("measurement", ...)
    if times is ...:
        raise Unreadable("the record is damaged: it has no key 'measurement' (null if nothing was measured)")
    if isinstance(bench, dict) and isinstance(times, dict):
        parts["bench"] = bench | times
    record = _structured(parts, Record, "record")
    if (place := _difference(data, to_data(record), "$")) is not None:
        raise Unreadable(f"the record is damaged: {place} does not hold what it should")
    return record


def digest(record: Record) -> str:
    """SHA-256 of the canonical JSON."""
    return sha256(encode(record)).hexdigest()


def stable(record: Record) -> str:
    """SHA-256 of what two runs of the same thing on the same machine share.

    It leaves out the times: seconds that answers took, the moment of the run, and what was measured.
    """
    data = to_data(record)
    del data["measurement"], data["environment"]["time"]
    for verdict in data["verdicts"]:
        del verdict["cost"]["seconds"]
    return sha256(rfc8785.dumps(data)).hexdigest()


def _structured(data: Any, kind: type[Kept], noun: str) -> Kept:
    try:
        return CONVERTER.structure(data, kind)
    except (BaseValidationError, ValueError, TypeError, KeyError, RecursionError) as broken:
        raise Unreadable(f"the {noun} is damaged: {complaint(broken)}") from broken


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _LARGEST else str(value)
        case float():
            return value if math.isfinite(value) else _name_of(value)
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case Mapping():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(f"a record cannot hold {value!r}")


def _name_of(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _parse(text: bytes | str, noun: str = "record") -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as broken:
        where = f"line {broken.lineno}, column {broken.colno}"
        raise Unreadable(f"this is not JSON: {broken.msg} at {where}") from None
    except UnicodeDecodeError as broken:
        found = f"{broken.object[broken.start]:#04x}"
        raise Unreadable(f"this is not UTF-8 text: byte {broken.start} is {found}") from None
    except RecursionError:
        raise Unreadable(f"the {noun} is damaged: it is nested too deeply") from None
    except ValueError as broken:
        raise Unreadable(f"the {noun} is damaged: {broken}") from None
    if not isinstance(data, dict):
        raise Unreadable(f"this is not a {noun}: expected a JSON object, found {type(data).__name__}")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return data


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _check_schema(data: Mapping[str, Any], expected: str = SCHEMA, noun: str = "record") -> None:
    schema = data.get("schema")
    if schema == expected:
        return
    if schema is None:
        raise Unreadable(f"this is not a {noun}: it has no key 'schema'")
    found = (
        re.fullmatch(re.escape(expected.rpartition("/")[0]) + r"/([0-9]{1,9})", schema)
        if isinstance(schema, str)
        else None
    )
    if found is None:
        raise Unreadable(f"this is not a {noun}: its schema is {schema!r}, expected {expected!r}")
    age = "newer" if int(found.group(1)) > int(expected.rpartition("/")[2]) else "older"
    raise Unreadable(
        f"the {noun} has schema {schema!r}, which is {age} than {expected!r}, the one this program reads: "
        f"use the version of kernelproof that wrote it, or examine the candidate again"
    )


def complaint(error: Exception) -> str:
    """What is wrong with a text that does not structure: the first thing, and how many more."""
    if not isinstance(error, BaseValidationError):
        return str(error)
    complaints = transform_error(error, path="$", format_exception=_complaint)
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    return complaints[0] + more


def _complaint(error: BaseException, kind: type | None) -> str:
    # The library's own words hide what our constructors say about a value.
    return str(error) if isinstance(error, ValueError | TypeError) else format_exception(error, kind)


def _difference(found: Any, expected: Any, path: str) -> str | None:
    """Where `found` holds something that did not come through; keys it lacks have taken their defaults."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key, value in found.items():
            if (place := _difference(value, expected.get(key, ...), f"{path}.{key}")) is not None:
                return place
        return None
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (left, right) in enumerate(zip(found, expected, strict=True)):
            if (place := _difference(left, right, f"{path}[{index}]")) is not None:
                return place
        return None
    if isinstance(expected, float) and isinstance(found, int) and not isinstance(found, bool):
        # 4.2e16 is spelled without a point: its digits are those of the shortest decimal, not of the float.
        found = float(found)
    return None if found == expected and isinstance(found, bool) == isinstance(expected, bool) else path


def _number(value: Any, _: Any) -> float:
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    if isinstance(value, str) and _is_large(value):
        return float(int(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, found {value!r}")
    return float(value)


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, str) and _is_large(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected an integer, found {value!r}")
    return value


def _is_large(text: str) -> bool:
    return re.fullmatch(r"-?[1-9][0-9]{15,4000}", text) is not None and abs(int(text)) > _LARGEST


def _exactly(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"expected a {kind.__name__}, found {value!r}")
        return value

    return structure


def _outcome(value: Any, _: Any) -> Outcome:
    if value not in _OUTCOMES:
        raise ValueError(f"unknown outcome {value!r}; known: {', '.join(_OUTCOMES)}")
    return _OUTCOMES[value]


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _exactly(str))
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Outcome, _outcome)
    converter.register_structure_hook(Choice, read_choice)
    converter.register_unstructure_hook(Outcome, lambda outcome: outcome.word)
    return converter


CONVERTER: Final = _converter()
