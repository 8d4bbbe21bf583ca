"""The parent's side of one locked-in child: start it, ask it, and make sure that it is gone in the end."""

from __future__ import annotations

import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Literal

from attrs import frozen

from verify.capture.nursery import NoNursery, Nursery, nursery
from verify.capture.protocol import LONGEST_LINE, Ask, Begin, Malformed, Ready, Reply, decode, encode

GONE: Final = 5.0  # seconds in which a process that was killed, or closed its pipes, has ended
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
        self._nursery: Nursery | None = None
        self._process = 0
        self._exit: int | None = None  # what the nursery said once, for it can say it once only
        self._read = self._write = self._printed_by = -1
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
        process, self._process = self._process, 0
        if process and self._nursery is not None:
            with suppress(ProcessLookupError, PermissionError):  # it may have ended
                os.killpg(process, signal.SIGKILL)
            self._ended(process, GONE)
        for handle in (self._read, self._write, self._printed_by):
            if handle >= 0:
                os.close(handle)
        self._read = self._write = self._printed_by = -1
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self) -> None:
        their_read, self._write = os.pipe()
        self._read, their_write = os.pipe()
        self._printed_by, their_print = os.pipe()
        try:
            self._nursery = nursery(self.limits.start)
            handles = (their_read, their_write, their_print)
            self._process = self._nursery.fork(self.scratch, handles, self.limits.start)
        except NoNursery as error:
            raise NotStarted(f"the capture child did not start: {error}") from None
        finally:
            for handle in (their_read, their_write, their_print):
                os.close(handle)
        os.set_blocking(self._write, False)

    def _exchange(self, message: bytes, kind: type[Any], seconds: float) -> Any:
        """Send one line and wait for one, while what the candidate prints is drained and counted."""
        deadline = time.monotonic() + seconds
        printed = self._printed_by
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
        code = self._ended(self._process, GONE)
        if code is None:
            return "it still runs"
        if code >= 0:
            return f"exit status {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def _ended(self, process: int, seconds: float) -> int | None:
        """The exit status, once there is one; None after `seconds`."""
        assert self._nursery is not None
        deadline, pause = time.monotonic() + seconds, 0.001
        while self._exit is None and time.monotonic() < deadline:
            try:
                self._exit = self._nursery.ended(process, seconds)
            except NoNursery:
                break  # with the nursery its children end
            if self._exit is None:
                time.sleep(pause := min(2 * pause, 0.1))
        return self._exit
