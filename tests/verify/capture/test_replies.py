"""What one call of a candidate comes back as: plans, refusals, violations, each with its line."""

from __future__ import annotations

import pytest

from tests.verify.capture.small import POINT, line_of, replies
from verify.capture.protocol import Reply
from verify.plan import CompileFailure, Copy, IntegerArgument, Launch, Plan, Refusal, Unsupported, Violation

VIOLATIONS = [
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
    ("fails", "failure", "undefined_name", "NameError"),
]
OTHERS = ("copies", "moves", "refuses", "bad_kernel", "scaled", "by_power")


@pytest.fixture(scope="module")
def answers() -> dict[str, Reply]:
    return replies(*(each[0] for each in VIOLATIONS), *OTHERS)


@pytest.mark.parametrize(("file", "rule", "text", "words"), VIOLATIONS)
def test_violations(answers: dict[str, Reply], file: str, rule: str, text: str, words: str) -> None:
    answer = answers[file].answer
    assert isinstance(answer, Violation), answer
    assert (answer.rule, answer.place.file, answer.place.line) == (rule, f"{file}.py", line_of(file, text))
    assert words in answer.what


def test_arguments_grids_and_locations(answers: dict[str, Reply]) -> None:
    plan = answers["copies"].answer
    assert isinstance(plan, Plan)
    (launch,) = plan.launches
    assert str(launch.variants[0].grid[0]) == "((M * N) + 63) // 64"
    count = launch.argument("n")
    assert isinstance(count, IntegerArgument) and count.type == "i32" and str(count.value) == "M * N"
    assert launch.place.file == "copies.py" and launch.place.line == line_of("copies", "copy_kernel[")
    assert '"copies.py":' in launch.variants[-1].ttir and '"/' not in launch.variants[-1].ttir


def test_views_allocations_and_copies(answers: dict[str, Reply]) -> None:
    plan = answers["moves"].answer
    assert isinstance(plan, Plan), plan
    kinds = [type(step).__name__ for step in plan.steps]
    # scratch.copy_, the fill of its first row, zeros[:1] = 7, .to, .float, .clone, two launches
    assert kinds == ["Copy"] * 6 + ["Launch"] * 2
    fills = [buffer.fill for buffer in plan.buffers if buffer.fill is not None]
    assert sorted(fills) == [0.0, 2.0, 3.0, 7.0]
    first = plan.steps[1]
    assert isinstance(first, Copy) and [str(stride) for stride in first.source.strides] == ["0", "0"]
    small, large = (step for step in plan.steps if isinstance(step, Launch))
    assert [str(extent) for extent in small.variants[0].grid[1:]] == ["1", "1"]
    assert str(large.variants[0].grid[0]) == "(M + 63) // 64"
    assert answers["moves"].cell.holds(POINT)


def test_a_refusal_names_its_line(answers: dict[str, Reply]) -> None:
    plan = answers["refuses"].answer
    assert isinstance(plan, Plan) and str(plan.cell) == "N <= 1000"


def test_a_kernel_that_does_not_compile(answers: dict[str, Reply]) -> None:
    answer = answers["bad_kernel"].answer
    assert isinstance(answer, CompileFailure) and "power of 2" in answer.message
    assert (answer.place.file, answer.place.line) == (
        "bad_kernel.py",
        line_of("bad_kernel", "tl.store(y_ptr, tl"),
    )


def test_arithmetic_on_a_float_parameter_is_not_modelled(answers: dict[str, Reply]) -> None:
    answer = answers["scaled"].answer
    assert isinstance(answer, Unsupported) and "'eps'" in answer.what
    assert answer.place.line == line_of("scaled", "eps * 2")


def test_powers_guard_their_range(answers: dict[str, Reply]) -> None:
    assert str(answers["by_power"].cell) == "4 < N and N <= 8"


def test_refusals_are_told_from_failures() -> None:
    (reply,) = replies("refuses_always").values()
    assert isinstance(reply.answer, Refusal) and "ValueError: never" in reply.answer.error
    assert reply.answer.place.line == line_of("refuses_always", "raise ValueError")
