"""Only what is admitted is sealed, and a seal that was broken shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve
from plans import case, dossier

from synth.bench.bundle import NotAdmitted, Tampered, dossier_digest, load, seal
from verify.verdict import Cost, Outcome


def test_an_admitted_case_is_sealed_and_read_back(tmp_path: Path) -> None:
    own = case()
    bundle = seal(own, dossier(own))
    bundle.save(tmp_path / "b.json")
    assert load(tmp_path / "b.json") == bundle
    assert bundle.case == own.digest and len(bundle.digest) == 64


@pytest.mark.parametrize(
    ("outcome", "required", "reason"),
    [
        (Outcome.REFUTED, "bounds", "refuted by bounds: M=1: stores out"),
        (Outcome.HELD, "bounds", "bounds is held"),
        (Outcome.PROVED, "races", "races did not run"),
    ],
)
def test_whatever_is_not_admitted_is_not_sealed(outcome: Outcome, required: str, reason: str) -> None:
    own = case()
    with pytest.raises(NotAdmitted, match=reason):
        seal(own, dossier(own, outcome, required))


def test_a_dossier_of_another_candidate_seals_nothing() -> None:
    own = case()
    with pytest.raises(NotAdmitted, match="another candidate"):
        seal(own, evolve(dossier(own), case_digest="0" * 64))


def test_a_case_without_plans_is_not_sealed() -> None:
    own = case()
    own.capture = evolve(own.capture, answers=())
    with pytest.raises(NotAdmitted, match="no plan"):
        seal(own, dossier(own))


def test_the_digest_does_not_depend_on_how_long_gates_took() -> None:
    own = case()
    first = dossier(own)
    slower = evolve(first, verdicts=tuple(evolve(one, cost=Cost(99.0)) for one in first.verdicts))
    assert dossier_digest(first) == dossier_digest(slower)


def _changes() -> dict[str, object]:
    return {
        "ttir": lambda data: data["plans"][0]["steps"][0]["variants"][0].update(ttir="evil"),
        "warps": lambda data: data["plans"][0]["steps"][0]["variants"][0].update(num_warps=1),
        "grid": lambda data: data["plans"][0]["steps"][0]["variants"][0]["grid"][0].update(name="N"),
        "spec": lambda data: data.update(spec="matmul"),
        "dossier": lambda data: data.update(dossier="0" * 64),
        "digest": lambda data: data.update(digest="0" * 64),
        "extra": lambda data: data.update(python="import os"),
        "kind": lambda data: data["plans"][0]["steps"][0].update({"is": "Call"}),
        "missing": lambda data: data.pop("plans"),
    }


@pytest.mark.parametrize("change", _changes())
def test_a_changed_bundle_is_refused(change: str, tmp_path: Path) -> None:
    own = case()
    path = tmp_path / "b.json"
    seal(own, dossier(own)).save(path)
    data = json.loads(path.read_text())
    _changes()[change](data)  # type: ignore[operator]
    path.write_text(json.dumps(data, sort_keys=True, separators=(",", ":")))
    with pytest.raises(Tampered):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_what_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(Tampered):
        load(path)


def test_spaces_are_a_change_too(tmp_path: Path) -> None:
    own = case()
    path = tmp_path / "b.json"
    seal(own, dossier(own)).save(path)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Tampered, match="changed after it was sealed"):
        load(path)
