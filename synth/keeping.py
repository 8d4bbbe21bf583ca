"""Keep what was found: a record as JSON, its page and its summary, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import reports.attestation
import reports.html
import reports.junit
import reports.markdown
import reports.reproduction
import reports.sarif
import reports.signoff
from reports.canonical import Unreadable, decode, encode, read, spell
from reports.index import stem_of
from reports.record import Record
from reports.store import write_whole
from reports.strength import STRENGTH_SCHEMA, Strength, check
from synth.exits import Trouble
from synth.folders import claimed, writable

RENDERERS: Final[dict[str, Callable[[Record], str]]] = {
    "html": reports.html.render,
    "md": reports.markdown.render,
    "json": lambda record: encode(record).decode(),
    "sarif": reports.sarif.render,
    "sarif-github": reports.sarif.for_github,
    "junit": reports.junit.render,
    "intoto": reports.attestation.render,
    "pytest": reports.reproduction.pytest_file,
}
SIGNED: Final[dict[str, Callable[[Record, reports.signoff.SignOffs, Strength | None], str]]] = {
    "html": lambda record, signoffs, strength: reports.html.render(record, signoffs=signoffs, strength=strength),
    "md": reports.markdown.render,
}  # the formats that also show what people decided, and which seeded bugs were found
ENDINGS: Final = {"sarif-github": "github.sarif", "junit": "xml", "intoto": "intoto.json"}  # others end in their name


@contextmanager
def keeping(json: Path | None, out: Path | None) -> Iterator[Callable[[Record], str]]:
    """A function that keeps a record at `json` and in the folder `out` and names the best file to read.

    Both are tried before the body runs, so that a place that cannot be written costs no work. Raises Trouble.
    """
    with ExitStack() as held:
        if json is not None:
            if json.is_dir():
                raise Trouble(f"{json} is a directory", "--json wants the name of a file")
            if json.exists() and not _replaceable(json):
                raise Trouble(f"{json} is there already and is no record", "choose another name for --json")
            if not json.parent.is_dir():
                raise Trouble(f"there is no folder {json.parent} for {json.name}")
            writable(json.parent)
        folder = None if out is None else held.enter_context(claimed(out))

        def keep(record: Record) -> str:
            named = ""
            if json is not None:
                write_whole(json, RENDERERS["json"](record))
                named = str(json)
            if folder is not None:
                stem = stem_of(record)
                write_whole(folder / f"{stem}.json", RENDERERS["json"](record))
                write_whole(folder / f"{stem}.md", RENDERERS["md"](record))
                page = folder / f"{stem}.html"
                write_whole(page, reports.html.render(record, json=f"{stem}.json"))
                named = str(page)
            return named

        yield keep


def signoffs_of(path: Path) -> reports.signoff.SignOffs:
    """The sign-offs beside the record at `path`; none where there are none. Raises Trouble."""
    beside = reports.signoff.beside(path)
    try:
        return reports.signoff.load(beside)
    except OSError as error:
        raise Trouble(f"cannot read {beside}: {error.strerror or error}") from None


@contextmanager
def places(json: Path | None, markdown: Path | None) -> Iterator[Callable[[Strength], str]]:
    """A function that keeps what became of seeded bugs and names the file. Places are tried first. Raises Trouble."""
    for path in filter(None, (json, markdown)):
        if path.is_dir() or not path.parent.is_dir():
            raise Trouble(f"cannot write {path}: it is a directory, or there is no folder for it")
        if path == json and path.exists() and not _replaceable(path):
            raise Trouble(f"{path} is there already and is no record", "choose another name for --json")
        writable(path.parent)

    def keep(strength: Strength) -> str:
        if json is not None:
            write_whole(json, spell(strength).decode())
        if markdown is not None:
            write_whole(markdown, reports.markdown.strength(strength))
        return str(json or markdown or "")

    yield keep


def read_strength(path: Path, record: Record) -> Strength:
    """What became of the bugs that were seeded into the record's candidate. Raises Trouble."""
    try:
        found = read(path.read_bytes(), Strength, STRENGTH_SCHEMA, "result of mutate")
        check(found, record)
    except ValueError as error:  # Unreadable is one
        raise Trouble(f"{path}: {error}", "`kernelproof mutate RECORD.json --json FILE` makes one") from None
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror or error}") from None
    return found


def _replaceable(json: Path) -> bool:
    # A slip such as `--json kernel.py` or, for root, `--json /dev/null` must not cost the file.
    if not json.is_file():
        return False
    try:
        with json.open("rb") as stream:
            return stream.read(1) in (b"", b"{")
    except OSError:
        return False


def read_record(path: Path) -> Record:
    """The record stored at `path`. Raises Trouble."""
    try:
        return decode(path.read_bytes())
    except Unreadable as error:
        raise Trouble(f"{path}: {error}") from None
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror or error}") from None
