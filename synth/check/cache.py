"""Records by what they depend on: an unchanged function costs no gate.

The key holds the function's code and where it stands, the spec, the effort, the policy, the versions of what the
answer depends on and of what the function's files import, and this program's own text.
"""

from __future__ import annotations

import os
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from reports.canonical import Unreadable, decode, encode
from reports.environment import Environment, collect
from reports.record import Record
from reports.store import write_whole
from synth.check.config import Config
from synth.check.subjects import Subject
from synth.ownership import installed

FOLDER: Final = ".kernelproof"
OWN: Final = ("specs", "verify", "reports", "synth")


def key(subject: Subject, spec_digest: str, config: Config) -> str:
    """The name of the subject's record."""
    environment = _environment()
    parts = (
        subject.function, subject.closure.digest, subject.closure.places, spec_digest, config.profile,
        ",".join(config.required), environment.python, repr(sorted(environment.packages.items())),
        repr([(each, _versions(each)) for each in subject.closure.packages]), _own_digest(),
    )  # fmt: skip
    return sha256("\0".join(parts).encode()).hexdigest()


@cache
def _environment() -> Environment:
    return collect()


def _versions(package: str) -> tuple[str, ...]:
    """The versions of what a first name is imported from; none where it is not installed or Python's own."""
    return tuple(sorted(f"{each} {version(each)}" for each in set(installed().get(package, ()))))


def load(root: Path, name: str) -> Record | None:
    """The stored record; None where there is none, or a damaged one, which will be made again."""
    try:
        return decode((root / FOLDER / f"{name}.json").read_bytes())
    except (OSError, Unreadable):
        return None


def store(root: Path, name: str, record: Record) -> None:
    """Keep a record, if the folder can be written: a cache that cannot costs time, not the answer."""
    folder = root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            write_whole(folder / ".gitignore", "*\n")
        write_whole(folder / f"{name}.json", encode(record).decode())
    except OSError:
        return


@cache
def _own_digest() -> str:
    own = sha256()
    root = Path(__file__).resolve().parents[2]
    for package in OWN:
        for folder, below, names in os.walk(root / package):
            below[:] = sorted(each for each in below if each not in ("__pycache__", "runs", "published", "proposals"))
            for name in sorted(names):
                if name.endswith((".py", ".lark")):
                    own.update((Path(folder) / name).read_bytes())
    return own.hexdigest()
