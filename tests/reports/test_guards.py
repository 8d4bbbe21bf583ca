"""Guards: modules that refuse what a kernel was not shown to be safe with, and let the rest pass."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from attrs import evolve

import specs
from reports.guards import guards
from specs.spec import OutputSpec, Spec, TensorParam
from synth.cli import main
from verify.verdict import Need, Outcome, Place, Verdict

SOFTMAX = specs.ALL["softmax"]
HERE = Place("k.py", 3)


def spec() -> Spec:
    index = TensorParam("i", ("M",), dtype="int64")
    return evolve(
        SOFTMAX, name="take", params=(index, TensorParam("x", ("N", "M"))), outputs=(OutputSpec("y", ("M",)),),
        workloads=(), laws=(),
    )  # fmt: skip


def loaded(folder: Path, *needs: Need, claim: str = "every active lane stays inside x") -> Any:
    """The check of a module written for these needs."""
    text = guards(spec(), [Verdict("bounds", Outcome.UNKNOWN, claim, "", place=HERE, needs=needs)])
    file = folder / "guards.py"
    file.write_text(text, encoding="utf-8")
    module = run_path(str(file))
    assert claim.split('"')[0].split("\\")[0] in module["__doc__"]
    return module["check_take"]


X = torch.zeros(5, 3)


@pytest.mark.parametrize(
    ("need", "good", "bad", "told"),
    [
        (Need("i", HERE, "0", "N"), [0, 4, 2], [0, 5, 2], "i[1] is 5, which must be below 5"),
        (Need("i", HERE, "0", "N"), [0, 4, 2], [0, 4, -1], "i[2] is -1, which must be at least 0"),
        (Need("i", HERE, "-(N) + 1", None), [-4, 100, 2], [-5, 4, 1], "i[0] is -5"),
        (Need("i", HERE, None, "(N + 3) // 4"), [1, -9, 0], [1, 2, 1], "i[1] is 2, which must be below 2"),
        (Need("i", HERE, unique=True), [7, 3, 5], [7, 3, 7], "i[2] is 7, which must be a value that does not occur"),
        (Need("i", HERE, sorted=True), [3, 3, 5], [3, 5, 4], "i[2] is 4, which must be no less than the value before"),
    ],
)
def test_what_the_needs_say_passes_and_the_nearest_other_does_not(
    need: Need, good: list[int], bad: list[int], told: str, tmp_path: Path
) -> None:
    check = loaded(tmp_path, need)
    check(torch.tensor(good), X)
    with pytest.raises(ValueError, match="i\\[") as error:
        check(torch.tensor(bad), X)
    assert told in str(error.value)


def test_no_need_no_module_and_no_claim_ends_the_docstring(tmp_path: Path) -> None:
    assert guards(spec(), [Verdict("bounds", Outcome.UNKNOWN, "c", "", place=HERE)]) == ""
    loaded(tmp_path, Need("i", HERE, "0", "N"), claim='quotes """ and \\ in a name')


KERNEL = """
import torch, triton, triton.language as tl

@triton.jit
def pick(x_ptr, i_ptr, y_ptr):
    p = tl.program_id(0).to(tl.int64)
    tl.store(y_ptr + p, tl.load(x_ptr + tl.load(i_ptr + p)))

def take(x, i):
    y = torch.empty((i.shape[0],), dtype=x.dtype, device=x.device)
    pick[(i.shape[0],)](x, i, y)
    return y
"""
SPEC = """
from specs.sizes import size
from specs.spec import Dim, OutputSpec, Spec, TensorParam

TAKE = Spec(
    name="take", summary="x[i]", dims=(Dim("V", 0, 1 << 30), Dim("M", 0, 1 << 30)),
    params=(TensorParam("x", ("V",), contiguous=True), TensorParam("i", ("M",), "int64", contiguous=True)),
    outputs=(OutputSpec("y", ("M",)),), reference=lambda x, i: x[i], framework=lambda x, i: x[i],
    operations=size(1), laws=(), workloads=(), dtypes=("float32",),
)
"""


def test_verify_writes_guards_that_refuse_on_tensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("take.py", KERNEL), ("mine.py", SPEC)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    file = tmp_path / "checks.py"
    code = main(["verify", str(tmp_path / "take.py"), "--spec", f"{tmp_path / 'mine.py'}:TAKE", "--profile", "quick",
                 "--gates", "bounds", "--emit-guards", str(file)])  # fmt: skip
    said = capsys.readouterr().out
    assert code == 4
    assert "0 <= i[...] < V for every element loaded at take.py:7" in said
    module = run_path(str(file))
    module["check_take"](torch.zeros(4), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="below 4") as error:
        module["check_take"](torch.zeros(4), torch.tensor([0, 4]))
    assert str(error.value) == "i[1] is 4, which must be below 4"
