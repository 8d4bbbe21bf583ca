"""Sign-offs: what people decided about a record, one line each in a file beside it, appended and never changed.

A line is canonical JSON (RFC 8785) and holds the digests of the record that was decided on, of the line before it and
of itself, so that a changed record, an edited line and a removed one show. It is no signature: who can write the file
can write all of it anew. That its last lines are gone shows only against the last digest, which reports name.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import rfc8785
from attrs import frozen
from cattrs import BaseValidationError

from reports.canonical import CONVERTER, complaint

SCHEMA: Final = "kernelproof-signoff/1"
ENDING: Final = ".signoff.jsonl"
FIRST: Final = "0" * 64  # what stands for the line before the first

Decision: TypeAlias = Literal["accept", "accept-until", "reject"]
DECISIONS: Final = get_args(Decision)


class Damaged(ValueError):
    """A sign-off file that is not what was appended to it. The message says which line, and how."""


@frozen
class SignOff:
    """One decision. `record` is the digest of the record's canonical JSON, `before` that of the line before.

    `config` narrows an acceptance, in the reviewer's words; `until` is its last day, where it has one.
    """

    schema: str
    before: str
    record: str
    reviewer: str
    role: str
    decision: Decision
    until: str | None
    config: str
    comment: str
    time: str

    def __attrs_post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"its schema is {self.schema!r}, this program reads {SCHEMA!r}")
        if not (self.reviewer.strip() and self.role.strip()):
            raise ValueError("a sign-off names its reviewer and their role")
        if (self.decision == "accept-until") != (self.until is not None):
            raise ValueError(f"decision {self.decision!r} with the date {self.until!r}")
        if self.until is not None and date.fromisoformat(self.until).isoformat() != self.until:
            raise ValueError(f"{self.until!r} is no date, such as 2027-01-31")

    @property
    def digest(self) -> str:
        return sha256(rfc8785.dumps(CONVERTER.unstructure(self))).hexdigest()

    @property
    def line(self) -> bytes:
        text: bytes = rfc8785.dumps({**CONVERTER.unstructure(self), "digest": self.digest})
        return text + b"\n"

    @property
    def said(self) -> str:
        """The decision in words, without asking what day it is."""
        words = {"accept": "accepted", "accept-until": f"accepted until {self.until}", "reject": "rejected"}
        return words[self.decision] + (f", for {self.config}" if self.config else "")


@frozen
class SignOffs:
    """A file's lines as far as they hold together; `damage` says what is wrong with the next one, if anything."""

    lines: tuple[SignOff, ...] = ()
    damage: str = ""

    @property
    def last(self) -> str:
        """The digest of the last line."""
        return self.lines[-1].digest if self.lines else FIRST

    def states(self, record: str) -> tuple[tuple[SignOff, str], ...]:
        """Each line as `stands`, `replaced` (the reviewer decided again) or `stale` (another record)."""
        found = []
        for at, line in enumerate(self.lines):
            again = any(
                later.record == record and later.reviewer == line.reviewer and later.config in ("", line.config)
                for later in self.lines[at + 1 :]
            )
            found.append((line, "stale" if line.record != record else "replaced" if again else "stands"))
        return tuple(found)

    def word(self, record: str, today: date) -> str:
        """What the file says of a record today: none, damaged, stale, rejected, expired or accepted."""
        if self.damage:
            return "damaged"
        standing = [line for line, state in self.states(record) if state == "stands"]
        if not standing:
            return "stale" if self.lines else "none"
        if any(line.decision == "reject" for line in standing):
            return "rejected"
        lasts = any(line.until is None or date.fromisoformat(line.until) >= today for line in standing)
        return "accepted" if lasts else "expired"


def beside(record: Path) -> Path:
    """The sign-off file of a record's file."""
    return record.with_suffix(ENDING)


def load(path: Path) -> SignOffs:
    """The file's sign-offs; none where there is no file. Raises OSError for one that cannot be read."""
    return read(path.read_bytes()) if path.exists() else SignOffs()


def read(text: bytes) -> SignOffs:
    """The sign-offs in a file's text."""
    found: list[SignOff] = []
    try:
        for line in _lines(text, found):
            found.append(line)
    except Damaged as damaged:
        return SignOffs(tuple(found), str(damaged))
    return SignOffs(tuple(found))


def append(path: Path, sign: SignOff) -> SignOff:
    """Append a sign-off, bound to the line that is last now; give it as it was written. One writer at a time.

    Raises Damaged, and then appends nothing; a line that does not fit on the disk is taken back.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held = read(file.read())
        if held.damage:
            raise Damaged(held.damage)
        bound = CONVERTER.structure({**CONVERTER.unstructure(sign), "before": held.last}, SignOff)
        whole = os.fstat(handle).st_size
        try:
            data = bound.line
            if file.write(data) != len(data):
                raise OSError(28, os.strerror(28), str(path))
            os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, whole)
            raise
    return bound


def _lines(text: bytes, before: list[SignOff]) -> Iterator[SignOff]:
    """The lines in order; `before` is what the caller has of them already."""
    for number, raw in enumerate(text.splitlines(keepends=True), 1):
        last = before[-1].digest if before else FIRST
        try:
            data = json.loads(raw)
            if not isinstance(data, dict):
                raise ValueError(f"expected a JSON object, found {type(data).__name__}")
            written = data.pop("digest", None)
            sign = CONVERTER.structure(data, SignOff)
        except (BaseValidationError, ValueError, TypeError, KeyError, RecursionError) as broken:
            raise Damaged(f"line {number} is no sign-off: {complaint(broken)}") from None
        if raw != sign.line:
            edited = "was edited" if written != sign.digest else "is not spelled as it was written"
            raise Damaged(f"line {number} {edited}")
        if sign.before != last:
            raise Damaged(f"line {number} does not continue the line before it: something was edited or removed")
        yield sign
