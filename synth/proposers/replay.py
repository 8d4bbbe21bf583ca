"""Replay recorded proposals from a folder, in the order of their file names. Asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from specs.spec import Spec
from synth.exchange import Exchange, ExchangeError, Request, load
from synth.proposers import Exhausted, Proposer, ProposerFailure

RECORDED: Final = Path(__file__).resolve().parent.parent / "proposals"  # <spec>/*.json


def recorded(folder: Path) -> tuple[Path, ...]:
    """The stored exchanges in `folder`, in order."""
    return tuple(sorted(path for path in folder.glob("*.json") if not path.name.startswith(".")))


def replay(files: Sequence[Path]) -> Proposer:
    """A proposer that gives the exchange of the n-th file as the n-th proposal."""

    def propose(spec: Spec, request: Request, number: int, seconds: float | None) -> Exchange:
        if number > len(files):
            raise Exhausted(f"all {len(files)} recorded proposals were replayed")
        path = files[number - 1]
        try:
            exchange = load(path)
        except (ExchangeError, OSError) as error:
            raise ProposerFailure(str(error)) from None
        if (exchange.spec.name, exchange.spec.version) != (spec.name, spec.version):
            told = f"{exchange.spec.name} version {exchange.spec.version}"
            raise ProposerFailure(f"{path} answers for {told}, not {spec.name} version {spec.version}")
        return exchange

    return propose
