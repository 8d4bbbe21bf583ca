"""Where children come from: one process for all of them, from which none of them can reach another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.verify.capture.small import double
from verify.capture.capture import capture
from verify.capture.nursery import nursery
from verify.capture.sandbox import Child, Limits
from verify.case import PROFILES, Candidate
from verify.plan import Plan

ROOT = Path(__file__).parents[3]
MARKS = "import torch, sys\nassert not hasattr(torch, 'marked'), 'another was here'\ntorch.marked = sys.marked = True\n"


def captured(tmp_path: Path, name: str) -> object:
    body = f"{MARKS}def double(x):\n    raise ValueError(str(torch.marked))\n"
    (tmp_path / f"{name}.py").write_text(body)
    candidate = Candidate("", "double", f"{name}:double", policy="repo")
    return capture(double(), candidate, PROFILES["quick"], roots=(str(tmp_path),)).answers[0]


def test_what_one_candidate_changes_the_next_does_not_see(tmp_path: Path) -> None:
    first, second = captured(tmp_path, "one_mark"), captured(tmp_path, "another_mark")
    assert not isinstance(first, Plan) and "another was here" not in str(first)
    assert "another was here" not in str(second)
    assert type(first) is type(second)


def test_a_child_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    with Child(Limits()) as child:
        process, scratch = child._process, child.scratch
        assert os.getpgid(process) == process != os.getpgid(0)
    assert not Path(f"/proc/{process}").exists() and not Path(scratch).exists()


def test_a_nursery_that_died_is_replaced() -> None:
    old = nursery(90.0)
    os.kill(old._process.pid, signal.SIGKILL)
    old._process.wait()
    with Child(Limits()) as child:
        assert child._nursery is not old
        assert child._process


def test_children_and_nursery_end_with_their_parent() -> None:
    """Killed outright, so that nothing tidies up."""
    script = (
        f"import os, sys; sys.path.append({str(ROOT)!r})\n"
        "from verify.capture.sandbox import Child, Limits\n"
        "child = Child(Limits()).__enter__()\n"
        "print(child._process, child._nursery._process.pid, child._nursery._folder, child.scratch, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    *processes, folder, scratch = done.stdout.split()
    for left in (folder, scratch):
        for file in Path(left).glob("*"):
            file.unlink()
        Path(left).rmdir()
    assert len(processes) == 2 and done.returncode == -9, done.stderr
    for process in processes:
        for _ in range(200):
            status = Path(f"/proc/{process}/stat")
            if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
                break
            time.sleep(0.05)
        else:
            raise AssertionError(f"process {process} outlives its parent")
