"""native: the plans' kernels on a real device, at fixed points of the domain; UNKNOWN where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import specs
from verify.case import Budget, Case
from verify.native.codec import canonical, read
from verify.native.detect import present
from verify.native.turns import turn
from verify.plan import Refusal
from verify.verdict import Outcome, Verdict, Witness

CLAIMS: Final = {
    "fault": "the kernels run to their end on the device",
    "wrong": "results on the device are within the derived bound of the float64 reference",
    "moved": "a rerun on the device gives the same bits",
    "red-zone": "nothing outside the buffers is written on the device",
    "input-changed": "inputs are left as they were on the device",
}
SECONDS: Final = 600


def native(case: Case, budget: Budget) -> tuple[Verdict, ...]:
    """One verdict a claim, from a process of its own: a kernel that faults ruins its device context."""
    if not present():
        return (_unknown("the kernels do on a device what was shown of them", "not run: no device"),)
    if specs.ALL.get(case.spec.name) is not case.spec:
        return (_unknown("the kernels do on a device what was shown of them", "not run: a spec of the user's own"),)
    from verify.native.child import Request

    with TemporaryDirectory(prefix="kernelproof-native-") as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
        refusals = tuple(answer for answer in case.capture.answers if isinstance(answer, Refusal))
        request.write_bytes(canonical(Request(case.spec.name, case.capture.plans, refusals)))
        with turn(alone=False):
            trouble = _child(request, answer, folder)
        if not answer.exists():
            return (_unknown("the kernels run on a device to the end", trouble or "the device process said nothing"),)
        return verdicts(answer.read_bytes())


def verdicts(answer: bytes) -> tuple[Verdict, ...]:
    """What the device process wrote, as one verdict a claim."""
    from verify.native.child import Answer

    found: Answer = read(answer, Answer)
    if found.refusal:
        return (_unknown("the kernels do on a device what was shown of them", f"not run: {found.refusal}"),)
    scope = f"{found.runs} runs at fixed points on {found.device}"
    detail = "; ".join((*found.failures[:3], *found.skipped[:3]))
    given = []
    for kind, claim in CLAIMS.items():
        own = [finding for finding in found.findings if finding.kind == kind]
        if own:
            witness = Witness(own[0].sentence, "device", tuple(own[0].sizes.items()))
            given.append(Verdict("native", Outcome.REFUTED, claim, scope, detail, witness=witness))
        elif found.failures or found.skipped or not found.runs:
            given.append(Verdict("native", Outcome.UNKNOWN, claim, scope, detail or "nothing was run"))
        else:
            given.append(Verdict("native", Outcome.HELD, claim, scope))
    return tuple(given)


def _child(request: Path, answer: Path, folder: str) -> str:
    command = [sys.executable, "-P", "-m", "verify.native.child", str(request), str(answer)]
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths, "TRITON_CACHE_DIR": folder}
    try:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"the device process took more than {SECONDS} s"
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {said[-1] if said else ''}"


def _unknown(claim: str, detail: str) -> Verdict:
    return Verdict("native", Outcome.UNKNOWN, claim, "", detail)
