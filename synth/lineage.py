"""The lineage of a search: what each proposal was, what the gates said of it, and which one is the best."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cattrs import BaseValidationError, Converter, transform_error

from reports.store import write_whole
from synth.answers import Form

SUMMARY: Final = "summary.jsonl"


@frozen
class Finding:
    """One verdict that stands between a proposal and admission, as a proposer gets to read it."""

    gate: str
    outcome: str
    claim: str
    sentence: str  # the witness of a refutation; the reason of an unknown


@frozen
class Attempt:
    """One proposal and what came of it.

    `form` says what the answer was; only a module has a digest, a source and a verdict. `microseconds` maps a
    workload to its median time where it was measured, `modelled` to the roofline time where it was not.
    """

    number: int
    exchange: str  # digest
    form: Form
    verdict: str  # admitted, refuted, inconclusive; "" where nothing was examined
    candidate: str = ""  # digest
    source: str = ""
    complaint: str = ""
    findings: tuple[Finding, ...] = ()
    microseconds: Mapping[str, float] | None = None
    modelled: Mapping[str, float] | None = None
    tokens: int | None = None
    record: str = ""  # file name in the run's folder

    def __attrs_post_init__(self) -> None:
        if (self.form is Form.MODULE) != bool(self.verdict):
            raise ValueError(f"attempt {self.number}: a {self.form.value} answer with verdict {self.verdict!r}")

    @property
    def admitted(self) -> bool:
        return self.verdict == "admitted"


def best(attempts: Iterable[Attempt]) -> Attempt | None:
    """The admitted attempt that is fastest by what is known: measured before modelled, the earlier of equals.

    Times are compared by their geometric mean over workloads that all of the compared attempts have.
    """
    admitted = [attempt for attempt in attempts if attempt.admitted]
    if not admitted:
        return None
    measured = [attempt for attempt in admitted if attempt.microseconds]
    pool = measured or [attempt for attempt in admitted if attempt.modelled] or admitted
    times = [attempt.microseconds or attempt.modelled or {} for attempt in pool]
    shared = set(times[0]).intersection(*times)

    def cost(index: int) -> float:
        product = 1.0
        for workload in shared:
            product *= times[index][workload] ** (1 / len(shared))
        return product

    return pool[min(range(len(pool)), key=lambda index: (cost(index), pool[index].number))]


_CONVERTER: Final = Converter(forbid_extra_keys=True)


def save(attempts: Iterable[Attempt], folder: Path) -> None:
    """Write `summary.jsonl`, a line an attempt, at once."""
    lines = [json.dumps(_CONVERTER.unstructure(attempt), ensure_ascii=False) for attempt in attempts]
    write_whole(folder / SUMMARY, "".join(f"{line}\n" for line in lines))


def load(folder: Path) -> tuple[Attempt, ...]:
    """The attempts in `folder`; none where nothing is stored. Raises ValueError naming the broken line."""
    path = folder / SUMMARY
    if not path.exists():
        return ()
    found: list[Attempt] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            plain: Any = json.loads(line)
            found.append(_CONVERTER.structure(plain, Attempt))
        except BaseValidationError as error:
            raise ValueError(f"{path}:{number}: {'; '.join(transform_error(error))}") from None
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    return tuple(found)
