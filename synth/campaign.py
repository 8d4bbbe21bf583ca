"""Take recorded proposals through all stages in parallel, and hold each verdict against the one that is
expected.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

import specs
from reports.canonical import decode, encode
from reports.record import Record
from synth.exchange import Exchange, ExchangeError, Expectation, load
from synth.exits import Trouble
from synth.proposers.replay import recorded
from synth.workers import each
from verify.case import PROFILES
from verify.dossier import Dossier
from verify.verdict import Outcome


@frozen
class Proposal:
    """One recorded proposal on its way: where it is stored and what it must get."""

    file: Path
    spec: str
    expect: Expectation | None
    profile: str

    @property
    def name(self) -> str:
        return f"{self.spec}/{self.file.stem}"


@frozen
class Judged:
    """A proposal with its record, or the failure that left it without one. `surprise` is empty as
    expected.
    """

    proposal: Proposal
    record: Record | None
    surprise: str
    seconds: float = 0.0


def gather(root: Path, chosen: Sequence[str], profile: str) -> tuple[Proposal, ...]:
    """The recorded proposals under `root/<spec>/`, in order. Raises Trouble for a file that is none."""
    found: list[Proposal] = []
    for name in chosen or specs.ALL:
        for file in recorded(root / name):
            exchange = _load(file)
            if exchange.spec.name != name or exchange.spec.version != specs.find(name).version:
                told = f"{exchange.spec.name} version {exchange.spec.version}"
                raise Trouble(f"{file} answers for {told}, not {name} version {specs.find(name).version}")
            found.append(Proposal(file, name, exchange.expect, profile))
    return tuple(found)


def judge_all(proposals: Sequence[Proposal], jobs: int, seconds: float) -> Iterator[Judged]:
    """Examine every proposal in `jobs` processes, in the order they come to an end."""
    for done in each(proposals, examine_stored, jobs, seconds):
        if done.failure:
            yield Judged(done.task, None, f"no verdict: {done.failure}")
            continue
        text, seconds = done.answer or (b"", 0.0)
        record = decode(text)
        yield Judged(done.task, record, surprise(done.task.expect, record.dossier), seconds)


def surprise(expect: Expectation | None, dossier: Dossier) -> str:
    """What is not as expected, in a line; empty when all is. A gate that crashed is never expected."""
    crashed = [verdict.gate for verdict in dossier.verdicts if verdict.outcome is Outcome.CRASHED]
    if crashed:
        return f"the {crashed[0]} gate crashed"
    if expect is None:
        return ""
    word = {"unknown": "inconclusive"}.get(expect.verdict, expect.verdict)
    if word != dossier.word:
        return f"expected {expect}, got {_got(dossier)}"
    if expect.gate is None:
        return ""
    least = {"refuted": Outcome.REFUTED, "unknown": Outcome.UNKNOWN}[expect.verdict]
    return "" if dossier.outcome(expect.gate) is least else f"expected {expect}, got {_got(dossier)}"


def examine_stored(proposal: Proposal) -> tuple[bytes, float]:
    """The canonical record of one proposal, and the seconds it took. It runs in a process of its own."""
    started = time.monotonic()
    # One thread a process: several processes that each take every core would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from synth.loop import candidate_of
    from synth.pipeline import examine_candidate, standard

    spec = specs.find(proposal.spec)
    candidate = candidate_of(_load(proposal.file), spec, f"{proposal.file.stem}.py")
    record = examine_candidate(spec, candidate, PROFILES[proposal.profile], standard(bench=True))
    return encode(record), time.monotonic() - started


def _load(file: Path) -> Exchange:
    try:
        return load(file)
    except ExchangeError as error:
        raise Trouble(str(error)) from None


def _got(dossier: Dossier) -> str:
    gates = dict.fromkeys(verdict.gate for verdict in dossier.refuted) or dict.fromkeys(dossier.missing)
    return f"{dossier.word} by {', '.join(gates)}" if gates else dossier.word
