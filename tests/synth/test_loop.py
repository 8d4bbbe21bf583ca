"""The search: budgets, feedback, and going on after a stop without asking or examining twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import define, evolve, field
from stand_ins import ANSWER, KERNEL, SOFTMAX, stages

from synth.answers import Form
from synth.exchange import Answer, Exchange, ExchangeError, Request, SpecName, Usage, load, save
from synth.lineage import Attempt, Finding, best
from synth.lineage import load as load_lineage
from synth.loop import Examined, Limits, Search, examined
from synth.pipeline import examine_candidate
from synth.proposers import Exhausted, ProposerFailure
from synth.proposers.replay import replay
from verify.case import PROFILES, Candidate
from verify.verdict import Outcome

REFUTED = Examined("refuted", (Finding("bounds", "refuted", "in bounds", "M=1, N=3: stores out[3]"),))
ADMITTED = Examined("admitted", modelled={"square": 12.5})


@define
class Model:
    """Answers in turn and keeps what it was asked."""

    answers: list[str | Exception]
    asked: list[Request] = field(factory=list)
    finish: str = "stop"

    def __call__(self, spec: object, request: Request, number: int, seconds: float | None) -> Exchange:
        said = self.answers[number - 1] if number <= len(self.answers) else Exhausted("no more")
        if isinstance(said, Exception):
            raise said
        self.asked.append(request)
        answer = Answer(said, self.finish)
        return Exchange(SpecName("softmax", 1), "test", "m", "a test", request, answer, Usage(100, 50))


@define
class Examiner:
    """Says the same of every candidate, or one thing after another, and counts."""

    answers: list[Examined]
    seen: list[Candidate] = field(factory=list)

    def __call__(self, candidate: Candidate, number: int) -> Examined:
        self.seen.append(candidate)
        return self.answers[min(len(self.seen), len(self.answers)) - 1]


def searching(folder: Path, model: Model, examiner: Examiner, limits: Limits | None = None) -> Search:
    return Search(SOFTMAX, model, examiner, folder, limits or Limits(10))


def test_a_failure_is_fed_back_with_its_witness_and_source(tmp_path: Path) -> None:
    model, examiner = Model([ANSWER, ANSWER]), Examiner([REFUTED, ADMITTED])
    search = searching(tmp_path, model, examiner)
    found = list(search)

    assert [attempt.verdict for attempt in found] == ["refuted", "admitted"]
    assert search.best == found[1]
    assert search.stopped == "no more"
    first, second = (request.messages[-1].content for request in model.asked)
    assert "stores out[3]" not in first
    assert "stores out[3]" in second
    assert "    def softmax(x):" in second


def test_times_of_the_admitted_are_fed_back(tmp_path: Path) -> None:
    model = Model([ANSWER, ANSWER])
    list(searching(tmp_path, model, Examiner([ADMITTED])))

    told = model.asked[1].messages[-1].content
    assert "roofline model, not measured: square 12.5 us" in told
    assert "faster" in told


@pytest.mark.parametrize(
    ("text", "finish", "form"),
    [
        ("", "stop", Form.EMPTY),
        (ANSWER, "length", Form.TRUNCATED),
        ("", "content_filter", Form.REFUSED),
        ("words", "stop", Form.NO_MODULE),
        (ANSWER * 2, "stop", Form.SEVERAL_MODULES),
        ("```python\nx = = 1\n```", "stop", Form.UNPARSABLE),
    ],
)
def test_what_is_no_module_is_fed_back_and_never_examined(tmp_path: Path, text: str, finish: str, form: Form) -> None:
    model, examiner = Model([text, text], finish=finish), Examiner([ADMITTED])
    found = list(searching(tmp_path, model, examiner))

    assert [attempt.form for attempt in found] == [form, form]
    assert not examiner.seen
    assert found[0].complaint in model.asked[1].messages[-1].content


def test_a_budget_of_proposals(tmp_path: Path) -> None:
    search = searching(tmp_path, Model([ANSWER] * 9), Examiner([REFUTED]), Limits(3))

    assert len(list(search)) == 3
    assert "3 proposals" in search.stopped


def test_a_budget_of_tokens(tmp_path: Path) -> None:
    search = searching(tmp_path, Model([ANSWER] * 9), Examiner([REFUTED]), Limits(9, tokens=301))

    assert len(list(search)) == 3
    assert "301 tokens" in search.stopped


def test_a_budget_of_seconds(tmp_path: Path) -> None:
    ticks = iter(range(0, 1000, 4))
    search = searching(tmp_path, Model([ANSWER] * 9), Examiner([REFUTED]), Limits(9, seconds=20))
    search.clock = lambda: float(next(ticks))

    assert len(list(search)) == 2
    assert "20 seconds" in search.stopped


@pytest.mark.parametrize("wrong", [{"proposals": 0}, {"tokens": -1}, {"seconds": 0.0}])
def test_a_budget_of_nothing_is_a_mistake(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="budget of"):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_stopped_search_goes_on_without_asking_or_examining_again(tmp_path: Path) -> None:
    model = Model([ANSWER, "", ProposerFailure("the endpoint answered 500")])
    with pytest.raises(ProposerFailure):
        list(searching(tmp_path, model, Examiner([REFUTED])))
    again, examiner = Model([ANSWER, "", ANSWER]), Examiner([ADMITTED])
    search = searching(tmp_path, again, examiner)
    found = list(search)

    assert len(again.asked) == 1
    assert len(examiner.seen) == 1
    assert [attempt.verdict for attempt in search.attempts] == ["refuted", "", "admitted"]
    assert found == search.attempts[2:]
    assert tuple(search.attempts) == load_lineage(tmp_path)
    assert "stores out[3]" in again.asked[0].messages[-1].content


def test_an_answer_that_was_stored_but_not_examined_is_not_asked_for_again(tmp_path: Path) -> None:
    def interrupted(candidate: Candidate, number: int) -> Examined:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Search(SOFTMAX, Model([ANSWER]), interrupted, tmp_path, Limits(1)))
    model, examiner = Model([]), Examiner([ADMITTED])
    found = list(searching(tmp_path, model, examiner))

    assert not model.asked
    assert [attempt.verdict for attempt in found] == ["admitted"]


def test_tokens_of_earlier_sittings_count(tmp_path: Path) -> None:
    list(searching(tmp_path, Model([ANSWER]), Examiner([REFUTED])))
    model = Model([ANSWER, ANSWER])

    assert list(searching(tmp_path, model, Examiner([REFUTED]), Limits(9, tokens=150))) == []
    assert not model.asked


def test_a_folder_of_another_spec_is_refused(tmp_path: Path) -> None:
    other = evolve(Model([ANSWER])(None, Request(), 1, None), spec=SpecName("matmul", 1))
    save(other, tmp_path / "0001.exchange.json")
    with pytest.raises(ExchangeError, match="matmul"):
        list(searching(tmp_path, Model([]), Examiner([ADMITTED])))


def test_every_exchange_is_stored_and_replays_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    list(searching(first, Model([ANSWER, ""]), Examiner([REFUTED])))
    files = sorted(first.glob("*.exchange.json"))
    search = Search(SOFTMAX, replay(files), Examiner([REFUTED]), second, Limits(9))
    list(search)

    assert [attempt.exchange for attempt in search.attempts] == [load(path).digest for path in files]
    assert search.stopped == "all 2 recorded proposals were replayed"


def test_replay_refuses_the_answers_for_another_spec(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    save(evolve(Model([ANSWER])(None, Request(), 1, None), spec=SpecName("softmax", 7)), path)
    with pytest.raises(ProposerFailure, match="version 7"):
        replay([path])(SOFTMAX, Request(), 1, None)


def test_the_words_of_an_attempt_come_from_its_record_and_hold_no_path_of_ours() -> None:
    given = stages(policy=Outcome.PROVED, bounds=Outcome.REFUTED, laws=Outcome.CRASHED, fuzz=Outcome.UNKNOWN)
    record = examine_candidate(SOFTMAX, Candidate(KERNEL, "softmax", "k.py"), PROFILES["quick"], given)
    found = examined(record, "0001.record.json")

    assert found.verdict == "refuted"
    assert [finding.gate for finding in found.findings] == ["bounds", "laws", "fuzz"]
    assert "out has 3 elements" in found.findings[0].sentence
    assert found.findings[1].sentence == "the gate itself failed"
    assert found.microseconds is None


def attempt(number: int, verdict: str = "admitted", **times: dict[str, float]) -> Attempt:
    return Attempt(number, "", Form.MODULE, verdict, **times)  # type: ignore[arg-type]


def test_the_best_is_admitted_and_measured_comes_before_modelled() -> None:
    slow = attempt(1, microseconds={"a": 9.0, "b": 9.0})
    fast = attempt(2, microseconds={"a": 4.0, "b": 9.0})
    dreamt = attempt(3, modelled={"a": 0.1})
    wrong = attempt(4, "refuted", microseconds={"a": 0.1, "b": 0.1})

    assert best([wrong]) is None
    assert best([slow, fast, dreamt, wrong]) is fast
    assert best([dreamt, wrong]) is dreamt
    assert best([attempt(5), attempt(6)]) == attempt(5)


def test_a_broken_lineage_names_its_line(tmp_path: Path) -> None:
    list(searching(tmp_path, Model([ANSWER]), Examiner([REFUTED])))
    path = tmp_path / "summary.jsonl"
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(ValueError, match=r"summary.jsonl:2: .*number"):
        load_lineage(tmp_path)
