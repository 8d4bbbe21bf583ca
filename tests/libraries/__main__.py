"""Examine every contract and write the table. Results are kept by digest, so a run that is cut off goes on.

python -m libraries [--jobs 2] [--seconds 180] [--only liger:softmax] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from libraries import examine, table
from libraries.contract import contracts

PROCESSES: Final = get_context("forkserver")
FILES: Final = ("liger", "fla", "flag_gems", "torchao")
KEPT: Final = examine.ROOT / "reports" / "runs" / "libraries"  # results by digest; git ignores it
PUBLISHED: Final = examine.ROOT / "reports" / "published" / "libraries"


OWN: Final = threading.local()  # each thread's worker


class Worker:
    """A process that examines one function after another."""

    def __init__(self) -> None:
        self.connection, theirs = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=examine.serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.broken = False

    def ask(self, name: str, seconds: float) -> dict[str, Any]:
        """The result of one function. A worker that fails or takes too long is ended, and counts as `broken`."""
        late = False
        try:
            self.connection.send(name)
            if self.connection.poll(seconds):
                answer: dict[str, Any] = self.connection.recv()
                return answer
            told, late = f"took over {seconds:.0f} s", True
        except (EOFError, OSError):
            self.process.join(5)
            told = f"its process ended with exit code {self.process.exitcode}"
        self.broken = True
        self.process.kill()
        return {"failed": told, "late": late}


def main() -> int:
    """Exit code 0 whatever was found, 1 where a function broke us. One that used up its time is open."""
    arguments = _arguments()
    names = [name for file in FILES for name in _names(file) if any(part in name for part in arguments.only)]
    PROCESSES.set_forkserver_preload(["libraries.examine", "verify.gates"])  # torch and z3 are loaded once
    KEPT.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    started = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = {pool.submit(_result, name, arguments.seconds, arguments.fresh): name for name in names}
        for done in as_completed(waiting):
            result = found[waiting[done]] = done.result()
            spent = time.monotonic() - started
            print(f"[{len(found)}/{len(names)} {spent:5.0f} s] {waiting[done]}: {_told(result)}", flush=True)
    results = [{**found[name], "note": examine.find(name)[1].note} for name in names]
    print("\n".join(["", *table.summary(results)]))
    if arguments.out:
        table.write(arguments.out, results)
        print(f"written to {arguments.out}")
    return int(broke(results))


def broke(results: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a function has no result for another reason than time."""
    return any("failed" in result and not result.get("late") for result in results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m libraries", description="examine the kernels of four packages")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--seconds", type=float, default=180, help="the most that one function may take")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names, such as liger:rms")
    parser.add_argument("--fresh", action="store_true", help="examine anew what is already known")
    parser.add_argument("--out", type=Path, default=None, help=f"write the table there ({PUBLISHED} when published)")
    parser.add_argument(
        "--publish", action="store_const", const=PUBLISHED, dest="out", help="write the published table"
    )
    return parser.parse_args()


def _names(file: str) -> list[str]:
    try:
        module = import_module(f"libraries.{file}")
        version(module.PACKAGE)
    except ModuleNotFoundError:
        return []
    except PackageNotFoundError:
        print(f"{file}: the package is not installed; `make quality-libraries` does that", file=sys.stderr)
        return []
    return [f"{file}:{each.spec.name}" for each in contracts(module)]


def _result(name: str, seconds: float, fresh: bool) -> dict[str, Any]:
    """The kept result, or a new one. A process that fails or takes too long is a result too, which is not kept."""
    kept = KEPT / f"{examine.digest(name)}.json"
    if kept.exists() and not fresh:
        known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return known
    module, _ = examine.find(name)
    failed = {"package": module.PACKAGE, "version": module.VERSION, "function": name}
    if getattr(OWN, "worker", None) is None:
        OWN.worker = Worker()
    result: dict[str, Any] = OWN.worker.ask(name, seconds)
    if OWN.worker.broken:
        OWN.worker = None
    if "failed" in result:
        return {**failed, **result}
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


def _told(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"FAILED {result['failed']}"
    if not result["launches"]:
        return f"not captured: {'; '.join(result['host'])[:300]}"
    parts = []
    for launch in result["launches"]:
        words = ", ".join(f"{gate} {answer['outcome']}" for gate, answer in launch["gates"].items())
        parts.append(f"{launch['kernel']} {words}")
    return f"{'; '.join(parts)} ({table.spent(result):.2f} s a launch)"


if __name__ == "__main__":
    sys.exit(main())
