"""The openai proposer against a real server on loopback: good answers, bad answers, and no answers."""

from __future__ import annotations

import pytest
from stand_ins import ANSWER, KERNEL, SOFTMAX, Endpoint, Reply, chat, response

from synth.answers import Form
from synth.exchange import Exchange, Usage, dumps
from synth.prompt import build
from synth.proposers import ProposerFailure
from synth.proposers.openai import Endpoint as Server
from synth.proposers.openai import ask

KEY = "sk-very-secret-0123456789"
LIMIT = Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "0.01"})
BROKEN = Reply({"error": {"message": "oops"}}, 500)


def propose(endpoint: Endpoint, *replies: Reply, seconds: float | None = None, **options: object) -> Exchange:
    endpoint.replies = list(replies)
    server = Server("m", **{"base_url": endpoint.url, "key": KEY, **options})  # type: ignore[arg-type]
    return ask(server)(SOFTMAX, build(SOFTMAX, params={"temperature": 0.5}), 1, seconds)


def test_a_good_chat_answer(endpoint: Endpoint) -> None:
    exchange = propose(endpoint, chat(ANSWER))

    assert exchange.reading.source == KERNEL
    assert exchange.usage == Usage(100, 20)
    assert exchange.answer.finish_reason == "stop"
    [asked] = endpoint.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["body"]["model"] == "m"
    assert asked["body"]["temperature"] == 0.5
    assert [message["role"] for message in asked["body"]["messages"]] == ["system", "user"]


def test_a_good_responses_answer(endpoint: Endpoint) -> None:
    exchange = propose(endpoint, response(ANSWER), api="responses")

    assert exchange.reading.source == KERNEL
    assert exchange.usage == Usage(7, 3)
    assert endpoint.asked[0]["path"] == "/v1/responses"
    assert endpoint.asked[0]["body"]["store"] is False


@pytest.mark.parametrize(
    ("reply", "form"),
    [
        (chat(""), Form.EMPTY),
        (chat(None), Form.EMPTY),
        (chat(ANSWER, "length"), Form.TRUNCATED),
        (chat(None, refusal="no"), Form.REFUSED),
        (chat("", "content_filter"), Form.REFUSED),
        (chat("no block here"), Form.NO_MODULE),
        (chat(ANSWER + ANSWER), Form.SEVERAL_MODULES),
        (chat("```python\nx = = 1\n```"), Form.UNPARSABLE),
    ],
)
def test_every_bad_chat_answer_is_an_outcome_of_its_own(endpoint: Endpoint, reply: Reply, form: Form) -> None:
    assert propose(endpoint, reply).reading.form is form


REFUSAL = [
    {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [
        {"type": "refusal", "refusal": "no"}
    ]}
]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "form"),
    [
        (response(""), Form.EMPTY),
        (response("", output=[]), Form.EMPTY),
        (response(ANSWER, "incomplete", incomplete_details={"reason": "max_output_tokens"}), Form.TRUNCATED),
        (response("", "incomplete", incomplete_details={"reason": "content_filter"}), Form.REFUSED),
        (response("", output=REFUSAL), Form.REFUSED),
    ],
)
def test_every_bad_responses_answer_too(endpoint: Endpoint, reply: Reply, form: Form) -> None:
    assert propose(endpoint, reply, api="responses").reading.form is form


@pytest.mark.parametrize("bad", [LIMIT, BROKEN, Reply({}, 503), Reply({}, 408)])
def test_what_passes_is_tried_again(endpoint: Endpoint, bad: Reply) -> None:
    exchange = propose(endpoint, bad, bad, chat(ANSWER))

    assert exchange.reading.form is Form.MODULE
    assert len(endpoint.asked) == 3


def test_the_pause_that_a_server_asks_for_is_kept(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    propose(endpoint, Reply({}, 429, {"Retry-After": "77"}), chat(ANSWER))

    assert 77.0 in slept


@pytest.mark.parametrize("bad", [LIMIT, BROKEN])
def test_there_is_one_retry_layer(endpoint: Endpoint, bad: Reply) -> None:
    with pytest.raises(ProposerFailure, match=str(bad.status)) as caught:
        propose(endpoint, bad, retries=2)

    assert len(endpoint.asked) == 3
    assert "resume" in caught.value.hint


def test_a_slow_server_is_given_up_on(endpoint: Endpoint) -> None:
    slow = Reply({}, delay=5.0)
    with pytest.raises(ProposerFailure, match="in time"):
        propose(endpoint, slow, timeout=0.2, retries=1)

    assert len(endpoint.asked) == 2


def test_an_address_without_a_server(endpoint: Endpoint) -> None:
    with pytest.raises(ProposerFailure, match=r"cannot reach 127\.0\.0\.1") as caught:
        propose(endpoint, chat(ANSWER), base_url="http://127.0.0.1:1/v1", retries=0)

    assert "--base-url" in caught.value.hint


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refused_request_is_not_repeated(endpoint: Endpoint, status: int) -> None:
    with pytest.raises(ProposerFailure, match=f"{status}.*no such model") as caught:
        propose(endpoint, Reply({"error": {"message": "no such model"}}, status))

    assert len(endpoint.asked) == 1
    assert "--model" in caught.value.hint


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", b"{", b"\xff\xfe", b"null", b"[]", b"{}", b'{"choices": [], "output": 3}', b"3"],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_garbage_is_a_failure_and_not_an_answer(endpoint: Endpoint, api: str, body: bytes, kind: str) -> None:
    with pytest.raises(ProposerFailure):
        propose(endpoint, Reply(body, headers={"Content-Type": kind}), api=api, retries=0)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}])
def test_a_server_that_counts_no_tokens(endpoint: Endpoint, usage: object) -> None:
    exchange = propose(endpoint, chat(ANSWER, usage=usage))

    assert exchange.usage is None


def test_the_key_is_sent_and_never_told_or_kept(endpoint: Endpoint) -> None:
    exchange = propose(endpoint, chat(ANSWER))
    assert endpoint.asked[0]["headers"]["authorization"] == f"Bearer {KEY}"
    assert KEY not in dumps(exchange)
    assert KEY not in repr(Server("m", key=KEY))
    for status in (401, 400, 500):
        with pytest.raises(ProposerFailure) as caught:
            propose(endpoint, *[Reply({"error": {"message": f"bad key {KEY}"}}, status)] * 3, retries=0)
        assert KEY not in str(caught.value)


def test_an_address_with_a_password_is_not_told(endpoint: Endpoint) -> None:
    with pytest.raises(ProposerFailure) as caught:
        propose(endpoint, base_url="http://me:hunter2@127.0.0.1:1/v1", retries=0)

    assert "hunter2" not in str(caught.value)


def test_without_key_and_server_nobody_is_asked(endpoint: Endpoint) -> None:
    with pytest.raises(ProposerFailure, match="no API key"):
        ask(Server("m"))


def test_a_server_without_a_key(endpoint: Endpoint) -> None:
    assert propose(endpoint, chat(ANSWER), key=None).reading.form is Form.MODULE


def test_the_environment_names_key_and_server(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    propose(endpoint, chat(ANSWER), key=None, base_url=None)

    assert endpoint.asked[0]["path"] == "/v1/chat/completions"
    assert endpoint.asked[0]["headers"]["authorization"] == f"Bearer {KEY}"
