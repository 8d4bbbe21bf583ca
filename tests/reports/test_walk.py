"""A walk says what the IR does: the right tile, the right names, and that it has no words where it has none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from attrs import evolve

import specs
from reports import canonical, html, markdown
from reports.walk.story import Step, Walk
from reports.walk.walking import walks
from reports.walk.words import ENDS, NOUNS, QUIET, SPOKEN
from specs.sizes import TRUE, name, size
from specs.spec import Dim, OutputSpec, Spec, TensorParam
from verify.capture.protocol import converter
from verify.case import Candidate, Case
from verify.ir.parse import parse
from verify.ir.program import Pointer, Scalar
from verify.plan import Buffer, Capture, FloatArgument, IntegerArgument, Launch, Plan, PointerArgument, Variant, View
from verify.symbolic.meanings import MEANINGS
from verify.verdict import Place

TESTS = Path(__file__).parents[1]
STORED = {"softmax__looped": "softmax", "rms_norm__looped": "rms_norm", "matmul__grouped": "matmul"}


def stored(specimen: str, old: str = "", new: str = "", path: str = "") -> Walk:
    """The walk through a specimen's stored plan, with what matches in its TTIR replaced once."""
    text = (TESTS / "verify/symbolic/plans" / f"{specimen}.json").read_text(encoding="utf-8")
    plan = converter().structure(json.loads(text), Plan)
    steps = [evolve(step, variants=tuple(_changed(each, old, new) for each in step.variants)) for step in plan.steps]
    return _walked(specs.ALL[STORED[specimen]], evolve(plan, steps=tuple(steps)), path or f"{specimen}.py")


def _changed(variant: Variant, old: str, new: str) -> Variant:
    text, count = re.subn(old, new, variant.ttir, count=1)
    assert count == 1
    return evolve(variant, ttir=text)


def alone(file: str) -> Walk:
    """The walk through a TTIR text by itself: every pointer an input of its own, every whole number a size."""
    text = (TESTS / "verify" / file).read_text(encoding="utf-8")
    kernel = parse(text).kernel
    arguments, buffers, params = [], [], []
    for value in kernel.arguments:
        word = value.name.lstrip("%")
        if isinstance(value.type, Pointer):
            dtype = {"f32": "float32", "i32": "int32", "i64": "int64"}.get(str(value.type.pointee), "bfloat16")
            params.append(TensorParam(word, ("L",), dtype))
            buffers.append(Buffer(word, dtype, size(0), word))
            arguments.append(PointerArgument(word, View(word, (name("L"),), (size(1),))))
        elif isinstance(value.type, Scalar) and value.type.floating:
            arguments.append(FloatArgument(word, 0.5, "fp32", param=word))
        else:
            arguments.append(IntegerArgument(word, name(word), str(value.type)))
    variant = Variant(text, tuple(each.name for each in arguments), (name("P"), size(1), size(1)))
    plan = Plan("float32", {}, TRUE, tuple(buffers), (Launch(kernel.name, tuple(arguments), (variant,), PLACE),), ())
    outputs = (OutputSpec("out", ("L",)),)
    spec = Spec(
        "small", "s", (Dim("L", 0, 1 << 20),), tuple(params), outputs, lambda *x: x, lambda *x: x, name("L"), (), ()
    )
    return _walked(spec, plan, "k.py")


PLACE = Place("host.py", 1)


def _walked(spec: Spec, plan: Plan, path: str) -> Walk:
    (walk,) = walks(Case(spec, Candidate("", spec.name, path), Capture((plan,), (), "none, this is a test")))
    return walk


def said(walk: Walk) -> list[str]:
    assert not walk.unread
    return [f"{'  ' * step.depth}{step.where}: {step.text}" for step in walk.steps]


def test_a_softmax_in_two_passes():
    walk = stored("softmax__looped")

    assert walk.program == (
        "M programs, numbered by row.",
        "One program stores out[row, start:start + 4096], in every round of the loop at line 28 (line 32).",
    )
    load = "loads x[row, start:start + 4096] as x (4096 lanes, float32), positions below N only; the rest is -inf"
    rounds = "repeats for start from 0 to below N in steps of 4096 (⌈N / 4096⌉ rounds)"
    assert said(walk) == [
        "lines 10–13: works out row, lanes, x_row and y_row",
        f"line 18: {rounds}; carries peak (from -3.40282347e+38) and total (from 0) from round to round",
        "  line 19: works out cols",
        f"  line 20: {load}",
        "  line 22: higher = max(peak, x)",
        "  line 23: total = total · exp(peak - higher) + exp(x - higher)",
        "line 25: row_peak = the maximum over 4096 lanes of peak",
        "line 26: takes the sum over 4096 lanes of total · exp(peak - row_peak); then scale = 1 / the sum",
        f"line 28: {rounds}",
        "  lines 29–30: works out cols and mask",
        f"  line 31: {load}",
        "  line 32: stores exp(x - row_peak) · scale to out[row, start:start + 4096], positions below N only",
    ]


