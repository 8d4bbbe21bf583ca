"""Work in parallel processes that may die: each task ends in an answer or in a sentence on why there is none.

Unlike the pools of the standard library, a worker that crashes or hangs costs its own task and nothing
else, and on the way out, whatever the reason, every worker and what it started is ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar

from attrs import define, field, frozen

Task = TypeVar("Task")
Result = TypeVar("Result")

_GRACE: Final = 3.0  # seconds between asking a worker to end and ending it


@frozen
class Done(Generic[Task, Result]):
    """A task that came to its end: an answer, or the sentence that says why there is none."""

    task: Task
    answer: Result | None
    failure: str = ""


@define
class _Worker:
    process: BaseProcess
    channel: Connection
    task: int | None = None
    deadline: float = field(default=0.0)


def each(
    tasks: Sequence[Task], work: Callable[[Task], Result], jobs: int, seconds: float
) -> Iterator[Done[Task, Result]]:
    """Do `work` on every task in at most `jobs` processes, `seconds` for each, in the order they come to
    an end.

    `work` and the tasks are pickled: `work` must be a function of a module.
    """
    waiting = list(range(len(tasks)))[::-1]
    workers: list[_Worker] = []
    try:
        while waiting or any(worker.task is not None for worker in workers):
            while waiting and sum(worker.task is not None for worker in workers) < jobs:
                worker = next((idle for idle in workers if idle.task is None), None)
                if worker is None:
                    worker = _start(work)
                    workers.append(worker)
                worker.task, worker.deadline = waiting.pop(), time.monotonic() + seconds
                worker.channel.send(tasks[worker.task])
            for worker in _ready(workers):
                index, answer = worker.task, _answer(worker, seconds)
                worker.task = None
                if answer[2]:
                    workers.remove(worker)
                    _end([worker])
                if index is not None:
                    yield Done(tasks[index], answer[0], answer[1])
    finally:
        _end(workers)


def _start(work: Callable[[Any], Any]) -> _Worker:
    # Not fork: torch and z3 hold threads and locks that a forked child would inherit half-way.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work), daemon=False)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    busy = [worker for worker in workers if worker.task is not None]
    left = min(worker.deadline for worker in busy) - time.monotonic()
    ready = wait([worker.channel for worker in busy], timeout=max(0.0, left))
    now = time.monotonic()
    return [worker for worker in busy if worker.channel in ready or worker.deadline <= now]


def _answer(worker: _Worker, seconds: float) -> tuple[Any, str, bool]:
    """The answer, the failure, and whether the worker is of no more use."""
    if not worker.channel.poll():
        return None, f"it did not end within {seconds:g} seconds", True
    try:
        answer, failure = worker.channel.recv()
    except (EOFError, OSError):
        worker.process.join(_GRACE)
        return None, f"its process died ({_death(worker.process.exitcode)})", True
    return answer, failure, False


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.channel.close()
        _signal(worker, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        _signal(worker, signal.SIGKILL)
        worker.process.join()


def _signal(worker: _Worker, number: signal.Signals) -> None:
    # The worker leads a group of its own, so what it started ends with it.
    try:
        os.killpg(worker.process.pid or 0, number)
    except (ProcessLookupError, PermissionError):
        if worker.process.is_alive():
            worker.process.kill()


def _serve(channel: Connection, work: Callable[[Any], Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, lambda number, frame: _stop())
    # What a compiler or a candidate prints must not come between the lines of our own output.
    os.dup2(2, 1)
    while True:
        try:
            task = channel.recv()
        except (EOFError, OSError):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # on the way out there is nothing left to unwind
            return
        try:
            answer: tuple[Any, str] = (work(task), "")
        except Exception as error:  # noqa: BLE001  the boundary of the process: a failure travels as a sentence
            answer = (None, f"{type(error).__name__}: {error}")
        channel.send(answer)


def _stop() -> None:
    raise SystemExit(143)
