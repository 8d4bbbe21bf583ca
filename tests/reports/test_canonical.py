"""One spelling: records come back as they were, equal records give equal bytes, damage is named."""

from __future__ import annotations

import json
import math

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports import canonical
from verify.verdict import Access, Cost, LedgerEntry, Outcome, Place, Trail, Verdict, Witness

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
whole = st.integers(-(2**70), 2**70)
floats = st.floats(allow_nan=False)
places = st.none() | st.builds(Place, texts, whole, whole)
lanes = st.lists(whole, max_size=2).map(tuple)
accesses = st.builds(
    Access, texts, texts, whole, whole, st.tuples(whole, whole, whole), lanes, st.builds(Place, texts, whole)
)
witnesses = st.builds(
    Witness, texts, texts, st.lists(st.tuples(texts, whole), max_size=2).map(tuple),
    st.lists(accesses, max_size=2).map(tuple), places, texts,
)  # fmt: skip
entries = st.builds(
    LedgerEntry, texts, texts, floats, st.lists(whole, max_size=2).map(tuple), floats, floats, floats, floats,
    st.lists(st.tuples(texts, texts), max_size=1).map(tuple),
)  # fmt: skip

trails = st.builds(
    Trail, whole, texts, st.lists(texts, max_size=2).map(tuple), st.lists(texts, max_size=2).map(tuple)
)  # fmt: skip


@st.composite
def verdicts(draw) -> Verdict:
    outcome = draw(st.sampled_from(Outcome))
    return Verdict(
        draw(st.sampled_from(["bounds", "races", "fuzz", "native"])),
        outcome,
        draw(texts),
        draw(texts) or "scope",
        draw(texts),
        tuple(draw(st.lists(texts, max_size=2))),
        draw(witnesses) if outcome is Outcome.REFUTED else None,
        draw(places),
        Cost(draw(floats), draw(st.none() | whole)),
        tuple(draw(st.lists(entries, max_size=1))),
        trail=draw(st.none() | trails) if outcome is Outcome.PROVED else None,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(verdicts(), max_size=4).map(tuple))
def test_any_verdicts_come_back_as_they_were(examples, given_verdicts):
    record = examples.record(examples.candidate("x.py"), given_verdicts)

    again = canonical.decode(canonical.encode(record))

    assert again == record
    assert canonical.encode(again) == canonical.encode(record)


@pytest.mark.parametrize("example", ["admitted", "refuted", "inconclusive"])
def test_equal_records_have_equal_bytes(examples, example):
    make = getattr(examples, example)

    assert canonical.encode(make()) == canonical.encode(make())
    assert canonical.decode(canonical.encode(make())) == make()


def test_times_come_back(examples):
    record = examples.admitted(examples.measured())

    assert canonical.decode(canonical.encode(record)) == record


def test_the_contract_of_the_schema(examples):
    data = json.loads(canonical.encode(examples.refuted()))

    assert data["schema"] == "kernelproof-record/1"
    assert data["spec"].keys() >= {"name", "digest"}
    assert data["candidate"].keys() >= {"digest", "entry", "provenance"}
    assert data["verdicts"][0].keys() >= {
        "gate", "outcome", "claim", "scope", "detail", "assumptions", "witness", "cost",
    }  # fmt: skip
    assert data["verdicts"][0]["cost"].keys() == {"seconds", "rlimit"}
    assert {verdict["outcome"] for verdict in data["verdicts"]} == {"proved", "held", "refuted", "unknown"}
    assert data["admitted"] is False
    assert data["measurement"] is None
    assert data["bundle"] is None
    assert data["bench"] == {"word": "not counted", "reason": "refuted by bounds, races", "models": []}


def test_an_admitted_record_without_a_device_has_no_measurement(examples):
    data = json.loads(canonical.encode(examples.admitted()))

    assert data["measurement"] is None
    assert data["bench"]["word"] == "not run"
    assert data["bundle"] == {"digest": "ab12" * 16}


def test_what_json_cannot_hold_is_spelled(examples):
    record = examples.admitted()
    odd = evolve(
        record.verdicts[-1],
        detail="lone \ud800 surrogate",
        cost=Cost(math.inf, 2**60),
        ledger=(LedgerEntry("float32", "c", math.nan, (2**53,), -math.inf, 0.0, 0.0, 0.0),),
    )
    data = json.loads(canonical.encode(evolve(record, verdicts=(*record.verdicts[:-1], odd))))

    last = data["verdicts"][-1]
    assert last["cost"] == {"rlimit": "1152921504606846976", "seconds": "Infinity"}
    assert (last["ledger"][0]["ratio"], last["ledger"][0]["value"]) == ("NaN", "-Infinity")
    assert last["ledger"][0]["index"] == ["9007199254740992"]
    assert last["detail"] == "lone \ufffd surrogate"


