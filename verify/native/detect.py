"""Whether an accelerator's driver is there, asked without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NODES: Final = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")


def present() -> bool:
    """Whether a driver's device node exists. That torch can use it too is found out by whoever tries."""
    return any(Path(node).exists() for node in NODES)
