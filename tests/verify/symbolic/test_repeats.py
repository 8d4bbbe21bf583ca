"""Two processes give the same answers in the same order, solver steps and queries included, whatever else one did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ASKED = """
import sys
from attrs import evolve
from questions import BUDGET, asked
from store_plans import stored
from verify.symbolic.reading import forget
for label in sys.argv[1:]:
    asked(*stored(label)).verdicts("bounds", BUDGET)
    forget()
for gate in ("bounds", "overflow"):
    for verdict in asked(*stored("matmul__grouped")).verdicts(gate, BUDGET):
        print(evolve(verdict, cost=evolve(verdict.cost, seconds=0)))
"""


def answers(seed: int, *before: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE), str(HERE.parents[2])])
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": path}
    return subprocess.Popen([sys.executable, "-c", ASKED, *before], env=environment, stdout=subprocess.PIPE, text=True)


def test_answers_do_not_depend_on_the_process() -> None:
    processes = [answers(1), answers(2, "softmax__looped", "matmul__walking_pointers")]
    one, other = (each.communicate() for each in processes)
    assert one[0].count("gate='overflow'") > 3
    assert one == other
