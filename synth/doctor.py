"""What this machine can do, found out by looking: nothing is installed, started or changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import frozen

from reports.environment import collect
from synth.ownership import strangers
from synth.workers import each
from verify.native.detect import present

_GIB: Final = 1 << 30


@frozen
class Found:
    """One thing looked at. Without a `needed` one the tool does not work; without another it does less."""

    name: str
    fine: bool
    told: str
    needed: bool = False


def examine_machine() -> tuple[Found, ...]:
    """Everything worth knowing before a run, what is needed first."""
    return (*_versions(), _names(), _ptxas(), _sandbox(), _device(), _room(), _key())


def _versions() -> Iterator[Found]:
    environment = collect()
    told = f"{environment.python} on {environment.platform}, {environment.cpus} CPUs"
    yield Found("python", True, told, True)
    for name, version in environment.packages.items():
        yield Found(name, version is not None, version or "not installed", True)


def _names() -> Found:
    clashes = strangers()
    told = ", ".join(f"{package} also belongs to {owner}" for package, owner in clashes)
    return Found("packages", not clashes, told or "no other distribution owns a name of ours", True)


def _ptxas() -> Found:
    # Found without importing triton: its import alone takes seconds.
    spec = find_spec("triton")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    tool = folder / "backends" / "nvidia" / "bin" / "ptxas" if folder else None
    there = tool is not None and os.access(tool, os.X_OK)
    told = "ships with triton" if there else "missing from triton: registers and spills stay unknown"
    return Found("ptxas", there, told)


def _sandbox() -> Found:
    # Isolation is for good once it is on: only a process of its own can find out what it reaches.
    found = next(iter(each([str(Path.cwd())], _tier, 1, 30)))
    weak = found.answer is not None and "landlock" not in found.answer
    return Found("sandbox", not weak and found.answer is not None, found.answer or found.failure)


def _tier(folder: str) -> str:
    from verify.capture.confine import limit, lock

    limit()
    return lock([folder], [])


def _device() -> Found:
    if present():
        return Found("device", True, "a driver is there; whether torch can use it is found out by `bench`")
    return Found("device", False, "no device: nothing is timed, a model stands in its place")


def _room() -> Found:
    free = shutil.disk_usage(".").free
    return Found("disk", free > _GIB, f"{free / _GIB:.1f} GiB free here")


def _key() -> Found:
    there = bool(os.environ.get("OPENAI_API_KEY"))
    told = "OPENAI_API_KEY is set" if there else "OPENAI_API_KEY is not set"
    return Found("model", there, told)
