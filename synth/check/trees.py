"""The Python files of a repository: as they lie in the working tree, and as they were at a revision."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from attrs import define, field, frozen

from synth.exits import Trouble

LARGEST: Final = 1 << 20  # bytes of a file that is looked at


class Unreadable(Exception):
    """A file that is there and whose text cannot be had: the message says why."""


class Tree(Protocol):
    """Files by their path from the repository's root, with forward slashes."""

    def files(self) -> Sequence[str]:
        """All Python files, in order."""
        ...

    def read(self, path: str) -> str | None:
        """A file's text, None where there is no such file. Raises Unreadable."""
        ...


@define(eq=False)
class WorkTree:
    """What lies in a folder now: in a git repository what git tracks or would add, elsewhere every Python file."""

    root: Path

    @cached_property
    def _listed(self) -> tuple[str, ...]:
        if in_git(self.root):
            found = git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
            return tuple(
                sorted({each for each in found.split("\0") if each and (self.root / each).is_symlink() is False})
            )
        return tuple(sorted(self._walked()))

    def _walked(self) -> list[str]:
        found = []
        for folder, below, names in os.walk(self.root):  # links to folders are not followed: they may lead in a circle
            below[:] = [each for each in below if not each.startswith(".")]
            found += [os.path.join(folder, name) for name in names if name.endswith(".py")]
        return [PurePosixPath(Path(each).relative_to(self.root)).as_posix() for each in found]

    def files(self) -> Sequence[str]:
        return tuple(each for each in self._listed if (self.root / each).is_file())

    def read(self, path: str) -> str | None:
        try:
            return decoded((self.root / path).read_bytes()) if (self.root / path).is_file() else None
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from None


@define(eq=False)
class GitTree:
    """The files of a revision, from git's own store."""

    root: Path
    revision: str
    _texts: dict[str, bytes | None] = field(factory=dict, init=False)

    @cached_property
    def _listed(self) -> tuple[str, ...]:
        found = git(self.root, "ls-tree", "-r", "-z", "--name-only", self.revision)
        return tuple(sorted(each for each in found.split("\0") if each))

    def files(self) -> Sequence[str]:
        return tuple(each for each in self._listed if each.endswith(".py"))

    def read(self, path: str) -> str | None:
        if path not in self._texts:
            there = path in self._listed
            self._texts[path] = _git(self.root, "show", f"{self.revision}:./{path}").stdout if there else None
        content = self._texts[path]
        return None if content is None else decoded(content)


def decoded(content: bytes) -> str:
    """The text of a source file. Raises Unreadable."""
    if len(content) > LARGEST:
        raise Unreadable(f"it has {len(content)} bytes, and at most {LARGEST} are looked at")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}") from None


@frozen
class Base:
    """Where a change began: the last revision that it shares with `name`."""

    name: str
    revision: str


def base_of(root: Path, name: str) -> Base:
    """The merge base of HEAD and `name`. Raises Trouble, with what to fetch."""
    if not in_git(root):
        raise Trouble(f"{root} is no git repository, so nothing can be compared with {name}", "leave out --changed")
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    more = "fetch its history: git fetch --unshallow, or fetch-depth: 0 for actions/checkout"
    known = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if known.returncode != 0:
        raise Trouble(f"git knows no revision {name!r} here", more if shallow else f"fetch it: git fetch origin {name}")
    found = _git(root, "merge-base", "HEAD", known.stdout.decode().strip())
    if found.returncode != 0:
        told = f"HEAD and {name} share no revision" + (" in this shallow clone" if shallow else "")
        raise Trouble(told, more if shallow else "name the branch that the change starts from")
    return Base(name, found.stdout.decode().strip())


def in_git(root: Path) -> bool:
    """Whether the folder belongs to a git repository: it is the top of one, or a part that is not ignored."""
    if (root / ".git").exists():
        return True
    above = any((each / ".git").exists() for each in root.resolve().parents)
    return above and _git(root, "check-ignore", "-q", ".").returncode == 1


def git(root: Path, *arguments: str) -> str:
    """What git says. Raises Trouble."""
    done = _git(root, *arguments)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise Trouble(f"git {arguments[0]} failed: {said[0]}", said[-1].strip() if len(said) > 1 else "")
    return done.stdout.decode(errors="surrogateescape")


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # GIT_DIR and its like would point git elsewhere; optional locks would disturb a commit at work.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, env=clean, timeout=60, check=False)
    except FileNotFoundError:
        raise Trouble("git is not installed, so what changed cannot be told", "leave out --changed") from None
    except subprocess.TimeoutExpired:
        raise Trouble(f"git {arguments[0]} did not end within 60 seconds") from None
