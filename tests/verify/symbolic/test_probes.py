"""Kernels that fool provers, each with its nearest twin: what is right is proved, what is wrong is refuted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from questions import BUDGET, Asked, dense, question, tensor

from specs.sizes import Size, name, size
from verify.verdict import Outcome

HERE = Path(__file__).resolve().parent
M, N, K = map(name, "MNK")
ANY, SOME = (0, 20_000), (1, 20_000)


def tiles(extent: Size, by: int = 16) -> Size:
    return (extent + (by - 1)) // by


def probe(kernel: str, twin: str, grid: list[Any], dims: Mapping[str, tuple[int, int]], **more: Any) -> Asked:
    text = (HERE / "ttir" / f"{kernel}_{twin}.ttir").read_text(encoding="utf-8")
    outputs = more.pop("outputs", {"y": ("N",)})
    views = {"y_ptr": dense("y", *outputs["y"])}
    for each in more.get("inputs", ()):
        views[f"{each.name}_ptr"] = dense(each.name, *each.dims)
    return question(text, grid, dims=dims, outputs=outputs, **{**views, **more})


def square(twin: str) -> Asked:
    return probe("square_tile", twin, [tiles(M), tiles(N)], {"M": ANY, "N": ANY},
                 inputs=[tensor("x", "M", "N")], outputs={"y": ("M", "N")})  # fmt: skip


def carried(twin: str) -> Asked:
    return probe("carried_pointer", twin, [N], {"N": ANY, "K": ANY}, inputs=[tensor("x", "N", "K")])


def swizzled(twin: str) -> Asked:
    return probe("swizzled", twin, [tiles(M) * tiles(N)], {"M": ANY, "N": ANY}, outputs={"y": ("M", "N")})


def nested(twin: str) -> Asked:
    return probe("nested", twin, [1], {"M": ANY, "N": ANY}, outputs={"y": ("M", "N")})


def one(kernel: str, grid: Any, dims: Mapping[str, tuple[int, int]] | None = None, **more: Any) -> Any:
    return lambda twin: probe(kernel, twin, [grid], dims or {"N": ANY}, **more)


X = [tensor("x", "N")]
TWINS: list[tuple[str, Any, str]] = [
    ("a square tile without a row mask", square, "bounds"),
    ("a pointer that a loop moves", carried, "bounds"),
    ("whole tiles without a mask", one("full_tiles", tiles(N), inputs=X), "bounds"),
    ("a store in the second program only", one("second_program", N, {"N": (2, 2)}), "bounds"),
    (
        "an offset past 2^31",
        one("wide", tiles(M * N, 32), {"M": ANY, "N": (0, 1 << 20)}, N=M * N, outputs={"y": ("M", "N")}),
        "overflow",
    ),
    ("an atomic far outside", one("atomic_outside", N), "bounds"),
    ("a cast that wraps into range", one("narrowed", 1, {"N": (1, 1)}), "bounds"),
    ("groups of rows", swizzled, "coverage"),
    ("programs that take every so manieth block", one("persistent", 4), "coverage"),
    (
        "rows in two halves",
        one("halves", M, {"M": ANY, "N": (0, 31)}, half=N // 2, outputs={"y": ("M", "N")}),
        "coverage",
    ),
    ("an early return", one("early", tiles(N, 2) + 1), "bounds"),
    ("an address from a branch", one("chosen", N, SOME and {"N": SOME}), "bounds"),
    ("an address from the largest element", one("best", 1, {"N": (16, 16)}, inputs=X), "bounds"),
    ("a loop in a loop", nested, "bounds"),
    ("a counter that a loop carries", one("counted", 1), "bounds"),
    ("a loop that ends by a condition", one("waited", 1), "bounds"),
]


@pytest.mark.parametrize(("what", "build", "gate"), TWINS)
def test_twins(what: str, build: Any, gate: str) -> None:
    good, bad = build("good"), build("bad")
    found = good.verdicts(gate)
    assert all(each.outcome is Outcome.PROVED for each in found), (what, [(each.claim, each.detail) for each in found])
    assert bad.outcome(gate) is not Outcome.PROVED, what


REFUTED = [
    (what, build, gate)
    for what, build, gate in TWINS
    if what not in ("an address from the largest element", "programs that take every so manieth block")
]


@pytest.mark.parametrize(("what", "build", "gate"), REFUTED)
def test_the_wrong_twin_is_refuted_by_a_run(what: str, build: Any, gate: str) -> None:
    bad = build("bad")
    assert bad.outcome(gate) is Outcome.REFUTED, (what, [each.detail for each in bad.verdicts(gate)])


def test_division_truncates() -> None:
    good = probe("halved", "good", [2], {"N": (1, 1)})
    assert good.outcome("bounds") is Outcome.PROVED  # (0 - 1) // 2 is 0 in the kernel, and so is (1 - 1) // 2
    assert probe("halved", "good", [4], {"N": (1, 1)}).outcome("bounds") is Outcome.REFUTED  # (3 - 1) // 2 is 1
    bad = probe("remainder", "bad", [1], {"N": (4, 4)})
    assert bad.outcome("bounds") is Outcome.REFUTED  # (0 - 1) % 4 is -1 in the kernel
    assert "y[-1]" in bad.witness("bounds")
    text = (HERE / "ttir" / "remainder_bad.ttir").read_text(encoding="utf-8").replace("arith.subi", "arith.addi")
    forward = question(text, [9], dims={"N": (4, 4)}, y_ptr=dense("y", "N"))
    assert forward.outcome("bounds") is Outcome.PROVED  # (p + 1) % 4


@pytest.mark.parametrize(("low", "high", "outcome"), [(0, "N", Outcome.UNKNOWN), (0, 4, Outcome.PROVED)])
def test_indices_are_those_of_the_domain_and_no_launch_s(low: int, high: Any, outcome: Outcome) -> None:
    """No verdict hangs on the indices that a launch happens to have."""
    inputs = [tensor("x", "N"), tensor("i", "K", dtype="int32", low=low, high=4 if high == 4 else 5)]
    whole = probe("gathered", "good", [K], {"N": (4, 4), "K": ANY}, inputs=inputs, outputs={"y": ("K",)})
    if outcome is Outcome.PROVED:
        assert whole.outcome("bounds") is outcome
    else:
        assert whole.outcome("bounds") in (Outcome.UNKNOWN, Outcome.REFUTED)


def test_a_size_that_may_be_zero_is_no_divisor() -> None:
    dims = {"N": (1, 9), "K": (0, 1)}
    assert probe("divided", "good", [N], dims).outcome("undefined") is not Outcome.PROVED
    dims = {"N": (1, 9), "K": (1, 1)}
    assert probe("divided", "good", [N], dims).outcome("undefined") is Outcome.PROVED
    dims = {"N": (0, 9), "K": (0, 0)}
    empty = probe("divided", "good", [size(0)], dims)
    assert empty.outcome("undefined") is Outcome.PROVED  # no program divides
    assert empty.outcome("coverage") is not Outcome.PROVED  # and none writes


def test_empty_shapes_are_covered_by_nobody() -> None:
    assert one("second_program", N, {"N": (0, 0)})("good").outcome("coverage") is Outcome.PROVED
    assert one("second_program", N, {"N": (0, 1)})("good").outcome("coverage") is not Outcome.PROVED
    assert BUDGET.rlimit > 0
