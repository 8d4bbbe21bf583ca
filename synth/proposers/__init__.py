"""Where proposals come from. A proposer answers a request with an exchange, or has no more to say."""

from __future__ import annotations

from typing import Protocol

from specs.spec import Spec
from synth.exchange import Exchange, Request


class Exhausted(Exception):
    """The proposer has no further proposal. Says why, for people."""


class ProposerFailure(Exception):
    """The proposer could not be asked: no key, no connection, an endpoint that fails. Holds no key."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Proposer(Protocol):
    """One proposal after another. Raises Exhausted or ProposerFailure.

    `number` counts from 1 over the whole search, so that a resumed search goes on where it stopped.
    `seconds` is what is left of the time budget, None without one.
    """

    def __call__(self, spec: Spec, request: Request, number: int, seconds: float | None) -> Exchange: ...
