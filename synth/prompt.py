"""From a spec and the attempts so far to the messages that ask for the next kernel.

A prompt tells the contract, the policy, the target and what the gates said: witnesses, not just "wrong".
It says nothing of this machine, its paths or its environment; the target is a published data sheet,
chosen by name.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from specs.spec import Spec
from synth.answers import Form
from synth.bench.model import PEAKS, TERA
from synth.contract import contract
from synth.exchange import Message, Request
from synth.lineage import Attempt, best

SYSTEM: Final = """\
You write Triton kernels that are proved correct before they are timed. Answer with a few sentences on your
approach and then exactly one fenced ```python block that holds one whole module, and no other fenced block.

The module
- imports only torch, triton, triton.language, math, typing and functools;
- defines @triton.jit kernels and one entry function, named and with parameters as stated, which returns the
  output;
- in host code only allocates (empty, zeros, full and their _like), makes views, copies (contiguous, clone,
  copy_, dtype casts of whole tensors), computes with sizes, branches on sizes, and launches its own kernels.
  Computing the result with torch, branching on tensor values, keeping state between calls and printing are
  refused.

The gates hold for every shape and stride of the domain, not for samples: every active access in bounds,
no two programs or lanes that race, no wrapped index arithmetic (take care with int32 offsets: row *
stride can pass 2**31), every output element written exactly once, no undefined lane (a masked load
without `other`) reaching a result, the right function in exact arithmetic, and rounding within the bound
that the declared accumulation precision allows."""

# What a kernel may plan with, from the vendors' data sheets; not what this machine has. Rates are the
# bench's.
LAYOUTS: Final[Mapping[str, str]] = {
    "A100": "108 SMs, 164 KiB shared memory and 65536 32-bit registers an SM, 40 MB L2",
    "H100": "132 SMs, 228 KiB shared memory and 65536 32-bit registers an SM, 50 MB L2",
    "H200": "132 SMs, 228 KiB shared memory and 65536 32-bit registers an SM, 50 MB L2",
    "MI300X": "304 compute units, wavefronts of 64, 64 KiB LDS a compute unit, 256 MB Infinity Cache",
}
DEFAULT_DEVICE: Final = "H200"
SHOWN: Final = 4  # the latest attempts that a prompt goes into; the best one is shown besides
FINDINGS: Final = 6  # of one attempt
LONGEST: Final = 12_000  # characters of one source in a prompt
SENTENCE: Final = 600


def build(
    spec: Spec,
    attempts: Sequence[Attempt] = (),
    device: str = DEFAULT_DEVICE,
    params: Mapping[str, Any] | None = None,
) -> Request:
    """The request for the next kernel. Equal arguments give equal requests. KeyError for an unknown
    target.
    """
    parts = [contract(spec), _hardware(device), *_history(attempts), _task(spec, attempts)]
    messages = (Message("system", SYSTEM), Message("user", "\n\n".join(parts)))
    return Request(messages, dict(params or {}))


def _hardware(device: str) -> str:
    peak = PEAKS[device]
    rates = ", ".join(f"{rate / TERA:g} TFLOP/s {dtype}" for dtype, rate in peak.rates.items())
    return f"Device: {device} ({peak.target}): {LAYOUTS[device]}, {peak.bandwidth / TERA:g} TB/s, {rates}."


def _history(attempts: Sequence[Attempt]) -> list[str]:
    if not attempts:
        return []
    leader = best(attempts)
    recent = list(attempts[-SHOWN:])
    if leader is not None and leader not in recent:
        recent.insert(0, leader)
    with_source = {attempts[-1].number} | ({leader.number} if leader else set())
    return [
        "Earlier attempts, oldest first:",
        *(_told(attempt, attempt.number in with_source) for attempt in recent),
    ]


def _told(attempt: Attempt, with_source: bool) -> str:
    if attempt.form is not Form.MODULE:
        return f"Attempt {attempt.number} was no module: {attempt.complaint}."
    lines = [f"Attempt {attempt.number} was {_verdict(attempt)}"]
    for finding in attempt.findings[:FINDINGS]:
        lines.append(f"- {finding.gate} {finding.outcome}: {finding.claim}: {_short(finding.sentence, SENTENCE)}")
    if len(attempt.findings) > FINDINGS:
        lines.append(f"- and {len(attempt.findings) - FINDINGS} more")
    for kind, times in (
        ("measured", attempt.microseconds),
        ("roofline model, not measured", attempt.modelled),
    ):
        if times:
            told = ", ".join(f"{workload} {time:.4g} us" for workload, time in times.items())
            lines.append(f"- {kind}: {told}")
    if with_source:
        lines += ["- its source:", "", textwrap.indent(_short(attempt.source, LONGEST).rstrip(), "    ")]
    return "\n".join(lines)


def _verdict(attempt: Attempt) -> str:
    if attempt.admitted:
        return "admitted: every gate passed."
    if attempt.verdict == "refuted":
        return "refuted, by counterexamples that were replayed:"
    return "not admitted: it may be right, but this could not be decided:"


def _task(spec: Spec, attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return f"Write a fast kernel for `{spec.name}`."
    if attempts[-1].form is not Form.MODULE:
        return f"Answer again for `{spec.name}`, in the form asked for: one fenced block with the whole module."
    if attempts[-1].admitted:
        return f"Write a faster kernel for `{spec.name}` that the gates still admit."
    return f"Write a kernel for `{spec.name}` that the gates admit; mend what they found."


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} characters left out)"
