"""A record cannot contradict itself."""

from __future__ import annotations

import pytest
from attrs import evolve

from reports.measurement import Measurement
from reports.record import Record, spec_digest
from specs.softmax import SPEC
from verify.dossier import Dossier
from verify.verdict import Outcome


def test_words_follow_from_the_verdicts(examples):
    words = [examples.admitted().word, examples.refuted().word, examples.inconclusive().word]

    assert words == ["admitted", "refuted", "inconclusive"]


def test_times_of_a_candidate_that_is_not_admitted_are_refused(examples):
    refuted = examples.refuted()

    with pytest.raises(ValueError, match="bench is 'measured' for a candidate that is refuted"):
        evolve(refuted, bench=examples.measured())
    with pytest.raises(ValueError, match="bench is 'not run' for a candidate that is refuted"):
        evolve(refuted, bench=Measurement.not_run("no device"))


def test_without_times_the_record_says_why_and_holds_none(examples):
    refuted, admitted = examples.refuted(), examples.admitted()

    assert (refuted.bench.word, refuted.bench.reason) == ("not counted", "refuted by bounds, races")
    assert (admitted.bench.word, admitted.bench.reason) == ("not run", "no device")
    assert refuted.measurement is None and admitted.measurement is None
    assert examples.admitted(examples.measured()).measurement is not None


def test_an_admitted_candidate_may_still_be_not_counted(examples):
    """Outputs that are wrong while they are timed count for nothing, whatever the dossier says."""
    record = examples.admitted(Measurement.not_counted("outputs differ on the device"))

    assert record.admitted and record.measurement is None


@pytest.mark.parametrize("example", ["refuted", "inconclusive"])
def test_admitted_cannot_be_claimed(examples, example):
    with pytest.raises(ValueError, match="says admitted=True, its verdicts do not admit it"):
        evolve(getattr(examples, example)(), admitted=True)


def test_a_verdict_taken_away_ends_admission(examples):
    admitted = examples.admitted()
    without_bounds = tuple(verdict for verdict in admitted.verdicts if verdict.gate != "bounds")

    with pytest.raises(ValueError, match="says admitted=True"):
        evolve(admitted, verdicts=without_bounds)


def test_a_bundle_needs_admission(examples):
    with pytest.raises(ValueError, match="has no bundle"):
        evolve(examples.refuted(), bundle=examples.admitted().bundle)


def test_changed_source_is_noticed(examples):
    own = examples.admitted().candidate

    with pytest.raises(ValueError, match="has digest"):
        evolve(own, source=own.source.replace("cols < n_cols", "cols < BLOCK"))


def test_a_dossier_of_another_case_is_refused(examples):
    case = examples.case(examples.candidate("softmax_01.py"))
    dossier = Dossier("0" * 64, "ci", 0, {"bounds": Outcome.PROVED}, ())

    with pytest.raises(ValueError, match="another candidate"):
        Record.from_case(case, dossier, examples.ENVIRONMENT)


def test_the_spec_digest_sees_the_domain_and_the_laws():
    changed = (
        evolve(SPEC, dims=(evolve(SPEC.dims[0], high=7, samples=()), *SPEC.dims[1:]), workloads=()),
        evolve(SPEC, laws=SPEC.laws[:-1]),
        evolve(SPEC, accumulate="float64"),
        evolve(SPEC, reference=lambda x: x),
        evolve(SPEC, params=(evolve(SPEC.params[0], derived=repr), *SPEC.params[1:])),
    )

    digests = {spec_digest(spec) for spec in (SPEC, *changed)}

    assert len(digests) == 1 + len(changed)
    assert spec_digest(evolve(SPEC)) == spec_digest(SPEC)
