"""What a record lets a reader conclude, what it takes for granted, and what it leaves open, in sentences.

Every sentence follows from the record or from how the program works; none of them rounds up.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from reports.record import NO_REFERENCE, Record, shortfall
from reports.strength import Strength, doubt
from reports.tally import NOT_RUN, Row, totals
from reports.text import listed
from verify.verdict import Outcome, count

# What a proof or a test stands on although nothing here examines it, and what would follow if it were wrong.
TRUSTED: Final = (
    ("Our reading of TTIR", "a proof could be about something else than the kernel"),
    ("Capture", "the plan could leave out what the host code does at some shapes"),
    ("z3", "a claim could be reported proved and be false"),
    ("Triton's compiler below TTIR", "the machine code could differ from the TTIR that was examined"),
    ("ptxas or the vendor's assembler, the driver, the device", "correct code could compute wrong results"),
    ("torch's float64 reference", "a kernel could be compared with the wrong values"),
    ("The spec", "the kernel could do what the spec says and not what was meant"),
)
_NEVER_SHOWN: Final = (
    "Machine code: everything below TTIR is trusted, not examined.",
    "Timing channels, power, hangs, and what else runs on the device.",
    "That the spec asks for the right thing: a person has to read it.",
)


REACHES: Final[Mapping[bool, str]] = {
    True: "yes: some size, program and lane of the domain meet what the claim is about",
    False: "never: no size, program and lane of the domain meet it, so the proof is vacuous and says nothing",
}
# How a proof was found, in the words of the details.
RUNGS: Final[Mapping[str, str]] = {
    "intervals": "the ranges of the sizes alone decide it; no solver was asked",
    "z3 linear": "z3, with every product of unknowns taken for any number; what follows so follows in any case",
    "z3 integers": "z3 on integers, products included",
    "z3 non-linear": "z3's engine for polynomials over the integers",
    "direct": "the claim as it stands",
    "flat": "element numbers counted from the buffer's start",
    "per coordinate": "the element number is split along the strides, and each coordinate is within its size",
    "per tile": "two programs have two tiles, and tiles have no element in common",
    "by factors": "one factor is small enough for whatever the other may be",
    "writer exhibited": "for an element, the program, round and lane that write it are named and checked",
    "counting": "programs have tiles of their own, and there are as many programs as tiles",
    "by its allocation": "the host code fills the memory before any kernel starts",
    "atomic in all programs": "every access to the element is atomic for the whole device",
}


@frozen
class Doubt:
    """A way in which the conclusion could still be wrong, and what the record has to say to it."""

    question: str
    answer: str


@frozen
class Risk:
    """Something that may still go wrong, why nothing here excludes it, and what would show it in use."""

    hazard: str
    why: str
    harm: str
    sign: str


def risks(record: Record, rows: tuple[Row, ...]) -> tuple[Risk, ...]:
    """What remains of risk, by what this record does not show."""
    held = [row.gate for row in rows if row.counts["held"]]
    device = any(row.gate == "native" and row.worst in ("held", "proved") for row in rows)
    compared = "a share of calls compared with the framework's own operator, within the ledger's bounds"
    found = [
        Risk(
            "The device computes something else than the TTIR says",
            "one device agreed on samples" if device else "no device has run it for this record",
            "wrong results, or an access outside of a buffer",
            "the native gate on each kind of device before it is used there",
        ),
        Risk(
            "A call outside of the spec's domain",
            "nothing is asked of the kernel there",
            "anything",
            "a check of sizes, strides and dtypes at the call: see the domain under Reproduction",
        ),
        Risk("Another compiler below TTIR", "it is trusted, not examined", "wrong results", "this record, redone"),
        Risk("A spec that asks for the wrong thing", "only a person can tell", "wrong results", compared),
    ]
    if held:
        why = f"{listed(held)} rest on samples"
        found.insert(0, Risk("A value that no sample had", why, "a result beyond its bound, or wrong", compared))
    if any("loaded" in text or "argument" in text for text in assumptions(record)):
        found.append(
            Risk("An assumption that a caller breaks", "it is named, not proved", "a race, or an access outside",
                 "the checks that `verify --emit-guards` writes, where it names values")
        )  # fmt: skip
    return tuple(found)


def conclusion(record: Record, rows: tuple[Row, ...]) -> str:
    """The verdict in a sentence."""
    if record.word == "refuted":
        others = len(record.dossier.refuted) - 1
        more = f" ({count(others, 'more refutation')} below)" if others else ""
        return f"A witness breaks a claim of the {record.dossier.refuted[0].gate} gate{more}."
    if record.word == "inconclusive":
        return f"Nothing refutes it, but it is not admitted: {shortfall(record.dossier)}."
    sums = totals(rows)
    if record.word == "kept":
        return f"Every required gate passed ({count(sums['proved'], 'claim')} proved), but {NO_REFERENCE}."
    return (
        f"Every required gate reached the outcome asked of it: {count(sums['proved'], 'claim')} proved, "
        f"{count(sums['held'], 'claim')} tested."
    )


def claim(record: Record) -> str:
    """The claim under review."""
    dtypes = listed(list(record.spec.dtypes))
    if record.spec.contract:
        return (
            f"For every size and stride in the contract's domain, in {dtypes}: the kernels touch only their own "
            "buffers, without collisions or wrapped indices, and use no undefined value. What they compute is not "
            "under review."
        )
    return (
        f"For every size and stride in the spec's domain, in {dtypes}: the kernel touches only its own "
        "buffers, without collisions or wrapped indices; it writes every output element exactly once, from "
        "defined values; and what it computes differs from the float64 reference by no more than rounding "
        "explains."
    )


def scope(record: Record) -> tuple[tuple[str, str], ...]:
    """What the answers cover, as terms and descriptions."""
    captured = sum(1 for cell in record.cells if not cell.declined)
    declined = len(record.cells) - captured
    kernels = {variant.ttir for cell in record.cells for launch in cell.launches for variant in launch.variants}
    cells = f"{count(captured, 'captured plan')} over {count(len(kernels), 'distinct kernel')} in TTIR"
    if declined:
        cells += f"; the candidate declines {count(declined, 'set')} of sizes with an error of its own"
    effort = f"profile {record.profile}, seed {record.seed}"
    if not record.thorough:
        effort += "; after the first refutation fewer runs, and one variant of each kernel compiled"
    left = "none known" if not record.uncovered else "; ".join(record.uncovered)
    return (
        ("dtypes", listed(list(record.spec.dtypes))),
        ("cells", cells),
        ("not covered", left),
        ("effort", effort),
        ("sandbox reached", record.sandbox),
    )


def not_shown(record: Record, rows: tuple[Row, ...]) -> tuple[str, ...]:
    """What a reader must not take from the page."""
    sentences = []
    held = totals(rows)["held"]
    if held:
        sentences.append(f"Tested is not proved: {count(held, 'claim')} rest on samples.")
    if record.spec.contract:
        sentences.append(f"Whether any number is right: {NO_REFERENCE}.")
    vacuous = sum(verdict.vacuous for verdict in record.verdicts)
    if vacuous:
        sentences.append(f"{count(vacuous, 'proof is', 'proofs are')} vacuous: about what no size of the domain meets.")
    silent = [row.gate for row in rows if row.worst == NOT_RUN]
    if silent:
        sentences.append(f"Not run, so nothing shown: {listed(silent)}.")
    if record.uncovered:
        sentences.append("Sizes outside the captured cells, listed under scope.")
    return (*sentences, *_NEVER_SHOWN)


def implied(record: Record) -> str:
    """What follows if the assumptions and the trusted base hold."""
    if record.word == "refuted":
        return (
            "At least one claim that is asked of the candidate is false, as the witness shows. The other "
            "answers on this page stand, but they admit nothing, and no time of this kernel counts."
        )
    if record.word == "inconclusive":
        return "Nothing follows for use yet: something required is not shown. No time of this kernel counts."
    if record.word == "kept":
        return (
            "If the assumptions and the trusted base hold, these launches are safe wherever the contract's domain "
            "applies. Nothing follows for what they compute, and no time of them counts."
        )
    return (
        "If the assumptions and the trusted base hold, a framework may call this exact kernel, at this "
        "digest, wherever the spec's domain applies. A changed kernel, spec or launch is another case."
    )


def assumptions(record: Record) -> Mapping[str, tuple[str, ...]]:
    """Each assumption with the gate of every verdict that relies on it, in order of first use."""
    found: dict[str, list[str]] = {}
    for verdict in record.verdicts:
        for assumption in verdict.assumptions:
            found.setdefault(assumption, []).append(verdict.gate)
    return {name: tuple(users) for name, users in found.items()}


def doubts(record: Record, rows: tuple[Row, ...], ledgers: int, strength: Strength | None = None) -> tuple[Doubt, ...]:
    """Ways to be wrong that remain."""
    by_gate = {row.gate: row for row in rows}
    held = [row.gate for row in rows if row.counts["held"]]
    device = by_gate["native"].worst
    return (
        Doubt(
            "Could samples have missed a failure?",
            f"Yes, in {listed(held)}: those claims are tested, not proved." if held else "No claim rests on samples.",
        ),
        Doubt(
            "Could a proof be empty, from assumptions that nothing meets?",
            _emptiness(record),
        ),
        Doubt(
            "Could a size have been left out?",
            f"Capture found these outside every cell: {'; '.join(record.uncovered)}."
            if record.uncovered
            else "Capture reports no size of the domain outside the captured cells.",
        ),
        Doubt(
            "Could a tolerance hide a bug?",
            f"{count(ledgers, 'bound')} and the worst ratio to each are in the tolerance ledger."
            if ledgers
            else "This record holds no tolerance ledger, so the bounds cannot be judged from it.",
        ),
        Doubt(
            "Does a device do the same?",
            "Not shown: the native gate did not run."
            if device == NOT_RUN
            else f"The native gate's worst answer is: {device}.",
        ),
        Doubt(
            "Would these gates catch other bugs?",
            doubt(strength),
        ),
        Doubt(
            "Did the candidate's code reach the checker?",
            f"It ran only in the capture sandbox, which reached: {record.sandbox}. Only data came back.",
        ),
    )


def rungs(record: Record) -> Mapping[str, str]:
    """The ways in which proofs of this record were found, with what each of them means."""
    told = " ".join(verdict.detail for verdict in record.verdicts if verdict.outcome is Outcome.PROVED)
    return {name: meaning for name, meaning in RUNGS.items() if name in told}


def _emptiness(record: Record) -> str:
    proofs = [verdict for verdict in record.verdicts if verdict.outcome is Outcome.PROVED]
    asked = [verdict for verdict in proofs if verdict.reached is not None]
    if not asked:
        return "A domain without a shape counts as unknown. Whether each claim is about something was not asked."
    empty = [f"{verdict.gate}, {verdict.claim}" for verdict in asked if verdict.vacuous]
    told = f"Whether a claim is about something that happens was decided for {count(len(asked), 'proof')}"
    return f"{told}; vacuous: {'; '.join(empty)}." if empty else f"{told}: each is."


def redo(record: Record, json: str = "") -> str:
    """The command that examines the candidate again: from the record's file where that is known to lie beside."""
    own = record.candidate
    if json and own.provenance.origin not in ("file", "package"):  # a proposal's path names no file
        return shlex.join(["kernelproof", "repro", json])
    path = f"./{own.path}" if own.path.startswith("-") else own.path
    words = ["kernelproof", "verify"]
    words += [f"{path}:{own.entry}", "--policy", "repo"] if own.policy == "repo" else [path, "--entry", own.entry]
    return shlex.join([*words, "--spec", record.spec.name, "--profile", record.profile])
