"""Stored exchanges: they come back as they were, an edit is noticed, and no half of one is ever on disk."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import ANSWER, KERNEL, SOFTMAX

from synth import exchange
from synth.answers import Form
from synth.exchange import (
    Answer,
    Exchange,
    ExchangeError,
    Expectation,
    Message,
    Request,
    SpecName,
    Usage,
    from_source,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
exchanges = st.builds(
    Exchange,
    spec=st.builds(SpecName, texts, st.integers(1, 9)),
    proposer=texts,
    model=texts,
    provenance=texts,
    request=st.builds(
        Request,
        st.lists(st.builds(Message, st.sampled_from(["system", "user"]), texts), max_size=3).map(tuple),
        st.dictionaries(texts, st.integers(-9, 9) | st.floats(0, 2) | texts | st.booleans(), max_size=3),
    ),
    answer=st.builds(Answer, texts, texts, st.none() | texts),
    usage=st.none() | st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6)),
    seconds=st.none() | st.floats(0, 1000),
    expect=st.sampled_from([None, Expectation("admitted"), Expectation("refuted", "bounds")]),
)


@given(exchanges)
def test_what_is_stored_comes_back(one: Exchange) -> None:
    back = exchange.loads(exchange.dumps(one), "here")

    assert back == one
    assert back.digest == one.digest


def test_an_edit_is_noticed() -> None:
    text = exchange.dumps(from_source(SOFTMAX, KERNEL))
    with pytest.raises(ExchangeError, match="edited"):
        exchange.loads(text.replace("import triton", "import torch"), "here")


def test_an_expectation_is_no_part_of_the_identity() -> None:
    plain = from_source(SOFTMAX, KERNEL)
    expected = from_source(SOFTMAX, KERNEL, expect=Expectation("refuted", "races"))

    assert plain.digest == expected.digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda plain: plain.pop("model"), "model"),
        (lambda plain: plain.update(modle=""), "modle"),
        (lambda plain: plain.update(schema="kernelproof.exchange/9"), "exchange/9"),
        (lambda plain: plain.update(answer=3), "answer"),
        (lambda plain: plain.update(expect={"verdict": "good"}), "expect"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(tmp_path: Path, change: object, told: str) -> None:
    plain = json.loads(exchange.dumps(from_source(SOFTMAX, KERNEL)))
    change(plain)  # type: ignore[operator]
    path = tmp_path / "one.json"
    path.write_text(json.dumps(plain))
    with pytest.raises(ExchangeError, match=told) as caught:
        exchange.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "[" * 100_000, "3"])
def test_garbage_is_no_exchange(text: str) -> None:
    with pytest.raises(ExchangeError, match="here"):
        exchange.loads(text, "here")


def test_from_source_is_read_back_as_that_module() -> None:
    made = from_source(SOFTMAX, KERNEL, prose="I keep a row in registers.")

    assert made.reading.source == KERNEL
    assert "by hand" in made.provenance


def test_from_source_refuses_what_would_not_survive() -> None:
    with pytest.raises(ValueError, match="survive"):
        from_source(SOFTMAX, '"""\n```\n"""\nx = 1\n')


def test_from_source_keeps_a_syntax_error() -> None:
    assert from_source(SOFTMAX, "def softmax(x:\n").reading.form is Form.UNPARSABLE


def test_nothing_half_written_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.json"
    path.write_text("before")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        exchange.save(from_source(SOFTMAX, KERNEL), path)

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("verdict", "gate"), [("good", None), ("refuted", None), ("admitted", "bounds")])
def test_an_expectation_that_means_nothing_cannot_be_made(verdict: str, gate: str | None) -> None:
    with pytest.raises(ValueError):
        Expectation(verdict, gate)


def test_the_answer_of_the_tests_is_a_module() -> None:
    assert from_source(SOFTMAX, KERNEL).answer.text.count("```") == ANSWER.count("```") == 2
