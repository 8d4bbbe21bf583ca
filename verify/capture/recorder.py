"""Launches: what the host code hands to its kernels becomes a `Launch` of the plan, and nothing runs.

`JITFunction.run`, `Autotuner.run` and `Heuristics.run` are replaced. Every configuration of an autotuner
becomes a group of variants; heuristics are evaluated; compile-time arguments that depend on sizes are fixed
by a guard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from attrs import evolve, frozen
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction
from triton.tools.tensor_descriptor import TensorDescriptor

from specs.sizes import Condition, Size, all_of, size
from verify.capture.addresses import behind
from verify.capture.lower import DoesNotCompile, Kernel, Lowering, place_of
from verify.capture.scalars import TracedFloat, UnknownFloat
from verify.capture.session import Session
from verify.capture.specialise import specialised
from verify.capture.symbols import size_of
from verify.capture.tensors import Stand
from verify.plan import (
    Argument,
    CompileFailure,
    FloatArgument,
    IntegerArgument,
    Launch,
    PointerArgument,
    Variant,
)
from verify.verdict import Place

POINTEES: Final = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float64": "fp64",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "bool": "i1",
    "float8_e4m3fn": "fp8e4nv",
    "float8_e5m2": "fp8e5",
    "uint8": "u8",
}
OPTIONS: Final = ("num_warps", "num_stages", "num_ctas")
IGNORED: Final = ("warmup", "grid", "debug", "instrumentation_mode")
ALIGNMENT: Final = 16  # bytes of an address, or the factor of an integer, that Triton makes use of
MOST_CONFIGS: Final = 64
# Launchers of libraries that remember compiled kernels by their arguments and start what `fn` says. Each was read.
WRAPPERS: Final = frozenset(["flag_gems.utils.libentry.LibEntry"])


@frozen
class Recorder:
    """Turns one launch into a step of the session's plan."""

    session: Session
    lowering: Lowering
    points: Sequence[Mapping[str, int]]
    dtype: str

    def launch(self, tuned: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A call of `kernel[grid](*args, **kwargs)`; heuristics and autotuners may wrap the kernel."""
        session, place = self.session, self.session.place()
        arguments: tuple[Argument, ...] | None = None
        variants: list[Variant] = []
        function = None
        for config, function, options in configurations(session, tuned, args, kwargs):
            bound = _bound(session, function, args, options)
            own = tuple(
                each
                for name, value in bound.items()
                if not _is_constant(function, name, value)
                for each in _arguments(session, function, name, value)
            )
            if arguments is not None and own != arguments:
                session.unsupported("autotune configurations that change the kernel's run-time arguments")
            arguments = own
            grid = _grid(session, kwargs.get("grid"), bound)
            variants += self._variants(function, bound, own, grid, options, config, place)
        assert function is not None and arguments is not None
        views = [each.view for each in arguments if isinstance(each, PointerArgument)]
        names = {each.name for each in arguments}
        restored = tuple(name for name in _restored(tuned) if name in names)
        session.add(Launch(function.__name__, arguments, tuple(variants), place, restored), *views)

    def _variants(
        self,
        function: Any,
        bound: Mapping[str, Any],
        arguments: tuple[Argument, ...],
        grid: tuple[Size, Size, Size],
        options: Mapping[str, Any],
        config: str,
        place: Place,
    ) -> list[Variant]:
        names = {each.name for each in arguments}
        constants = {name: _constant(self.session, value) for name, value in bound.items() if name not in names}
        types = dict.fromkeys(bound, "constexpr") | {each.name: _type(each) for each in arguments if each.name in bound}
        launch = {name: int(_constant(self.session, options.get(name, default))) for name, default in _DEFAULTS}
        plain = Kernel(types, constants, frozenset(), **launch)
        generic, _ = specialised(self.session, function, plain, arguments, None)
        wanted: dict[str, tuple[Kernel, Condition]] = {}
        for point in self.points:
            if self._fits(point):
                kernel, condition = specialised(self.session, function, plain, arguments, point)
                wanted.setdefault(str(condition), (kernel, condition))
        wanted.pop("true", None)
        asked = sorted(wanted.values(), key=lambda each: -len(each[1].parts or (1,)))
        made = []
        for kernel, condition in [*asked, (generic, all_of())]:
            try:
                text = self.lowering.ttir(function, kernel)
            except DoesNotCompile as failure:
                where = place_of(failure, place, self.session.files)
                raise self.session.stop(
                    CompileFailure(function.__name__, config, failure.message, where, self.dtype, self.session.cell())
                ) from None
            shown = {name: _shown(value) for name, value in kernel.constants.items()}
            made.append(Variant(text, kernel.parameters, grid, condition, config, shown, **launch))
        return made

    def _fits(self, point: Mapping[str, int]) -> bool:
        return all(guard.holds(point) for guard in self.session.guards)


_DEFAULTS: Final = (("num_warps", 4), ("num_stages", 3), ("num_ctas", 1))


def configurations(
    session: Session, tuned: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """Every configuration: its name, the kernel itself, and keyword arguments with the chosen ones put in."""
    if isinstance(tuned, Autotuner):
        found = []
        for config in _candidates(session, tuned, args, kwargs):
            if config.pre_hook is not None or getattr(tuned, "user_defined_pre_hook", False):
                session.unsupported("an autotune configuration with a pre_hook")
            chosen = {name: value for name, value in config.all_kwargs().items() if value is not None}
            clash = sorted(chosen.keys() & kwargs.keys())
            if clash:
                raise ValueError(f"Conflicting meta-parameters: {', '.join(clash)}.")
            for inner, function, options in configurations(session, tuned.fn, args, {**kwargs, **chosen}):
                found.append((", ".join(part for part in (str(config), inner) if part), function, options))
        names = [name for name, _, _ in found]
        return [
            (f"{name} #{at}" if names.count(name) > 1 else name, function, options)
            for at, (name, function, options) in enumerate(found)
        ]
    if isinstance(tuned, Heuristics):
        chosen = dict(kwargs)
        for name, rule in tuned.values.items():
            chosen[name] = rule({**dict(zip(tuned.arg_names, args, strict=False)), **chosen})
        return configurations(session, tuned.fn, args, chosen)
    kind = type(tuned)
    if f"{kind.__module__}.{kind.__qualname__}" in WRAPPERS:
        session.note(f"{kind.__qualname__} launches the kernel that it wraps")
        return configurations(session, tuned.fn, args, kwargs)
    if kind is not JITFunction:
        gluon = ", whose IR begins at TTGIR" if isinstance(tuned, JITFunction) and tuned.is_gluon() else ""
        session.unsupported(f"a launch of a {kind.__name__}{gluon}")
    return [("", tuned, dict(kwargs))]


def _restored(tuned: Any) -> list[str]:
    """Arguments that autotuners around the kernel put back after a trial."""
    found: list[str] = []
    while not isinstance(tuned, JITFunction) and tuned is not None:
        found += [*(getattr(tuned, "restore_value", None) or ()), *(getattr(tuned, "reset_to_zero", None) or ())]
        tuned = getattr(tuned, "fn", None)
    return found


def _candidates(session: Session, tuned: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The configurations that the autotuner times. A subclass may choose in its own way, but among these."""
    configs = tuned.configs
    if tuned.early_config_prune:
        configs = tuned.early_config_prune(configs, dict(zip(tuned.arg_names, args, strict=False)), **kwargs)
    if tuned.perf_model:
        session.unsupported("an autotuner with a perf_model")
    if len(configs) > MOST_CONFIGS:
        session.unsupported(f"{len(configs)} autotune configurations; the most is {MOST_CONFIGS}")
    return list(configs)


def _bound(session: Session, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by parameter name, in the kernel's order. Raises TypeError as Triton's own binding does."""
    names = {parameter.name for parameter in function.params}
    given = {name: value for name, value in options.items() if name in names}
    for name in options:
        if name in names or name in OPTIONS or name in IGNORED:
            continue
        if name in ("maxnreg", "enable_fp_fusion", "launch_cooperative_grid", "launch_pdl", "extern_libs"):
            session.unsupported(f"the launch option {name!r}")
        raise KeyError(f"Keyword argument {name} was specified but unrecognised")
    bound = function.signature.bind(*args, **given)
    bound.apply_defaults()
    return dict(bound.arguments)


def _is_constant(function: Any, name: str, value: Any) -> bool:
    parameter = next(each for each in function.params if each.name == name)
    return bool(parameter.is_constexpr) or value is None


def _arguments(session: Session, function: Any, name: str, value: Any) -> list[Argument]:
    """What the kernel gets for one parameter: of a descriptor, its sizes and strides too."""
    if not isinstance(value, TensorDescriptor):
        return [_argument(session, function, name, value)]
    base = value.base
    if not isinstance(base, Stand) or base.device.type != "cuda":
        session.unsupported(f"a tensor descriptor of a {type(base).__name__}")
    if getattr(value, "round_f32_to_tf32", False):  # triton 3.6 has no such thing
        session.unsupported("a tensor descriptor that rounds float32 to tf32")
    sizes, strides = (tuple(size_of(session, each) for each in part) for part in (value.shape, value.strides))
    view = evolve(base.view_, sizes=sizes, strides=strides, dtype=base.dtype_)
    block = tuple(int(_constant(session, each)) for each in value.block_shape)
    found: list[Argument] = [PointerArgument(name, view, block, value.padding)]
    for part, numbers, kind in (("size", sizes, "i32"), ("stride", strides, "i64")):
        found += [IntegerArgument(f"{name}.{part}{axis}", each, kind) for axis, each in enumerate(numbers)]
    return found


def _argument(session: Session, function: Any, name: str, value: Any) -> Argument:
    """A run-time argument of a kernel."""
    value = behind(value)
    annotated = next(each for each in function.params if each.name == name).annotation_type
    if isinstance(value, Stand):
        if value.device.type != "cuda":
            raise ValueError(f"Pointer argument {name!r} cannot be accessed from Triton (cpu tensor?)")
        if annotated and not str(annotated).startswith("*"):
            session.unsupported(f"the annotation {annotated!r} of the pointer argument {name!r}")
        return PointerArgument(name, session.reach(value.view_))
    if isinstance(value, UnknownFloat) or (isinstance(value, torch.SymFloat) and session.lenient):
        return FloatArgument(name, 0.0, _float_type(session, name, annotated), known=False)
    if isinstance(value, TracedFloat):
        return FloatArgument(name, 0.0, _float_type(session, name, annotated), value.param)
    if isinstance(value, float):
        if value != value:
            session.unsupported(f"the float argument {name!r} that is computed from a parameter, or NaN")
        return FloatArgument(name, value, _float_type(session, name, annotated))
    if isinstance(value, bool | torch.SymBool):
        return IntegerArgument(name, size_of(session, value), "i1")
    if isinstance(value, int | torch.SymInt):
        part = size_of(session, value)
        return IntegerArgument(name, part, _integer_type(session, name, part, annotated))
    session.unsupported(f"the kernel argument {name!r} of type {type(value).__name__}")
    raise AssertionError


def _float_type(session: Session, name: str, annotated: str) -> str:
    if annotated not in ("", "fp32", "fp64"):
        session.unsupported(f"the annotation {annotated!r} of the float argument {name!r}")
    return annotated or "fp32"


def _integer_type(session: Session, name: str, part: Size, annotated: str) -> str:
    """Triton's rule: 32 bits where the value fits, else 64; an annotation overrides it."""
    if annotated in ("i32", "i64"):
        return str(annotated)
    if annotated:
        session.unsupported(f"the annotation {annotated!r} of the integer argument {name!r}")
    if session.decide(all_of(part >= -(2**31), part < 2**31)):
        return "i32"
    if not session.decide(all_of(part >= -(2**63), part < 2**63)):
        raise OverflowError(f"integer argument {name!r} does not fit 64 bits")
    return "i64"


def _type(argument: Argument) -> str:
    if isinstance(argument, PointerArgument) and argument.block:
        return f"tensordesc<{POINTEES[argument.view.dtype]}[{', '.join(map(str, argument.block))}]>"
    if isinstance(argument, PointerArgument):
        return f"*{POINTEES[argument.view.dtype]}"
    if isinstance(argument, IntegerArgument) and argument.type == "i1":
        return "u1"  # Triton's name for a bool argument; it prints as i1
    return argument.type


def _constant(session: Session, value: Any) -> Any:
    """A compile-time value: symbolic ones are fixed at the point."""
    value = getattr(value, "value", value) if type(value).__name__ == "constexpr" else value
    if isinstance(value, torch.SymInt):
        return session.fix(size_of(session, value))
    if isinstance(value, torch.SymBool):
        return bool(value)
    if isinstance(value, TracedFloat | UnknownFloat | torch.SymFloat) or (isinstance(value, float) and value != value):
        session.unsupported("a compile-time argument computed from a float parameter or a quotient")
    if isinstance(value, Stand):
        session.unsupported("a tensor as a compile-time argument")
    if isinstance(value, tuple | list):
        return type(value)(_constant(session, each) for each in value)
    return value


def _shown(value: Any) -> str:
    return str(getattr(value, "__name__", value))


def _grid(session: Session, grid: Any, bound: Mapping[str, Any]) -> tuple[Size, Size, Size]:
    if callable(grid):
        grid = grid(dict(bound))
    if not isinstance(grid, tuple | list) or not grid:
        raise TypeError(f"a launch grid of 1 to 3 numbers is needed, got {grid!r}")
    found = [size_of(session, each) for each in grid[:3]]  # as Triton does, which ignores further ones
    found += [size(1)] * (3 - len(found))
    return found[0], found[1], found[2]
