"""`python -m tests.quality.numerics`: run the study of acceptance rules, print its table, write JSON and Markdown.

On a GPU machine: `python -m tests.quality.numerics --device cuda --out h200.json`. It needs torch, numpy and attrs.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch

from specs.spec import FLOATS
from tests.quality.numerics.catalogue import OPERATORS
from tests.quality.numerics.parts import part
from tests.quality.numerics.study import Seen
from tests.quality.numerics.table import markdown, summary


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.quality.numerics", description=__doc__)
    parser.add_argument("operators", nargs="*", choices=[*OPERATORS, []], help="all of them by default")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda: judge its own kernels too")
    parser.add_argument("--jobs", type=int, default=2, help="processes; one on a device")
    parser.add_argument("--sample", action="store_true", help="a few small cases")
    parser.add_argument("--out", type=Path, help="the JSON file to write; Markdown goes beside it")
    asked = parser.parse_args()
    parts = [(name, dtype) for name in asked.operators or OPERATORS for dtype in FLOATS]
    found = dict(_run(parts, asked.sample, asked.device, asked.jobs if asked.device == "cpu" else 1))
    told = summary([seen for each in parts for seen in found[each]], _environment(asked.device))
    print(markdown(told))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(told, indent=1) + "\n")
        asked.out.with_suffix(".md").write_text(markdown(told))
    return 0


def _run(
    parts: list[tuple[str, str]], sample: bool, device: str, jobs: int
) -> Iterator[tuple[tuple[str, str], list[Seen]]]:
    start = time.monotonic()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(part, *each, sample, device): each for each in parts}
        for number, done in enumerate(as_completed(waiting), start=1):
            name, dtype = waiting[done]
            seconds = time.monotonic() - start
            print(
                f"{number}/{len(parts)} {name}, {dtype}: {len(done.result())} outputs, {seconds:.0f} s", file=sys.stderr
            )
            yield (name, dtype), done.result()


def _environment(device: str) -> dict[str, str]:
    machine = torch.cuda.get_device_name() if device != "cpu" else f"CPU ({platform.machine()})"
    return {"device": machine, "torch": torch.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    raise SystemExit(main())
