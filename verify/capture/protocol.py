"""What parent and child say to each other: one JSON document a line, structured into these classes.

The child has run a stranger's code, so whatever it says is only data: sized, shaped, and checked against
what was asked before anybody uses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from attrs import frozen

from specs.sizes import Condition, Size
from specs.spec import ELEMENT, Choice, ChoiceParam, FloatParam, SizeParam, Spec, TensorParam
from verify.plan import (
    Answer,
    Argument,
    CompileFailure,
    Copy,
    Glue,
    Launch,
    Plan,
    PointerArgument,
    Refusal,
    Step,
    View,
    read_choice,
)

LONGEST_LINE: Final = 32 << 20  # bytes of one answer
BIGGEST: Final = 2**63
MOST_NODES: Final = 200_000  # of one answer's size expressions


class Malformed(Exception):
    """An answer that is no answer to what was asked."""


@frozen
class Parameter:
    """One parameter of the entry as the child needs it. `kind` is tensor, float, choice or size."""

    name: str
    kind: str
    dims: tuple[str, ...] = ()
    dtype: str = ELEMENT
    contiguous: bool = False
    inplace: bool = False


@frozen
class Result:
    name: str
    dims: tuple[str, ...]
    dtype: str


@frozen
class Begin:
    """What the child is to capture and under which limits. `roots` are folders that it may read."""

    source: str
    entry: str
    path: str
    policy: str
    parameters: tuple[Parameter, ...]
    results: tuple[Result, ...]
    ranges: Mapping[str, tuple[int, int]]
    requires: tuple[Condition, ...]
    glue: tuple[str, ...]
    roots: tuple[str, ...]
    scratch: str
    own: tuple[str, ...] = ()  # packages that are taken from the roots, whatever is installed


@frozen
class Ready:
    """The child is locked in; `tier` says how."""

    tier: str


@frozen
class Ask:
    """Capture at these sizes. `specialise_at` are sizes for which specialised variants are wanted too."""

    dtype: str
    choices: Mapping[str, Choice]
    point: Mapping[str, int]
    specialise_at: tuple[Mapping[str, int], ...] = ()


@frozen
class Reply:
    """One answer. `cell` holds where the host code would have gone the same way."""

    answer: Answer
    cell: Condition
    operations: tuple[str, ...] = ()


@cache
def converter() -> Any:
    """What turns plans and messages into JSON and back."""
    import cattrs
    from cattrs.strategies import configure_tagged_union

    made = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    made.register_structure_hook(Choice, read_choice)
    for union in (Argument, Step, Answer):
        configure_tagged_union(union, made, tag_name="is")
    return made


def encode(message: Any) -> bytes:
    """One line of JSON."""
    return json.dumps(converter().unstructure(message)).encode() + b"\n"


def decode(line: bytes, kind: Any) -> Any:
    """The message. Raises Malformed."""
    try:
        return converter().structure(json.loads(line), kind)
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001  structuring hostile data raises whatever its types raise
        raise Malformed(f"{type(error).__name__}: {error}"[:300]) from None


def begin(
    spec: Spec,
    source: str,
    entry: str,
    path: str,
    policy: str,
    roots: tuple[str, ...],
    scratch: str,
    own: tuple[str, ...] = (),
) -> Begin:
    """The opening message for a spec and a candidate."""
    parameters = []
    for param in spec.params:
        if isinstance(param, TensorParam):
            parameters.append(Parameter(param.name, "tensor", param.dims, param.dtype, param.contiguous, param.inplace))
        elif isinstance(param, FloatParam):
            parameters.append(Parameter(param.name, "float"))
        elif isinstance(param, ChoiceParam):
            parameters.append(Parameter(param.name, "choice"))
        elif isinstance(param, SizeParam):
            parameters.append(Parameter(param.name, "size"))
    results = tuple(Result(output.name, output.dims, output.dtype) for output in spec.outputs)
    ranges = {dim.name: (dim.low, dim.high) for dim in spec.dims}
    return Begin(
        source,
        entry,
        path,
        policy,
        tuple(parameters),
        results,
        ranges,
        spec.requires,
        spec.glue,
        roots,
        scratch,
        own,
    )


def check(reply: Reply, ask: Ask, spec: Spec) -> None:
    """Whether a reply answers the question. Raises Malformed."""
    allowed = spec.names() | {param.address for param in spec.tensors}
    _check_condition(reply.cell, spec.names())
    if not reply.cell.holds(ask.point):
        raise Malformed("its cell does not contain the sizes that were asked for")
    answer = reply.answer
    if isinstance(answer, Plan | Refusal):
        same_run = answer.dtype == ask.dtype and dict(answer.choices) == dict(ask.choices)
        if not same_run or answer.cell != reply.cell:
            raise Malformed("it answers another question")
    if isinstance(answer, CompileFailure) and answer.cell != reply.cell:
        raise Malformed("it answers another question")
    if isinstance(answer, Plan):
        _check_plan(answer, spec, allowed)


def _check_plan(plan: Plan, spec: Spec, allowed: frozenset[str]) -> None:
    names = [buffer.name for buffer in plan.buffers]
    if len(set(names)) != len(names):
        raise Malformed("two buffers of one name")
    owned = sorted(buffer.param for buffer in plan.buffers if buffer.param is not None)
    if owned != sorted(param.name for param in spec.tensors):
        raise Malformed("the input buffers are not those of the spec")
    if spec.outputs and len(plan.outputs) != len(spec.outputs):
        raise Malformed(f"{len(plan.outputs)} outputs instead of {len(spec.outputs)}")
    kept = {param.name for param in spec.tensors if not param.inplace}
    written = [*plan.outputs, *(step.target for step in plan.steps if not isinstance(step, Launch))]
    if any(buffer.param in kept and view.buffer == buffer.name for view in written for buffer in plan.buffers):
        raise Malformed("it writes to an input, or returns one")
    sizes: list[Size] = [buffer.elements for buffer in plan.buffers]
    views: list[View] = list(plan.outputs)
    for step in plan.steps:
        if isinstance(step, Launch):
            views += [each.view for each in step.arguments if isinstance(each, PointerArgument)]
            _check_launch(step, allowed)
        elif isinstance(step, Copy):
            views += [step.source, step.target]
        elif isinstance(step, Glue):
            views += [*step.inputs, step.target]
    for view in views:
        if view.buffer not in names:
            raise Malformed(f"a view of {view.buffer!r}, which is no buffer")
        if len(view.sizes) != len(view.strides):
            raise Malformed("a view with more sizes than strides")
        sizes += [*view.sizes, *view.strides, view.offset]
    budget = MOST_NODES
    for each in sizes:
        budget = _check_size(each, spec.names(), budget)


def _check_launch(launch: Launch, allowed: frozenset[str]) -> None:
    own = {argument.name for argument in launch.arguments}
    if not own.issuperset(launch.restored):
        raise Malformed("an autotuner that restores arguments that the launch does not have")
    if not launch.variants:
        raise Malformed("a launch without a variant")
    for variant in launch.variants:
        if not own.issuperset(variant.parameters):
            raise Malformed("a variant with arguments that the launch does not have")
        for each in variant.grid:
            _check_size(each, allowed, MOST_NODES)
        _check_condition(variant.condition, allowed)


def _check_condition(condition: Condition, allowed: frozenset[str]) -> None:
    budget, waiting = MOST_NODES, [condition]
    while waiting:
        part = waiting.pop()
        waiting += part.parts
        for side in part.sides:
            budget = _check_size(side, allowed, budget)


def _check_size(size: Size, allowed: frozenset[str], budget: int) -> int:
    waiting = [size]
    while waiting:
        part = waiting.pop()
        budget -= 1
        if budget < 0:
            raise Malformed("its size expressions are too long")
        if part.kind == "name" and part.name not in allowed:
            raise Malformed(f"the unknown size {part.name!r}")
        if not -BIGGEST <= part.value < BIGGEST:
            raise Malformed("a number beyond 64 bits")
        waiting += part.parts
    return budget
