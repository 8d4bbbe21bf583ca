"""The bench stage: seal what was admitted, time it in the trusted runner, or say why there is no time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import specs
from reports.measurement import Measurement, Model
from synth.bench.bundle import Bundle, NotAdmitted, seal
from synth.bench.model import DEFAULT, models
from synth.bench.results import Elsewhere, Report, measurement_elsewhere, measurement_of
from verify.case import Case
from verify.dossier import Dossier
from verify.native.codec import read
from verify.native.detect import present
from verify.native.turns import turn

NO_DEVICE: Final = "no device"
SECONDS: Final = 1800


def measure(
    case: Case,
    dossier: Dossier,
    device: str = DEFAULT,
    elsewhere: Mapping[str, Elsewhere] | None = None,
    workloads: Sequence[str] = (),
) -> Measurement:
    """What came of the bench stage: times for an admitted dossier on a device, else a word and a reason.

    Models, which stand beside it, are for the device called `device`. `elsewhere` holds what other machines
    found, by bundle digest: times count for the very bundle that was sealed, and for no other.
    `workloads` are the names of those to time, where not all are asked for.
    Raises KeyError when `device` is not one of `synth.bench.model.PEAKS`.
    """
    try:
        bundle = seal(case, dossier)
    except NotAdmitted as reason:
        return Measurement.not_counted(str(reason))
    predicted = models(case.spec, bundle.plans, device)
    if elsewhere is not None:
        if bundle.digest not in elsewhere:
            return Measurement.not_run(f"the given times are not of bundle {bundle.digest[:12]}", predicted)
        return measurement_elsewhere(elsewhere[bundle.digest], predicted)
    if not present():
        return Measurement.not_run(NO_DEVICE, predicted)
    if specs.ALL.get(case.spec.name) is not case.spec:
        return Measurement.not_run("the runner knows only the catalogue's specs, this one is the user's own", predicted)
    with TemporaryDirectory(prefix="kernelproof-bench-") as folder, turn(alone=True):
        return time_bundle(bundle, Path(folder), predicted, workloads)


def time_bundle(
    bundle: Bundle, folder: Path, predicted: tuple[Model, ...], workloads: Sequence[str] = ()
) -> Measurement:
    """Time a sealed bundle in a process of its own that writes into `folder`."""
    sealed, answer = folder / "bundle.json", folder / "report.json"
    bundle.save(sealed)
    only = [word for name in workloads for word in ("--workload", name)]
    command = [sys.executable, "-P", "-m", "synth.bench.runner", str(sealed), "--out", str(answer), *only]
    trouble = start(command, folder)
    if trouble or not answer.exists():
        return Measurement.not_run(trouble or "the runner wrote no report", predicted)
    return measurement_of(read(answer.read_bytes(), Report), predicted)


def start(command: list[str], folder: Path) -> str:
    """Run the runner with caches of its own below `folder`. What went wrong, empty when nothing did."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the runner took more than {SECONDS} s"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    return said[-1].removeprefix("runner: ") if said else f"the runner ended with exit code {done.returncode}"
