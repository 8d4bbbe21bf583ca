"""Many judgements folded into one answer: how much was tried, how close it came, what was evidence."""

from __future__ import annotations

from collections import Counter
from typing import Final

from attrs import define, evolve, field

from specs.spec import Spec
from verify.executor.faults import Fault
from verify.executor.modes import Exhausted, Unmodelled
from verify.numerics.bounded import Unruled
from verify.numerics.inputs import Trial, make_inputs, told
from verify.numerics.judge import Judgement, Uncovered
from verify.plan import Plan
from verify.verdict import LedgerEntry, Outcome, Place, Verdict, Witness, count

# What keeps a gate from an answer and says nothing against the candidate.
UNDECIDED: Final = (Unmodelled, Exhausted, Unruled, MemoryError)


@define
class Tally:
    """Counts of what was judged. Only trials that were run count, and only evidence makes an answer HELD."""

    run: int = 0
    evidence: int = 0
    sizes: dict[str, tuple[int, int]] = field(factory=dict)
    kinds: Counter[str] = field(factory=Counter)
    controls: Counter[str] = field(factory=Counter)
    passed_controls: Counter[str] = field(factory=Counter)
    uncovered: dict[str, str] = field(factory=dict)
    plans: dict[int, Plan] = field(factory=dict)
    worst: dict[str, Judgement] = field(factory=dict)  # by dtype, those with an entry for the ledger
    unbounded: int = 0

    def add(self, judgement: Judgement) -> None:
        self.run += 1
        self.evidence += judgement.evidence
        trial = judgement.trial
        for name, size in trial.sizes:
            low, high = self.sizes.get(name, (size, size))
            self.sizes[name] = (min(low, size), max(high, size))
        layouts = {layout for _, layout in trial.layouts} or {"contiguous"}
        self.kinds.update([_shape_class(trial), f"{trial.values} values", *(f"{each} layout" for each in layouts)])
        for each in judgement.controls:
            self.controls.update([*each.rejected, *each.fine])
            self.passed_controls.update(each.accepted)
        self.unbounded += sum(comparison.unbounded for comparison in judgement.comparisons)
        if judgement.plan is not None:
            self.plans[id(judgement.plan)] = judgement.plan
        if judgement.entry is not None:
            before = self.worst.get(trial.dtype)
            if before is None or before.entry is None or judgement.entry.ratio > before.entry.ratio:
                self.worst[trial.dtype] = judgement

    def miss(self, trial: Trial, error: Uncovered) -> None:
        self.uncovered[", ".join(f"{name}={size}" for name, size in trial.sizes)] = error.declined

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        return tuple(each.entry for each in self.worst.values() if each.entry is not None)

    @property
    def scope(self) -> str:
        ranges = ", ".join(f"{name} {low}..{high}" for name, (low, high) in self.sizes.items())
        return f"{count(self.run, 'run')}, {ranges}, {', '.join(sorted(self.worst))}"

    @property
    def detail(self) -> str:
        parts = [f"{self.evidence} of {self.run} runs are evidence (they reject every trivial output)"]
        parts += [entry_text(entry) for entry in self.ledger]
        parts.append(", ".join(f"{times} {kind}" for kind, times in sorted(self.kinds.items())))
        rejected = ", ".join(f"{name} {times}" for name, times in self.controls.most_common())
        parts.append(f"trivial outputs rejected: {rejected or 'none'}")
        if self.passed_controls:
            passed = ", ".join(f"{name} {times}" for name, times in self.passed_controls.most_common())
            parts.append(f"trivial outputs accepted, in runs that are no evidence: {passed}")
        if self.unbounded:
            parts.append(f"{self.unbounded} elements without any bound")
        if self.uncovered:
            shown = [f"{sizes} ({why})" if why else sizes for sizes, why in list(self.uncovered.items())[:3]]
            parts.append(f"{len(self.uncovered)} shapes that no plan covers, such as {shown[0]}")
        return "; ".join(parts)

    def answer(self, gate: str, claim: str, plans: int) -> Verdict:
        """HELD where something that is evidence was run, UNKNOWN otherwise. The caller saw no failure.

        `plans` counts the captured plans that the claim is about.
        """
        if not self.run:
            why = next(iter(self.uncovered.values()), "") or "no captured plan covers a shape that was tried"
            return Verdict(gate, Outcome.UNKNOWN, claim, "", detail=f"nothing was run: {why}")
        if not self.evidence:
            detail = f"every run would accept a trivial output. {self.detail}"
            return Verdict(gate, Outcome.UNKNOWN, claim, "", detail=detail, ledger=self.ledger)
        detail = f"{len(self.plans)} of {plans} plans were run; {self.detail}"
        return Verdict(gate, Outcome.HELD, claim, self.scope, detail=detail, ledger=self.ledger)


