"""Every row of BOUNDED mode, on whatever Hypothesis makes: FAITHFUL stays within the bound of EXACT64, operands being
off by as much as their own bounds allow. And no row is empty talk: without its parts the bound is exceeded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_plans import apply

from verify.executor import floats, own, rows, worst
from verify.executor.modes import Mode, Unbounded
from verify.executor.products import SPLITS
from verify.ir.program import Scalar, Symbol, Tensor
from verify.verdict import Place

F32 = Scalar("f32")
MODES = (Mode.FAITHFUL, Mode.EXACT64, Mode.BOUNDED)
TWO = {"atan2", "copysign", "fdim", "fmod", "fmax", "fmin", "hypot", "pow", "powf", "fast_fdivide", "div_rn", "mul_rn",
       "add_rn", "sub_rn"}  # fmt: skip
WHOLE = {"powi", "fpowi"}  # the second operand is an integer
LIBRARY = sorted({*rows.LIBRARY, *floats.FUNCTIONS})
WITHOUT = {"erfinv", "lgamma", "rcp", "fast_tan", "fast_pow", "native_exp", "native_log"}
ROWED = [name for name in LIBRARY if name not in WITHOUT | WHOLE | {"clampf"}]
# They round nothing: what they get wrong is what their operands got wrong.
EXACT = {"absf", "fabs", "fmax", "fmin", "copysign", "floor", "ceil", "trunc", "round", "rint", "nearbyint",
         "roundeven", "fmod"}  # fmt: skip
NUMBERS = (
    st.floats(-1e4, 1e4, width=32) | st.floats(-4, 4, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-133])
)
SHARES = st.sampled_from([0.0, 1e-12, 1e-8, 1e-7, 1e-4, 0.1, 1.0])
SIDES = st.sampled_from([-1, 0, 1])


def called(name: str, operands: Sequence[torch.Tensor], mode: Mode) -> torch.Tensor:
    kind = Tensor((operands[0].shape[0],), F32)
    kinds = [kind if each.is_floating_point() or each.is_complex() else Tensor(kind.shape, Scalar("i32")) for each in operands]  # noqa: E501  # fmt: skip
    found = apply("tt.extern_elementwise", list(zip(operands, kinds, strict=True)), kind, mode=mode, symbol=f"__nv_{name}f")  # noqa: E501  # fmt: skip
    return found.data[0]


def arity(name: str) -> int:
    return 3 if name in ("fma", "fma_rn") else 2 if name in TWO | WHOLE else 1


def moved(numbers: Sequence[float], shares: Sequence[float], sides: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """What a float32 stands for where it is off by a share of its size, and as a pair with a bound that says so."""
    held = torch.tensor(numbers, dtype=torch.float64)
    off = torch.tensor(shares).double() * held.abs().clamp(min=2.0**-40)
    step = torch.tensor(sides) * off
    exact = torch.where(step == 0, held, held + step)  # the sign of a zero stays
    bound = torch.nextafter(torch.maximum(off, (exact - held).abs()), torch.tensor(math.inf).double())
    return exact, torch.complex(exact, torch.where(off > 0, bound, 0.0))


def within(faithful: torch.Tensor, exact: torch.Tensor, bound: torch.Tensor) -> torch.Tensor:
    """Where a result is no further off than its bound; float64's own error is granted."""
    error, rounded = (faithful.double() - exact).abs(), 2.0**-50 * exact.abs().nan_to_num(0.0, 0.0)
    alike = (faithful.double() == exact) | (torch.isnan(faithful) & torch.isnan(exact))
    return alike | torch.isinf(bound) | (error <= bound + rounded)


@pytest.mark.parametrize("name", ROWED)
@settings(max_examples=120, deadline=None, database=None)
@given(data=st.data())
def test_no_function_is_further_off_than_its_row(name: str, data: st.DataObject) -> None:
    count = arity(name)
    numbers = [data.draw(st.lists(NUMBERS, min_size=8, max_size=8)) for _ in range(count)]
    off = [(data.draw(st.lists(SHARES, min_size=8, max_size=8)), data.draw(st.lists(SIDES, min_size=8, max_size=8)))
           for _ in range(count)]  # fmt: skip
    taken = [moved(values, *by) for values, by in zip(numbers, off, strict=True)]
    faithful = called(name, [torch.tensor(values) for values in numbers], Mode.FAITHFUL)
    exact = called(name, [value for value, _ in taken], Mode.EXACT64)
    pairs = called(name, [pair for _, pair in taken], Mode.BOUNDED)
    # Not bit by bit: how torch works along a tensor, and so rounds float64, is the processor's own affair.
    assert torch.allclose(pairs.real, exact, rtol=2.0**-50, atol=0.0, equal_nan=True)
    ok = within(faithful, exact, pairs.imag)
    assert ok.all(), (name, numbers, off, faithful[~ok], exact[~ok], pairs[~ok])


