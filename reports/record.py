"""The record: everything that was examined, answered and measured about one candidate, as data that is kept.

A record says the same as the case and dossier that it was made from, holds no Python objects of theirs that
cannot be written down, and cannot be built, or read back, in contradiction with itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from attrs import field, frozen

from reports.environment import Environment
from reports.measurement import MEASURED, NOT_COUNTED, Measurement
from reports.walk.story import Walk
from specs.spec import Choice, Spec
from verify.case import Candidate, Case, Provenance
from verify.dossier import Dossier
from verify.plan import Plan, Refusal
from verify.verdict import Outcome, Verdict

NO_REFERENCE: Final = "the spec has no reference, so the numbers were not looked at"
SCHEMA: Final = "kernelproof-record/1"


@frozen
class SpecPart:
    """The contract that the candidate was held against. `domain` is the condition on sizes and strides."""

    name: str
    version: int
    digest: str
    summary: str
    domain: str
    dtypes: tuple[str, ...]
    contract: bool = False  # without a reference: nothing is known of what it should compute


@frozen
class CandidatePart:
    """What was examined, whole, so that a record can be checked against its own digest."""

    digest: str
    entry: str
    path: str
    policy: Literal["strict", "repo"]
    provenance: Provenance
    source: str

    def __attrs_post_init__(self) -> None:
        own = Candidate(self.source, self.entry, self.path, self.policy, self.provenance).digest
        if own != self.digest:
            raise ValueError(f"candidate {self.path!r} has digest {own[:16]}, not {self.digest[:16]}")


@frozen
class VariantPart:
    """One TTIR, by digest, with the condition and the options under which it runs."""

    ttir: str
    condition: str
    config: str
    constants: Mapping[str, str]
    num_warps: int
    num_stages: int


@frozen
class LaunchPart:
    """One kernel start of a cell's plan."""

    kernel: str
    variants: tuple[VariantPart, ...]


@frozen
class CellPart:
    """A set of sizes for which one plan was captured, or which the candidate `declined` with an error."""

    dtype: str
    choices: Mapping[str, Choice]
    condition: str
    launches: tuple[LaunchPart, ...] = ()
    declined: str = ""


@frozen
class BundlePart:
    """The sealed bundle of an admitted candidate."""

    digest: str


@frozen
class Record:
    """One candidate, one spec, one environment. `reports.canonical` gives its spelling as JSON.

    `admitted` follows from `verdicts` and `required` and is checked against them. A bundle, or times, for a
    candidate that is not admitted raise ValueError; so do verdicts that belong to another case.
    """

    schema: str
    spec: SpecPart
    candidate: CandidatePart
    case: str
    profile: str
    seed: int
    cells: tuple[CellPart, ...]
    uncovered: tuple[str, ...]
    sandbox: str
    host_operations: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    required: Mapping[str, Outcome]
    admitted: bool
    bundle: BundlePart | None
    bench: Measurement
    environment: Environment = field()
    walks: tuple[Walk, ...] = ()  # what its kernels do, in words; older records have none
    thorough: bool = True  # no gate got less because one before it had refuted; so in all older records

    def __attrs_post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"this program makes records of schema {SCHEMA!r}, not {self.schema!r}")
        if self.admitted != self.dossier.admitted:
            derived = "admit" if self.dossier.admitted else "do not admit"
            raise ValueError(f"the record says admitted={self.admitted}, its verdicts {derived} it")
        if self.bundle is not None and not self.admitted:
            raise ValueError("a candidate that is not admitted has no bundle")
        if not self.admitted and self.bench.word != NOT_COUNTED:
            raise ValueError(f"bench is {self.bench.word!r} for a candidate that is {self.word}")

    @classmethod
    def from_case(
        cls,
        case: Case,
        dossier: Dossier,
        environment: Environment,
        measurement: Measurement | None = None,
        bundle: str | None = None,
        walks: tuple[Walk, ...] = (),
    ) -> Record:
        """The record of an examined case; `bundle` is the seal's digest.

        Without `measurement` the bench stage is `not counted` or, once admitted, `not run`. Raises ValueError
        for a dossier of another case, and for times or a bundle of a candidate that is not admitted.
        """
        if dossier.case_digest != case.digest:
            raise ValueError("the dossier is about another candidate or another version of the spec")
        return cls(
            schema=SCHEMA,
            spec=_spec_part(case.spec),
            candidate=_candidate_part(case.candidate),
            case=case.digest,
            profile=dossier.profile,
            seed=dossier.seed,
            cells=tuple(_cell_parts(case)),
            uncovered=case.capture.uncovered,
            sandbox=case.capture.sandbox,
            host_operations=case.capture.host_operations,
            verdicts=dossier.verdicts,
            required=dict(dossier.required),
            admitted=dossier.admitted,
            bundle=None if bundle is None else BundlePart(bundle),
            bench=measurement or _no_measurement(dossier),
            environment=environment,
            walks=walks,
            thorough=dossier.thorough,
        )

    @cached_property
    def dossier(self) -> Dossier:
        """The dossier that the record keeps."""
        asked = self.case, self.profile, self.seed, self.required
        return Dossier(*asked, self.verdicts, self.spec.contract, self.thorough)

    @property
    def word(self) -> str:
        """`admitted`, `kept`, `refuted` or `inconclusive`."""
        return self.dossier.word

    @property
    def measurement(self) -> Measurement | None:
        """The times that count; None where there are none."""
        return self.bench if self.bench.word == MEASURED else None


