"""Everything on a GPU machine with one command: native checks and times of a folder of sealed bundles.

    python -m synth.bench.device_check --bundles DIR --out DIR [--rounds N] [--seconds S] [--sanitizer]

Needs torch, triton, numpy, attrs and cattrs. Each bundle gets two processes, native checks and the runner.
All they found goes to OUT/device.json; a table is printed last. Exit code 0 when every bundle was right and
timed, 1 when one was refuted, 4 when something did not run, or not in time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import evolve, field, frozen

from reports.measurement import Measurement
from synth.bench.bundle import Tampered, load
from synth.bench.results import Report, measurement_of
from verify.native.child import Answer, Request
from verify.native.codec import CONVERTER, canonical, read

SANITIZERS: Final = ("memcheck", "racecheck", "initcheck")
SANITIZED_POINTS: Final = 2
AT_ONCE: Final = 4


@frozen
class Row:
    """What came of one bundle."""

    name: str
    spec: str = ""
    native: Answer | None = None
    report: Report | None = None
    measurement: Measurement | None = None
    sanitizers: dict[str, str] = field(factory=dict)
    troubles: tuple[str, ...] = ()


@frozen
class Deadline:
    """The seconds left for everything, and the environment that the processes share."""

    end: float
    environment: dict[str, str] = field(factory=dict)

    def run(self, command: list[str]) -> tuple[int | None, str]:
        """Exit code (None when time ran out) and the last lines of what was said."""
        left = self.end - time.monotonic()
        if left < 5:
            return None, "no time left"
        try:
            done = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, timeout=left, check=False
            )
        except subprocess.TimeoutExpired:
            return None, "ran out of time"
        return done.returncode, "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    paths = sorted(arguments.bundles.glob("*.json"))
    if not paths:
        print(f"device_check: no bundles (*.json) in {arguments.bundles}", file=sys.stderr)
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="kernelproof-device-") as folder:
        rows = _rows(paths, arguments, Path(folder))
    print("\n".join(table(rows)))
    if any(row.native and row.native.findings for row in rows):
        return 1
    return 4 if any(row.troubles for row in rows) else 0


def _rows(paths: list[Path], arguments: argparse.Namespace, folder: Path) -> list[Row]:
    """Native checks of all bundles, several at a time; then their times, alone on the device."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # One cache for all processes: a spec's baselines are compiled once.
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    began = time.monotonic()
    deadline = Deadline(began + arguments.seconds, environment)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda path: _checked(path, arguments, folder, deadline), paths))
    print(f"native checks: {time.monotonic() - began:.0f} s", flush=True)
    for number, path in enumerate(paths):
        if rows[number].spec:
            began = time.monotonic()
            rows[number] = _timed(rows[number], path, arguments, folder, deadline)
            print(f"{path.stem}: {time.monotonic() - began:.0f} s", flush=True)
        # After each: what is there stays there when time runs out.
        (arguments.out / "device.json").write_text(json.dumps(CONVERTER.unstructure(rows), indent=1))
    return rows


def _checked(path: Path, arguments: argparse.Namespace, folder: Path, deadline: Deadline) -> Row:
    try:
        bundle = load(path)
    except (Tampered, OSError) as bad:
        return Row(path.stem, troubles=(str(bad),))
    request, answer = folder / f"{path.stem}.request.json", folder / f"{path.stem}.native.json"
    request.write_bytes(canonical(Request(bundle.spec, bundle.plans)))
    child = [sys.executable, "-m", "verify.native.child", str(request), str(answer)]
    sanitizers = _sanitizers(child, deadline) if arguments.sanitizer else {}
    answer.unlink(missing_ok=True)
    code, said = deadline.run(child)
    if code != 0 or not answer.exists():
        return Row(path.stem, bundle.spec, sanitizers=sanitizers, troubles=(f"native checks: {said or code}",))
    found: Answer = read(answer.read_bytes(), Answer)
    troubles = tuple(f"native: {failure}" for failure in (found.refusal, *found.failures[:3]) if failure)
    return Row(path.stem, bundle.spec, found, sanitizers=sanitizers, troubles=troubles)


def _sanitizers(child: list[str], deadline: Deadline) -> dict[str, str]:
    """Each tool's summary line over a few points; what happened instead where it gave none."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        return {"compute-sanitizer": "not on PATH"}
    # Without torch's cache every buffer is an allocation of its own, whose ends the tool knows.
    plain = evolve(deadline, environment={**deadline.environment, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"})
    summaries = {}
    for kind in SANITIZERS:
        code, said = plain.run([tool, "--tool", kind, *child, "--points", str(SANITIZED_POINTS)])
        summary = [line for line in said.splitlines() if "SUMMARY" in line]
        summaries[kind] = summary[-1].strip("= ") if summary else f"no summary (exit code {code})"
    return summaries


def _timed(row: Row, path: Path, arguments: argparse.Namespace, folder: Path, deadline: Deadline) -> Row:
    answer = folder / f"{path.stem}.bench.json"
    command = [sys.executable, "-m", "synth.bench.runner", str(path), "--out", str(answer)]
    code, said = deadline.run([*command, "--rounds", str(arguments.rounds)])
    if code != 0 or not answer.exists():
        return evolve(row, troubles=(*row.troubles, f"bench: {said or code}"))
    report: Report = read(answer.read_bytes(), Report)
    refused = tuple(f"bench, {one.workload}: {one.reason}" for one in report.refused)
    measurement = measurement_of(report, ())
    return evolve(row, report=report, measurement=measurement, troubles=(*row.troubles, *refused))


def table(rows: list[Row]) -> list[str]:
    """What came of it all, a line a workload."""
    lines = []
    for row in rows:
        native = "not run"
        if row.native and row.native.runs:
            kinds = sorted({finding.kind for finding in row.native.findings})
            found = ", ".join(kinds) or "all right"
            native = f"{row.native.runs} runs, {found}, {len(row.native.skipped)} skipped"
        lines.append(f"{row.name} [{row.spec}] native: {native}")
        lines += [f"  {tool}: {summary}" for tool, summary in row.sanitizers.items()]
        if row.native:
            lines += [f"  {finding.kind}: {finding.sentence}" for finding in row.native.findings[:3]]
        lines += _times(row.measurement)
        lines += [f"  trouble: {trouble}" for trouble in row.troubles]
    return lines


def _times(measurement: Measurement | None) -> list[str]:
    if measurement is None:
        return []
    if not measurement.workloads:
        return [f"  {measurement.word.upper()}: {measurement.reason}"]
    lines = [f"  {measurement.device}"]
    for timed in measurement.workloads:
        own = timed.kernel
        share = f"{100 * (timed.fraction or 0):.0f}% of {timed.limit}"
        gaps = "; ".join(
            f"{rival.baseline.name} {rival.baseline.median:.1f} us, gap {rival.gap:.3f} {rival.word}"
            for rival in timed.against
        )
        lines.append(f"  {timed.workload}: {own.median:.1f} us [{own.low:.1f}, {own.high:.1f}], {share}; {gaps}")
        lines += [f"    {note}" for note in timed.notes]
    return lines


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m synth.bench.device_check", description=__doc__)
    parser.add_argument("--bundles", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=340, help="for everything together")
    parser.add_argument("--sanitizer", action="store_true", help="also run compute-sanitizer where it is on PATH")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
