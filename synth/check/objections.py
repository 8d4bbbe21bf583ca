"""What stands against a merge: one objection a finding, its standing after waivers and the baseline, the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from attrs import frozen

from synth.exits import Exit
from verify.verdict import Place

Kind: TypeAlias = Literal[
    "refuted", "weakening", "unspecified-error", "unknown", "unspecified", "damaged", "missing", "failed", "waiver",
    "baseline",
]  # fmt: skip
EXITS: Final[dict[Kind, Exit]] = {
    "refuted": Exit.REFUTED,
    "weakening": Exit.REFUTED,
    "unspecified-error": Exit.REFUTED,
    "unknown": Exit.INCONCLUSIVE,
    "unspecified": Exit.INCONCLUSIVE,
    "damaged": Exit.INCONCLUSIVE,
    "missing": Exit.ERROR,
    "failed": Exit.ERROR,
    "waiver": Exit.WAIVER,
    "baseline": Exit.WAIVER,
}
PRIORITY: Final = (Exit.ERROR, Exit.REFUTED, Exit.INCONCLUSIVE, Exit.WAIVER, Exit.NOTHING)


@frozen
class Objection:
    """One thing that stands against a merge.

    `id` names it in waivers and baselines and stays the same when lines move. `digest` is that of the function's
    closure: a waiver ends with it. `function` is the one that it is about, if any. `settled` says what lets it by
    (`waived by W-014`, `in the baseline`), if anything; `lapsed` names the waiver that was to do so for this very
    code and does not count. It still blocks, with the exit code of the waiver, which is what has to be mended.
    """

    id: str
    kind: Kind
    message: str
    place: Place
    digest: str = ""
    gate: str = ""
    function: str = ""
    settled: str = ""
    lapsed: str = ""

    @property
    def blocks(self) -> bool:
        return not self.settled


def exit_of(objections: Iterable[Objection]) -> Exit:
    """The worst exit code that an unsettled objection asks for; PASSED where there is none."""
    codes = {Exit.WAIVER if each.lapsed else EXITS[each.kind] for each in objections if each.blocks}
    return next((code for code in PRIORITY if code in codes), Exit.PASSED)