def shortfall(dossier: Dossier) -> str:
    """Why the dossier admits nothing, in a line; empty when it does."""
    if dossier.refuted:
        names = dict.fromkeys(verdict.gate for verdict in dossier.refuted)
        return f"refuted by {', '.join(names)}"
    reasons = [NO_REFERENCE] if dossier.contract else []
    for gate in dossier.missing:
        found = dossier.outcome(gate)
        if found is None:
            reasons.append(f"{gate} did not run")
        else:
            reasons.append(f"{gate} is {_said(found)}, needs to be {_said(dossier.required[gate])}")
    return "; ".join(reasons)


def _said(outcome: Outcome) -> str:
    return "tested" if outcome is Outcome.HELD else outcome.word


def spec_digest(spec: Spec) -> str:
    """SHA-256 over what the spec declares and over the source files of its reference and laws."""
    declared = (
        spec.name, spec.version, spec.dims, spec.params, spec.outputs, spec.requires, spec.dtypes,
        spec.accumulate, spec.tf32, spec.glue, str(spec.operations), spec.workloads,
        tuple((law.name, law.claim, law.bitwise) for law in spec.laws),
    )  # fmt: skip
    derived = {param.name: param.derived for param in spec.tensors if param.derived}
    told = (*declared, *((name, call.__qualname__) for name, call in derived.items()))
    callables = [*filter(None, [spec.reference]), *(part for law in spec.laws for part in (law.transform, law.expect))]
    callables += derived.values()
    sources = sorted({_source_of(call) for call in callables})
    return sha256("\0".join([repr(told), *sources]).encode()).hexdigest()


def _source_of(call: Callable[..., Any]) -> str:
    # A whole file, not a function: a constant beside the reference changes its meaning too.
    named = f"{getattr(call, '__module__', '')}.{getattr(call, '__qualname__', type(call).__name__)}"
    if named.startswith("torch."):
        return named
    try:
        file = inspect.getsourcefile(call)
        return Path(file).read_text(encoding="utf-8") if file else named
    except (OSError, TypeError, UnicodeDecodeError):
        code = getattr(call, "__code__", None)
        return named if code is None else f"{named} {code.co_code.hex()} {code.co_names} {code.co_consts!r}"


def _no_measurement(dossier: Dossier) -> Measurement:
    if dossier.admitted:
        return Measurement.not_run("the bench stage was not asked for")
    return Measurement.not_counted(shortfall(dossier))


def _spec_part(spec: Spec) -> SpecPart:
    return SpecPart(
        spec.name, spec.version, spec_digest(spec), spec.summary, str(spec.domain()), spec.dtypes, spec.is_contract
    )  # fmt: skip


def _candidate_part(candidate: Candidate) -> CandidatePart:
    names = [item.name for item in attrs.fields(CandidatePart) if item.name != "digest"]
    return CandidatePart(digest=candidate.digest, **{name: getattr(candidate, name) for name in names})


def _cell_parts(case: Case) -> Iterator[CellPart]:
    for answer in case.capture.answers:
        if isinstance(answer, Plan):
            launches = tuple(_launch_parts(answer))
            yield CellPart(answer.dtype, dict(answer.choices), str(answer.cell), launches)
        elif isinstance(answer, Refusal):
            declined = f"{answer.error} ({answer.place})"
            yield CellPart(answer.dtype, dict(answer.choices), str(answer.cell), declined=declined)


def _launch_parts(plan: Plan) -> Iterator[LaunchPart]:
    for launch in plan.launches:
        variants = tuple(
            VariantPart(
                variant.digest,
                str(variant.condition),
                variant.config,
                dict(variant.constants),
                variant.num_warps,
                variant.num_stages,
            )
            for variant in launch.variants
        )
        yield LaunchPart(launch.kernel, variants)
