"""Two records of one operator, the earlier and the later: what got better, worse or weaker.

*Weaker* is what no verdict shows: the same words, said of less. A smaller domain, a dropped law or dtype, fewer
required gates, a lower profile, a new assumption. What a proof rests on is no weaker for being another condition:
the claim and its scope are told above, so it is *changed*, for a reviewer to look at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from attrs import frozen

from reports.findings import SHOWN
from reports.record import Record
from reports.tally import LABELS, NOT_RUN, WORST_FIRST, tally
from verify.case import PROFILES

Kind: TypeAlias = Literal["worse", "weaker", "better", "changed"]
KINDS: Final[tuple[Kind, ...]] = ("worse", "weaker", "better", "changed")


@frozen
class Change:
    """One difference. `changed` is neither for the better nor for the worse."""

    kind: Kind
    what: str


def compare(old: Record, new: Record) -> tuple[Change, ...]:
    """Every difference that a reviewer should know of, the worst first. Costs and moments are none."""
    parts = (_subject, _outcomes, _claims, _scope, _trails, _times)
    found = (change for part in parts for change in part(old, new))
    return tuple(sorted(dict.fromkeys(found), key=lambda change: KINDS.index(change.kind)))


def regressed(changes: tuple[Change, ...]) -> bool:
    """Whether anything is worse or weaker."""
    return any(change.kind in ("worse", "weaker") for change in changes)


def _subject(old: Record, new: Record) -> Iterator[Change]:
    if old.candidate.digest != new.candidate.digest:
        yield Change("changed", f"the candidate: {old.candidate.digest[:12]} -> {new.candidate.digest[:12]}")
    if old.word != new.word:
        order = ("refuted", "inconclusive", "admitted")
        better = order.index(new.word) > order.index(old.word)
        yield Change("better" if better else "worse", f"the verdict: {old.word} -> {new.word}")
    names = sorted({*old.environment.packages, *new.environment.packages})
    for name in names:
        before, after = old.environment.packages.get(name), new.environment.packages.get(name)
        if before != after:
            yield Change("changed", f"{name}: {before or 'absent'} -> {after or 'absent'}")


def _outcomes(old: Record, new: Record) -> Iterator[Change]:
    """Gate by gate, the worst of its answers."""
    before = {row.gate: row.worst for row in tally(old)}
    after = {row.gate: row.worst for row in tally(new)}
    for gate in dict.fromkeys([*before, *after]):
        was, now = before.get(gate, NOT_RUN), after.get(gate, NOT_RUN)
        if was != now:
            better = WORST_FIRST.index(now) > WORST_FIRST.index(was)
            yield Change("better" if better else "worse", f"{gate}: {LABELS[was]} -> {LABELS[now]}")
    for gate, least in old.required.items():
        asked = new.required.get(gate)
        if asked is None:
            yield Change("weaker", f"{gate} is no longer required")
        elif asked < least:
            yield Change("weaker", f"{gate} needs only be {LABELS[asked.word]}, no longer {LABELS[least.word]}")
    for gate in new.required.keys() - old.required.keys():
        yield Change("better", f"{gate} is now required")


def _claims(old: Record, new: Record) -> Iterator[Change]:
    """Claims that were shown and are no longer made: a gate passes more easily with fewer questions."""
    before = Counter((verdict.gate, verdict.claim) for verdict in old.verdicts)
    after = Counter((verdict.gate, verdict.claim) for verdict in new.verdicts)
    asked = {verdict.gate for verdict in new.verdicts}
    same_kernel = old.candidate.digest == new.candidate.digest
    for gate, claim in before - after:
        if gate in asked:  # a gate that did not run at all is told already
            # Another kernel has other accesses, so other claims; the same one has lost something.
            yield Change("weaker" if same_kernel else "changed", f"{gate} no longer claims: {claim}")
    about = {(verdict.gate, verdict.claim) for verdict in old.verdicts if not verdict.vacuous}
    for verdict in new.verdicts:
        if verdict.vacuous and (verdict.gate, verdict.claim) in about:
            yield Change("weaker", f"{verdict.gate} is now vacuous: {verdict.claim}")
    for gate, claim in after - before:
        if any(verdict.gate == gate for verdict in old.verdicts):
            yield Change("changed", f"{gate} now claims: {claim}")


def _scope(old: Record, new: Record) -> Iterator[Change]:
    if old.spec.domain != new.spec.domain:
        yield Change("weaker", f"the domain is another: {old.spec.domain} -> {new.spec.domain}")
    elif old.spec.digest != new.spec.digest:
        yield Change("weaker", "the spec's reference, laws or values are others; its domain is the same")
    for dtype in old.spec.dtypes:
        if dtype not in new.spec.dtypes:
            yield Change("weaker", f"{dtype} is no longer asked for")
    for dtype in new.spec.dtypes:
        if dtype not in old.spec.dtypes:
            yield Change("better", f"{dtype} is now asked for")
    if old.profile != new.profile:
        ranks = list(PROFILES)
        lower = ranks.index(new.profile) < ranks.index(old.profile)
        yield Change("weaker" if lower else "better", f"profile {old.profile} -> {new.profile}")
    # What comes with a claim that was not shown before takes nothing away from what was.
    both = _shown(old) & _shown(new)
    yield from _sets("assumption", _assumptions(old, both), _assumptions(new, both))
    yield from _sets("uncovered", dict.fromkeys(old.uncovered), dict.fromkeys(new.uncovered))


def _shown(record: Record) -> set[tuple[str, str]]:
    return {(verdict.gate, verdict.claim) for verdict in record.verdicts if verdict.outcome.word in SHOWN}


def _sets(what: str, before: dict[str, None], after: dict[str, None]) -> Iterator[Change]:
    for text in after:
        if text not in before:
            yield Change("weaker", f"new {what}: {text}")
    for text in before:
        if text not in after:
            yield Change("better", f"no longer {what}: {text}")


def _assumptions(record: Record, claims: set[tuple[str, str]]) -> dict[str, None]:
    relied = (verdict for verdict in record.verdicts if (verdict.gate, verdict.claim) in claims)
    return dict.fromkeys(text for verdict in relied for text in verdict.assumptions)


def _trails(old: Record, new: Record) -> Iterator[Change]:
    """What proofs of the same claim newly rest on, or no longer do; where no trail was kept nothing is known."""
    before, after = _rests(old), _rests(new)
    for (gate, claim), now in after.items():
        was = before.get((gate, claim))
        if was is None:
            continue
        for words, these, others in (("now also rests on", now, was), ("no longer rests on", was, now)):
            if texts := [text for key, text in these.items() if key not in others]:
                yield Change("changed", f"{gate} {words} {', '.join(texts)}: {claim}")


def _rests(record: Record) -> dict[tuple[str, str], dict[str, str]]:
    """Of each proved claim, what it rests on: without the line, which moves, and as it is told."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in record.verdicts:
        if (trail := verdict.trail) is not None:
            named = {re.sub(r":\d+(?=\)?$)", "", text): text for text in trail.told}
            found.setdefault((verdict.gate, verdict.claim), {}).update(named)
    return found


def _times(old: Record, new: Record) -> Iterator[Change]:
    """Times on the same device only, and only where their 95% intervals are apart."""
    before, after = old.measurement, new.measurement
    if before is None or after is None or before.device != after.device:
        return
    earlier = {(timed.workload, timed.dtype): timed.kernel for timed in before.workloads}
    for timed in after.workloads:
        was, now = earlier.get((timed.workload, timed.dtype)), timed.kernel
        if was is not None and (now.low > was.high or now.high < was.low):
            kind: Kind = "worse" if now.median > was.median else "better"
            yield Change(kind, f"{timed.workload}: {was.median:.1f} -> {now.median:.1f} µs")
