"""The search: ask, read, examine, tell, until a budget is spent or the proposer has no more.

Every exchange lies in the run's folder before anything is done with it, and every attempt after it is
known. A stopped search goes on from its folder: what was answered is not asked again, what was examined
not examined again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast

from attrs import define, field, frozen

from reports.record import Record
from specs.spec import Spec
from synth import lineage
from synth.answers import Form
from synth.exchange import Exchange, ExchangeError, load, save
from synth.lineage import Attempt
from synth.prompt import DEFAULT_DEVICE, build
from synth.proposers import Exhausted, Proposer
from verify.case import Candidate, Provenance
from verify.verdict import Outcome

EXCHANGE: Final = "{number:04d}.exchange.json"


@frozen
class Limits:
    """When to stop. Tokens count over the whole search, also what earlier sittings used; seconds this
    sitting.

    Both are looked at between proposals. An answer without usage counts as no tokens.
    """

    proposals: int = 8
    tokens: int | None = None
    seconds: float | None = None

    def __attrs_post_init__(self) -> None:
        for name, value in (
            ("proposals", self.proposals),
            ("tokens", self.tokens),
            ("seconds", self.seconds),
        ):
            if value is not None and value <= 0:
                raise ValueError(f"a budget of {value} {name} lets nothing happen")


@frozen
class Examined:
    """What the gates and the bench said of a candidate, in the words that an attempt keeps."""

    verdict: Literal["admitted", "refuted", "inconclusive"]
    findings: tuple[lineage.Finding, ...] = ()
    microseconds: Mapping[str, float] | None = None
    modelled: Mapping[str, float] | None = None
    record: str = ""


def examined(record: Record, name: str = "") -> Examined:
    """A record in those words. What crashed is ours and holds our paths: a proposer hears only that it
    did.
    """
    findings = []
    for verdict in sorted(record.verdicts, key=lambda verdict: verdict.outcome):
        if verdict.outcome > Outcome.UNKNOWN:
            continue
        if verdict.witness is not None:
            sentence = verdict.witness.sentence
        else:
            sentence = "the gate itself failed" if verdict.outcome is Outcome.CRASHED else verdict.detail
        findings.append(lineage.Finding(verdict.gate, verdict.outcome.word, verdict.claim, sentence))
    times = {timed.workload: timed.kernel.median for timed in record.bench.workloads}
    models = {f"{model.workload} on {model.target}": model.microseconds for model in record.bench.models}
    word = cast(Literal["admitted", "refuted", "inconclusive"], record.word)
    return Examined(word, tuple(findings), times or None, models or None, name)


Examine = Callable[[Candidate, int], Examined]


@define
class Search:
    """A search under way. Iterate it once; `attempts` grows and `stopped` says in the end why it stopped."""

    spec: Spec
    proposer: Proposer
    examine: Examine
    folder: Path
    limits: Limits
    device: str = DEFAULT_DEVICE
    params: Mapping[str, Any] = field(factory=dict)
    clock: Callable[[], float] = time.monotonic
    attempts: list[Attempt] = field(factory=list, init=False)
    stopped: str = field(default="", init=False)

    def __iter__(self) -> Iterator[Attempt]:
        started = self.clock()
        self.attempts = list(lineage.load(self.folder))
        while not (spent := self._spent(self.clock() - started)):
            try:
                exchange = self._exchange(len(self.attempts) + 1, self.clock() - started)
            except Exhausted as end:
                self.stopped = str(end)
                return
            self.attempts.append(self._attempt(exchange, len(self.attempts) + 1))
            lineage.save(self.attempts, self.folder)
            yield self.attempts[-1]
        self.stopped = spent

    @property
    def best(self) -> Attempt | None:
        return lineage.best(self.attempts)

    def _spent(self, elapsed: float) -> str:
        tokens = sum(attempt.tokens or 0 for attempt in self.attempts)
        if len(self.attempts) >= self.limits.proposals:
            return f"the budget of {self.limits.proposals} proposals is spent"
        if self.limits.tokens is not None and tokens >= self.limits.tokens:
            return f"the budget of {self.limits.tokens} tokens is spent: {tokens} were used"
        if self.limits.seconds is not None and elapsed >= self.limits.seconds:
            return f"the budget of {self.limits.seconds:g} seconds is spent"
        return ""

    def _exchange(self, number: int, elapsed: float) -> Exchange:
        path = self.folder / EXCHANGE.format(number=number)
        if path.exists():
            return self._stored(path)
        request = build(self.spec, self.attempts, self.device, self.params)
        left = None if self.limits.seconds is None else self.limits.seconds - elapsed
        exchange = self.proposer(self.spec, request, number, left)
        save(exchange, path)
        return exchange

    def _stored(self, path: Path) -> Exchange:
        exchange = load(path)
        if (exchange.spec.name, exchange.spec.version) != (self.spec.name, self.spec.version):
            told = f"{exchange.spec.name} version {exchange.spec.version}"
            raise ExchangeError(f"{path} belongs to a search for {told}")
        return exchange

    def _attempt(self, exchange: Exchange, number: int) -> Attempt:
        reading = exchange.reading
        tokens = exchange.usage.total if exchange.usage else None
        if reading.form is not Form.MODULE:
            return Attempt(number, exchange.digest, reading.form, "", complaint=reading.complaint, tokens=tokens)
        candidate = candidate_of(exchange, self.spec, f"proposal_{number:04d}.py")
        found = self.examine(candidate, number)
        return Attempt(
            number=number,
            exchange=exchange.digest,
            form=Form.MODULE,
            verdict=found.verdict,
            candidate=candidate.digest,
            source=candidate.source,
            findings=found.findings,
            microseconds=found.microseconds,
            modelled=found.modelled,
            tokens=tokens,
            record=found.record,
        )


def candidate_of(exchange: Exchange, spec: Spec, path: str) -> Candidate:
    """The candidate in an exchange whose answer is a module. Raises ValueError for any other answer."""
    reading = exchange.reading
    if reading.form is not Form.MODULE:
        raise ValueError(f"{path}: {reading.complaint}")
    origin = Provenance(
        origin=exchange.proposer,
        author=exchange.model,
        prompt_digest=exchange.request.digest if exchange.request.messages else "",
        note=exchange.provenance,
    )
    return Candidate(reading.source, spec.name, path, "strict", origin)
