"""GPU targets and what compiled kernels need of them: registers, spills, shared memory.

Compiling needs no GPU. It happens in processes of our own, fed with TTIR text; results are kept by digest
in the user's cache folder, since the same TTIR for the same target by the same Triton gives the same
answer.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from verify.ir.locations import without_places
from verify.plan import Variant

COMPILER: Final = Path(__file__).with_name("compiler.py")
WORKERS: Final = 2
SECONDS: Final = 120.0  # for one compilation
GENERATION: Final = 1  # of the cache; counts up when an answer's meaning changes


@frozen
class Target:
    """A GPU architecture. `shared` is the most shared memory of one program in bytes."""

    name: str
    backend: str
    arch: int | str
    warp: int
    shared: int


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target("sm_80", "cuda", 80, 32, 166_912),
        Target("sm_90", "cuda", 90, 32, 232_448),
        Target("sm_100", "cuda", 100, 32, 232_448),
        Target("gfx942", "hip", "gfx942", 64, 65_536),
    )
}


@frozen
class Resources:
    """What one program needs: registers of each lane, bytes spilled by each lane, bytes of shared memory."""

    registers: int
    spills: int
    shared: int


@frozen
class Rejected:
    """The target does not take the kernel, and why."""

    message: str


@frozen
class Job:
    """One compilation. `ttir` names no places: a comment above a kernel, or its file's name, asks for no new one."""

    ttir: str
    target: str
    num_warps: int = 4
    num_stages: int = 3
    num_ctas: int = 1

    @classmethod
    def of(cls, variant: Variant, target: str) -> Job:
        return cls(without_places(variant.ttir), target, variant.num_warps, variant.num_stages, variant.num_ctas)

    @property
    def options(self) -> dict[str, int]:
        return {"num_warps": self.num_warps, "num_stages": self.num_stages, "num_ctas": self.num_ctas}

    @property
    def digest(self) -> str:
        asked = [GENERATION, _triton(), self.target, self.options, self.ttir]
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def compile_ttir(ttir: str, target: str, options: Mapping[str, int]) -> Resources | Rejected:
    """What a kernel needs on a target of `TARGETS`; `options` are num_warps, num_stages and num_ctas."""
    job = Job(ttir, target, **options)
    return compile_all([job])[job]


def compile_all(jobs: Sequence[Job]) -> dict[Job, Resources | Rejected]:
    """Every job's answer, from the cache or compiled now. Raises CompilerBroke when our own process fails."""
    wanted = list(dict.fromkeys(jobs))
    found = {job: answer for job in wanted if (answer := _remembered(job)) is not None}
    missing = [job for job in wanted if job not in found]
    if missing:
        for job, answer in _compiled(missing).items():
            found[job] = answer
            _remember(job, answer)
    return {job: _within(job, answer) for job, answer in found.items()}


class CompilerBroke(Exception):
    """The compiling process ended or went silent without an answer."""


def _within(job: Job, answer: Resources | Rejected) -> Resources | Rejected:
    """Compiling does not check the hardware's limit on shared memory; launching would."""
    most = TARGETS[job.target].shared
    if isinstance(answer, Resources) and answer.shared > most:
        return Rejected(f"needs {answer.shared} bytes of shared memory, {job.target} has {most}")
    return answer


def _compiled(jobs: Sequence[Job]) -> dict[Job, Resources | Rejected]:
    """Share the jobs among a few processes."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    answers: dict[Job, Resources | Rejected] = {}
    trouble: list[BaseException] = []

    def work() -> None:
        try:
            with _Worker() as worker:
                while not trouble:
                    try:
                        job = waiting.get_nowait()
                    except queue.Empty:
                        return
                    answers[job] = worker.compile(job)
        except BaseException as error:  # noqa: BLE001  carried over to the thread that asked
            trouble.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(WORKERS, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:
        trouble.append(error)  # ctrl-C: the workers stop after their present job and are killed with us
        raise
    if trouble:
        raise trouble[0]
    return answers


class _Worker:
    """One compiling process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kernelproof-compile-")
        self._pending = b""

    def __enter__(self) -> _Worker:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(COMPILER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env={
                **{name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PATH") if name in os.environ},
                "HOME": self._folder.name,
                "TMPDIR": self._folder.name,
                "TRITON_CACHE_DIR": self._folder.name,
            },
        )
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._folder.cleanup()

    def compile(self, job: Job) -> Resources | Rejected:
        target = TARGETS[job.target]
        asked = {
            "ttir": job.ttir,
            "backend": target.backend,
            "arch": target.arch,
            "warp": target.warp,
            "options": job.options,
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise CompilerBroke(f"the compiling process for {job.target} ended early") from None
        answer = self._line(job)
        if "error" in answer:
            return Rejected(answer["error"])
        return Resources(answer["registers"], answer["spills"], answer["shared"])

    def _line(self, job: Job) -> Any:
        """The next line that is an answer; Triton prints other things too."""
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        while True:
            while b"\n" not in self._pending:
                ready, _, _ = select.select([handle], [], [], SECONDS)
                got = os.read(handle, 1 << 16) if ready else b""
                if not got:
                    end = "ended" if ready else f"was silent for {SECONDS:.0f} seconds"
                    raise CompilerBroke(f"the compiling process for {job.target} {end}")
                self._pending += got
            line, _, self._pending = self._pending.partition(b"\n")
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict):
                return answer


@cache
def _triton() -> str:
    return version("triton")


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "kernelproof" / "compile"


def _remembered(job: Job) -> Resources | Rejected | None:
    try:
        kept = json.loads((_folder() / f"{job.digest}.json").read_bytes())
        return Rejected(kept["error"]) if "error" in kept else Resources(**kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(job: Job, answer: Resources | Rejected) -> None:
    """Keep an answer. A cache that cannot be written is no trouble."""
    if isinstance(answer, Rejected):
        kept: dict[str, Any] = {"error": answer.message}
    else:
        kept = {"registers": answer.registers, "spills": answer.spills, "shared": answer.shared}
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
            json.dump(kept, file)
        os.replace(file.name, folder / f"{job.digest}.json")
    except OSError:
        return
