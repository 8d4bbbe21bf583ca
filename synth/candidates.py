"""Find what a person names on the command line: a spec, and a candidate in a file or in an installed package.

Nothing of a candidate is imported here; its text is read and the names of its functions are looked at.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final, Literal, cast

from attrs import frozen

import specs
from reports.record import Record
from specs.spec import Spec
from synth.exits import Exit, Trouble, unknown_word
from verify.case import Candidate, Provenance

POLICIES: Final = ("strict", "repo")
LARGEST: Final = 1 << 20  # bytes of a candidate's source
_FUNCTION: Final = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)


@frozen
class _Located:
    """Where a candidate's text stands, what to call it, and what its name alone says of entry and policy."""

    file: Path
    shown: str
    entry: str | None
    policy: str
    origin: str


def find_spec(text: str) -> Spec:
    """The spec called `text`, or the one at `path/to/file.py:NAME`. Raises Trouble."""
    try:
        return specs.find(text)
    except ValueError as error:
        raise Trouble(str(error)) from None


def find_candidate(
    text: str,
    spec: str | None = None,
    entry: str | None = None,
    policy: str | None = None,
    roots: Sequence[str] = (),
) -> tuple[Spec, Candidate]:
    """The candidate that `text` names and the spec it is held against. Raises Trouble.

    A module is looked for in `roots` before the installed packages, and in the working folder after them.

    The spec defaults to the entry's name, and the entry to the spec's name. A file that defines no function
    named after a spec is refuted there and then: there is no contract that it could keep.
    """
    if policy is not None and policy not in POLICIES:
        raise unknown_word("policy", policy, POLICIES)
    located = _locate(text, roots)
    chosen = policy or located.policy
    if chosen == "repo" and located.origin == "file":
        raise Trouble(
            f"policy repo captures an installed function, and {text} is a file",
            "name it package.module:function, or use --policy strict",
        )
    source = _read(located.file, text)
    wanted = entry or located.entry
    against = find_spec(spec) if spec else _spec_of(source, wanted, text)
    found = Candidate(
        source=source,
        entry=wanted or against.name,
        path=located.shown,
        policy=cast(Literal["strict", "repo"], chosen),
        provenance=Provenance(located.origin),
    )
    return against, found


def of_record(record: Record) -> Candidate:
    """The candidate that a record is about, from the source that the record holds."""
    kept = record.candidate
    return Candidate(kept.source, kept.entry, kept.path, kept.policy, kept.provenance)


def _spec_of(source: str, entry: str | None, text: str) -> Spec:
    if entry is not None:
        if entry in specs.ALL:
            return specs.ALL[entry]
        raise Trouble(f"no spec is called {entry!r} like the entry", f"name one by --spec: {', '.join(specs.ALL)}")
    named = [name for name in dict.fromkeys(_FUNCTION.findall(source)) if name in specs.ALL]
    if len(named) > 1:
        raise Trouble(f"{text} defines {' and '.join(named)}", "say which one is meant by --spec")
    if not named:
        told = "is empty" if not source.strip() else f"defines no function named after a spec ({', '.join(specs.ALL)})"
        raise Trouble(f"{text} {told}", "name the spec by --spec, and the function by --entry", Exit.REFUTED)
    return specs.ALL[named[0]]


def _locate(text: str, roots: Sequence[str]) -> _Located:
    path, colon, function = text.rpartition(":")
    if not colon or Path(text).exists():
        if not text.endswith(".py") and re.fullmatch(r"\w+(\.\w+)+", text) and not Path(text).exists():
            raise Trouble(f"{text} is neither a file nor a function", f"name a function of it: {text}:FUNCTION")
        return _Located(Path(text), text, None, "strict", "file")
    if path.endswith(".py") or "/" in path:
        return _Located(Path(path), path, _identifier(function, text), "strict", "file")
    return _Located(_module_file(path, text, roots), path, _identifier(function, text), "repo", "package")


def _identifier(function: str, text: str) -> str:
    if not function.isidentifier():
        raise Trouble(f"{text}: {function!r} is not the name of a function", "name it package.module:function")
    return function


def _module_file(module: str, text: str, roots: Sequence[str]) -> Path:
    # importlib.util.find_spec would run the parents' __init__, and nothing of a candidate may run here.
    # The working folder counts too, last as in the capture child: a repository need not be installed.
    found, where = None, [*roots, *sys.path, os.getcwd()]
    done: list[str] = []
    for part in module.split("."):
        done.append(part)
        found = PathFinder.find_spec(".".join(done), where) if part.isidentifier() else None
        if found is None:
            raise Trouble(f"{text}: there is no module {'.'.join(done)!r}", "is its package installed here?")
        where = list(found.submodule_search_locations or ())
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise Trouble(f"{text}: module {module!r} has no Python source")
    return Path(found.origin)


def _read(file: Path, text: str) -> str:
    try:
        if file.is_dir():
            raise Trouble(f"{text} is a directory", "name a file in it")
        if not file.exists():
            raise Trouble(f"there is no file {text}", "a candidate is a file or package.module:function")
        if not file.is_file():
            raise Trouble(f"{text} is not a regular file")
        if (size := file.stat().st_size) > LARGEST:
            raise Trouble(f"{text} has {size} bytes; a candidate has at most {LARGEST}")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Trouble(f"{text} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    except OSError as error:
        raise Trouble(f"cannot read {text}: {error.strerror or error}") from None
