"""The environment of a record: what may change an answer, and nothing that tells whose machine it was."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from attrs import frozen

PACKAGES: Final = ("kernelproof", "torch", "triton", "z3-solver", "hypothesis", "numpy")
_CHECKOUT: Final = Path(__file__).resolve().parent.parent


@frozen
class Environment:
    """Machine kind, interpreter and package versions, and the revision of our own checkout.

    `packages` maps a distribution to its version, None where it is not installed. `revision` and `dirty` are
    None outside a git checkout. `time` is UTC, ISO 8601. No host names, user names or paths.
    """

    platform: str
    python: str
    cpus: int
    packages: Mapping[str, str | None]
    revision: str | None
    dirty: bool | None
    time: str


def collect(now: datetime | None = None) -> Environment:
    """Describe this machine and moment. Imports none of the packages it names."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    revision, dirty = _checkout_state(_CHECKOUT)
    return Environment(
        platform=f"{platform.system()} {_release()} {platform.machine()}".replace("  ", " "),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        cpus=_usable_cpus(),
        packages={name: _version(name) for name in PACKAGES},
        revision=revision,
        dirty=dirty,
        time=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _release() -> str:
    # People name the kernels that they build: only the leading numbers are about the system.
    found = re.match(r"[0-9.]+", platform.release())
    return found.group().rstrip(".") if found else ""


def _usable_cpus() -> int:
    # The machine may have 64 cores of which this process may use two.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _checkout_state(root: Path) -> tuple[str | None, bool | None]:
    # Only our own checkout counts: installed into site-packages, a git repo further up is somebody else's.
    if not (root / ".git").exists():
        return None, None
    revision = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain")
    if revision is None or status is None:
        return None, None
    return revision.strip(), bool(status.strip())


def _git(root: Path, *arguments: str) -> str | None:
    # GIT_DIR and its like would point git elsewhere; optional locks would disturb a commit at work.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            env=clean,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
