"""Writes plans/*.json from admitted specimens: `python store_plans.py` in this folder, with the repository on the path.

The first plan of each in float32 is kept: what is attacked is the proof, and the dtypes share it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import specs
from specs.spec import Spec
from verify.capture.protocol import converter
from verify.case import PROFILES, Candidate
from verify.plan import Plan

HERE: Final = Path(__file__).resolve().parent
SPECIMENS: Final = {
    "softmax__looped": "softmax",
    "rms_norm__looped": "rms_norm",
    "matmul__grouped": "matmul",
    "matmul__walking_pointers": "matmul",
    "rms_norm__four_rows": "rms_norm",
}


def stored(specimen: str) -> tuple[Spec, Plan]:
    """The spec and the plan of a specimen."""
    text = (HERE / "plans" / f"{specimen}.json").read_text(encoding="utf-8")
    return specs.ALL[SPECIMENS[specimen]], converter().structure(json.loads(text), Plan)


def main() -> None:
    from verify.capture.capture import capture

    for specimen, operator in SPECIMENS.items():
        path = HERE.parents[1] / "specimens" / "admitted" / f"{specimen}.py"
        candidate = Candidate(path.read_text(encoding="utf-8"), operator, path.name)
        found = capture(specs.ALL[operator], candidate, PROFILES["quick"])
        plan = next(plan for plan in found.plans if plan.dtype == "float32")
        text = json.dumps(converter().unstructure(plan, Plan), indent=1)
        (HERE / "plans" / f"{specimen}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
