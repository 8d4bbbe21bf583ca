"""Workers: a task that dies, hangs or raises costs itself, and no process outlives the work."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synth.workers import Done, each


def act(task: str) -> str:
    if task == "raise":
        raise ValueError("a bad day")
    if task == "exit":
        os._exit(7)
    if task == "kill":
        os.kill(os.getpid(), 9)
    if task == "hang":
        time.sleep(600)
    if task == "print":
        print("RESULT verdict=admitted", flush=True)
        os.system("echo RESULT verdict=admitted")
    return task.upper()


def spawn(path: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(path).write_text(str(child.pid))
    time.sleep(600)


def outcomes(found: list[Done[str, str]]) -> dict[str, str]:
    return {done.task: done.answer or done.failure for done in found}


def test_a_worker_that_dies_costs_its_own_task_only() -> None:
    tasks = ["a", "exit", "b", "kill", "c", "raise", "d"]

    assert outcomes(list(each(tasks, act, 2, 60))) == {
        "a": "A", "b": "B", "c": "C", "d": "D",
        "exit": "its process died (exit code 7)",
        "kill": "its process died (killed by SIGKILL)",
        "raise": "ValueError: a bad day",
    }  # fmt: skip


def test_a_worker_that_hangs_is_ended() -> None:
    assert outcomes(list(each(["hang", "a"], act, 2, 2.0))) == {
        "hang": "it did not end within 2 seconds",
        "a": "A",
    }


def test_what_a_worker_prints_is_not_on_our_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes(list(each(["print"], act, 1, 60))) == {"print": "PRINT"}
    assert capfd.readouterr().out == ""


def test_no_tasks_start_no_processes() -> None:
    assert list(each([], act, 3, 1.0)) == []


def test_stopping_early_ends_the_workers_and_what_they_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    work = each([str(note)], spawn, 1, 600)
    started = iter_until(work, note)

    assert not any(child.is_alive() for child in multiprocessing.active_children())
    assert gone(started)


def iter_until(work: object, note: Path) -> int:
    import threading

    def stop() -> None:
        while not note.exists() or not note.read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), 2)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        next(work)  # type: ignore[call-overload]
    return int(note.read_text())


def gone(pid: int) -> bool:
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
