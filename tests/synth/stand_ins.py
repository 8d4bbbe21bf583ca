"""Stand-ins for what a test has no business with: a model's answers, and gates that answer as told."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen

import specs
from synth.pipeline import Stages
from verify.case import Candidate
from verify.plan import Capture
from verify.verdict import Outcome, Place, Verdict, Witness

KERNEL = "import triton\n\n\ndef softmax(x):\n    return x\n"
ANSWER = f"A row a program.\n\n```python\n{KERNEL}```\n"


@frozen
class Reply:
    """One HTTP answer; `body` is sent as JSON unless it is bytes."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(factory=dict)
    delay: float = 0.0


@define
class Endpoint:
    """A server that gives `replies` in turn, the last one for ever, and keeps what it was asked."""

    url: str
    replies: list[Reply] = field(factory=list)
    asked: list[dict[str, Any]] = field(factory=list)

    @property
    def prompts(self) -> list[str]:
        return [request["body"]["messages"][-1]["content"] for request in self.asked]


def chat(content: str | None, finish: str = "stop", refusal: str | None = None, **extra: Any) -> Reply:
    """A Chat Completions answer."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }
    return Reply({**body, **extra})


def response(text: str, status: str = "completed", **extra: Any) -> Reply:
    """A Responses answer."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    body = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": status,
        "output": [{"type": "message", "id": "m1", "role": "assistant", "status": status, "content": content}],
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
    }
    return Reply({**body, **extra})


SOFTMAX = specs.find("softmax")


def gate(name: str, outcome: Outcome, **more: Any) -> Any:
    """A gate called `name` that always answers `outcome`."""

    def answer(case: Any, budget: Any) -> tuple[Verdict, ...]:
        witness = None
        if outcome is Outcome.REFUTED:
            told = "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax_02.py:4)"
            witness = Witness(told, "executor", place=Place(case.candidate.path, 4))
        given = {"scope": "all shapes", "detail": "because", "witness": witness} | more
        return (Verdict(name, outcome, f"the claim of {name}", **given),)

    answer.__name__ = name
    return answer


def stages(**outcomes: Outcome) -> Stages:
    """Stages whose gates answer so; all of them are required to hold."""

    def capture(spec: Any, candidate: Candidate, budget: Any) -> Capture:
        return Capture((), (), "none, this is a test")

    gates = tuple(gate(name, outcome) for name, outcome in outcomes.items())
    return Stages(capture, gates, dict.fromkeys(outcomes, Outcome.HELD))


PASSING = {"policy": Outcome.PROVED, "bounds": Outcome.PROVED, "fuzz": Outcome.HELD}
