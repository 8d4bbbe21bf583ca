"""The parent's side of one locked-in child: start it, ask it, and make sure that it is gone in the end."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from attrs import frozen

from verify.capture.protocol import LONGEST_LINE, Ask, Begin, Malformed, Ready, Reply, decode, encode

CHILD: Final = Path(__file__).with_name("child.py")
MOST_PRINTED: Final = 1 << 20  # bytes that may leave the child outside its answer pipe
KEPT: Final = 2000


@frozen
class Limits:
    """Seconds of wall clock: until the child is locked in, for the first answer, and for each later one."""

    start: float = 90.0
    first: float = 30.0
    answer: float = 20.0


class ChildFailed(Exception):
    """The child gave no answer. `rule` is what that means of a candidate: side-effect or failure."""

    def __init__(self, rule: Literal["side-effect", "failure"], what: str) -> None:
        super().__init__(what)
        self.rule, self.what = rule, what


class NotStarted(Exception):
    """The child broke before any candidate code ran: this machine's trouble, not the candidate's."""


class Child:
    """One child process in a session of its own, with a scratch folder. Use as a context manager."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.scratch = tempfile.mkdtemp(prefix="kernelproof-")
        self.tier = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._read = self._write = -1
        self._pending = b""
        self._printed = 0
        self._tail = b""
        self._asked = 0
        self.usable = True  # until it breaks off, goes silent, or talks nonsense

    def __enter__(self) -> Child:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def begin(self, message: Begin) -> None:
        """Hand over the candidate and wait until the child is locked in. Raises NotStarted."""
        try:
            ready: Ready = self._exchange(encode(message), Ready, self.limits.start)
        except (ChildFailed, Malformed) as error:
            self.usable = False
            said = self._tail.decode(errors="replace").strip()
            raise NotStarted(f"the capture child did not start: {error}. {said}"[:KEPT]) from None
        self.tier = ready.tier

    def ask(self, question: Ask) -> Reply:
        """One answer. Raises ChildFailed when the candidate hangs, dies, or answers nonsense."""
        seconds = self.limits.answer if self._asked else self.limits.first
        self._asked += 1
        try:
            return self._exchange(encode(question), Reply, seconds)  # type: ignore[no-any-return]
        except ChildFailed:
            self.usable = False
            raise
        except Malformed as error:
            self.usable = False
            raise ChildFailed("side-effect", f"the capture child answers nonsense: {error}") from None

    def close(self) -> None:
        """Kill the whole process group and remove the scratch folder."""
        process, self._process = self._process, None
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                process.kill()
            process.wait()
            for stream in (process.stdout,):
                if stream is not None:
                    stream.close()
        for handle in (self._read, self._write):
            if handle >= 0:
                os.close(handle)
        self._read = self._write = -1
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self) -> None:
        their_read, self._write = os.pipe()
        self._read, their_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", str(CHILD), str(their_read), str(their_write)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.scratch,
                env=self._environment(),
                pass_fds=(their_read, their_write),
                start_new_session=True,
            )
        finally:
            os.close(their_read)
            os.close(their_write)
        os.set_blocking(self._write, False)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but where libraries lie: no keys, no home, no caches."""
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        folders = {"HOME": self.scratch, "TMPDIR": self.scratch, "TRITON_CACHE_DIR": f"{self.scratch}/triton"}
        return {
            **kept,
            **single,
            **folders,
            "PATH": "/usr/bin:/bin",
            "CUDA_VISIBLE_DEVICES": "",
            "LANG": "C.UTF-8",
        }

    def _exchange(self, message: bytes, kind: type[Any], seconds: float) -> Any:
        """Send one line and wait for one, while what the candidate prints is drained and counted."""
        process = self._process
        assert process is not None and process.stdout is not None
        deadline = time.monotonic() + seconds
        printed = process.stdout.fileno()
        open_ends = {self._read, printed}
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChildFailed("failure", f"did not finish within {seconds:.0f} seconds")
            readable, writable, _ = select.select(open_ends, [self._write] if message else [], [], min(left, 1.0))
            if writable:
                message = self._send(message)
            if printed in readable and not self._drain(printed):
                open_ends.discard(printed)
            if self._read in readable and not self._receive():
                raise ChildFailed("side-effect", f"ended the process before it answered ({self._status()})")
        line, _, self._pending = self._pending.partition(b"\n")
        return decode(line, kind)

    def _send(self, message: bytes) -> bytes:
        try:
            return message[os.write(self._write, message) :]
        except BlockingIOError:
            return message
        except BrokenPipeError:
            return b""  # its end shows on the answer pipe

    def _drain(self, printed: int) -> bool:
        said = os.read(printed, 1 << 16)
        self._printed += len(said)
        self._tail = (self._tail + said)[-KEPT:]
        if self._printed > MOST_PRINTED:
            raise ChildFailed("side-effect", f"prints more than {MOST_PRINTED >> 20} MiB")
        return bool(said)

    def _receive(self) -> bool:
        got = os.read(self._read, 1 << 20)
        self._pending += got
        if len(self._pending) > LONGEST_LINE:
            raise ChildFailed("side-effect", f"answers with more than {LONGEST_LINE >> 20} MiB")
        return bool(got)

    def _status(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it still runs"
        if code >= 0:
            return f"exit status {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
