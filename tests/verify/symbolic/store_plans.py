"""Writes plans/*.json from admitted specimens: `python store_plans.py` in this folder, with the repository on the path.

The first plan of each in float32 is kept: what is attacked is the proof, and the dtypes share it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import specs
from specs.spec import Spec
from verify.case import PROFILES, Candidate
from verify.plan import Answer, Plan

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
    return specs.ALL[SPECIMENS[specimen]], _converter().structure(json.loads(text), Plan)


def _converter() -> Any:
    import cattrs
    from cattrs.strategies import configure_tagged_union

    from verify.plan import Argument, Step

    converter = cattrs.Converter(forbid_extra_keys=True)
    for union in (Argument, Step, Answer):
        configure_tagged_union(union, converter, tag_name="is")
    return converter


def main() -> None:
    from verify.capture.capture import capture

    for specimen, operator in SPECIMENS.items():
        path = HERE.parents[1] / "specimens" / "admitted" / f"{specimen}.py"
        candidate = Candidate(path.read_text(encoding="utf-8"), operator, path.name)
        found = capture(specs.ALL[operator], candidate, PROFILES["quick"])
        plan = next(plan for plan in found.plans if plan.dtype == "float32")
        text = json.dumps(_converter().unstructure(plan, Plan), indent=1)
        (HERE / "plans" / f"{specimen}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
