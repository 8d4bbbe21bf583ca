"""Prover and executor held against each other on many generated kernels, in several processes.

    python -m tests.quality.differential --jobs 16 --cases 20000 --json differential.json

Exit code 1 where they disagree; the file then has the kernels. One case in WHOLE also asks the gates for real.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "verify" / "symbolic"))

WHOLE: Final = 125
SHARE: Final = 250  # cases of one part: a part has a seed of its own, and its memory goes when it ends
LONGEST: Final = 60.0  # CPU seconds of one case; what takes longer is a finding, and does not hold up the others
ASKED: Final = 300.0  # of one whose gates are asked: each counterexample to an endless loop runs for seconds


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no end within the CPU seconds of a case, at {frame and frame.f_code.co_qualname}")


def part(number: int, cases: int = SHARE) -> dict[str, Any]:
    """The cases of one seed: how many there were, what runs showed to be false, and the disagreements."""
    import torch
    from differential import Seen, Violation, disagreements, observations, unfounded
    from generated import Trial, trials
    from hypothesis import HealthCheck, Phase, given, seed, settings

    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, _too_long)
    counted: Counter[str] = Counter()
    found: list[dict[str, Any]] = []

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(trial=trials())
    def agree(trial: Trial) -> None:
        counted["cases"] += 1
        whole = counted["cases"] % WHOLE == 0
        signal.setitimer(signal.ITIMER_PROF, ASKED if whole else LONGEST)
        try:
            observed = list(observations(trial))
            counted.update({f"a run violates {each.gate}" for each in observed if isinstance(each, Violation)})
            counted["accesses looked for"] += sum(isinstance(each, Seen) for each in observed)
            sentences = list(disagreements(trial, observed))
            if whole:
                counted["gates asked"] += 1
                sentences += unfounded(trial, observed)
        except Exception as error:  # noqa: BLE001  a gate or a run that fails is what is looked for
            sentences = [f"failed: {type(error).__name__}: {error}"]
        signal.setitimer(signal.ITIMER_PROF, 0)
        found.extend({"seed": number, "says": sentence, "kernel": trial.text} for sentence in sentences)

    agree()
    return {"counted": dict(counted), "disagreements": found}


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--jobs", type=int, default=2)
    reader.add_argument("--cases", type=int, default=20_000)
    reader.add_argument("--seed", type=int, default=0, help="of the first part; the others count up")
    reader.add_argument("--json", type=Path, default=Path("differential.json"))
    asked = reader.parse_args()
    start, parts = time.time(), range(asked.seed, asked.seed + -(-asked.cases // SHARE))
    counted: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    with multiprocessing.get_context("spawn").Pool(asked.jobs, maxtasksperchild=4) as pool:
        for answer in pool.imap_unordered(part, parts):
            counted.update(answer["counted"])
            found += answer["disagreements"]
            spent = round(time.time() - start, 1)
            print(f"{counted['cases']} cases, {len(found)} disagreements, {spent:.0f} s", flush=True)
            summary = {"seconds": spent, "counted": dict(counted), "disagreements": found[:100]}
            asked.json.write_text(json.dumps(summary, indent=1) + "\n")  # at once: what is known stays known
    print(json.dumps(dict(counted)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
