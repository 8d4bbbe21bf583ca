"""What this machine can do, found out by looking: nothing is installed, started or changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import frozen

from reports.environment import collect
from synth.ownership import strangers

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
    from verify.capture.sandbox import tier

    return _asked("sandbox", tier)


def _device() -> Found:
    def ask() -> str:
        import torch

        if not torch.cuda.is_available():
            raise LookupError("no CUDA device: nothing is timed, a model stands in its place")
        return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"

    return _asked("device", ask)


def _asked(name: str, ask: Callable[[], str]) -> Found:
    try:
        return Found(name, True, ask())
    except Exception as error:  # noqa: BLE001  a doctor reports what is broken and does not break on it
        return Found(name, False, str(error) or type(error).__name__)


def _room() -> Found:
    free = shutil.disk_usage(".").free
    return Found("disk", free > _GIB, f"{free / _GIB:.1f} GiB free here")


def _key() -> Found:
    there = bool(os.environ.get("OPENAI_API_KEY"))
    told = "OPENAI_API_KEY is set" if there else "OPENAI_API_KEY is not set"
    return Found("model", there, told)
