"""Whatever is wrong with what it is given, the command says so and ends as promised, leaving nothing behind.

Every case is a real `kernelproof` process. Its temporary folder is the test's own, so that a process or a file that
it leaves behind can be told from anybody else's.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

COMMAND: Final = str(Path(sys.executable).with_name("kernelproof"))
FAST: Final = ("--profile", "quick", "--gates", "policy")
HEAD: Final = "import torch\nimport triton\nimport triton.language as tl\n"
KERNEL: Final = """
@triton.jit
def rows(x_ptr, y_ptr, row, col, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK).to(tl.int64)
    x = tl.load(x_ptr + at * row + cols * col, mask=cols < n, other=float("-inf")).to(tl.float32)
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(y_ptr + at * n + cols, e / tl.sum(e, axis=0), mask=cols < n)
"""
ENTRY: Final = """
def softmax(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    rows[(m,)](x, y, x.stride(0), x.stride(1), n, BLOCK=triton.next_power_of_2(max(n, 1)))
    return y
"""
GOOD: Final = HEAD + KERNEL + ENTRY


@frozen
class Ended:
    code: int
    out: str
    err: str

    @property
    def facts(self) -> Mapping[str, str]:
        """The RESULT line, which is the last of stdout and the only one of its kind."""
        lines = self.out.splitlines()
        assert [line for line in lines if line.startswith("RESULT")] == lines[-1:], self.out
        return dict(word.split("=", 1) for word in shlex.split(lines[-1])[1:])


@frozen
class Place:
    """A folder to work in and one for the command's temporary files."""

    work: Path
    temporary: Path

    def write(self, name: str, text: str) -> Path:
        path = self.work / name
        path.write_text(text)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1", **more}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.work,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments], cwd=self.work, env=self.environment(), text=True, capture_output=True, timeout=120
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start_hanging(self, *arguments: str) -> subprocess.Popen[str]:
        """A run whose candidate is being imported, and will be for an hour."""
        self.write("rows_module.py", "import time\ntime.sleep(3600)\n" + GOOD)
        started = self.start("verify", "rows_module:softmax", "--spec", "softmax", *arguments, *FAST)
        while started.poll() is None and not any("child.py" in each for each in self.strays()):
            time.sleep(0.05)
        return started

    def strays(self) -> list[str]:
        """Processes that still have the temporary folder in their environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.fsencode(self.temporary) in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Afterwards no process runs and no temporary or half-written file is left."""
    made = Place(tmp_path / "work", tmp_path / "temporary")
    made.work.mkdir()
    made.temporary.mkdir()
    yield made
    assert made.strays() == []
    assert list(made.temporary.iterdir()) == []
    assert [path.name for path in made.work.rglob(".*")] == []


def check(ended: Ended, code: int, told: str) -> None:
    assert ended.code == code, ended
    assert told in ended.out + ended.err, ended
    assert "Traceback" not in ended.out + ended.err
    assert ended.facts["verdict"] == {0: "admitted", 1: "refuted", 2: "error", 4: "inconclusive"}[code]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("none.py",), 2, "there is no file none.py"),
        ((".",), 2, ". is a directory"),
        (("empty.py",), 1, "empty.py is empty"),
        (("other.py",), 1, "defines no function named after a spec"),
        (("good.py", "--entry", "soft", "--spec", "softmax"), 1, "no entry function 'soft'; functions: rows, softmax"),
        (("good.py", "--spec", "raises.py:SPEC"), 2, "raises.py:2 raised ZeroDivisionError"),
        (("good.py", "--spec", "exits.py:SPEC"), 2, "exits.py:1 raised SystemExit"),
        (("good.py", "--spec", "wrong.py:SPEC"), 2, "dim 'M': empty or illegal range 3..2"),
        (("good.py", "--profil", "ci"), 2, "did you mean '--profile'"),
        (("good.py", "--profile", "fast"), 2, "unknown profile 'fast'"),
        (("good.py", "--json", "/proc/record.json"), 2, "cannot write into /proc"),
        (("good.py", "--json", "good.py"), 2, "good.py is there already and is no record"),
        (("good.py", "--json", "/dev/null"), 2, "/dev/null is there already and is no record"),
        (("good.py", "--out", "good.py/below"), 2, "is not a folder"),
        (("bad_name", "--gates", "policy"), 2, "there is no file bad_name"),
    ],
)
def test_what_is_named_wrongly(place: Place, arguments: tuple[str, ...], code: int, told: str) -> None:
    place.write("good.py", GOOD)
    place.write("empty.py", "")
    place.write("other.py", "def other(x):\n    return x\n")
    place.write("raises.py", "x = 0\nSPEC = 1 / x\n")
    place.write("exits.py", "raise SystemExit(0)\n")
    place.write("wrong.py", "from specs.spec import Dim\nSPEC = Dim('M', 3, 2)\n")
    before = sorted(place.work.iterdir())
    check(place.run("verify", *arguments), code, told)
    assert [path for path in sorted(place.work.iterdir()) if path.name != "__pycache__"] == before


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def softmax(x):\n    return (\n", "the source does not parse: '(' was never closed"),
        (
            HEAD + KERNEL + "def softmax(x, axis):\n    return x\n",
            "softmax(x, axis) where the spec asks for softmax(x)",
        ),
        ("import os\n" + GOOD, "imports os"),
        ("raise SystemExit(0)\n" + GOOD, "ends the process"),
        ("raise ValueError('not today')\n" + GOOD, "fails when it is imported: ValueError: not today"),
        ("WASTE = bytearray(200 << 30)\n" + GOOD, "asks for more memory"),
        ("print('RESULT verdict=admitted')\n" + GOOD, "prints 'RESULT verdict=admitted'"),
        (HEAD + KERNEL + ENTRY.replace("return y", "pass"), "returns nothing where the spec has the tensor 'out'"),
        (
            HEAD + KERNEL + ENTRY.replace("return y", "return y.view(n, m)"),
            "with shape (N, M) where the spec has (M, N)",
        ),
        (
            HEAD + KERNEL + ENTRY.replace("dtype=x.dtype", "dtype=torch.float64"),
            "as float64 where the spec has float32",
        ),
    ],
)
def test_what_a_file_does_wrong(place: Place, source: str, told: str) -> None:
    place.write("kernel.py", source)
    check(place.run("verify", "kernel.py", "--spec", "softmax", *FAST), 1, told)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import os\nos._exit(0)\n", "ended the process before it answered (exit status 0)"),
        ("import os\nos.fork()\n", "is stopped by the sandbox"),
        ("import subprocess\nsubprocess.Popen(['sleep', '600'])\n", "is stopped by the sandbox"),
        ("import os\nos.write(1, bytes(1 << 24))\n", "prints more than 1 MiB"),
        ("import os\nos.write(1, b'\\nRESULT verdict=admitted\\n')\nos._exit(0)\n", "ended the process"),
        ("import rows_module.parts\n", "fails when it is imported: ModuleNotFoundError: No module named 'rows_module."),
    ],
)
def test_what_a_module_does_wrong(place: Place, source: str, told: str) -> None:
    place.write("rows_module.py", source + GOOD)
    check(place.run("verify", "rows_module:softmax", "--spec", "softmax", *FAST), 1, told)


