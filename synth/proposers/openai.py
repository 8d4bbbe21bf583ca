"""Ask a model behind an OpenAI-compatible endpoint. The only module that imports openai.

Chat Completions where a base URL is set, since that is what other servers speak; Responses otherwise. The
SDK's own retries are the one retry layer: they cover connections, timeouts, 408, 409, 429 and 5xx, and
honour Retry-After.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import openai
from attrs import field, frozen

from specs.spec import Spec
from synth.exchange import Answer, Exchange, Request, SpecName, Usage
from synth.proposers import Proposer, ProposerFailure

Api: TypeAlias = Literal["auto", "chat", "responses"]
APIS: Final = ("auto", "chat", "responses")
CONNECT: Final = 5.0  # seconds; a wrong address is to be told soon
_UNKEYED: Final = "none"  # local servers want no key, and the SDK wants one


@frozen
class Endpoint:
    """Whom to ask and how. `key` and `base_url` default to OPENAI_API_KEY and OPENAI_BASE_URL.

    `timeout` is seconds for one try; one call may take `retries + 1` of them and the pauses between.
    """

    model: str
    base_url: str | None = None
    key: str | None = field(default=None, repr=False)
    api: Api = "auto"
    timeout: float = 600.0
    retries: int = 4


def ask(endpoint: Endpoint) -> Proposer:
    """A proposer that asks the endpoint. Raises ProposerFailure where it cannot be asked at all."""
    base_url = endpoint.base_url or os.environ.get("OPENAI_BASE_URL") or None
    key = endpoint.key or os.environ.get("OPENAI_API_KEY") or (_UNKEYED if base_url else None)
    if not key:
        raise ProposerFailure(
            "there is no API key", "set OPENAI_API_KEY, or name a server that needs none by --base-url"
        )
    api = endpoint.api if endpoint.api != "auto" else ("chat" if base_url else "responses")
    try:
        client = openai.OpenAI(api_key=key, base_url=base_url, max_retries=endpoint.retries)
    except (openai.OpenAIError, ValueError, TypeError) as error:
        raise ProposerFailure(_hidden(f"cannot make a client: {error}", key)) from None

    def propose(spec: Spec, request: Request, number: int, seconds: float | None) -> Exchange:
        patience = endpoint.timeout if seconds is None else max(1.0, min(endpoint.timeout, seconds))
        limits = openai.Timeout(patience, connect=min(CONNECT, patience))
        started = time.monotonic()
        try:
            asked = _chat if api == "chat" else _responses
            answer, usage = asked(client.with_options(timeout=limits), endpoint.model, request)
        except (openai.OpenAIError, ValueError) as error:
            raise _failure(error, base_url, key, endpoint.retries) from None
        return Exchange(
            SpecName(spec.name, spec.version),
            "openai",
            endpoint.model,
            f"answered by {endpoint.model} over {'Chat Completions' if api == 'chat' else 'Responses'}",
            request,
            answer,
            usage,
            round(time.monotonic() - started, 3),
        )

    return propose


def _chat(client: openai.OpenAI, model: str, request: Request) -> tuple[Answer, Usage | None]:
    messages: Any = [{"role": message.role, "content": message.content} for message in request.messages]
    said: Any = client.chat.completions.create(model=model, messages=messages, extra_body=dict(request.params))
    # The SDK builds its classes without checking them: a server may have sent anything.
    choices = getattr(said, "choices", None)
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise ValueError(f"the answer holds no choices: {_glimpse(said)}")
    message = choices[0].message
    answer = Answer(_text(message.content), _text(choices[0].finish_reason), getattr(message, "refusal", None) or None)
    return answer, _usage(getattr(said, "usage", None), "prompt_tokens", "completion_tokens")


def _responses(client: openai.OpenAI, model: str, request: Request) -> tuple[Answer, Usage | None]:
    messages: Any = [{"role": message.role, "content": message.content} for message in request.messages]
    said: Any = client.responses.create(model=model, input=messages, store=False, extra_body=dict(request.params))
    output = getattr(said, "output", None)
    if not isinstance(output, list):
        raise ValueError(f"the answer holds no output: {_glimpse(said)}")
    if getattr(said, "status", None) == "failed":
        raise ValueError(f"the model failed: {getattr(said.error, 'message', None) or 'no reason given'}")
    parts = [part for item in output if item.type == "message" for part in item.content]
    text = "".join(_text(part.text) for part in parts if part.type == "output_text")
    refusal = " ".join(_text(part.refusal) for part in parts if part.type == "refusal") or None
    reason = "stop"
    if getattr(said, "status", None) == "incomplete":
        reason = _text(getattr(said.incomplete_details, "reason", None)) or "length"
    return Answer(text, reason, refusal), _usage(getattr(said, "usage", None), "input_tokens", "output_tokens")


def _usage(usage: Any, prompt: str, completion: str) -> Usage | None:
    sent, made = getattr(usage, prompt, None), getattr(usage, completion, None)
    return Usage(sent, made) if isinstance(sent, int) and isinstance(made, int) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _glimpse(said: Any) -> str:
    shown = said if isinstance(said, str) else repr(said)
    return f"{shown[:120]!r}"


def _failure(error: Exception, base_url: str | None, key: str, retries: int) -> ProposerFailure:
    where = urlsplit(base_url).hostname or "the endpoint" if base_url else "api.openai.com"
    hint = "the run can be taken up again with --resume"
    if isinstance(error, openai.APITimeoutError):
        told = f"{where} did not answer in time, {retries + 1} times over"
    elif isinstance(error, openai.AuthenticationError):
        # The endpoint's own sentence quotes part of the key.
        told, hint = f"{where} does not accept the API key", "check OPENAI_API_KEY"
    elif isinstance(error, openai.APIConnectionError):
        told, hint = f"cannot reach {where}: {error.__cause__ or error}", "check --base-url and the network"
    elif isinstance(error, openai.APIStatusError):
        told = f"{where} answered {error.status_code}: {str(error.message)[:300]}"
        if error.status_code in (400, 404, 422):
            hint = "check --model, --api and --param"
    else:
        told = f"{where} sent what cannot be read: {str(error)[:300]}"
    return ProposerFailure(_hidden(told, key), hint)


def _hidden(text: str, key: str) -> str:
    return text if key == _UNKEYED else text.replace(key, "***")