def test_a_ledger_without_own_bounds_is_spelled_as_it_was_before_there_were_any(examples):
    record = examples.admitted()
    (entry, *_), last = next(each.ledger for each in record.verdicts if each.ledger), record.verdicts[-1]
    for own in (entry, evolve(entry, own=0.5), evolve(entry, lacks="math.erf at k.py:7 has no error bound")):
        text = canonical.encode(evolve(record, verdicts=(*record.verdicts[:-1], evolve(last, ledger=(own,)))))
        (spelled,) = json.loads(text)["verdicts"][-1]["ledger"]
        assert ("own" in spelled, "lacks" in spelled) == (own is not entry, own is not entry)
        assert canonical.decode(text).verdicts[-1].ledger == (own,)


def test_the_stable_digest_leaves_out_times_and_nothing_else(examples):
    record = examples.admitted()
    slower = evolve(
        record,
        verdicts=tuple(evolve(own, cost=Cost(own.cost.seconds + 1, own.cost.rlimit)) for own in record.verdicts),
        environment=evolve(record.environment, time="2027-01-01T00:00:00Z"),
    )
    other = evolve(record, seed=1)

    assert canonical.stable(slower) == canonical.stable(record)
    assert canonical.digest(slower) != canonical.digest(record)
    assert canonical.stable(other) != canonical.stable(record)


def _changed(examples, change) -> str:
    data = json.loads(canonical.encode(examples.admitted()))
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(schema="kernelproof-record/2"), "newer than 'kernelproof-record/1'"),
        (lambda data: data.update(schema="kernelproof-record/0"), "older than 'kernelproof-record/1'"),
        (lambda data: data.update(schema=7), "its schema is 7"),
        (lambda data: data.pop("schema"), "no key 'schema'"),
        (lambda data: data.pop("verdicts"), "verdicts"),
        (lambda data: data.pop("measurement"), "no key 'measurement'"),
        (lambda data: data.update(extra=1), "extra"),
        (lambda data: data.update(seed="0"), "expected an integer, found '0'"),
        (lambda data: data.update(seed=True), "expected an integer, found True"),
        (lambda data: data.update(admitted=False), "says admitted=False"),
        (lambda data: data["verdicts"][0].update(outcome="ok"), "unknown outcome 'ok'"),
        (lambda data: data["verdicts"][0].update(outcome="refuted"), "witness"),
        (lambda data: data["verdicts"].pop(0), "says admitted=True"),
        (lambda data: data["candidate"].update(source="pass"), "has digest"),
        (lambda data: data.update(uncovered="abc"), "uncovered"),
        (lambda data: data.update(measurement={"device": "x", "workloads": []}), "not run"),
    ],
)
def test_damage_is_named(examples, change, message):
    with pytest.raises(canonical.Unreadable, match=message):
        canonical.decode(_changed(examples, change))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ('{"schema": ', "not JSON.*line 1"),
        (b"\xff\xfe\x00", "not UTF-8|not JSON"),
        ("[1]", "expected a JSON object, found list"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_record_is_refused(text, message):
    with pytest.raises(canonical.Unreadable, match=message):
        canonical.decode(text)


def test_a_record_from_before_trails_keeps_its_bytes(examples):
    record = examples.admitted()
    bare = evolve(record, verdicts=tuple(evolve(verdict, trail=None) for verdict in record.verdicts))
    assert b"trail" in canonical.encode(record) and b"trail" not in canonical.encode(bare)
    assert canonical.encode(canonical.decode(canonical.encode(bare))) == canonical.encode(bare)


def test_only_a_proof_has_a_trail():
    with pytest.raises(ValueError, match="a proof's trail for a claim that is unknown"):
        Verdict("bounds", Outcome.UNKNOWN, "a claim", "", trail=Trail(1, "ab"))


def test_a_record_from_before_smaller_budgets_was_thorough(examples):
    record = examples.refuted()
    less = evolve(record, thorough=False)
    assert "thorough" not in canonical.to_data(record) and canonical.decode(canonical.encode(record)).thorough
    assert canonical.decode(canonical.encode(less)) == less and not less.dossier.thorough