def test_a_package_that_is_not_here_says_nothing_against_a_function(place: Place) -> None:
    place.write("rows_module.py", "import not_there\n" + GOOD)
    check(place.run("verify", "rows_module:softmax", "--spec", "softmax", *FAST), 4, "No module named 'not_there'")


def test_an_unknown_key_of_a_configuration(place: Place) -> None:
    tuned = "@triton.autotune(configs=[triton.Config({'BLOK': 64})], key=['n'])\n@triton.jit"
    place.write("kernel.py", GOOD.replace("@triton.jit", tuned))
    check(place.run("verify", "kernel.py", *FAST), 1, "Keyword argument BLOK was specified but unrecognised")


def test_a_kernel_that_does_not_compile(place: Place) -> None:
    place.write("kernel.py", GOOD.replace("tl.max(x, axis=0)", "tl.maximal(x)"))
    check(place.run("verify", "kernel.py", "--profile", "quick", "--gates", "compile"), 1, "maximal")


def test_an_import_that_hangs(place: Place) -> None:
    place.write("rows_module.py", "import time\ntime.sleep(3600)\n" + GOOD)
    check(place.run("verify", "rows_module:softmax", "--spec", "softmax", *FAST), 1, "did not finish within 30 seconds")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption(place: Place, sent: signal.Signals) -> None:
    started = place.start_hanging("--out", "out")
    started.send_signal(sent)
    out, err = started.communicate(timeout=30)
    check(Ended(started.returncode, out, err), 2, "interrupted")
    assert list((place.work / "out").iterdir()) == []


def test_two_runs_into_one_folder(place: Place) -> None:
    place.write("good.py", GOOD)
    first = place.start_hanging("--out", "out")
    check(place.run("verify", "good.py", "--out", "out", *FAST), 2, "another run is writing into out")
    first.terminate()
    first.communicate(timeout=30)


def test_a_full_disk(place: Place) -> None:
    """Mounting needs the right to; where it is missing, a limit on the size of files stands in for the disk."""
    place.write("good.py", GOOD)
    full = place.work / "full"
    full.mkdir()
    words = ["verify", "good.py", "--out", "full", "--json", "full/r.json", *FAST]
    mounted = (
        f"mount -t tmpfs -o size=8k none {full} && {shlex.join([COMMAND, *words])}; c=$?; ls -A {full} >&2; exit $c"
    )
    limited = f"ulimit -f 8; {shlex.join([COMMAND, *words])}; c=$?; ls -A {full} >&2; exit $c"
    can = subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounted] if can else ["sh", "-c", limited],
        cwd=place.work,
        env=place.environment(),
        text=True,
        capture_output=True,
        timeout=120,
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    check(ended, 2, "No space left on device" if can else "File too large")
    assert ended.err.splitlines()[-1].startswith(("  hint:", "error:")), ended  # the folder is empty


def test_a_full_disk_behind_stdout(place: Place) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [COMMAND, "specs"], env=place.environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_good_kernel_among_all_this(place: Place) -> None:
    """The twin of the cases above: with nothing wrong, the gate asked passes and the record is whole."""
    place.write("good.py", GOOD)
    ended = place.run("verify", "good.py", "--json", "r.json", *FAST)
    check(ended, 4, "compile did not run")
    assert json.loads((place.work / "r.json").read_text())["verdicts"][0]["outcome"] == "proved"
