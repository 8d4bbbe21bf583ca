"""The trusted runner: a process of its own that loads a sealed bundle, times it and writes JSON.

    python -m synth.bench.runner BUNDLE --out FILE [--spec S] [--workload NAME ...] [--rounds N]

No Python of the candidate exists here. It needs torch, triton, numpy, attrs and cattrs only.
Every sample is one CUDA-graph replay between two events (calls, where something cannot be captured).
Exit code 0 when a report was written, 2 when the bundle or the request is bad, 4 when there is no device.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import Final

from attrs import evolve

import specs
from specs.spec import Spec, Workload
from synth.bench.bundle import Bundle, Tampered, load
from synth.bench.results import Refused, Rejected, Report, Run, Wrong
from synth.bench.statistics import FEWEST
from verify.native.codec import canonical

NO_DEVICE: Final = 4
BAD: Final = 2


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        bundle = load(arguments.bundle)
        spec = spec_of(bundle, arguments.spec)
    except (Tampered, OSError, LookupError, ValueError) as bad:
        print(f"runner: {bad}", file=sys.stderr)
        return BAD
    loads = [one for one in spec.workloads if not arguments.workload or one.name in arguments.workload]
    if not loads:
        print(f"runner: {spec.name} has no workload {' '.join(arguments.workload)}", file=sys.stderr)
        return BAD

    import torch

    if not torch.cuda.is_available():
        print("runner: no device", file=sys.stderr)
        return NO_DEVICE
    report = run(bundle, spec, tuple(loads), arguments.rounds)
    arguments.out.write_bytes(canonical(report))
    return 0


def run(bundle: Bundle, spec: Spec, loads: tuple[Workload, ...], rounds: int) -> Report:
    """Time the workloads of a loaded bundle on the current CUDA device."""
    import torch
    import triton

    from synth.bench.baselines import rivals
    from synth.bench.ceilings import measure_ceilings
    from synth.bench.clock import Clock, replayable
    from synth.bench.contest import Bench, contest
    from verify.native.compiled import compile_variant
    from verify.native.launch import LaunchError

    began = time.monotonic()
    # A baseline may use what the kernel may use, and no more.
    torch.backends.cuda.matmul.allow_tf32 = spec.tf32
    clock = Clock.for_device()
    ceilings = measure_ceilings(clock, tuple(one.dtype for one in loads))
    # Inputs cannot be known beforehand: the seed is drawn here, after the bundle was sealed.
    generator = torch.Generator(device="cuda")
    generator.manual_seed(int.from_bytes(os.urandom(7), "big"))
    bench = Bench(clock, ceilings, compile_variant, replayable, generator, random.SystemRandom(), rounds=rounds)
    runs: list[Run] = []
    refused: list[Refused] = []
    for one in loads:
        try:
            found = contest(bench, spec, bundle.plans, one, rivals(spec))
            runs.append(evolve(found, notes=(*found.notes, *not_asked(spec, loads))))
        except (Rejected, LaunchError) as reason:
            refused.append(Refused(one.name, str(reason), isinstance(reason, Wrong)))
        except torch.OutOfMemoryError:
            refused.append(Refused(one.name, "the device has too little memory", wrong=False))
        torch.cuda.empty_cache()
    versions = {
        "torch": torch.__version__,
        "triton": triton.__version__,
        "cuda": str(torch.version.cuda or torch.version.hip),
        "python": sys.version.split()[0],
    }
    return Report(
        bundle.digest,
        spec.name,
        bundle.label,
        torch.cuda.get_device_name(),
        versions,
        ceilings,
        tuple(runs),
        tuple(refused),
        time.monotonic() - began,
    )


def not_asked(spec: Spec, loads: tuple[Workload, ...]) -> tuple[str, ...]:
    """A note on the workloads that this run leaves out, if it does."""
    left = [one.name for one in spec.workloads if one not in loads]
    return (f"not asked for: {'; '.join(left)}",) if left else ()


def spec_of(bundle: Bundle, text: str | None) -> Spec:
    """The spec that the bundle was sealed for. Raises ValueError when the one at hand is another."""
    spec = specs.find(text or bundle.spec)
    if (spec.name, spec.version) != (bundle.spec, bundle.spec_version):
        raise ValueError(
            f"the bundle was sealed for {bundle.spec} version {bundle.spec_version}, "
            f"here is {spec.name} version {spec.version}"
        )
    return spec


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m synth.bench.runner", description="Time one sealed bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the JSON report goes")
    parser.add_argument("--spec", help="a user's own spec, path/to/file.py:NAME")
    parser.add_argument("--workload", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args(argv)
    if arguments.rounds < FEWEST:
        parser.error(f"--rounds {arguments.rounds}: an interval of the median needs at least {FEWEST}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
