"""Where what a kernel loads comes from: the steps that may write a buffer, and the input that it still shows."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from attrs import evolve

from specs.sizes import name
from specs.spec import Spec, TensorParam
from verify.capture.stores import ANY, Write, writes
from verify.ir.parse import parse
from verify.plan import Copy, Launch, Plan, PointerArgument, Step, View
from verify.symbolic.terms import Atom


def pointer(load: Atom) -> str:
    """The pointer argument that a loaded value was read through."""
    return load.label.split(":")[0]


def label(argument: str, low: int, high: int) -> str:
    """The label of values loaded through a pointer argument, with their inclusive range."""
    return f"{argument}:{low}:{high}"


def written_by(step: Step) -> frozenset[str]:
    """The buffers that a step of a plan may write."""
    if not isinstance(step, Launch):
        return frozenset({step.target.buffer})
    found: set[str] = set()
    for variant in step.variants:
        names = dict(zip((each.name for each in parse(variant.ttir).kernel.arguments), variant.parameters, strict=True))
        for write in _writes(variant.ttir):
            found |= {names[each] for each in write.arguments if each != ANY}
            if ANY in write.arguments:
                found |= {each.name for each in step.arguments if isinstance(each, PointerArgument)}
    return frozenset(step.argument(each).view.buffer for each in found)  # type: ignore[union-attr]


@lru_cache(maxsize=512)
def _writes(ttir: str) -> tuple[Write, ...]:
    return writes(parse(ttir))


KEEPING: Final = ("int8", "int16", "int32", "int64")  # a copy to a dtype earlier in this list may change a value


def origin(spec: Spec, plan: Plan, launch: Launch, buffer: str) -> tuple[TensorParam, View] | None:
    """The input whose values a buffer holds when the launch starts, and the view that shows them index by index.

    Either the input's own, that no earlier step writes, or one that a copy of the whole input fills.
    """
    last = max(at for at, step in enumerate(plan.steps) if step == launch)  # one launch may run more than once
    writers = [step for step in plan.steps[:last] if buffer in written_by(step)]
    param = next((each for each in spec.tensors if each.name == plan.buffer(buffer).param), None)
    if not writers and param is not None:
        sizes = tuple(map(name, param.dims))
        return param, View(buffer, sizes, tuple(name(param.stride(axis)) for axis in range(len(sizes))))
    if len(writers) != 1 or not isinstance(writers[0], Copy):
        return None
    source, target = writers[0].source, writers[0].target
    found = origin(spec, plan, launch, source.buffer)
    kinds = [plan.buffer(each.buffer).dtype for each in (source, target)]
    kept = set(kinds) <= set(KEEPING) and KEEPING.index(kinds[0]) <= KEEPING.index(kinds[1])
    if found is None or not kept or evolve(source, dtype="") != found[1]:
        return None
    return found[0], evolve(target, dtype="")
