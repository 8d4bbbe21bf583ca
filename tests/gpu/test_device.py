"""On a CUDA device: admitted specimens are right and timed, a wrong one is found, ceilings are plausible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verify.native.detect import present

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not present(), reason="no CUDA device: no driver node in /dev"),
]
SPECIMENS = Path(__file__).parents[1] / "specimens" / "admitted"


@pytest.fixture(scope="module", autouse=True)
def _device() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")


def test_the_clock_and_a_copy_agree_with_physics() -> None:
    from synth.bench.ceilings import measure_ceilings
    from synth.bench.clock import Clock

    ceilings = measure_ceilings(Clock.for_device(), ("bfloat16",))
    assert 1e10 < ceilings.copy < 2e13
    assert 0.5 * ceilings.copy < ceilings.read < 2 * ceilings.copy
    assert ceilings.matrix["bfloat16"] > 1e12 and 0 < ceilings.start < 1e-3


@pytest.mark.parametrize("name", ["softmax__looped", "softmax__descriptors", "rms_norm__one_block", "matmul__grouped"])
def test_admitted_specimens_are_right_on_the_device(name: str) -> None:
    import specs
    from verify.capture.capture import capture
    from verify.case import PROFILES, Candidate
    from verify.native.check import check
    from verify.native.compiled import compile_variant
    from verify.native.points import points

    path = SPECIMENS / f"{name}.py"
    spec = specs.find(name.split("__")[0])
    plans = capture(spec, Candidate(path.read_text(), spec.name, str(path)), PROFILES["quick"]).plans
    found = check(spec, plans, (), points(spec), compile_variant, "cuda")
    assert found.runs and not (found.findings or found.skipped or found.failures), found


def test_a_wrong_term_is_found_on_the_device() -> None:
    import specs
    from verify.capture.capture import capture
    from verify.case import PROFILES, Candidate
    from verify.native.check import check
    from verify.native.compiled import compile_variant
    from verify.native.points import points

    path = SPECIMENS / "rms_norm__looped.py"
    spec = specs.find("rms_norm")
    source = path.read_text()
    wrong = source.replace("rsqrt(", "sqrt(", 1) if "rsqrt(" in source else source.replace("+ eps", "+ 2 * eps", 1)
    assert wrong != source
    plans = capture(spec, Candidate(wrong, spec.name, str(path)), PROFILES["quick"]).plans
    found = check(spec, plans, (), points(spec), compile_variant, "cuda")
    assert any(finding.kind == "wrong" for finding in found.findings)


def test_one_command_times_a_sealed_bundle(tmp_path: Path) -> None:
    import specs
    from synth.bench.bundle import seal
    from synth.bench.device_check import main
    from verify.capture.capture import capture
    from verify.case import PROFILES, Candidate, Case
    from verify.dossier import Dossier
    from verify.verdict import Outcome, Verdict

    path = SPECIMENS / "softmax__looped.py"
    spec = specs.find("softmax")
    candidate = Candidate(path.read_text(), spec.name, str(path))
    case = Case(spec, candidate, capture(spec, candidate, PROFILES["quick"]))
    verdict = Verdict("bounds", Outcome.PROVED, "accesses are in bounds", "all shapes")
    dossier = Dossier(case.digest, "quick", 0, {"bounds": Outcome.PROVED}, (verdict,))
    (tmp_path / "in").mkdir()
    seal(case, dossier).save(tmp_path / "in" / "softmax.json")
    folders = ["--bundles", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main([*folders, "--rounds", "16"]) == 0
    (row,) = json.loads((tmp_path / "out" / "device.json").read_text())
    assert row["measurement"]["word"] == "measured" and not row["troubles"]
    assert {"kernel", "kernel again", "eager"} <= set(row["report"]["runs"][0]["seconds"])


def test_half_an_ulp_is_a_power_of_two_on_the_device_too() -> None:
    import torch

    from verify.numerics.compare import half_ulp

    magnitudes = torch.logspace(-300, 300, 4001, base=2, dtype=torch.float64)
    for dtype in ("float32", "float16", "bfloat16"):
        assert torch.equal(half_ulp(magnitudes.cuda(), dtype).cpu(), half_ulp(magnitudes, dtype))
