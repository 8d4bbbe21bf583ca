"""The native gate's own process: plans in, findings out, both JSON files. No Python of the candidate is here.

python -m verify.native.child REQUEST ANSWER [--points N]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from attrs import frozen

import specs
from verify.native.codec import canonical, read
from verify.native.findings import Finding
from verify.native.points import points
from verify.plan import Plan, Refusal


@frozen
class Request:
    spec: str
    plans: tuple[Plan, ...]
    refusals: tuple[Refusal, ...] = ()


@frozen
class Answer:
    """What the device showed; `refusal` says why nothing was run."""

    device: str = ""
    runs: int = 0
    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    refusal: str = ""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m verify.native.child")
    parser.add_argument("request", type=Path)
    parser.add_argument("answer", type=Path)
    parser.add_argument("--points", type=int, help="only the first so many")
    arguments = parser.parse_args(argv)
    asked: Request = read(arguments.request.read_bytes(), Request)
    arguments.answer.write_bytes(canonical(answer(asked, arguments.points)))
    return 0


def answer(asked: Request, most: int | None) -> Answer:
    import torch

    if not torch.cuda.is_available():
        return Answer(refusal="torch finds no device")
    from verify.native.check import check
    from verify.native.compiled import compile_variant

    spec = specs.find(asked.spec)
    found = check(spec, asked.plans, asked.refusals, points(spec)[:most], compile_variant, "cuda")
    label = torch.cuda.get_device_name()
    return Answer(label, found.runs, found.findings, found.skipped, found.failures)


if __name__ == "__main__":
    sys.exit(main())