def some(name: str) -> list[torch.Tensor]:
    """Many operands, most of which the function is defined on."""
    made = torch.Generator().manual_seed(len(name))
    low, high = (0.0, 1.0) if name in ("asin", "acos", "atanh") else (1.0, 5.0)
    reals = [low + (high - low) * torch.rand(4096, generator=made) / (at + 1) for at in range(arity(name))]
    return [*reals[:1], torch.randint(-5, 6, (4096,), generator=made)] if name in WHOLE else reals


def exceeded(name: str, faithful: Sequence[torch.Tensor], exact: Sequence[torch.Tensor]) -> bool:
    """Whether the bound of operands that are said to be exact falls short of what a run gives."""
    pairs = called(name, [own.paired(each) if each.is_floating_point() else each for each in exact], Mode.BOUNDED)
    given_ = [each.double() if each.is_floating_point() else each for each in exact]
    return not within(called(name, faithful, Mode.FAITHFUL), called(name, given_, Mode.EXACT64), pairs.imag).all()


@pytest.mark.parametrize("name", sorted({*ROWED, *WHOLE} - EXACT))
def test_without_its_own_rounding_a_row_is_exceeded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operands = some(name)
    assert not exceeded(name, operands, operands)
    right = own.precision
    monkeypatch.setattr(
        own, "precision", lambda *given_: evolve(right(*given_), unit=2.0**-80, spacing=0.0, smallest=0.0)
    )
    assert exceeded(name, operands, operands)


@pytest.mark.parametrize("name", sorted({*ROWED, *WHOLE}))
def test_without_what_its_operands_got_wrong_a_row_is_exceeded(name: str) -> None:
    operands = some(name)
    first = operands[0] * (1 + 2.0**-6)
    assert exceeded(
        name, [first.clamp(max=1.0) if name in ("asin", "acos", "atanh") else first, *operands[1:]], operands
    )


def test_what_has_no_row_is_known_by_name() -> None:
    for name in LIBRARY:
        operands = [torch.ones(2, dtype=torch.complex128)] * arity(name)
        if name in WITHOUT:
            with pytest.raises(Unbounded, match=rf"__nv_{name}f at k.py:7 has no error bound"):
                called(name, operands, Mode.BOUNDED)
        elif name not in WHOLE:
            assert called(name, operands, Mode.BOUNDED).shape == (2,)
    silent = {name for name, meaning in own.MEANINGS.items() if meaning is own._none}
    assert silent == {"math.erfinv", "math.lgamma", "math.rcp"}


def converted(name: str, values: torch.Tensor, mode: Mode, **attributes: Any) -> torch.Tensor:
    kinds = [Tensor((len(values),), Scalar(each)) for each in ("f32", name)]
    return apply("tt.fp_to_fp", [(values, kinds[0])], kinds[1], mode=mode, **attributes).data[0]


@pytest.mark.parametrize("name", ["f8E4M3FN", "f8E5M2"])
@settings(max_examples=200, deadline=None, database=None)
@given(
    numbers=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    share=SHARES,
    side=SIDES,
)
@example(numbers=[460.0, 448.0, 57344.0, 1e30], share=0.0, side=0)
def test_bytes_are_within_their_bound(name: str, numbers: list[float], share: float, side: int) -> None:
    exact, pair = moved(numbers, [share] * 4, [side] * 4)
    found, faithful = converted(name, pair, Mode.BOUNDED), converted(name, torch.tensor(numbers), Mode.FAITHFUL)
    assert within(faithful, exact, found.imag).all(), (faithful, exact, found)


def test_the_bound_of_bytes_is_used_up() -> None:
    values = torch.cat([torch.linspace(-600, 600, 4001), torch.linspace(-0.02, 0.02, 4001)])
    for name in own.BYTES:
        found = converted(name, own.paired(values), Mode.BOUNDED)
        error = (converted(name, values, Mode.FAITHFUL).double() - values.double()).abs()
        assert (error <= found.imag).all() and (error > found.imag / 2).any()
        assert (found.imag == 0).any()  # numbers of the type are exact
    beyond = converted("f8E4M3FN", own.paired(torch.tensor([math.inf, math.nan])), Mode.BOUNDED)
    assert beyond.imag.tolist() == [math.inf, 0.0]  # an infinity saturates


@pytest.mark.parametrize("name", ["f16", "bf16"])
def test_cutting_off_costs_twice_what_rounding_does(name: str) -> None:
    values, way = torch.randn(4096), {"rounding": Symbol("rtz")}
    error = (converted(name, values, Mode.FAITHFUL, **way).double() - values.double()).abs()
    nearest, cut = (converted(name, own.paired(values), Mode.BOUNDED, **each).imag for each in ({}, way))
    assert (error <= cut).all() and (error > nearest).any()


