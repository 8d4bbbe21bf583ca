"""Everything on a GPU machine with one command: native checks and times of a folder of sealed bundles.

    python -m synth.bench.device_check --bundles DIR --out DIR [--rounds N] [--seconds S] [--sanitizer]

Needs torch, triton, numpy, attrs and cattrs. Each bundle gets two processes, native checks and the runner.
What they found lies in OUT as `<bundle>.native.json` and `<bundle>.bench.json`, all of it in `device.json`; a
table is printed last. Exit code 0 when every bundle was right and timed, 1 when one was refuted, 4 when
something did not run, or not in time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

import specs
from reports.measurement import Measurement
from synth.bench.bundle import Bundle, Tampered, load
from synth.bench.measure import measurement_of
from synth.bench.results import Report
from verify.native.child import Answer, Request
from verify.native.codec import CONVERTER, canonical, read

SANITIZERS: Final = ("memcheck", "racecheck", "initcheck")
SANITIZED_POINTS: Final = 2


@frozen
class Row:
    """What came of one bundle."""

    name: str
    spec: str
    native: Answer | None
    measurement: Measurement | None
    sanitizers: dict[str, str]
    troubles: tuple[str, ...]


@define
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
    arguments.out.mkdir(parents=True, exist_ok=True)
    paths = sorted(arguments.bundles.glob("*.json"))
    if not paths:
        print(f"device_check: no bundles (*.json) in {arguments.bundles}", file=sys.stderr)
        return 2
    # One cache for all processes of this command: a spec's baselines are compiled once.
    cache = arguments.out / ".cache"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
    }
    deadline = Deadline(time.monotonic() + arguments.seconds, environment)
    rows = []
    for path in paths:
        began = time.monotonic()
        rows.append(_bundle(path, arguments, deadline))
        print(f"{path.stem}: {time.monotonic() - began:.0f} s", flush=True)
    shutil.rmtree(cache, ignore_errors=True)
    (arguments.out / "device.json").write_text(json.dumps(CONVERTER.unstructure(rows), indent=1))
    print("\n".join(table(rows)))
    if any(row.native and row.native.findings for row in rows):
        return 1
    return 4 if any(row.troubles for row in rows) else 0


def _bundle(path: Path, arguments: argparse.Namespace, deadline: Deadline) -> Row:
    try:
        bundle = load(path)
    except (Tampered, OSError) as bad:
        return Row(path.stem, "?", None, None, {}, (str(bad),))
    troubles: list[str] = []
    native = _native(path, bundle, arguments.out, deadline, troubles)
    sanitizers = _sanitizers(path, arguments.out, deadline) if arguments.sanitizer else {}
    measurement = _bench(path, bundle, arguments, deadline, troubles)
    return Row(path.stem, bundle.spec, native, measurement, sanitizers, tuple(troubles))


def _native(path: Path, bundle: Bundle, out: Path, deadline: Deadline, troubles: list[str]) -> Answer | None:
    request, answer = out / f"{path.stem}.request.json", out / f"{path.stem}.native.json"
    request.write_bytes(canonical(Request(bundle.spec, bundle.plans)))
    code, said = deadline.run([sys.executable, "-m", "verify.native.child", str(request), str(answer)])
    if code != 0 or not answer.exists():
        troubles.append(f"native checks: {said or code}")
        return None
    found: Answer = read(answer.read_bytes(), Answer)
    troubles += [f"native: {failure}" for failure in (found.refusal, *found.failures[:3]) if failure]
    return found


def _sanitizers(path: Path, out: Path, deadline: Deadline) -> dict[str, str]:
    """Each tool's summary line over a few points; what it said instead where it gave none."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        return {"compute-sanitizer": "not on PATH"}
    request, answer = out / f"{path.stem}.request.json", out / f"{path.stem}.sanitized.json"
    summaries = {}
    for kind in SANITIZERS:
        child = [sys.executable, "-m", "verify.native.child", str(request), str(answer)]
        code, said = deadline.run([tool, "--tool", kind, *child, "--points", str(SANITIZED_POINTS)])
        summary = [line for line in said.splitlines() if "SUMMARY" in line]
        summaries[kind] = summary[-1].strip("= ") if summary else f"no summary (exit code {code})"
    answer.unlink(missing_ok=True)
    return summaries


def _bench(
    path: Path, bundle: Bundle, arguments: argparse.Namespace, deadline: Deadline, troubles: list[str]
) -> Measurement | None:
    answer = arguments.out / f"{path.stem}.bench.json"
    command = [sys.executable, "-m", "synth.bench.runner", str(path), "--out", str(answer)]
    code, said = deadline.run([*command, "--rounds", str(arguments.rounds)])
    if code != 0 or not answer.exists():
        troubles.append(f"bench: {said or code}")
        return None
    report: Report = read(answer.read_bytes(), Report)
    troubles += [f"bench, {refused.workload}: {refused.reason}" for refused in report.refused]
    return measurement_of(specs.find(bundle.spec), report, ())


def table(rows: list[Row]) -> list[str]:
    """What came of it all, a line a workload."""
    lines = []
    for row in rows:
        native = "not run"
        if row.native:
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
        lines.append(
            f"  {timed.workload}: {own.median:.1f} us [{own.low:.1f}, {own.high:.1f}], {share}; {gaps}"
        )
        lines += [f"    {note}" for note in timed.notes]
    return lines


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m synth.bench.device_check", description=__doc__)
    parser.add_argument("--bundles", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=340, help="for everything together")
    parser.add_argument(
        "--sanitizer", action="store_true", help="also run compute-sanitizer where it is on PATH"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