def refutation(gate: str, claim: str, spec: Spec, judgement: Judgement, replayed: str, reproduce: str = "") -> Verdict:
    """The verdict on a trial that was not accepted."""
    return Verdict(
        gate,
        Outcome.REFUTED,
        claim,
        str(judgement.trial),
        detail=entry_text(judgement.entry) if judgement.entry else "",
        witness=witness(spec, judgement, replayed, reproduce),
        ledger=(judgement.entry,) if judgement.entry else (),
    )


def witness(spec: Spec, judgement: Judgement, replayed: str, reproduce: str = "") -> Witness:
    trial, reproduce = judgement.trial, reproduce or str(judgement.trial)
    if judgement.faults:
        return faulty(spec, judgement.faults[0], trial, reproduce)
    entry = judgement.entry
    assert entry is not None, "a rejected comparison has a worst element"
    at = next(at for at, comparison in enumerate(judgement.comparisons) if not comparison.accepted)
    element = f"{spec.outputs[at].name}[{', '.join(map(str, entry.index))}]"
    given = ", given the rest of its row," if judgement.comparisons[at].given_row else ""
    allowed = f"differ by {entry.allowed:.3g} (it differs by {entry.ratio:.3g} times that)"
    if given and not entry.allowed:
        allowed = f"not lie {'above' if entry.value > entry.reference else 'below'} it at all"
    sentence = f"{trial}: {element} is {entry.value:.9g}, should be {entry.reference:.9g} and{given} may {allowed}"
    return made(spec, trial, Witness(sentence, replayed, reproduce=reproduce))


def made(spec: Spec, trial: Trial, found: Witness) -> Witness:
    """The witness with what its trial was made of."""
    again = found.reproduce or str(trial)
    held = told(spec, make_inputs(spec, trial))
    return evolve(found, sizes=trial.sizes, run=trial.run, held=held, reproduce=again)


def faulty(spec: Spec, fault: Fault, trial: Trial, reproduce: str = "") -> Witness:
    """The witness of a run that the executor found at fault: what it computes cannot be trusted."""
    sentence = f"{fault.sentence}; a run with such a fault computes nothing that can be trusted [{trial}]"
    found = Witness(sentence, "executor", (), fault.accesses, fault.place, reproduce)
    return made(spec, trial, found)


def undecided(gate: str, claim: str, error: BaseException, trial: Trial | None) -> Verdict:
    """The verdict when a run could not be made: what stood in the way, and where."""
    place: Place | None = getattr(error, "place", None)
    text = str(error) or type(error).__name__
    where = f" [{trial}]" if trial else ""
    return Verdict(gate, Outcome.UNKNOWN, claim, "", detail=f"{text}{where}", place=place)


def entry_text(entry: LedgerEntry) -> str:
    """One line of the tolerance ledger."""
    index = ", ".join(map(str, entry.index))
    return (
        f"{entry.dtype}: largest error {entry.ratio:.3g} of what is allowed "
        f"({entry.allowed:.3g}, of which bound {entry.bound:.3g}) at [{index}] ({entry.case})"
    )


def _shape_class(trial: Trial) -> str:
    sizes = [size for _, size in trial.sizes]
    if 0 in sizes:
        return "empty shapes"
    if 1 in sizes:
        return "shapes with a 1"
    even = all(size & (size - 1) == 0 for size in sizes)
    return "power-of-two shapes" if even else "uneven shapes"
