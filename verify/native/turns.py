"""Turns on the device, among all processes of this user: checks run side by side, what is timed runs alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait for the device. The lock goes with the process that holds it, however it ends."""
    with (Path(gettempdir()) / f"kernelproof-device-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
