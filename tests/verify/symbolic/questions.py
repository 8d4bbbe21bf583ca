"""Small cases around a TTIR text: a spec over named sizes, a plan of one or more launches, and a gate's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from attrs import frozen

from specs.sizes import TRUE, Condition, Size, name, size
from specs.spec import MAX_SIZE, Dim, OutputSpec, Spec, TensorParam, Values
from verify.case import Budget, Candidate, Case
from verify.ir.parse import parse
from verify.plan import (
    Argument,
    Buffer,
    Capture,
    FloatArgument,
    IntegerArgument,
    Launch,
    Plan,
    PointerArgument,
    Step,
    Variant,
    View,
)
from verify.verdict import Outcome, Place, Verdict, worst

BUDGET = Budget("test", rlimit=3_000_000, seconds=10, samples=1, elements=1 << 12, cells=4)
HERE = Place("host.py", 1)
PROOFS = ("bounds", "races", "overflow", "coverage", "undefined")


def sized(part: str | int | Size) -> Size:
    return part if isinstance(part, Size) else name(part) if isinstance(part, str) else size(part)


def dense(buffer: str, *dims: str | int | Size, offset: int | Size = 0) -> View:
    """The row-major view of a buffer."""
    strides, step = [], size(1)
    for dim in reversed(dims):
        strides.insert(0, step)
        step = step * sized(dim)
    return View(buffer, tuple(map(sized, dims)), tuple(strides), sized(offset))


def strided(buffer: str, *dims: str) -> View:
    """The view of an input with free strides."""
    return View(buffer, tuple(map(name, dims)), tuple(name(f"{buffer}.stride{axis}") for axis in range(len(dims))))


def kernel(signature: str, *lines: str, functions: str = "") -> str:
    """A module of one kernel; each line is at its own place, `kernel.py:1` onwards."""
    body = "\n".join(f"    {_placed(line, at)}" for at, line in enumerate(lines, 1))
    return f"module {{\n  tt.func public @kernel({signature}) {{\n{body}\n    tt.return\n  }}\n{functions}}}\n"


def _placed(line: str, at: int) -> str:
    opens = line.endswith(("{", "(")) or line.strip()[:1] in "}^"
    return line if opens or "loc(" in line else f'{line} loc("kernel.py":{at}:1)'


def launch(
    text: str, grid: Sequence[str | int | Size], given: Mapping[str, Any], condition: Condition = TRUE
) -> Launch:
    """A start of the text's kernel, its arguments by the names of its parameters."""
    arguments: list[Argument] = []
    parameters = parse(text).kernel.arguments
    for parameter in parameters:
        label = parameter.name.lstrip("%")
        value = given[label]
        if isinstance(value, View):
            arguments.append(PointerArgument(label, value))
        elif isinstance(value, float):
            arguments.append(FloatArgument(label, value, "fp32"))
        else:
            arguments.append(IntegerArgument(label, sized(value), str(parameter.type)))
    x, y, z = (sized(part) for part in (*grid, 1, 1)[:3])
    names = tuple(each.name for each in arguments)
    return Launch("kernel", tuple(arguments), (Variant(text, names, (x, y, z), condition),), HERE)


def _no_reference(**inputs: Any) -> Any:
    raise AssertionError("no gate here runs the reference")


def operator(
    dims: Mapping[str, tuple[int, int]],
    tensors: Sequence[TensorParam] = (),
    outputs: Mapping[str, tuple[str, ...]] | None = None,
    requires: tuple[Condition, ...] = (),
) -> Spec:
    return Spec(
        "operator",
        "an operator of the tests",
        tuple(Dim(each, low, high) for each, (low, high) in dims.items()),
        tuple(tensors),
        tuple(OutputSpec(each, shape) for each, shape in (outputs or {"y": ("N",)}).items()),
        _no_reference,
        _no_reference,
        size(1),
        (),
        (),
        requires,
        ("float32",),
    )


def tensor(
    label: str,
    *dims: str,
    dtype: str = "T",
    low: Any = None,
    high: Any = None,
    free: bool = False,
    unique: bool = False,
    sorted: bool = False,
) -> TensorParam:
    """An input, row-major unless `free`."""
    ends = [None if end is None else sized(end) for end in (low, high)]
    values = Values(low=ends[0], high=ends[1], unique=unique, sorted=sorted)
    return TensorParam(label, dims, dtype, values, contiguous=not free)


@frozen(eq=False)
class Asked:
    """A case whose gates can be asked."""

    case: Case

    def verdicts(self, gate: str, budget: Budget = BUDGET) -> tuple[Verdict, ...]:
        found = import_module(f"verify.gates.{gate}")
        return getattr(found, gate)(self.case, budget)  # type: ignore[no-any-return]

    def outcome(self, gate: str) -> Outcome:
        return worst(verdict.outcome for verdict in self.verdicts(gate))

    def witness(self, gate: str) -> str:
        """The sentences of the gate's witnesses."""
        return "\n".join(each.witness.sentence for each in self.verdicts(gate) if each.witness)

    def outcomes(self) -> dict[str, str]:
        return {gate: self.outcome(gate).word for gate in PROOFS}


def planned(
    spec: Spec,
    steps: Sequence[Step],
    fresh: Mapping[str, Size | Buffer],
    outputs: Sequence[View],
    cell: Condition = TRUE,
) -> Plan:
    buffers = [
        Buffer(each.name, "float32" if each.dtype == "T" else each.dtype, size(0), each.name) for each in spec.tensors
    ]
    for label, length in fresh.items():
        buffers.append(length if isinstance(length, Buffer) else Buffer(label, "float32", length))
    return Plan("float32", {}, cell, tuple(buffers), tuple(steps), tuple(outputs))


def asked(spec: Spec, *plans: Plan) -> Asked:
    return Asked(Case(spec, Candidate("", spec.name, "kernel.py"), Capture(plans, (), "none")))


def question(
    text: str,
    grid: Sequence[str | int | Size] = ("N",),
    *,
    dims: Mapping[str, tuple[int, int]] | None = None,
    inputs: Sequence[TensorParam] = (),
    outputs: Mapping[str, tuple[str, ...]] | None = None,
    requires: tuple[Condition, ...] = (),
    **given: Any,
) -> Asked:
    """One launch of a kernel: pointers `x`, `y`, ... are inputs and outputs of that name, other parameters are
    sizes of that name unless given."""
    outputs = outputs or {"y": ("N",)}
    spec = operator(dims or {"N": (0, MAX_SIZE)}, inputs, outputs, requires)
    views = {each.name: strided(each.name, *each.dims) for each in inputs}
    made = {label: dense(label, *shape) for label, shape in outputs.items()}
    arguments = {each.name.lstrip("%"): each.name.lstrip("%") for each in parse(text).kernel.arguments}
    step = launch(text, grid, {**arguments, **views, **made, **given})
    fresh = {}
    for label, shape in outputs.items():
        count = size(1)
        for dim in shape:
            count = count * name(dim)
        fresh[label] = count
    return asked(spec, planned(spec, [step], fresh, list(made.values())))
