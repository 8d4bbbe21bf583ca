"""Proofs of admitted kernels are attacked: with one thing wrong in the kernel or the plan, the proof must fall."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from attrs import evolve
from questions import BUDGET, PROOFS, Asked, asked
from store_plans import SPECIMENS, stored

from specs.sizes import TRUE, Size, size
from verify.case import PROFILES
from verify.plan import Launch, Plan, Variant
from verify.symbolic.reading import forget
from verify.verdict import Outcome, worst

FEW_STEPS = evolve(BUDGET, rlimit=400_000)  # as many as the proofs take
Change = Callable[[Plan], Plan]


def variants(plan: Plan, change: Callable[[Variant], Variant]) -> Plan:
    """The plan with every variant of its one launch changed; some must be."""
    (launch,) = plan.steps
    assert isinstance(launch, Launch)
    changed = tuple(change(variant) for variant in launch.variants)
    assert changed != launch.variants
    return evolve(plan, steps=(evolve(launch, variants=changed),))


def text(pattern: str, replacement: str) -> Change:
    """A substitution in the TTIR."""
    return lambda plan: variants(plan, lambda each: evolve(each, ttir=re.sub(pattern, replacement, each.ttir)))


def grid(by: int) -> Change:
    """That many more programs along the first axis."""

    def change(variant: Variant) -> Variant:
        first, *rest = variant.grid
        return evolve(variant, grid=(first + by, *rest))

    return lambda plan: variants(plan, change)


def unconditional(plan: Plan) -> Plan:
    """As if the variant that was made for stride 1 could run with any stride."""
    (launch,) = plan.steps
    assert isinstance(launch, Launch) and launch.variants[0].condition != TRUE
    only = evolve(launch.variants[0], condition=TRUE)
    return evolve(plan, steps=(evolve(launch, variants=(only,)),))


def argument(label: str, change: Callable[[Size], Size]) -> Change:
    """Another size handed to the kernel."""

    def changed(plan: Plan) -> Plan:
        (launch,) = plan.steps
        assert isinstance(launch, Launch)
        arguments = tuple(
            evolve(each, value=change(each.value)) if each.name == label else each  # type: ignore[union-attr, call-arg]
            for each in launch.arguments
        )
        assert arguments != launch.arguments
        return evolve(plan, steps=(evolve(launch, arguments=arguments),))

    return changed


def shorter(plan: Plan) -> Plan:
    """An output buffer with an element less than its view has."""
    buffers = tuple(each if each.param else evolve(each, elements=each.elements - 1) for each in plan.buffers)
    return evolve(plan, buffers=buffers)


NO_STORE_MASK = text(r"(tt\.store %\w+, %[\w#]+), %\w+", r"\1")
NO_LOAD_MASK = text(r"(%\w+ = tt\.load %\w+), %\w+, %\w+", r"\1")
NO_OTHER = text(r"(%\w+ = tt\.load %\w+, %\w+), %\w+", r"\1")
AT_MOST = text(r"cmpi slt", "cmpi sle")

ROWS = [
    ("store without a mask", NO_STORE_MASK, "bounds"),
    ("loads without a mask", NO_LOAD_MASK, "bounds"),
    ("masks that admit one lane more", AT_MOST, "bounds"),
    ("one program less", grid(-1), "coverage"),
    ("one program more", grid(1), "bounds"),
    ("two rows at once with the step of one", argument("n_cols", lambda value: value + 1), "bounds"),
    ("rows that are a column short", argument("n_cols", lambda value: value - 1), "coverage"),
    ("strides that are not the tensor's", argument("row_stride", lambda value: value + 1), "bounds"),
    ("any stride for a kernel of stride 1", unconditional, "bounds"),
    ("a buffer that is too short", shorter, "bounds"),
    ("columns that are skipped", text(r"(%c(?:4096|2048|1024)_i32) = arith.constant \d+", r"\1 = arith.constant 8192"),
     "coverage"),
]  # fmt: skip
TILES = [
    ("store without a mask", NO_STORE_MASK, "bounds"),
    ("loads without a mask", NO_LOAD_MASK, "bounds"),
    ("masks that admit one lane more", AT_MOST, "bounds"),
    ("loads without other", NO_OTHER, "undefined"),
    ("one program less", grid(-1), "coverage"),
    ("one program more", grid(1), "undefined"),  # it divides by the height of a group of no rows
    ("steps that go on", argument("K", lambda value: value + 1), "bounds"),
    ("fewer columns than there are", argument("N", lambda value: value - 1), "coverage"),
    ("strides that are not the tensor's", argument("stride_am", lambda value: value + 1), "bounds"),
    ("any stride for a kernel of stride 1", unconditional, "bounds"),
    ("a buffer that is too short", shorter, "bounds"),
]
GROUPS = [
    ("groups of another height", text(r"(arith\.minsi %height, )%c8_i32", r"\1%c1_i32"), "coverage"),
    ("a remainder by another height", text(r"(arith\.remsi %pid_m, )%height_5", r"\1%c8_i32"), "coverage"),
    ("a remainder that is left out", text(r"arith\.remsi %pid, %per_group", "arith.addi %pid, %c0_i32"), "coverage"),
]
ATTACKS = [
    *(("softmax__looped", *attack) for attack in ROWS),
    ("softmax__looped", "loads without other", NO_OTHER, "undefined"),
    *(("rms_norm__looped", *attack) for attack in ROWS),
    ("rms_norm__looped", "loads without other", NO_OTHER, "undefined"),
    *(("matmul__grouped", *attack) for attack in (*TILES, *GROUPS)),
    *(("matmul__walking_pointers", *attack) for attack in TILES[:2]),
]
OVERFLOWS = [
    ("softmax__looped", r"(%x_row_2) = arith\.muli %row_1, %x_row : i64",
     r"%narrow = arith.muli %row, %row_stride : i32\n    \1 = arith.extsi %narrow : i32 to i64"),
    ("softmax__looped", r"(%y_row_4) = arith\.muli %row_1, %y_row : i64",
     r"%narrow = arith.muli %row, %n_cols : i32\n    \1 = arith.extsi %narrow : i32 to i64"),
    # What a round adds wraps, and only a second round gets to see it.
    ("matmul__grouped", r"(%b_step) = arith\.muli %b_ptrs_24, %c32_i64 : i64",
     r"%c32_n = arith.constant 32 : i32\n    %narrow = arith.muli %stride_bk, %c32_n : i32\n"
     r"    \1 = arith.extsi %narrow : i32 to i64"),
]  # fmt: skip


def specimen(label: str, change: Change = lambda plan: plan) -> Asked:
    spec, plan = stored(label)
    return asked(spec, change(plan))


@pytest.fixture(autouse=True)
def _nothing_before() -> None:
    """What z3 finds depends on the order of terms, which other tests must not set."""
    forget()


@pytest.mark.parametrize("label", SPECIMENS)
def test_the_proofs_stand(label: str) -> None:
    whole = specimen(label)
    for gate in PROOFS:
        assert worst(each.outcome for each in whole.verdicts(gate, FEW_STEPS)) is Outcome.PROVED


@pytest.mark.parametrize(
    ("label", "what", "change", "gate"), ATTACKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_kernel_is_not_proved(label: str, what: str, change: Change, gate: str) -> None:
    found = specimen(label, change).verdicts(gate, FEW_STEPS)
    assert worst(each.outcome for each in found) in (Outcome.REFUTED, Outcome.UNKNOWN), what


@pytest.mark.parametrize(("label", "pattern", "replacement"), OVERFLOWS)
def test_narrow_offsets_wrap(label: str, pattern: str, replacement: str) -> None:
    found = specimen(label, text(pattern, replacement)).verdicts("overflow", PROFILES["ci"])
    assert worst(each.outcome for each in found) is Outcome.REFUTED


def test_a_plan_keeps_its_sizes() -> None:
    _, plan = stored("softmax__looped")
    assert plan.outputs[0].sizes[0] != size(1)
