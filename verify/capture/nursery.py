"""The parent's side of the process that capture children are forked from.

Importing torch and triton takes longer than most captures. One process does it for all that its parent captures;
it has a clean environment, never sees a candidate, and ends when its parent does.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = Path(__file__).with_name("child.py")
REPLY: Final = 1 << 12
KEPT: Final = 2000  # characters of what a nursery said last


class NoNursery(Exception):
    """The process from which children are forked does not start, or broke."""


class Nursery:
    """One process to fork children from."""

    def __init__(self, seconds: float) -> None:
        self.owner = os.getpid()
        self._folder = tempfile.mkdtemp(prefix="kernelproof-nursery-")
        self._said = Path(self._folder) / "said"
        self._turn = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(self._said, "wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", str(PROGRAM), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=_environment(self._folder),
                pass_fds=(theirs.fileno(),),
            )
        try:
            self._receive(seconds)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it is there to be asked, by this process: a fork of ours must not share its conversation."""
        return self.owner == os.getpid() and self._process.poll() is None

    def fork(self, scratch: str, handles: tuple[int, int, int], seconds: float) -> int:
        """A new child's process id. `handles` are its requests, its answers, and where what it prints goes."""
        with self._turn:
            try:
                socket.send_fds(self._control, [json.dumps({"scratch": scratch}).encode()], handles)
            except OSError as error:
                raise NoNursery(f"{error}. {self._last_words()}") from None
            return int(self._receive(seconds)["process"])

    def ended(self, process: int, seconds: float) -> int | None:
        """A child's exit status, negative for a signal; None while it runs. To be asked until it has ended."""
        with self._turn:
            try:
                self._control.send(json.dumps({"ended": process}).encode())
            except OSError as error:
                raise NoNursery(f"{error}. {self._last_words()}") from None
            status: int | None = self._receive(seconds)["status"]
            return status

    def close(self) -> None:
        """End it, and with it what children are left."""
        self._control.close()
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _receive(self, seconds: float) -> Any:
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(REPLY)
        except TimeoutError:
            raise NoNursery(f"was silent for {seconds:.0f} seconds. {self._last_words()}") from None
        except OSError as error:
            raise NoNursery(f"{error}. {self._last_words()}") from None
        if not message:
            raise NoNursery(f"ended early. {self._last_words()}")
        return json.loads(message)

    def _last_words(self) -> str:
        try:
            return self._said.read_text(encoding="utf-8", errors="replace").strip()[-KEPT:]
        except OSError:
            return ""


_present: Nursery | None = None
_changing: Final = threading.Lock()


def nursery(seconds: float) -> Nursery:
    """The nursery of this process, started if there is none. Raises NoNursery."""
    global _present
    with _changing:
        if _present is None or not _present.alive:
            if _present is not None:
                _present.close()
            _present = Nursery(seconds)
        return _present


@atexit.register
def _close() -> None:
    if _present is not None:
        _present.close()


def _environment(folder: str) -> dict[str, str]:
    """Nothing of ours but where libraries lie: no keys, no home, no caches."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    folders = {"HOME": folder, "TMPDIR": folder, "TRITON_CACHE_DIR": f"{folder}/triton"}
    return {**kept, **single, **folders, "PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "LANG": "C.UTF-8"}
