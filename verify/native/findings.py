"""What runs on a device showed, as data."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class Finding:
    """Something wrong at one point.

    `kind`: fault (the device stopped the kernel), wrong, moved (other bits on a rerun), red-zone,
    input-changed.
    """

    kind: str
    sentence: str
    sizes: Mapping[str, int]


@frozen
class Checked:
    """All points of one candidate. `skipped`: points that no plan covers; `failures`: what did not start."""

    runs: int
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    failures: tuple[str, ...]
