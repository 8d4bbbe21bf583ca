"""The bundle: plans and TTIR of an admitted case, sealed by a digest. It is what is timed and what ships."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from verify.case import Case
from verify.dossier import Dossier
from verify.native.codec import canonical, read
from verify.plan import Plan
from verify.verdict import Cost

FORMAT: Final = "kernelproof-bundle/1"


class NotAdmitted(Exception):
    """The dossier does not admit the case; the message says which gates are missing or what refuted it."""


class Tampered(Exception):
    """A bundle file is not what was sealed, or not a bundle at all."""


@frozen
class Bundle:
    """Plans with their TTIR for one spec, and the digests of the case and the dossier that admitted it.

    It holds no Python of the candidate. `digest` covers everything else.
    """

    format: str
    spec: str
    spec_version: int
    candidate: str  # digest of the candidate's source
    label: str  # shown to people: the candidate's file name
    case: str
    dossier: str
    plans: tuple[Plan, ...]
    digest: str = ""

    def save(self, path: Path) -> None:
        """Write it as one canonical JSON file."""
        path.write_bytes(canonical(self))


def seal(case: Case, dossier: Dossier) -> Bundle:
    """Seal an admitted case. Raises NotAdmitted with the reason for any other."""
    if dossier.case_digest != case.digest:
        raise NotAdmitted("the dossier is about another candidate or another version of the spec")
    if reason := refusal(dossier):
        raise NotAdmitted(reason)
    if not case.capture.plans:
        raise NotAdmitted("capture brought back no plan to run")
    bundle = Bundle(
        FORMAT,
        case.spec.name,
        case.spec.version,
        case.candidate.digest,
        Path(case.candidate.path).name,
        case.digest,
        dossier_digest(dossier),
        case.capture.plans,
    )
    return evolve(bundle, digest=_seal_of(bundle))


def refusal(dossier: Dossier) -> str:
    """Why the dossier admits nothing, in a line; empty when it does."""
    if dossier.admitted:
        return ""
    if dossier.refuted:
        first = dossier.refuted[0]
        witness = first.witness.sentence if first.witness else first.claim
        return f"refuted by {first.gate}: {witness}"
    reasons = []
    for gate in dossier.missing:
        found = dossier.outcome(gate)
        reasons.append(f"{gate} {'did not run' if found is None else f'is {found.word}'}")
    return "not admitted: " + ", ".join(reasons)


def load(path: Path) -> Bundle:
    """Read a bundle and check its seal. Raises Tampered when it is broken, OSError when it cannot be read."""
    content = path.read_bytes()
    try:
        bundle: Bundle = read(content, Bundle)
    except ValueError as broken:
        raise Tampered(f"{path} is not a bundle: {broken}") from broken
    if bundle.format != FORMAT:
        raise Tampered(f"{path} has format {bundle.format!r}, this program reads {FORMAT!r}")
    if _seal_of(bundle) != bundle.digest or canonical(bundle) != content:
        raise Tampered(f"{path} was changed after it was sealed: its digest does not fit its content")
    return bundle


def digest_of(content: Any) -> str:
    """SHA-256 of the canonical spelling."""
    return sha256(canonical(content)).hexdigest()


def dossier_digest(dossier: Dossier) -> str:
    """Digest of what was asked and answered. Costs are left out: a rerun takes other seconds."""
    return digest_of(evolve(dossier, verdicts=tuple(evolve(one, cost=Cost(0.0)) for one in dossier.verdicts)))


def _seal_of(bundle: Bundle) -> str:
    return digest_of(evolve(bundle, digest=""))
