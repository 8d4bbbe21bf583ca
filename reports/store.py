"""Writing what a run found: whole files or none, a folder for each run, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_WHY: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "your disk quota is used up; free some space and run again",
    errno.EACCES: "you may not write there; choose another folder with --out",
    errno.EPERM: "you may not write there; choose another folder with --out",
    errno.EROFS: "the file system is read-only; choose another folder with --out",
    errno.ENOTDIR: "a part of that path is a file; choose another folder with --out",
    errno.EEXIST: "it exists already; choose another folder with --out",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter folder with --out",
}
_TRIES: Final = 20


class StoreError(Exception):
    """Something could not be written: what, why, and what to do. Nothing half-written is left."""


def run_id(now: datetime | None = None) -> str:
    """A name for a run: UTC date and time, and letters that tell apart runs of the same second."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def new_run(parent: Path, now: datetime | None = None) -> Path:
    """Make a folder that no other run has, inside `parent`, made where missing. Raises StoreError."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            folder = parent / run_id(now)
            try:
                os.mkdir(folder)  # fails where the folder exists: two runs cannot both own it
            except FileExistsError:
                continue
            return folder
    except OSError as problem:
        raise _explained("cannot make a run folder in", parent, problem) from problem
    raise StoreError(f"cannot make a run folder in {parent}: {_TRIES} names were all taken; is a clock stuck?")


def write(path: Path, content: str | bytes) -> Path:
    """Write the whole file or nothing: a temporary file beside it, flushed to disk, then named.

    A file with the same content is left alone; one with another content belongs to another run and is never
    replaced. Raises StoreError.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists():
            if path.is_file() and path.read_bytes() == data:
                return path
            raise StoreError(f"cannot write {path}: another run left it there; choose another folder with --out")
        write_whole(path, data)
    except OSError as problem:
        raise _explained("cannot write", path, problem) from problem
    return path


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace `path` by the content so that a reader, a crash or a full disk never meets half of it."""
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp makes files that nobody else may read
        os.replace(name, path)
    except BaseException:  # ctrl-C too must leave nothing behind
        Path(name).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    # Without it a power cut may forget the name although the content is on disk. Not every system allows it.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _explained(what: str, path: Path, problem: OSError) -> StoreError:
    why = _WHY.get(problem.errno or 0, problem.strerror or str(problem))
    if problem.errno == errno.ENOENT:
        why = "its folder does not exist"
    return StoreError(f"{what} {path}: {why}")
