"""What the bench stage answers with and without admission, device and honest outputs."""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve
from plans import SPEC, case, dossier
from test_contest import CEILINGS, HostKernel, _contest

from reports.measurement import MEASURED, NOT_COUNTED, NOT_RUN
from synth.bench import measure as stage
from synth.bench import runner
from synth.bench.bundle import seal
from synth.bench.device import State, read_state
from synth.bench.results import Refused, Report, measurement_of
from verify.native.codec import canonical, read
from verify.verdict import Outcome


def _report(**changes: object) -> Report:
    run = _contest(HostKernel())
    versions = {"torch": "2.11", "triton": "3.6"}
    return Report("d", "softmax", "softmax.py", "H200", versions, CEILINGS, (run,), (), 1.0)


@pytest.mark.parametrize("outcome", [Outcome.REFUTED, Outcome.UNKNOWN, Outcome.CRASHED, Outcome.HELD])
def test_nothing_is_timed_that_is_not_admitted(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "present", lambda: pytest.fail("asked for a device"))
    own = case()
    found = stage.measure(own, dossier(own, outcome))
    assert found.word == NOT_COUNTED and "bounds" in found.reason and not found.models


def test_a_report_survives_its_file_and_becomes_a_measurement() -> None:
    report = read(canonical(_report()), Report)
    found = measurement_of(report, ())
    assert found.word == MEASURED and "torch 2.11" in found.device
    timed = found.workloads[0]
    assert timed.kernel.median == pytest.approx(10.0)
    assert [rival.baseline.name for rival in timed.against] == ["eager"]
    assert timed.against[0].word == "no evidence"  # the clock gave everybody the same time
    assert timed.fraction == pytest.approx(0.01, rel=0.1) and timed.limit == "start"
    assert "32 of the timed outputs" in timed.notes[0]


def test_a_wrong_output_on_the_device_takes_all_times_with_it() -> None:
    report = evolve(_report(), refused=(Refused("big", "a timed output is wrong: out[0]", wrong=True),))
    found = measurement_of(report, ())
    assert found.word == NOT_COUNTED and "out[0]" in found.reason


def test_a_restless_machine_is_not_the_kernels_fault() -> None:
    report = evolve(_report(), runs=(), refused=(Refused("big", "rounds were dropped", wrong=False),))
    found = measurement_of(report, ())
    assert found.word == NOT_RUN and "rounds were dropped" in found.reason


def test_only_the_workloads_that_are_asked_for_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def start(command: list[str], folder: Path) -> str:
        commands.append(command)
        (folder / "report.json").write_bytes(canonical(_report()))
        return ""

    monkeypatch.setattr(stage, "present", lambda: True)
    monkeypatch.setattr(stage, "start", start)
    monkeypatch.setitem(stage.specs.ALL, SPEC.name, SPEC)
    own, first = case(), SPEC.workloads[0]
    stage.measure(own, dossier(own), workloads=[first.name])
    stage.measure(own, dossier(own))
    asked = [[word for flag, word in pairwise(one) if flag == "--workload"] for one in commands]
    assert asked == [[first.name], []]
    assert runner.not_asked(SPEC, SPEC.workloads) == ()
    (note,) = runner.not_asked(SPEC, (first,))
    assert note.removeprefix("not asked for: ").split("; ") == [one.name for one in SPEC.workloads[1:]]


def test_the_runner_refuses_a_changed_bundle_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = case()
    path = tmp_path / "b.json"
    seal(own, dossier(own)).save(path)
    path.write_bytes(path.read_bytes().replace(b'"loose"', b'"evil!"'))
    assert runner.main([str(path), "--out", str(tmp_path / "r.json")]) == runner.BAD
    assert "changed after it was sealed" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_the_runner_refuses_a_spec_of_another_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = case()
    path = tmp_path / "b.json"
    seal(own, dossier(own)).save(path)
    monkeypatch.setattr(runner.specs, "find", lambda text: evolve(SPEC, version=99))
    assert runner.main([str(path), "--out", str(tmp_path / "r.json")]) == runner.BAD
    assert "sealed for softmax version" in capsys.readouterr().err


def test_nvidia_smi_is_read_with_its_gaps() -> None:
    full = State("580.159.04", 1980.0, 3201.0, 233.5, 41.0)
    assert read_state("580.159.04, 1980, 3201, 233.50, 41\n") == full
    assert read_state("580.159.04, 1980, [N/A], [Not Supported], 41") == evolve(full, memory_clock=None, power=None)
    assert read_state("No devices were found") == State()


def test_the_native_gate_without_a_device_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.case import PROFILES

    # The package exports the function under the module's name.
    gate = importlib.import_module("verify.gates.native")
    monkeypatch.setattr(gate, "present", lambda: False)
    (verdict,) = gate.native(case(), PROFILES["quick"])
    assert (verdict.outcome, verdict.detail) == (Outcome.UNKNOWN, "not run: no device")
