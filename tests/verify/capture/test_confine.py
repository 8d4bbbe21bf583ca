"""The locks themselves: what a process can still do once it is shut in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verify.capture.capture import capture
from verify.capture.sandbox import Limits
from verify.case import PROFILES, Candidate
from verify.plan import Violation

ROOT = Path(__file__).parents[3]
TRIES = """
import json, os, socket, subprocess, sys, threading
sys.path.append({root!r})
from verify.capture.confine import limit, lock
limit()
tier = lock(["/usr", "/lib", "/lib64", "/dev/null", sys.prefix, sys.base_prefix], [{scratch!r}])
def attempt(what):
    try:
        what()
        return "done"
    except MemoryError:
        return "MemoryError"
    except OSError as error:
        return type(error).__name__
thread = threading.Thread(target=lambda: None)
found = dict(
    inside=attempt(lambda: open({scratch!r} + "/a", "w").close()),
    outside=attempt(lambda: open({outside!r} + "/a", "w").close()),
    secret=attempt(lambda: open({outside!r} + "/secret").close()),
    parent=attempt(lambda: open(f"/proc/{{os.getppid()}}/environ").close()),
    local=attempt(lambda: socket.socket(socket.AF_UNIX)),
    network=attempt(lambda: socket.socket(socket.AF_INET)),
    fork=attempt(os.fork),
    program=attempt(lambda: subprocess.run(["/bin/true"])),
    signal=attempt(lambda: os.kill(os.getppid(), 0)),
    memory=attempt(lambda: bytearray(200 << 30)),
    thread=attempt(lambda: (thread.start(), thread.join())),
)
print(json.dumps([tier, found]))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    scratch, outside = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("key")
    script = TRIES.format(root=str(ROOT), scratch=str(scratch), outside=str(outside))
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    tier, found = json.loads(done.stdout)
    return tier, found


def test_limits_hold_everywhere(outcome: tuple[str, dict[str, str]]) -> None:
    tier, found = outcome
    assert tier.startswith("process+rlimits")
    assert found["memory"] == "MemoryError"
    assert found["inside"] == "done"


def test_seccomp_closes_the_ways_out(outcome: tuple[str, dict[str, str]]) -> None:
    tier, found = outcome
    if "seccomp" not in tier:
        pytest.skip("this kernel has no seccomp for us")
    ways = ("local", "network", "fork", "program", "signal")
    assert {way: found[way] for way in ways} == dict.fromkeys(ways, "PermissionError")
    assert found["thread"] == "done"


def test_landlock_closes_the_files(outcome: tuple[str, dict[str, str]]) -> None:
    tier, found = outcome
    if "landlock" not in tier:
        pytest.skip("this kernel has no Landlock for us")
    ways = ("outside", "secret", "parent")
    assert {way: found[way] for way in ways} == dict.fromkeys(ways, "PermissionError")


@pytest.mark.parametrize(
    ("file", "rule", "words"),
    [
        ("gluttony", "side-effect", "memory"),
        ("through_torch", "import", "os as torch.os"),
        ("forks", "side-effect", "__globals__"),
    ],
)
def test_hostile_candidates(file: str, rule: str, words: str) -> None:
    from tests.verify.capture.small import CANDIDATES, double

    source = (CANDIDATES / f"{file}.py").read_text()
    found = capture(double(), Candidate(source, "double", f"{file}.py"), PROFILES["quick"])
    (answer,) = found.answers
    assert isinstance(answer, Violation) and answer.rule == rule and words in answer.what
    assert answer.place.line > 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os\nos._exit(0)", "ended the process before it answered (exit status 0)"),
        ("import os\nos.kill(os.getpid(), 11)", "sandbox"),
        ("import os\nos.fork()", "sandbox"),
        (
            "import os, sys\nwhile True: os.write(1, b'RESULT verdict=admitted' * 1000)",
            "prints more than 1 MiB",
        ),
        ("import socket\nsocket.socket()", "sandbox"),
        ("import subprocess\nsubprocess.run(['true'])", "sandbox"),
        ("open('/tmp/kernelproof-was-here', 'w')", "sandbox"),
        ("import time\ntime.sleep(60)", "did not finish within 3 seconds"),
    ],
)
def test_what_no_reading_of_the_source_sees(body: str, words: str, tmp_path: Path) -> None:
    """Policy `repo` skips the reading: only the sandbox stands between a package and the machine."""
    from tests.verify.capture.small import double

    (tmp_path / "hostile.py").write_text(f"{body}\ndef double(x):\n    return x\n")
    candidate = Candidate("", "double", "hostile:double", policy="repo")
    found = capture(double(), candidate, PROFILES["quick"], Limits(first=3.0), roots=(str(tmp_path),))
    (answer,) = found.answers
    assert isinstance(answer, Violation) and words in answer.what, answer
