"""Folders that a run writes into: made, checked for writing, and claimed, so that two runs never share
one.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from synth.exits import Trouble

RUNS: Final = Path("reports") / "runs"


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """The folder, made where it is missing, for this process alone while the body runs. Raises Trouble."""
    elsewhere = "choose another place by --out"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # An open folder can be locked itself: no lock file stays behind, whatever ends this process.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileExistsError, NotADirectoryError):
        raise Trouble(f"{folder} is not a folder, or lies below something that is none", elsewhere) from None
    except OSError as error:
        raise Trouble(f"cannot write into {folder}: {error.strerror or error}", elsewhere) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = f"another run is writing into {folder}"
            raise Trouble(told, f"wait for it, or {elsewhere}") from None
        writable(folder)
        yield folder
    finally:
        os.close(handle)


def writable(folder: Path) -> None:
    """Raise Trouble unless a file can be made in `folder`. Asked before hours of work, not after."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        told = f"cannot write into {folder}: {error.strerror or error}"
        raise Trouble(told, "choose another place") from None
