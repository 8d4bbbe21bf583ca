"""Times the executor against Triton's interpreter on the same kernels in one run: `make bench-executor`.

Prints a table and writes it with `--json FILE`, `--markdown FILE`. Each side of each case runs in a process of
its own, on one thread, so that its peak of memory is its own and CPU seconds mean the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from attrs import frozen
from small_plans import an, dense, inputs, launched, matmul_plan, planned, row_plan, strided

from specs.sizes import Size, name
from verify.executor.modes import Mode
from verify.executor.plan import run_plan
from verify.plan import Buffer, Plan

Tensors = dict[str, torch.Tensor]
REPEATS: Final = 5
ONE_THREAD: Final = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}


@frozen
class Case:
    """A kernel at one size. `interpret` calls it under the interpreter and gives its output."""

    title: str
    plan: Callable[[], Plan]
    tensors: Callable[[], Tensors]
    interpret: Callable[[Any, Tensors], torch.Tensor] | None
    floats: tuple[tuple[str, float], ...] = ()
    target: float | None = None  # the ratio that we hold ourselves to


def _randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def _softmax(kernels: Any, given: Tensors) -> torch.Tensor:
    x, y = given["x"], torch.empty_like(given["x"])
    kernels.softmax[(x.shape[0],)](x, y, x.stride(0), y.stride(0), x.shape[1], B=1024)
    return y


def _rms_norm(kernels: Any, given: Tensors) -> torch.Tensor:
    x, y = given["x"], torch.empty_like(given["x"])
    kernels.rms_norm[(x.shape[0],)](x, given["w"], y, x.stride(0), x.shape[1], 1e-6, B=1024)
    return y


def _matmul(kernels: Any, given: Tensors) -> torch.Tensor:
    a, b = given["a"], given["b"]
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty(m, n)
    grid = (-(-m // 64) * -(-n // 64),)
    kernels.matmul[grid](a, b, c, m, n, k, *a.stride(), *b.stride(), *c.stride(), BM=64, BN=64, BK=32, GM=8)
    return c


def _attention(kernels: Any, given: Tensors) -> torch.Tensor:
    q, o = given["q"], torch.empty_like(given["q"])
    heads, length, depth = q.shape
    kernels.attention[(length // 64, heads)](q, given["k"], given["v"], o, length, depth**-0.5, D=depth, BM=64, BN=64)
    return o


def _rms_norm_plan() -> Plan:
    y = dense("y", "M", "N")
    launch = launched(
        "rms_norm", ["M"], x_ptr=strided("x", "M", "N"), w_ptr=strided("w", "N"), y_ptr=y, sx="x.stride0",
        N="N", eps=1e-6,
    )  # fmt: skip
    buffers = [*inputs(("x", "float32"), ("w", "float32")), Buffer("y", "float32", name("M") * name("N"))]
    return planned([launch], buffers, [y])


def _attention_plan() -> Plan:
    q, k, v, o = (dense(part, "H", "N", 64) for part in "qkvo")
    launch = launched("attention", [an("N") // 64, "H"], q_ptr=q, k_ptr=k, v_ptr=v, o_ptr=o, N="N", scale=64**-0.5)
    elements: Size = name("H") * name("N") * 64
    return planned([launch], [*inputs(*((part, "float32") for part in "qkv")), Buffer("o", "float32", elements)], [o])


def _scaled_plan() -> Plan:
    y = dense("y", "N")
    launch = launched("scaled", [(an("N") + 127) // 128], x_ptr=strided("x", "N"), y_ptr=y, N="N")
    return planned([launch], [*inputs(("x", "float32")), Buffer("y", "float32", name("N"))], [y])


CASES: Final = {
    "softmax": Case(
        "softmax, 4096 programs, rows of 1000",
        lambda: row_plan("softmax_wide"), lambda: {"x": _randn(4096, 1000)}, _softmax, target=100,
    ),
    "rms_norm": Case(
        "rms_norm, 4096 programs, rows of 1024",
        _rms_norm_plan, lambda: {"x": _randn(4096, 1024), "w": _randn(1024)}, _rms_norm, (("eps", 1e-6),), 100,
    ),
    "matmul": Case(
        "matmul 1024^3, grouped, tiles of 64 x 64 x 32",
        lambda: matmul_plan("matmul_large", "float32", (64, 64)),
        lambda: {"a": _randn(1024, 1024), "b": _randn(1024, 1024)}, _matmul, target=5,
    ),
    "attention": Case(
        "attention, 4 heads, N = 1024, D = 64",
        _attention_plan, lambda: {part: _randn(4, 1024, 64) for part in "qkv"}, _attention,
        (("scale", 64**-0.5),), 5,
    ),
    "million": Case(
        "2x + 1, a million programs of 128 lanes",
        _scaled_plan, lambda: {"x": _randn(10**6 * 128 - 7)}, None,
    ),
}  # fmt: skip


def ours(case: Case) -> tuple[float, torch.Tensor]:
    """Seconds (the least of a few runs) and the output."""
    plan, given = case.plan(), {**case.tensors(), **dict(case.floats)}
    times = []
    for _ in range(REPEATS if case.interpret else 1):
        start = time.process_time()
        run = run_plan(plan, given, Mode.FAITHFUL)
        times.append(time.process_time() - start)
        assert not run.faults and all(bool(part.all()) for part in run.written), run.faults
    return min(times), run.outputs[0]


def theirs(case: Case) -> tuple[float, torch.Tensor]:
    assert case.interpret is not None
    import kernels

    given = case.tensors()
    start = time.process_time()
    output = case.interpret(kernels, given)
    return time.process_time() - start, output


def one(key: str, side: str) -> None:
    """The child: runs one side of one case and prints seconds, peak bytes and a digest of the output."""
    case = CASES[key]
    seconds, output = (ours if side == "ours" else theirs)(case)
    sample = output.flatten()[:: max(1, output.numel() // 997)].tolist()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "sample": sample}))


def child(key: str, side: str) -> dict[str, Any]:
    environment = {**os.environ, "TRITON_INTERPRET": "1" if side == "theirs" else "0", **ONE_THREAD}
    command = [sys.executable, __file__, "--one", key, side]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise SystemExit(f"{key}, {side}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(key: str) -> dict[str, Any]:
    case, mine = CASES[key], child(key, "ours")
    other = child(key, "theirs") if case.interpret else None
    if other:
        torch.testing.assert_close(torch.tensor(mine["sample"]), torch.tensor(other["sample"]), rtol=3e-2, atol=3e-2)
    return {
        "case": case.title,
        "executor_seconds": mine["seconds"],
        "interpreter_seconds": other and other["seconds"],
        "ratio": other and other["seconds"] / mine["seconds"],
        "target": case.target,
        "executor_peak_bytes": mine["peak"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| case | executor | interpreter | ratio | asked | peak |", "| --- | --- | --- | --- | --- | --- |"]
    for each in rows:
        other, ratio, target = each["interpreter_seconds"], each["ratio"], each["target"]
        lines.append(
            f"| {each['case']} | {each['executor_seconds']:.3f} s | {f'{other:.2f} s' if other else '-'} | "
            f"{f'{ratio:.0f}x' if ratio else '-'} | {f'{target:g}x' if target else 'finishes'} | "
            f"{each['executor_peak_bytes'] / 2**20:.0f} MiB |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all if none is named")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    if options.one:
        one(*options.one)
        return
    rows = [row(key) for key in options.cases or CASES]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps({"unit": "CPU seconds of one thread", "rows": rows}, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(table(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
