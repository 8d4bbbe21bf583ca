"""Names for people: a buffer that the candidate returns is called what the spec calls that output."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from specs.spec import Spec
from verify.plan import Copy, Launch, Plan, PointerArgument, Step, View


def named_outputs(plan: Plan, spec: Spec) -> Plan:
    """The same plan with its allocated outputs under the spec's names. A buffer of two outputs keeps the first."""
    if not spec.outputs:
        return plan
    taken = {buffer.name for buffer in plan.buffers}
    names: dict[str, str] = {}
    for output, view in zip(spec.outputs, plan.outputs, strict=True):
        if plan.buffer(view.buffer).param is None and output.name not in taken:
            names.setdefault(view.buffer, output.name)
    return evolve(
        plan,
        buffers=tuple(evolve(buffer, name=names.get(buffer.name, buffer.name)) for buffer in plan.buffers),
        steps=tuple(_step(step, names) for step in plan.steps),
        outputs=tuple(_view(view, names) for view in plan.outputs),
    )


def _view(view: View, names: Mapping[str, str]) -> View:
    return evolve(view, buffer=names.get(view.buffer, view.buffer))


def _step(step: Step, names: Mapping[str, str]) -> Step:
    if isinstance(step, Launch):
        arguments = tuple(
            evolve(each, view=_view(each.view, names)) if isinstance(each, PointerArgument) else each
            for each in step.arguments
        )
        return evolve(step, arguments=arguments)
    if isinstance(step, Copy):
        return evolve(step, source=_view(step.source, names), target=_view(step.target, names))
    return evolve(step, inputs=tuple(_view(each, names) for each in step.inputs), target=_view(step.target, names))
