"""Refuse to run from a broken installation: nobody else may own the names that this distribution imports.

The four packages have plain names, and another distribution that ships one of them overwrites ours silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from typing import Final

from synth.exits import Trouble

DISTRIBUTION: Final = "kernelproof"
PACKAGES: Final = ("specs", "verify", "reports", "synth")


@cache
def installed() -> Mapping[str, Sequence[str]]:
    """The distributions that each importable name belongs to. Looked up once: it reads every distribution's files."""
    return packages_distributions()


def strangers(owners: Mapping[str, Sequence[str]] | None = None) -> tuple[tuple[str, str], ...]:
    """The (package, other distribution) pairs that clash with ours. Reads metadata only, imports nothing."""
    found = installed() if owners is None else owners
    return tuple(
        (package, owner)
        for package in PACKAGES
        for owner in sorted(set(found.get(package, ())))
        if owner != DISTRIBUTION
    )


def check(owners: Mapping[str, Sequence[str]] | None = None) -> None:
    """Raise Trouble when another distribution owns one of our package names."""
    clashes = strangers(owners)
    if clashes:
        told = ", ".join(f"{package!r} also belongs to {owner!r}" for package, owner in clashes)
        raise Trouble(
            f"this installation mixes two distributions: {told}",
            f"install {DISTRIBUTION} into an environment of its own",
        )
