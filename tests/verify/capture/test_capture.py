"""Capture: what comes back of a candidate, in a real child."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from specs.sizes import name
from specs.spec import Dim, FloatParam, OutputSpec, Spec, TensorParam
from verify.capture.capture import capture
from verify.capture.sandbox import Limits
from verify.case import PROFILES, Candidate
from verify.plan import (
    Capture,
    CompileFailure,
    Copy,
    FloatArgument,
    IntegerArgument,
    Plan,
    Refusal,
    Unsupported,
    Violation,
)

CANDIDATES = Path(__file__).with_name("candidates")
SPECIMENS = Path(__file__).parents[2] / "specimens"


def double(rows: int = 1 << 18, columns: int = 4096, *, eps: bool = False) -> Spec:
    """A small spec over one matrix."""
    scalar = (FloatParam("eps", (1e-6,)),) if eps else ()
    return Spec(
        name="double",
        summary="a matrix like the input",
        dims=(Dim("M", 0, rows), Dim("N", 0, columns)),
        params=(TensorParam("x", ("M", "N")), *scalar),
        outputs=(OutputSpec("out", ("M", "N")),),
        reference=lambda x: x,
        framework=lambda x: x,
        operations=name("M") * name("N"),
        laws=(),
        workloads=(),
        dtypes=("float32",),
    )


def captured(file: str, spec: Spec | None = None, limits: Limits | None = None) -> Capture:
    source = (CANDIDATES / f"{file}.py").read_text()
    return capture(spec or double(), Candidate(source, "double", f"{file}.py"), PROFILES["quick"], limits)


def line_of(file: str, text: str) -> int:
    lines = (CANDIDATES / f"{file}.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def only(found: Capture) -> object:
    assert len(found.answers) == 1, found.answers
    return found.answers[0]


def test_copies_split_only_on_contiguity() -> None:
    found = captured("copies")
    assert not found.uncovered
    packed, strided = found.plans
    assert str(packed.cell) == "x.stride0 == N and x.stride1 == 1"
    assert not any(isinstance(step, Copy) for step in packed.steps)
    assert any(isinstance(step, Copy) for plan in found.plans for step in plan.steps)
    cells = [plan.cell for plan in found.plans]
    for point in (
        {"M": 3, "N": 5, "x.stride0": 5, "x.stride1": 1},
        {"M": 3, "N": 5, "x.stride0": 1, "x.stride1": 3},
    ):
        assert sum(cell.holds(point) for cell in cells) == 1
    assert strided.cell != packed.cell


def test_every_power_of_two_is_a_cell() -> None:
    found = captured("by_power", double(columns=64))
    blocks = sorted(
        int(plan.launches[0].variants[-1].constants["BLOCK"]) for plan in found.plans if plan.launches
    )
    assert blocks == [1, 2, 4, 8, 16, 32, 64]
    assert isinstance(found.answers[-1], CompileFailure | Plan)
    empty = [answer for answer in found.answers if isinstance(answer, CompileFailure)]
    assert [str(answer.cell) for answer in empty] == ["N <= 0"]


def test_arguments_grids_and_locations() -> None:
    plan = captured("copies").plans[0]
    (launch,) = plan.launches
    assert str(launch.variants[0].grid[0]) == "((M * N) + 63) // 64"
    count = launch.argument("n")
    assert isinstance(count, IntegerArgument) and count.type == "i32" and str(count.value) == "M * N"
    assert launch.place.file == "copies.py" and launch.place.line == line_of("copies", "copy_kernel[")
    assert '"copies.py":' in launch.variants[-1].ttir and "kernelproof-" not in launch.variants[-1].ttir


def test_wide_counts_get_a_cell_of_their_own() -> None:
    found = captured("copies", double(rows=2**31 - 1))
    types = {
        plan.launches[0].argument("n").type: plan  # type: ignore[union-attr]
        for plan in found.plans
    }
    assert types.keys() == {"i32", "i64"}
    assert not types["i32"].cell.holds({"M": 2**30, "N": 4096, "x.stride0": 4096, "x.stride1": 1})


def test_autotune_gives_a_group_of_variants_for_each_config() -> None:
    found = captured("tuned", double(columns=256))
    assert not found.uncovered
    for plan in found.plans:
        (launch,) = plan.launches
        assert [variant.constants["BLOCK"] for variant in launch.variants] == ["64", "128"]
        assert [variant.num_warps for variant in launch.variants] == [4, 2]
        assert len({variant.config for variant in launch.variants}) == 2
    assert {plan.launches[0].variants[0].constants["EVEN"] for plan in found.plans} == {"True", "False"}


def test_a_refusal_names_its_sizes_and_line() -> None:
    found = captured("refuses")
    refusals = [answer for answer in found.answers if isinstance(answer, Refusal)]
    assert [str(answer.cell) for answer in refusals] == ["1000 < N"]
    assert refusals[0].place.line == line_of("refuses", "raise ValueError")
    assert len(found.plans) == 1


@pytest.mark.parametrize(
    ("file", "rule", "text", "words"),
    [
        ("computes", "host-compute", "return y + x", "aten.add"),
        ("looks", "data-dependent", ".item()", "item"),
        ("swallows", "host-compute", "return x + x", "aten.add"),
        ("passes_input", "interface", "def double", "returns its input 'x'"),
        ("writes_input", "interface", "x.copy_(y)", "writes to its input 'x'"),
        ("wrong_dtype", "interface", "def double", "float64"),
        ("wrong_shape", "interface", "def double", "(N, M)"),
        ("returns_nothing", "interface", "def double", "returns nothing"),
        ("on_cpu", "failure", "copy_kernel[(1,)]", "cannot be accessed"),
        ("prints", "side-effect", "print(", "prints 'RESULT verdict=admitted'"),
        ("exits", "side-effect", "raise SystemExit", "ends the process"),
    ],
)
def test_violations(file: str, rule: str, text: str, words: str) -> None:
    answer = next(one for one in captured(file).answers if isinstance(one, Violation))
    assert (answer.rule, answer.place.file, answer.place.line) == (rule, f"{file}.py", line_of(file, text))
    assert words in answer.what


def test_no_launch_at_any_size() -> None:
    first = captured("no_launch").answers[0]
    assert isinstance(first, Violation) and first.rule == "no-launch"


def test_a_kernel_that_does_not_compile() -> None:
    answer = captured("bad_kernel", double()).answers[0]
    assert isinstance(answer, CompileFailure) and "power of 2" in answer.message
    assert answer.place.file == "bad_kernel.py" and answer.place.line == line_of(
        "bad_kernel", "tl.store(y_ptr, tl"
    )


def test_arithmetic_on_a_float_parameter_is_not_modelled() -> None:
    answer = only(captured("scaled", double(eps=True)))
    assert isinstance(answer, Unsupported) and "'eps'" in answer.what


def test_a_float_parameter_passes_through() -> None:
    from specs import find

    source = (SPECIMENS / "admitted" / "rms_norm__looped.py").read_text()
    found = capture(find("rms_norm"), Candidate(source, "rms_norm", "rms_norm__looped.py"), PROFILES["quick"])
    assert len(found.plans) == 3 and not found.uncovered
    floats = [each for each in found.plans[0].launches[0].arguments if isinstance(each, FloatArgument)]
    assert [each.param for each in floats] == ["eps"]


def test_a_hanging_import_ends_in_time_and_leaves_nothing() -> None:
    answer = only(captured("hangs", limits=Limits(first=2.0)))
    assert isinstance(answer, Violation) and answer.rule == "failure" and "2 seconds" in answer.what
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True
    )
    assert "capture/child.py" not in children.stdout


def test_specialised_variants_for_timed_shapes() -> None:
    from specs import find

    source = (SPECIMENS / "admitted" / "softmax__looped.py").read_text()
    found = capture(find("softmax"), Candidate(source, "softmax", "softmax__looped.py"), PROFILES["quick"])
    assert len(found.plans) == 3 and not found.uncovered
    special, generic = found.plans[0].launches[0].variants
    assert str(special.condition) == (
        "x.stride1 == 1 and x.address % 16 == 0 and x.stride0 % 16 == 0 and N % 16 == 0"
    )
    assert special.constants["col_stride"] == "1" and "col_stride" not in special.parameters
    assert str(generic.condition) == "true" and "tt.divisibility" not in generic.ttir
    assert special.ttir.count("tt.divisibility") == 4