def split(factors: str, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How far `tt.dot` is off, and how far it may be."""
    kinds = [Tensor(tuple(each), F32) for each in (a.shape, b.shape, (a.shape[0], b.shape[1]))]
    given_ = (a, b, torch.zeros(kinds[2].shape))
    runs = []
    for mode, held in zip(MODES, (torch.Tensor.float, torch.Tensor.double, own.paired), strict=True):
        operands = [(held(each), kind) for each, kind in zip(given_, kinds, strict=True)]
        runs.append(apply("tt.dot", operands, kinds[2], mode=mode, inputPrecision=Symbol(factors)))
    faithful, exact, pairs = (run.data[0] for run in runs)
    return torch.where(faithful.double() == exact, 0.0, (faithful.double() - exact).abs()), pairs.imag


@pytest.mark.parametrize("factors", [*SPLITS, "ieee"])
@settings(max_examples=60, deadline=None, database=None)
@given(seed=st.integers(0, 2**20), depth=st.sampled_from([1, 2, 16, 64]), tiny=st.booleans(), huge=st.booleans())
@example(seed=0, depth=1, tiny=True, huge=True)
def test_no_split_product_is_further_off_than_its_bound(
    factors: str, seed: int, depth: int, tiny: bool, huge: bool
) -> None:
    made = torch.Generator().manual_seed(seed)
    a, b = torch.randn(16, depth, generator=made), torch.randn(depth, 16, generator=made)
    if tiny:
        a = a * 2.0**-135  # below the normal numbers, where whatever is cut off is much
    error, bound = split(factors, a, b * (2.0**100 if huge else 1.0))
    assert (error <= bound).all(), (error - bound).max()


@pytest.mark.parametrize("factors", SPLITS)
def test_what_a_split_leaves_out_counts(factors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = torch.rand(64, 1) + 1, torch.rand(1, 64) + 1
    monkeypatch.setattr(worst, "gamma", lambda terms, p: 0.0 * terms)
    monkeypatch.setattr(worst.Cut, "left", lambda self, size, parts: 0.0 * size)
    error, bound = split(factors, a, b)
    assert (error > bound).any()


def test_an_infinity_in_a_split_product_is_not_known() -> None:
    a, b = torch.tensor([[math.inf, 1.0]]), torch.ones(2, 1)
    for factors, bound in (("tf32", 0.0), ("tf32x3", math.inf), ("bf16x3", math.inf)):
        pairs = worst.product(
            own.paired(a), own.paired(b), own.paired(torch.zeros(1, 1)), factors, F32, Place("k.py", 7)
        )
        assert pairs.imag.item() == bound
    near = torch.full((1, 1), 3.4e38)  # rounds to infinity in bfloat16
    given_ = [own.paired(each) for each in (near, torch.full((1, 1), 0.5), torch.zeros(1, 1))]
    assert worst.product(*given_, "bf16x3", F32, Place("k.py", 7)).imag.item() == math.inf


def test_a_whole_number_is_known_where_its_bound_allows_it() -> None:
    kinds = Tensor((2,), F32), Tensor((2,), Scalar("i32"))
    sure = torch.complex(torch.tensor([2.5, -3.2]).double(), torch.tensor([0.25, 0.1]).double())
    assert apply("arith.fptosi", [(sure, kinds[0])], kinds[1], mode=Mode.BOUNDED).data[0].tolist() == [2, -3]
    unsure = torch.complex(torch.tensor([2.5, -3.2]).double(), torch.tensor([0.25, 0.3]).double())
    with pytest.raises(Unbounded, match=r"arith.fptosi of what may be another whole number at k.py:7"):
        apply("arith.fptosi", [(unsure, kinds[0])], kinds[1], mode=Mode.BOUNDED)


def test_predicates_are_known_where_their_bounds_allow_it() -> None:
    kinds = Tensor((1,), F32), Tensor((1,), Scalar("i1"))

    def asked(name: str, value: float, bound: float) -> bool:
        pair = torch.complex(torch.tensor([value]).double(), torch.tensor([bound]).double())
        return bool(apply(f"math.{name}", [(pair, kinds[0])], kinds[1], mode=Mode.BOUNDED).data.item())

    assert not asked("isnan", 2.0, 0.5) and asked("isfinite", 2.0, 0.5) and asked("signbit", -2.0, 0.5)
    for name, value, bound in (("isinf", 2.0, math.inf), ("signbit", -0.25, 0.5)):
        with pytest.raises(Unbounded, match=f"{name} of what may be"):
            asked(name, value, bound)


@pytest.mark.parametrize("operation", ["arith.sitofp", "arith.uitofp"])
def test_integers_of_64_bits_are_within_their_bound(operation: str) -> None:
    made = torch.Generator().manual_seed(1)
    whole = torch.randint(-(2**63), 2**63 - 1, (4096,), generator=made)
    kinds = Tensor((4096,), Scalar("i64")), Tensor((4096,), F32)
    faithful, exact, pairs = (apply(operation, [(whole, kinds[0])], kinds[1], mode=mode).data[0] for mode in MODES)
    assert within(faithful, exact, pairs.imag).all()
    assert (((faithful.double() - exact).abs()) > pairs.imag / 2).any()
