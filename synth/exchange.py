"""Stored exchanges: what a proposer was asked and what it answered, one JSON file each.

A file holds, in this order (unknown keys are errors):

    schema      "kernelproof.exchange/1"
    spec        {"name", "version"} of the spec that was asked for
    proposer    "openai", "recorded", ...
    model       the model's name; "" when no model was asked
    provenance  a sentence for reviewers: where the answer comes from
    request     {"messages": [{"role", "content"}, ...], "params": {...}}; no messages when nobody was asked
    answer      {"text", "finish_reason", "refusal" or null}; the text is prose and one fenced python module
    usage       {"prompt_tokens", "completion_tokens"} or null where none was reported
    seconds     how long the answer took, or null
    expect      {"verdict", "gate"} or null: what a recorded proposal must get. The verdict is admitted,
                refuted or unknown; a refuted one names the gate that refutes it, an unknown one a gate or
                null
    digest      sha256 of the canonical JSON (RFC 8785) of all of the above but `expect`

Recorded proposals are written with `from_source`, or from a shell:

    python -m synth.exchange softmax kernel.py --expect refuted:bounds -o softmax_02.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import rfc8785
from attrs import field, frozen
from cattrs import BaseValidationError, Converter, transform_error

from reports.store import write_whole
from synth.answers import Form, Reading, read

SCHEMA: Final = "kernelproof.exchange/1"
VERDICTS: Final = ("admitted", "refuted", "unknown")
BY_HAND: Final = "written by hand for this project, in the form of a model's answer"


class ExchangeError(ValueError):
    """A file that is not an exchange: says which file and what is wrong with it."""


class Named(Protocol):
    """Anything with a spec's identity."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...


@frozen
class SpecName:
    name: str
    version: int


@frozen
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@frozen
class Request:
    """What was sent. `params` are sampling parameters as the endpoint got them; never a key or an address."""

    messages: tuple[Message, ...] = ()
    params: Mapping[str, Any] = field(factory=dict)

    @property
    def digest(self) -> str:
        return sha256(rfc8785.dumps(_CONVERTER.unstructure(self))).hexdigest()


@frozen
class Answer:
    """What came back. `finish_reason` is the endpoint's own word (`stop`, `length`, ...)."""

    text: str
    finish_reason: str = "stop"
    refusal: str | None = None


@frozen
class Usage:
    prompt_tokens: int
    completion_tokens: int

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@frozen
class Expectation:
    """The verdict that a recorded proposal must get, and the gate that must give it."""

    verdict: str  # one of VERDICTS
    gate: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"expected verdict {self.verdict!r}; known: {', '.join(VERDICTS)}")
        if self.verdict == "refuted" and not self.gate:
            raise ValueError("an expected refutation names its gate")
        if self.verdict == "admitted" and self.gate:
            raise ValueError(f"an expected admission names no gate, got {self.gate!r}")

    def __str__(self) -> str:
        return f"{self.verdict} by {self.gate}" if self.gate else self.verdict


@frozen
class Exchange:
    """One question and its answer."""

    spec: SpecName
    proposer: str
    model: str
    provenance: str
    request: Request
    answer: Answer
    usage: Usage | None = None
    seconds: float | None = None
    expect: Expectation | None = None

    @property
    def digest(self) -> str:
        """The identity of what was asked and answered; an expectation is no part of it."""
        content = {key: value for key, value in _plain(self).items() if key != "expect"}
        return sha256(rfc8785.dumps(content)).hexdigest()

    @property
    def reading(self) -> Reading:
        """The answer as `answers.read` reads it."""
        return read(self.answer.text, self.answer.finish_reason, self.answer.refusal)


_CONVERTER: Final = Converter(forbid_extra_keys=True)


def dumps(exchange: Exchange) -> str:
    """The JSON text of an exchange, keys in the order of this module's docstring."""
    return json.dumps({**_plain(exchange), "digest": exchange.digest}, indent=2, ensure_ascii=False) + "\n"


def loads(text: str, origin: str) -> Exchange:
    """The exchange in `text`. Raises ExchangeError naming `origin` for anything else."""
    try:
        plain = json.loads(text)
        if not isinstance(plain, dict):
            raise ValueError(f"it holds a JSON {type(plain).__name__}, not an object")
        schema, digest = plain.pop("schema", None), plain.pop("digest", None)
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema!r}, this version reads {SCHEMA!r}")
        exchange = _CONVERTER.structure(plain, Exchange)
        if digest != exchange.digest:
            raise ValueError(f"its digest is {digest!r}, its content's is {exchange.digest!r}: it was edited")
    except BaseValidationError as error:
        problems = "; ".join(transform_error(error))
        raise ExchangeError(f"{origin} is not a stored exchange: {problems}") from None
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{origin} is not a stored exchange: {error}") from None
    return exchange


def load(path: Path) -> Exchange:
    """The exchange stored at `path`. Raises ExchangeError, or OSError where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{path} is not a stored exchange: not UTF-8 at byte {error.start}") from None
    return loads(text, str(path))


def save(exchange: Exchange, path: Path) -> None:
    """Write the exchange to `path` at once or not at all."""
    write_whole(path, dumps(exchange))


def from_source(
    spec: Named,
    source: str,
    note: str = BY_HAND,
    *,
    prose: str = "",
    expect: Expectation | None = None,
) -> Exchange:
    """A recorded proposal of `source` for `spec`, as if a model had answered with `prose` and one module.

    Raises ValueError when the text would not be read back as exactly that module.
    """
    body = source if source.endswith("\n") else source + "\n"
    said = prose or f"Here is a kernel for `{spec.name}`."
    answer = Answer(f"{said.rstrip()}\n\n```python\n{body}```\n")
    made = Exchange(SpecName(spec.name, spec.version), "recorded", "", note, Request(), answer, expect=expect)
    back = made.reading
    if back.form is Form.MODULE and back.source != body:
        raise ValueError("the source does not survive inside an answer: it holds a fence of its own")
    if back.form not in (Form.MODULE, Form.UNPARSABLE):
        raise ValueError(f"the source does not survive inside an answer: {back.complaint}")
    return made


def _plain(exchange: Exchange) -> dict[str, Any]:
    return {"schema": SCHEMA, **_CONVERTER.unstructure(exchange)}


def _main() -> None:
    import argparse

    import specs

    parser = argparse.ArgumentParser(prog="python -m synth.exchange", description="store a proposal")
    parser.add_argument("spec", help="name of the spec, or path/to/file.py:NAME")
    parser.add_argument("source", type=Path, help="the candidate's .py file")
    parser.add_argument("--note", default=BY_HAND, help="provenance, shown to reviewers")
    parser.add_argument("--prose", default="", help="what stands before the module in the answer")
    parser.add_argument("--expect", default="", metavar="VERDICT[:GATE]", help="such as refuted:bounds")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    verdict, _, gate = given.expect.partition(":")
    expect = Expectation(verdict, gate or None) if verdict else None
    source = given.source.read_text(encoding="utf-8")
    made = from_source(specs.find(given.spec), source, given.note, prose=given.prose, expect=expect)
    save(made, given.output)
    print(f"{given.output}: {made.digest[:12]}, expected {expect or 'anything'}")


if __name__ == "__main__":
    _main()
