"""The trusted launcher: which variant, which arguments, which memory, with a stand-in kernel on the host."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve
from plans import ALIGNED, PARAMETERS, PLACE, SPEC, HostKernel, M, N, plan
from triton.tools.tensor_descriptor import TensorDescriptor

from specs.sizes import TRUE, name, size
from verify.native.compiled import as_launched
from verify.native.launch import (
    LaunchError,
    bind,
    choose_plan,
    choose_variant,
    configurations,
    names_of,
    plan_for,
    prepare,
)
from verify.native.memory import BAND, guarded, guarded_copy
from verify.plan import Copy, FloatArgument, Glue, IntegerArgument, Launch, PointerArgument, Variant, View


def _inputs(rows: int = 3, columns: int = 5) -> dict[str, Any]:
    return {"x": torch.randn(rows, columns)}


def test_names_come_from_the_tensors() -> None:
    x = torch.randn(4, 12)[:, ::2]
    names = names_of(SPEC, {"x": x})
    assert names == {"M": 4, "N": 6, "x.stride0": 12, "x.stride1": 2, "x.address": x.data_ptr()}


def test_a_tensor_of_the_wrong_rank_is_refused() -> None:
    with pytest.raises(LaunchError, match="x has 1 axes, softmax asks for 2"):
        names_of(SPEC, {"x": torch.randn(4)})


def test_the_kernel_gets_the_ttir_functions_arguments_in_order() -> None:
    inputs, kernel = _inputs(), HostKernel()
    prepared = prepare(plan(), inputs, names_of(SPEC, inputs), lambda variant: kernel)
    prepared.run()
    out = prepared.memory.own["out"]
    assert kernel.started == [((3, 1, 1), inputs["x"].data_ptr(), out.address, 5, 3, 5)]
    torch.testing.assert_close(prepared.outputs[0], inputs["x"].softmax(-1))
    assert prepared.damage() == ()


@pytest.mark.parametrize(("offset", "chosen"), [(0, "aligned"), (1, "loose")])
def test_the_variant_follows_the_actual_address(offset: int, chosen: str) -> None:
    x = torch.empty(64)[offset : offset + 15].view(3, 5)
    names = names_of(SPEC, {"x": x})
    assert (x.data_ptr() % 16 == 0) == (offset == 0)
    assert choose_variant(plan().launches[0], names).ttir == chosen


def test_the_first_variant_that_holds_is_taken_and_none_is_an_error() -> None:
    launch = plan().launches[0]
    both = evolve(launch, variants=tuple(evolve(one, condition=TRUE) for one in launch.variants))
    names = names_of(SPEC, _inputs())
    assert choose_variant(both, names).ttir == "aligned"
    never = evolve(launch, variants=(evolve(launch.variants[0], condition=M < 0),))
    with pytest.raises(LaunchError, match=r"no variant of rows \(softmax.py:9\) covers M=3"):
        choose_variant(never, names)


def test_configurations_are_chosen_by_name() -> None:
    launch = plan().launches[0]
    grid = (M, size(1), size(1))
    named = evolve(
        launch,
        variants=tuple(Variant(f"ttir {c}", PARAMETERS, grid, config=c) for c in ("warps 4", "warps 8")),
    )
    assert configurations(named) == ("warps 4", "warps 8")
    assert choose_variant(named, {}, "warps 8").ttir == "ttir warps 8"
    with pytest.raises(LaunchError, match="no configuration 'warps 2'"):
        choose_variant(named, {}, "warps 2")


def test_a_plan_holds_for_its_dtype_and_cell_only() -> None:
    short, long = plan(cell=N <= 4), plan(cell=N > 4)
    inputs = _inputs()
    names = names_of(SPEC, inputs)
    assert plan_for((short, long), SPEC, inputs, names) is long
    with pytest.raises(LaunchError, match="no captured plan covers dtype float16"):
        choose_plan((short, long), "float16", {}, names)


@pytest.mark.parametrize(("value", "type", "fits"), [(2**31 - 1, "i32", True), (2**31, "i32", False), (2, "i1", False)])
def test_integers_must_fit_their_type(value: int, type: str, fits: bool) -> None:
    own = plan()
    launch = own.launches[0]
    arguments = (*launch.arguments[:2], IntegerArgument("stride", size(value), type), *launch.arguments[3:])
    changed = evolve(own, steps=(evolve(launch, arguments=arguments),))
    inputs = _inputs()
    if fits:
        prepare(changed, inputs, names_of(SPEC, inputs), lambda variant: HostKernel())
    else:
        with pytest.raises(LaunchError, match=f"stride={value} does not fit {type}"):
            prepare(changed, inputs, names_of(SPEC, inputs), lambda variant: HostKernel())


def test_a_float_parameter_is_handed_through() -> None:
    seen: list[tuple[Any, ...]] = []

    class Recorder:
        def __getitem__(self, grid: Any) -> Any:
            return lambda *arguments: seen.append(arguments)

    arguments = (FloatArgument("eps", 0.0, "fp32", "eps"), FloatArgument("half", 0.5, "fp32"))
    launch = Launch("k", arguments, (Variant("t", ("half", "eps"), (size(1),) * 3),), PLACE)
    prepare(evolve(plan(), steps=(launch,)), {**_inputs(), "eps": 1e-5}, {"M": 3, "N": 5}, lambda v: Recorder()).run()
    assert seen == [(0.5, 1e-5)]


def _described(block: tuple[int, ...] = (1, 8)) -> Launch:
    """A launch whose kernel reads x through a descriptor: the TTIR function gets its sizes and strides behind it."""
    (launch,) = plan().launches
    x, *others = launch.arguments
    assert isinstance(x, PointerArgument)
    own = {"size0": M, "size1": N, "stride0": name("x.stride0"), "stride1": name("x.stride1")}
    brought = tuple(IntegerArgument(f"x_ptr.{part}", value, "i64") for part, value in own.items())
    parameters = ("x_ptr", *(each.name for each in brought), "y_ptr", "columns")
    variant = evolve(launch.variants[0], parameters=parameters)
    return evolve(launch, arguments=(evolve(x, block=block), *brought, *others), variants=(variant,))


def test_a_descriptor_is_one_argument_to_tritons_launcher() -> None:
    inputs, kernel = _inputs(3, 8), HostKernel()
    whole = evolve(plan(), steps=(_described(),))
    prepared = prepare(whole, inputs, names_of(SPEC, inputs), lambda variant: kernel)
    x, out, columns = bind(_described(), _described().variants[0], prepared.memory, inputs)
    assert isinstance(x, TensorDescriptor) and x.base.data_ptr() == inputs["x"].data_ptr()
    assert (list(x.shape), list(x.strides), list(x.block_shape)) == ([3, 8], [8, 1], [1, 8])
    assert (out, columns) == (prepared.memory.own["out"].address, 8)


def test_what_the_hardware_does_not_take_is_said() -> None:
    inputs = _inputs(3, 5)
    with pytest.raises(LaunchError, match=r"rows \(softmax.py:9\): descriptor x_ptr: strides must be 16-byte aligned"):
        prepare(evolve(plan(), steps=(_described(),)), inputs, names_of(SPEC, inputs), lambda variant: HostKernel())


def test_descriptors_are_spelled_as_tritons_launcher_does() -> None:
    of_function = ["*f32", "!tt.tensordesc<tensor<1x1024xf32>>", "i32", "i32", "i64", "i64", "i32"]
    later = ["!tt.tensordesc<64xbf16>", "i32", "i64", "*bf16"]  # from triton 3.8 on without the tensor
    assert as_launched(dict(enumerate(of_function))) == {0: "*f32", 1: "tensordesc<f32[1, 1024]>", 2: "i32"}
    assert as_launched(dict(enumerate(later))) == {0: "tensordesc<bf16[64]>", 1: "*bf16"}


def test_an_empty_grid_starts_nothing() -> None:
    inputs, kernel = _inputs(rows=0), HostKernel()
    prepare(plan(), inputs, names_of(SPEC, inputs), lambda variant: kernel).run()
    assert kernel.started == []


def test_a_grid_beyond_the_device_is_refused() -> None:
    own = plan()
    launch = own.launches[0]
    tall = evolve(launch, variants=(evolve(launch.variants[0], grid=(size(1), size(65536), size(1)), condition=TRUE),))
    inputs = _inputs()
    with pytest.raises(LaunchError, match="grid axis 1 is 65536"):
        prepare(evolve(own, steps=(tall,)), inputs, names_of(SPEC, inputs), lambda variant: HostKernel())


def test_a_store_behind_the_buffer_is_damage() -> None:
    inputs = _inputs()
    prepared = prepare(plan(), inputs, names_of(SPEC, inputs), lambda variant: HostKernel(reach=1))
    prepared.run()
    assert prepared.damage() == ("out: 4 bytes after the buffer overwritten, first at byte 60",)


def test_poison_makes_unwritten_elements_nan() -> None:
    inputs = _inputs()
    prepared = prepare(plan(), inputs, names_of(SPEC, inputs), lambda variant: HostKernel())
    prepared.run()
    prepared.poison()
    assert prepared.outputs[0].isnan().all()
    assert prepared.damage() == ()


def test_fills_copies_and_glue_are_run_in_order() -> None:
    own = plan()
    x, out = own.launches[0].arguments[0].view, own.outputs[0]  # type: ignore[union-attr]
    row = View("row", (N,), (size(1),))
    buffers = (*own.buffers, evolve(own.buffers[1], name="row", elements=N, fill=7.0))
    steps = (
        Copy(x, out, PLACE),
        Copy(row, View("out", (N,), (size(1),)), PLACE),
        Glue("sum", (out,), row, {"dim": 0}, PLACE),
    )
    inputs = _inputs()
    prepared = prepare(evolve(own, buffers=buffers, steps=steps), inputs, names_of(SPEC, inputs), lambda v: None)
    for _ in range(2):  # a second run starts from the fill again
        prepared.run()
        expected = torch.cat([torch.full((1, 5), 7.0), inputs["x"][1:]])
        assert torch.equal(prepared.outputs[0], expected)
        torch.testing.assert_close(prepared.memory.view(row), expected.sum(0))


def test_unknown_glue_is_named() -> None:
    own = plan()
    step = Glue("matmul", (own.outputs[0],), own.outputs[0], {}, PLACE)
    inputs = _inputs()
    with pytest.raises(LaunchError, match=r"host operation matmul \(softmax.py:9\)"):
        prepare(evolve(own, steps=(step,)), inputs, names_of(SPEC, inputs), lambda v: None)


def test_guarded_copies_keep_strides_alignment_and_gaps() -> None:
    x = torch.arange(40.0)[1:].as_strided((3, 4), (5, 1))
    zone, view = guarded_copy("x", x, "cpu")
    assert view.stride() == (5, 1) and torch.equal(view, x)
    assert view.data_ptr() % 16 == x.data_ptr() % 16
    assert zone.damage() is None
    zone.storage[BAND - 1] = 0
    assert "before the buffer" in str(zone.damage())


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1)])
def test_guarded_copies_of_little(shape: tuple[int, int]) -> None:
    zone, view = guarded_copy("x", torch.ones(shape), "cpu")
    assert torch.equal(view, torch.ones(shape)) and zone.damage() is None


def test_expanded_and_overlapping_inputs_are_copied() -> None:
    for x in (torch.arange(4.0).expand(3, 4), torch.arange(9.0).as_strided((3, 4), (2, 1))):
        _, view = guarded_copy("x", x, "cpu")
        assert torch.equal(view, x) and view.stride() == x.stride()


def test_a_buffer_of_nothing_still_has_its_bands() -> None:
    empty = guarded("e", "bfloat16", 0, "cpu")
    assert empty.body.numel() == 0 and empty.damage() is None


def test_conditions_name_only_what_inputs_have() -> None:
    strange = evolve(plan().launches[0].variants[0], condition=(name("z") % 2).equals(0))
    with pytest.raises(LaunchError, match="names 'z'"):
        choose_variant(evolve(plan().launches[0], variants=(strange,)), {"M": 1})
    assert ALIGNED.names() == {"x.address"}