def test_a_product_in_tiles_is_told_by_the_names_of_the_source():
    walk = stored("matmul__grouped")
    steps = said(walk)

    assert walk.program[0] == "⌈M / 64⌉·⌈N / 64⌉ programs, numbered by pid."
    assert "stores out[64·pid_m:64·pid_m + 64, 64·pid_n:64·pid_n + 64]" in walk.program[1]
    assert any("loads a[64·pid_m:64·pid_m + 64, 32·k:32·k + 32] as a" in step for step in steps)
    assert any("positions below M and K only; the rest is 0" in step for step in steps)
    product = "acc = acc + the matrix product of a (64 × 32) and b (32 × 64), inputs read as IEEE float32"
    assert f"  line 38: {product}" in steps


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("arith.maxnumf %peak", "arith.minnumf %peak", "higher = min(peak, x)"),
        (r"(%total_\d+ =) arith.addf", r"\1 arith.subf", "total = total · exp(peak - higher) - exp(x - higher)"),
        (r"(tt.load %x_\d+, %x_\d+), %cst_\d+", r"\1", "positions below N only; the rest is undefined"),
        (r"(tt.load %x_\d+), %x_\d+, %cst_\d+", r"\1", "as x (4096 lanes, float32)|"),
        ("math.exp %total", "math.oddity %total", "an operation without words: math.oddity"),
    ],
)
def test_another_ir_is_told_otherwise(old, new, told):
    before, after = said(stored("softmax__looped")), said(stored("softmax__looped", old, new))

    after, before = ([f"{step}|" for step in steps] for steps in (after, before))
    assert any(told in step for step in after)
    assert not any(told in step for step in before)


def test_a_part_of_what_is_assigned_does_not_go_by_its_name():
    """`first_m = pid // per_group * GROUP`: the quotient has the label `first_m` in the IR, and is not it."""
    assert not any("first_m" in text for text in stored("matmul__grouped").program)
    (step,) = [each for each in stored("softmax__looped").steps if each.first == 26]
    assert "scale ·" not in step.text and "of scale" not in step.text


ALONE = {
    "executor/ttir/count.ttir": ["atomically adds 1", "(acq_rel, gpu)", "and keeps what was there before"],
    "executor/ttir/last_block.ttir": ["only in programs where", "atomically"],
    "executor/ttir/dropout.ttir": ["operations on whole numbers, most of them in Triton's random.py"],
    "executor/ttir/mirror_good.ttir": ["waits until all threads of the program are here"],
    "executor/ttir/operations_scans.ttir": ["running sum over", "running backward", "pair by pair"],
    "symbolic/ttir/early_good.ttir": ["the whole program branches on"],
    "symbolic/ttir/gathered_good.ttir": ["a value of"],
    "symbolic/ttir/persistent_good.ttir": ["repeats for"],
}


@pytest.mark.parametrize("file", ALONE)
def test_other_kernels_are_told_whole(file):
    text = "\n".join(said(alone(file)))

    assert "without words" not in text
    for words in ALONE[file]:
        assert words in text, text


def test_every_operation_that_the_prover_reads_has_words():
    known = QUIET | NOUNS.keys() | SPOKEN | ENDS

    assert MEANINGS.keys() <= known
    assert not (QUIET & NOUNS.keys() or QUIET & SPOKEN or SPOKEN & NOUNS.keys())


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("some/where/softmax__looped.py", ""),
        ("package.softmax__looped", ""),
        ("package.functional", "softmax__looped.py"),
        ("functional.py", "softmax__looped.py"),
    ],
)
def test_lines_of_another_file_than_the_candidates_name_it(path, file):
    assert {step.file for step in stored("softmax__looped", path=path).steps} == {file}


def test_ir_that_is_not_read_is_said_and_costs_nothing():
    walk = stored("softmax__looped", "module {", "module {{")

    assert walk.steps == () and "its IR is not read: TTIR" in walk.unread


def test_a_walk_is_kept_shown_and_missing_from_older_records(examples):
    record = examples.admitted()
    walk = Walk("rows_kernel", "float32, B=<4>", 7, ("M programs.",), (Step(12, 12, 1, "loads x[0, :4] as <x>"),))
    kept = evolve(record, walks=(walk, Walk("other", "float32", unread="its IR is not read")))
    page, text = html.render(kept), markdown.render(kept)

    assert canonical.decode(canonical.encode(kept)) == kept
    assert '<a href="#L12">12</a></span> loads x[0, :4] as &lt;x&gt;' in page and "Not told: its IR" in page
    assert "  - line 12: loads x\\[0, :4\\] as &lt;x&gt;" in text
    assert b"walks" not in canonical.encode(record) and "no walk through its kernels" in html.render(record)
